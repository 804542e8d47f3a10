import { areLatencyCounts, askedMetrics, type MetricName, type ScaleSpec, type WorkloadReport } from '../../core/index.ts';
import { LatencyWindow } from '../window/latency-window.ts';
import { LoadWindow, type SampleFate, type WindowAverages } from '../window/load-window.ts';
import type { Span } from './span.ts';

/** Metrics that come from the reports of gateways. */
export const gatewayMetrics = ['concurrency', 'rps', 'held'] as const;
export type GatewayMetric = (typeof gatewayMetrics)[number];
export const isGatewayMetric = (metric: MetricName): metric is GatewayMetric => gatewayMetrics.some((name) => name === metric);

/** Windows of a workload whose spec is not known yet (history may be replayed before the watch has brought it): long enough for most. */
const unknownStable = 600;
const unknownPanic = 60;

/**
 * How much of a workload's traffic the gateways see: `full` once they stand in its path; `partial` while they do not yet, or not everywhere,
 * so that a small load may only be a small part; `none` where its traffic never comes to them.
 */
export type Metering = 'full' | 'partial' | 'none';

/** What one second of a figure adds to a metric. A report of several seconds has its requests spread evenly. */
export const perSecond = (metric: GatewayMetric, figures: WorkloadReport, seconds: number): number => {
  switch (metric) {
    case 'concurrency':
      return figures.averageConcurrency;
    case 'rps':
      return figures.requestCount / seconds;
    case 'held':
      return figures.held;
  }
};

/**
 * The windows of one workload. They exist only while there is load in them: without, every figure is zero, and a workload that sleeps costs
 * next to nothing. Where pods run without load (`keeps`), the windows stay, so that their zeros count against a first burst.
 */
export class WorkloadSeries {
  #stable = unknownStable;
  #panic = unknownPanic;
  #wanted: readonly GatewayMetric[] = gatewayMetrics;
  #keeps = false;
  readonly #windows = new Map<GatewayMetric, LoadWindow>();
  /** Only where somebody asks for it. */
  #latency: LatencyWindow | undefined;
  /** Newest second in which a gateway had requests and did not tell how long any took. */
  #untimed = Number.NEGATIVE_INFINITY;
  /** Newest second with load. */
  #loaded = Number.NEGATIVE_INFINITY;
  /** Since when its traffic has been metered in full; undefined while it is not. */
  #meteredSince: number | undefined;
  #seen = false;
  /** When the scaler last asked; a series that nobody asks for is dropped some time. */
  askedAt: number;

  constructor(now: number) {
    this.askedAt = now;
  }

  /** Takes what the spec says of windows and metrics; cheap where nothing changed. `asOf` is the second that averages are for. */
  follow(spec: ScaleSpec, now: number, asOf: number): void {
    const { policy, scaling } = spec;
    const asked = askedMetrics(spec);
    this.askedAt = now;
    this.#stable = scaling.stableWindow / 1000;
    this.#panic = panicSeconds(scaling.stableWindow, scaling.panicWindowShare, policy);
    this.#keeps = scaling.min > 0;
    this.#wanted = gatewayMetrics.filter((name) => asked.includes(name));
    this.#followLatency(asked.includes('latency'));
    for (const [metric, window] of this.#windows) {
      if (this.#wanted.includes(metric)) window.resize(this.#stable, this.#panic, asOf);
      else this.#windows.delete(metric);
    }
  }

  /**
   * Notes how much is metered now. A workload that is metered in full when it is first seen was so before as well if we have only just
   * started (`afterStart`): then replayed history counts. Else its windows know nothing of the time before.
   */
  meter(metering: Metering, now: number, afterStart: boolean): void {
    if (metering !== 'full') this.#meteredSince = undefined;
    else this.#meteredSince ??= !this.#seen && afterStart ? Number.NEGATIVE_INFINITY : now;
    this.#seen = true;
  }

  /** True once a whole window of its traffic can be known. */
  isMeteredFor(windowMs: number, now: number): boolean {
    return this.#meteredSince !== undefined && now - this.#meteredSince >= windowMs;
  }

  /** Adds figures to the seconds of `span`; the worst fate of any of them is told. */
  record(figures: WorkloadReport, span: Span): SampleFate {
    const seconds = span.to - span.from + 1;
    let worst: SampleFate = 'kept';
    if (this.#latency !== undefined) this.#time(figures, span.to);
    for (const metric of this.#wanted) {
      const value = perSecond(metric, figures, seconds);
      if (value === 0 && !this.#windows.has(metric)) continue;
      if (value > 0) this.#loaded = Math.max(this.#loaded, span.to);
      const window = this.#window(metric);
      for (let second = span.from; second <= span.to; second += 1) {
        const fate = window.record(second, value);
        if (fate !== 'kept') worst = fate;
      }
    }
    return worst;
  }

  /** Seconds up to `newest` without figures are zero, for some gateway reported them without this workload. */
  silence(newest: number): void {
    if (!this.#keeps && !this.isLoaded(newest)) {
      this.#windows.clear();
      return;
    }
    if (this.#keeps) for (const metric of this.#wanted) this.#window(metric);
    for (const window of this.#windows.values()) if (window.newest === undefined || window.newest < newest) window.record(newest, 0);
  }

  /** True if there was any load in the stable window that ends with `newest`. */
  isLoaded(newest: number): boolean {
    return newest - this.#loaded < this.#stable;
  }

  /** The 95th percentile over both windows that end with `newest`; `none`: no request ended; `untold`: a gateway does not say. */
  p95(newest: number): { readonly stable: number; readonly panic: number } | 'none' | 'untold' {
    if (newest - this.#untimed < this.#stable) return 'untold';
    return this.#latency?.p95(newest) ?? 'none';
  }

  window(metric: GatewayMetric): LoadWindow | undefined {
    return this.#windows.get(metric);
  }

  #followLatency(isAsked: boolean): void {
    const known = this.#latency;
    if (!isAsked) this.#latency = undefined;
    else if (known === undefined) this.#latency = new LatencyWindow(this.#stable, this.#panic);
    else if (known.stableSeconds !== this.#stable || known.panicSeconds !== this.#panic) this.#latency = known.resized(this.#stable, this.#panic);
  }

  #time({ revisions, requestCount }: WorkloadReport, second: number): void {
    if (revisions === undefined && requestCount > 0) this.#untimed = Math.max(this.#untimed, second);
    for (const { latency } of revisions ?? []) if (areLatencyCounts(latency)) this.#latency?.record(second, latency);
  }

  #window(metric: GatewayMetric): LoadWindow {
    const known = this.#windows.get(metric);
    if (known !== undefined) return known;
    const window = new LoadWindow(this.#stable, this.#panic);
    this.#windows.set(metric, window);
    return window;
  }
}

/**
 * Rounded to the second, at least one (pkg/reconciler/autoscaling/resources/metric.go). Knative's window has the second in it that is under way, of which nothing is known yet. Under
 * `rouse` averages are as of the last whole second: with as many known seconds in the window a burst is seen as soon.
 */
const panicSeconds = (stableWindowMs: number, share: number, policy: ScaleSpec['policy']): number =>
  Math.max(1, Math.round((stableWindowMs / 1000) * share) - (policy === 'rouse' ? 1 : 0));

/** Adds a load that takes part in both means with `shares`; rounded as the means are, so that twenty is not a little more than twenty. */
export const withStanding = (averages: WindowAverages, shares: WindowAverages, load: number): WindowAverages => ({
  stable: rounded(averages.stable + shares.stable * load),
  panic: rounded(averages.panic + shares.panic * load),
});
const rounded = (value: number): number => Math.round(value * 1e6) / 1e6;
