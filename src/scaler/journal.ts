import type { Decision, Instant, WorkloadKey } from '../core/index.ts';
import { QueuedLists, SharedLists } from './bounded-lists.ts';
import type { TickRecord } from './tick-record.ts';

/** One line of a workload's history: a decision, and how often the same was decided again without anything changing. */
export interface JournalRecord {
  /** When it was decided first; `decision.at` is the newest time, and `decision.evidence` the newest evidence. */
  readonly since: Instant;
  readonly times: number;
  /** Decided at once because a request waited. */
  readonly poked: boolean;
  readonly decision: Decision;
  /** The newest decision with all that it was made of; of a workload that sleeps, the first with its settings and the budget as they are. */
  readonly tick: TickRecord;
}

type Line = { -readonly [Key in keyof JournalRecord]: JournalRecord[Key] };

export interface JournalLimits {
  /** Lines of one workload, and the number of all that makes the longer ones shorter. */
  readonly lines: number;
  readonly allLines: number;
  /** Ticks of one workload, and the last of all workloads together. */
  readonly ticks: number;
  readonly allTicks: number;
}

/** With one metric a line takes up to 1.3 KB and a tick 1.1 KB (`journal.test.ts` measures): 160 MB for both up to 32,768 workloads, and two lines for each one beyond. */
const limits: JournalLimits = { lines: 200, allLines: 32_768, ticks: 300, allTicks: 65_536 };

const isSameHold = (a: Decision, b: Decision): boolean => a.kind === 'hold' && b.kind === 'hold' && a.to === b.to && a.reason === b.reason;

/** Whether a request would find the same: settings are one object until they change. */
const mayWakeAlike = (a: TickRecord, b: TickRecord): boolean =>
  a.spec === b.spec && (a.observation.budget?.limit === 0) === (b.observation.budget?.limit === 0);

/**
 * What was decided for each workload, newest last, bounded, in two forms. The history has a line for each change (a hold that only repeats itself takes one):
 * it goes far back. The ticks are the last minutes, each with all that is needed to decide it again; a workload that sleeps adds none while its settings stay.
 */
export class Journal {
  readonly #lines: SharedLists<Line>;
  readonly #ticks: QueuedLists<TickRecord>;

  constructor({ lines, allLines, ticks, allTicks }: JournalLimits = limits) {
    this.#lines = new SharedLists(lines, allLines);
    this.#ticks = new QueuedLists(ticks, allTicks);
  }

  /** On the path of every tick of every workload: a hold that repeats itself allocates nothing here. */
  add(key: WorkloadKey, tick: TickRecord): void {
    const { decision } = tick;
    const last = this.#lines.last(key);
    const repeats = last !== undefined && isSameHold(last.decision, decision);
    if (repeats) {
      last.decision = decision;
      last.times += 1;
      if (decision.to === 0 && mayWakeAlike(last.tick, tick)) return;
      last.tick = tick;
    } else this.#lines.add(key, { since: decision.at, times: 1, poked: tick.poked, decision, tick });
    this.#ticks.add(key, tick);
  }

  /** The newest line of the history, with the newest decision: kept here and nowhere else. */
  last(key: WorkloadKey): JournalRecord | undefined {
    return this.#lines.last(key);
  }

  /** The history, oldest first. */
  of(key: WorkloadKey): readonly JournalRecord[] {
    return this.#lines.of(key);
  }

  /** The last ticks, oldest first. */
  ticksOf(key: WorkloadKey): readonly TickRecord[] {
    return this.#ticks.of(key);
  }

  forget(key: WorkloadKey): void {
    this.#lines.forget(key);
    this.#ticks.forget(key);
  }
}
