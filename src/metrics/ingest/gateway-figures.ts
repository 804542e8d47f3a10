import type { Poke, Report, WorkloadKey } from '../../core/index.ts';
import { isLoad } from './clean.ts';
import { join, type Span } from './span.ts';
import { StandingFigures } from './standing-figures.ts';

/** Most seconds that one report may speak for: a gateway that stood still for longer knows nothing of that time. */
const longestReport = 60;
/** Seconds by which a gateway's own beat may differ from ours before its reports are placed anew. */
const mostDrift = 1;

/** What one gateway said last, and which seconds it has spoken for. Times are steady milliseconds. */
export class GatewayFigures {
  readonly joinedAt: number;
  #lostAt: number | undefined;
  #sequence = -1;
  #heardAt: number | undefined;
  #endedAt: number | undefined;
  #covered: Span | undefined;
  /** What it said last of each workload. */
  readonly standing = new StandingFigures();
  readonly #pokes = new Map<WorkloadKey, number>();

  constructor(joinedAt: number) {
    this.joinedAt = joinedAt;
  }

  /** When its connection was lost; undefined while it is connected. */
  get lostAt(): number | undefined {
    return this.#lostAt;
  }

  /** End of the newest interval that it reported. */
  get endedAt(): number | undefined {
    return this.#endedAt;
  }

  /** Newest second that it has spoken for. */
  get newest(): number | undefined {
    return this.#covered?.to;
  }

  get covered(): Span | undefined {
    return this.#covered;
  }

  connected(): void {
    this.#lostAt = undefined;
  }

  lost(at: number): void {
    this.#lostAt ??= at;
  }

  /** True when it should have been heard within `patience` and was not. */
  isAbsent(now: number, patience: number): boolean {
    return now - (this.#heardAt ?? this.joinedAt) > patience;
  }

  isKnown({ sequence }: Report): boolean {
    return sequence <= this.#sequence;
  }

  /** Begins a new report, whose figures go into `standing`; gives the seconds that they are for, undefined where they were spoken for already. */
  take(report: Report, receivedAt: number): Span | undefined {
    const endedAt = receivedAt - report.ageMs;
    const span = this.#place(report, receivedAt, endedAt);
    this.#sequence = report.sequence;
    this.#heardAt = receivedAt;
    this.#endedAt = Math.max(endedAt, this.#endedAt ?? endedAt);
    this.standing.begin();
    if (this.#pokes.size > 0) this.#pokes.clear();
    if (span === undefined) return undefined;
    this.#covered = join(this.#covered, span, 0);
    return span;
  }

  /** A poke is newer than the last report. */
  poke({ workload, held }: Poke): void {
    if (isLoad(held)) this.#pokes.set(workload, held);
  }

  /** Requests that it held when it last spoke of the workload, whose row is `slot` if it has one. */
  held(key: WorkloadKey, slot: number | undefined): number {
    const poked = this.#pokes.size === 0 ? undefined : this.#pokes.get(key);
    return poked ?? (slot === undefined ? 0 : this.standing.held(slot));
  }

  forget(key: WorkloadKey): void {
    this.#pokes.delete(key);
  }

  /**
   * Which seconds a report is for. Reports come about once a second, a little early or late; placed by the clock alone, two would fall into one
   * second and none into the next (knative/serving issue 6743). So a report that follows the last one is for the seconds that follow it,
   * until its beat and our clock are more than a second apart. Those that something held up on their way come together: they too are for the
   * seconds that follow, or there would be seconds of no load that nobody has seen.
   */
  #place(report: Report, receivedAt: number, endedAt: number): Span | undefined {
    const length = Math.min(longestReport, Math.max(1, Math.round(report.intervalMs / 1000)));
    const byClock = Math.floor((endedAt - 500) / 1000);
    const before = this.#covered?.to;
    if (before === undefined) return { from: byClock - length + 1, to: byClock };
    const follows = report.sequence === this.#sequence + 1;
    const next = before + length;
    const isHeldUp = byClock > next && byClock - next <= longestReport && this.#isOffBeat(report, receivedAt);
    if (follows && (isHeldUp || Math.abs(byClock - next) <= mostDrift)) return { from: before + 1, to: next };
    if (byClock <= before) return undefined;
    // A beat that is a little slow leaves out a second now and then: this report speaks for that one too.
    const driftedOn = follows && byClock - next <= mostDrift + 1;
    return { from: driftedOn ? before + 1 : Math.max(before + 1, byClock - length + 1), to: byClock };
  }

  /** It came much later after the one before than it was made, or much sooner. Where a beat is late and steady, the clock is right. */
  #isOffBeat({ intervalMs }: Report, receivedAt: number): boolean {
    const since = receivedAt - (this.#heardAt ?? receivedAt);
    return since > 1.5 * intervalMs || since < 0.5 * intervalMs;
  }
}
