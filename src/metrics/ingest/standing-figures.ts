import type { GatewayMetric, WorkloadReport } from '../../core/index.ts';

/** Numbers of a row: which report it is from, then the figures. */
const width = 5;
const [ofReport, ofConcurrency, ofRequests, ofHeld, ofInFlight] = [0, 1, 2, 3, 4] as const;
const leastRows = 16;

type InFlightByPod = Readonly<Record<string, number>>;

/**
 * What one gateway said last of each workload. A workload that its newest report left out counts as zero. Plain numbers in rows, so that a report
 * of thousands of workloads makes no object that is kept; a workload's row is its slot.
 */
export class StandingFigures {
  #rows = new Float64Array(leastRows * width);
  /** By slot: the pod that has all the requests in flight, or what each has. */
  readonly #pods: (string | InFlightByPod | undefined)[] = [];
  #report = 0;

  /** A report begins: what the one before said counts no longer. */
  begin(): void {
    this.#report += 1;
  }

  set(slot: number, { averageConcurrency, requestCount, held, inFlight, inFlightByPod }: WorkloadReport): void {
    const at = slot * width;
    if (at >= this.#rows.length) this.#grow(at);
    const rows = this.#rows;
    rows[at + ofReport] = this.#report;
    rows[at + ofConcurrency] = averageConcurrency;
    rows[at + ofRequests] = requestCount;
    rows[at + ofHeld] = held;
    rows[at + ofInFlight] = inFlight;
    let count = 0;
    let only: string | undefined;
    for (const pod in inFlightByPod) [count, only] = [count + 1, pod];
    const hasAll = count === 1 && only !== undefined && inFlightByPod[only] === inFlight;
    this.#pods[slot] = hasAll ? only : count > 0 ? inFlightByPod : undefined;
  }

  /** False where it counts as zero. */
  has(slot: number): boolean {
    return this.#report > 0 && this.#rows[slot * width + ofReport] === this.#report;
  }

  held(slot: number): number {
    return this.has(slot) ? this.#at(slot, ofHeld) : 0;
  }

  inFlight(slot: number): number {
    return this.has(slot) ? this.#at(slot, ofInFlight) : 0;
  }

  /** What a second like the last one adds to a metric. */
  perSecond(metric: GatewayMetric, slot: number): number {
    return this.#at(slot, metric === 'concurrency' ? ofConcurrency : metric === 'rps' ? ofRequests : ofHeld);
  }

  addInFlightByPod(slot: number, sums: Map<string, number>): void {
    const pods = this.has(slot) ? this.#pods[slot] : undefined;
    if (typeof pods === 'string') sums.set(pods, (sums.get(pods) ?? 0) + this.#at(slot, ofInFlight));
    else if (pods !== undefined) for (const [pod, count] of Object.entries(pods)) sums.set(pod, (sums.get(pod) ?? 0) + count);
  }

  /** The slot is given to another workload some time. */
  clear(slot: number): void {
    if (slot * width < this.#rows.length) this.#rows[slot * width + ofReport] = 0;
    if (slot < this.#pods.length) this.#pods[slot] = undefined;
  }

  #at(slot: number, column: number): number {
    return this.#rows[slot * width + column] ?? 0;
  }

  /** By an eighth: little is left unused. */
  #grow(at: number): void {
    const rows = new Float64Array(Math.ceil(Math.max(at / width + 1, (this.#rows.length / width) * 1.125)) * width);
    rows.set(this.#rows);
    this.#rows = rows;
  }
}
