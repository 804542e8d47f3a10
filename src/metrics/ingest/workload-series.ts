import { areLatencyCounts, type GatewayMetric, type WorkloadReport } from '../../core/index.ts';
import { LatencyWindow } from '../window/latency-window.ts';
import { LoadWindow, type SampleFate, type WindowAverages } from '../window/load-window.ts';
import type { Span } from './span.ts';
import { unknownPlan, type WindowPlan } from './window-plan.ts';

/** What one second of a figure adds to a metric. A report of several seconds has its requests spread evenly. */
const perSecond = (metric: GatewayMetric, figures: WorkloadReport, seconds: number): number => {
  switch (metric) {
    case 'concurrency':
      return figures.averageConcurrency;
    case 'rps':
      return figures.requestCount / seconds;
    case 'held':
      return figures.held;
  }
};

/** Long before any second that there is; a small integer, which takes no memory of its own. */
const never = -(2 ** 30);

/**
 * The windows of one workload with load. They exist only while there is load in them: without, every figure is zero (`IdleWorkload`). Where pods
 * run without load (`keeps`), the windows stay.
 */
export class WorkloadSeries {
  #plan: WindowPlan = unknownPlan;
  #concurrency: LoadWindow | undefined;
  #rps: LoadWindow | undefined;
  #held: LoadWindow | undefined;
  /** Only where somebody asks for it. */
  #latency: LatencyWindow | undefined;
  /** Newest second in which a gateway had requests and did not tell how long any took. */
  #untimed = never;
  /** Newest second with load. */
  #loaded = never;
  /** Since when its traffic has been metered in full; undefined while it is not, `unseen` before the scaler has asked. */
  meteredSince: number | undefined | 'unseen' = 'unseen';
  /** The sweep before which the scaler last asked; a series that nobody asks for is dropped some time. */
  askedIn: number;
  /** Its row in the figures of each gateway. */
  readonly slot: number;

  constructor(slot: number, sweep: number) {
    this.slot = slot;
    this.askedIn = sweep;
  }

  get plan(): WindowPlan {
    return this.#plan;
  }

  /** Takes what the spec asks for; cheap where nothing changed. `asOf` is the second that averages are for. */
  follow(plan: WindowPlan, asOf: number): void {
    if (plan === this.#plan) return;
    this.#plan = plan;
    const { metrics, stableSeconds, panicSeconds } = plan;
    if (!metrics.includes('concurrency')) this.#concurrency = undefined;
    if (!metrics.includes('rps')) this.#rps = undefined;
    if (!metrics.includes('held')) this.#held = undefined;
    for (const metric of metrics) this.window(metric)?.resize(stableSeconds, panicSeconds, asOf);
    this.#followLatency(plan);
  }

  /** Adds figures to the seconds of `span`; the worst fate of any of them is told. */
  record(figures: WorkloadReport, span: Span): SampleFate {
    const seconds = span.to - span.from + 1;
    let worst: SampleFate = 'kept';
    if (this.#latency !== undefined) this.#time(figures, span.to);
    for (const metric of this.#plan.metrics) {
      const value = perSecond(metric, figures, seconds);
      const known = this.window(metric);
      if (value === 0 && known === undefined) continue;
      if (value > 0 && span.to > this.#loaded) this.#loaded = span.to;
      const window = known ?? this.#make(metric);
      for (let second = span.from; second <= span.to; second += 1) {
        const fate = window.record(second, value);
        if (fate !== 'kept') worst = fate;
      }
    }
    return worst;
  }

  /** Seconds up to `newest` without figures are zero, for some gateway reported them without this workload. */
  silence(newest: number): void {
    const isKept = this.#plan.keeps || this.isLoaded(newest);
    if (!isKept) [this.#concurrency, this.#rps, this.#held] = [undefined, undefined, undefined];
    else
      for (const metric of this.#plan.metrics) {
        const window = this.window(metric) ?? (this.#plan.keeps ? this.#make(metric) : undefined);
        if (window !== undefined && (window.newest === undefined || window.newest < newest)) window.record(newest, 0);
      }
  }

  /** True if there was any load in the stable window that ends with `newest`. */
  isLoaded(newest: number): boolean {
    return newest - this.#loaded < this.#plan.stableSeconds;
  }

  /** The 95th percentile over both windows that end with `newest`; `none`: no request ended; `untold`: a gateway does not say. */
  p95(newest: number): { readonly stable: number; readonly panic: number } | 'none' | 'untold' {
    if (newest - this.#untimed < this.#plan.stableSeconds) return 'untold';
    return this.#latency?.p95(newest) ?? 'none';
  }

  window(metric: GatewayMetric): LoadWindow | undefined {
    return metric === 'concurrency' ? this.#concurrency : metric === 'rps' ? this.#rps : this.#held;
  }

  #followLatency({ asked, stableSeconds, panicSeconds }: WindowPlan): void {
    const known = this.#latency;
    if (!asked.includes('latency')) this.#latency = undefined;
    else if (known === undefined) this.#latency = new LatencyWindow(stableSeconds, panicSeconds);
    else if (known.stableSeconds !== stableSeconds || known.panicSeconds !== panicSeconds) this.#latency = known.resized(stableSeconds, panicSeconds);
  }

  #time({ revisions, requestCount }: WorkloadReport, second: number): void {
    if (revisions === undefined && requestCount > 0) this.#untimed = Math.max(this.#untimed, second);
    for (const { latency } of revisions ?? []) if (areLatencyCounts(latency)) this.#latency?.record(second, latency);
  }

  #make(metric: GatewayMetric): LoadWindow {
    const window = new LoadWindow(this.#plan.stableSeconds, this.#plan.panicSeconds);
    if (metric === 'concurrency') this.#concurrency = window;
    else if (metric === 'rps') this.#rps = window;
    else this.#held = window;
    return window;
  }
}

/** Adds a load that takes part in both means with `shares`; rounded as the means are, so that twenty is not a little more than twenty. */
export const withStanding = (averages: WindowAverages, shares: WindowAverages, load: number): WindowAverages => ({
  stable: rounded(averages.stable + shares.stable * load),
  panic: rounded(averages.panic + shares.panic * load),
});
const rounded = (value: number): number => Math.round(value * 1e6) / 1e6;
