import type { Decision, Instant, WorkloadKey } from '../core/index.ts';

/** One line of a workload's history: a decision, and how often the same was decided again without anything changing. */
export interface JournalRecord {
  readonly decision: Decision;
  /** When it was decided first; `decision.at` is the newest time, and `decision.evidence` the newest evidence. */
  readonly since: Instant;
  readonly times: number;
  /** Decided at once because a request waited. */
  readonly poked: boolean;
}

type Kept = { -readonly [Field in keyof JournalRecord]: JournalRecord[Field] };

/** Records kept per workload. */
const depth = 200;

const isSameHold = (a: Decision, b: Decision): boolean => a.kind === 'hold' && b.kind === 'hold' && a.to === b.to && a.reason === b.reason;

/** What was decided for each workload, newest last, bounded. A hold that only repeats itself takes one line. */
export class Journal {
  readonly #records = new Map<WorkloadKey, Kept[]>();

  add(key: WorkloadKey, decision: Decision, poked: boolean): void {
    const records = this.#records.get(key);
    const last = records?.at(-1);
    if (last !== undefined && isSameHold(last.decision, decision)) {
      last.decision = decision;
      last.times += 1;
      return;
    }
    const record = { decision, since: decision.at, times: 1, poked };
    if (records === undefined) {
      this.#records.set(key, [record]);
      return;
    }
    records.push(record);
    if (records.length > depth) records.shift();
  }

  /** Oldest first. */
  of(key: WorkloadKey): readonly JournalRecord[] {
    return (this.#records.get(key) ?? []).map((record) => ({ ...record }));
  }

  forget(key: WorkloadKey): void {
    this.#records.delete(key);
  }
}
