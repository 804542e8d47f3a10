import { millis, type MetricReading, type ResourceMetric, type ScaleSpec } from '../../core/index.ts';
import { LoadWindow } from '../window/load-window.ts';

/** Bytes are kept as MiB: the windows take no number over 1e9. */
const unit: Readonly<Record<ResourceMetric, number>> = { cpu: 1, memory: 2 ** 20 };
/** Most seconds that one sample may speak for: metrics-server takes one every 15 to 60 s, and is read every 15. */
const longestSample = 90;

/** One metric of one workload over both windows. A sample speaks for the time since the one before. Times are milliseconds of our clock. */
export class UsageWindow {
  readonly #unit: number;
  #window: LoadWindow;
  readonly #metric: ResourceMetric;
  #first: number | undefined;
  /** When the newest sample came. */
  #at = 0;

  constructor(metric: ResourceMetric, spec: ScaleSpec) {
    this.#metric = metric;
    this.#unit = unit[metric];
    this.#window = new LoadWindow(spec.scaling.stableWindow / 1000, panicSecondsOf(spec));
  }

  /** Takes a total; `windowMs` is how much of the past the first one speaks for. */
  record(total: number, at: number, windowMs: number): void {
    const second = Math.floor(at / 1000);
    // What nobody has measured is not known, and is not zero.
    if (this.#window.newest !== undefined && second - this.#window.newest > longestSample) this.#begin();
    const { newest } = this.#window;
    if (newest !== undefined && newest >= second) return;
    const from = newest === undefined ? second - Math.min(longestSample, Math.round(windowMs / 1000)) + 1 : newest + 1;
    this.#first ??= Math.min(second, from);
    for (let each = from; each <= second; each += 1) this.#window.record(each, total / this.#unit);
    this.#at = at;
  }

  #begin(): void {
    this.#window = new LoadWindow(this.#window.stableSeconds, this.#window.panicSeconds);
    this.#first = undefined;
  }

  /** Undefined before the first sample. */
  reading(spec: ScaleSpec, now: number): (MetricReading & { readonly kind: 'value' }) | undefined {
    const { newest } = this.#window;
    if (newest === undefined) return undefined;
    this.#window.resize(spec.scaling.stableWindow / 1000, panicSecondsOf(spec), newest);
    // As of the newest sample: the time since is not known, and is not zero.
    const averages = this.#window.averages(newest, spec.scaling.aggregation);
    if (averages === undefined) return undefined;
    const { stable, panic } = averages;
    return { metric: this.#metric, kind: 'value', stable: stable * this.#unit, panic: panic * this.#unit, age: millis(Math.max(0, now - this.#at)) };
  }

  /** True once it covers the stable window. */
  isWhole(spec: ScaleSpec): boolean {
    const { newest } = this.#window;
    return newest !== undefined && this.#first !== undefined && (newest - this.#first + 1) * 1000 >= spec.scaling.stableWindow;
  }
}

/** All of its seconds are known, those under way too: a sample speaks for all until it came. */
const panicSecondsOf = ({ scaling }: ScaleSpec): number => Math.max(1, Math.round((scaling.stableWindow / 1000) * scaling.panicWindowShare));
