import { millis, type MetricReading, type ResourceMetric, type ScaleSpec } from '../../core/index.ts';
import { totalUsage, type MeasuredPod, type PodUsage } from './pod-usage.ts';
import { UsageWindow } from './usage-window.ts';

/** After so long without a new sample of a pod it is not measured; metrics-server takes one every 15 to 60 s. */
const sampleLifetime = 90_000;
/** What is this old by its own time is old, whatever the clocks: with clocks that are further apart tokens are not valid either. */
const oldestTimestamp = 300_000;
/** After so long without any the last values say nothing any more. */
const readingLifetime = 180_000;

interface Sample {
  readonly usage: PodUsage;
  /** When we first saw it: clocks of two machines are not compared. */
  readonly seenAt: number;
  /** It was old by its own time when it came. */
  readonly isOld: boolean;
}

const zero = (metric: ResourceMetric): MetricReading => ({ metric, kind: 'value', stable: 0, panic: 0, age: millis(0) });

/** What the pods of one workload use. */
export class WorkloadUsage {
  readonly #windows = new Map<ResourceMetric, UsageWindow>();
  #samples = new Map<string, Sample>();
  /** What was asked for since the spec last changed. */
  readonly #asked = new Set<ResourceMetric>();
  #spec: ScaleSpec | undefined;
  readonly namespace: string;
  askedAt: number;
  /** When the metrics API answered last. */
  #updatedAt: number | undefined;
  #unread: string | undefined;
  #withoutRequest: string | undefined;

  constructor(namespace: string, now: number) {
    this.namespace = namespace;
    this.askedAt = now;
  }

  /** The metrics API did not answer: why, for people. */
  unread(problem: string): void {
    this.#unread = problem;
  }

  /** What keeps it without figures, for people; a read that failed is none while the last values stand. */
  problem(now: number): string | undefined {
    const stands = this.#updatedAt !== undefined && now - this.#updatedAt <= sampleLifetime;
    return this.#withoutRequest ?? (stands ? undefined : this.#unread);
  }

  /** Takes what the metrics API said at `now` of the namespace's pods; `wall` is what clocks show. */
  update(pods: readonly MeasuredPod[], usages: ReadonlyMap<string, PodUsage>, now: number, wall: number): void {
    const samples = new Map<string, Sample>();
    let isNews = false;
    for (const { name } of pods) {
      const [usage, before] = [usages.get(name), this.#samples.get(name)];
      if (usage === undefined) continue;
      const isKnown = before !== undefined && before.usage.timestamp === usage.timestamp;
      if (!isKnown) isNews = true;
      samples.set(name, isKnown ? before : { usage, seenAt: now, isOld: wall - usage.timestamp > oldestTimestamp });
    }
    this.#samples = samples;
    this.#updatedAt = now;
    this.#unread = this.#withoutRequest = undefined;
    const spec = this.#spec;
    if (spec !== undefined) for (const metric of this.#asked) this.#take(metric, spec, pods, now, isNews);
  }

  reading(metric: ResourceMetric, spec: ScaleSpec, hasPods: boolean, now: number): MetricReading {
    this.askedAt = now;
    if (this.#spec !== spec) this.#asked.clear();
    this.#spec = spec;
    this.#asked.add(metric);
    if (!hasPods) {
      // Nothing runs: that is known without asking, and what was before is no measure of what will be.
      this.#windows.delete(metric);
      return zero(metric);
    }
    const found = this.#windows.get(metric)?.reading(spec, now);
    const known = (metric === 'cpu' ? this.#withoutRequest : undefined) ?? this.#unread;
    if (found === undefined) return { metric, kind: 'no-data', age: undefined, why: known ?? 'no pod has been measured yet' };
    return found.age <= readingLifetime ? found : { metric, kind: 'no-data', age: found.age, why: known ?? 'the metrics API has nothing new' };
  }

  isWarm(metric: ResourceMetric, spec: ScaleSpec, hasPods: boolean): boolean {
    return !hasPods || this.#windows.get(metric)?.isWhole(spec) === true;
  }

  #take(metric: ResourceMetric, spec: ScaleSpec, pods: readonly MeasuredPod[], now: number, isNews: boolean): void {
    const fresh = (name: string): PodUsage | undefined => {
      const sample = this.#samples.get(name);
      const isFresh = sample !== undefined && !sample.isOld && now - sample.seenAt <= sampleLifetime;
      return isFresh ? sample.usage : undefined;
    };
    const target = spec.scaling.metrics.find((each) => each.metric === metric)?.target;
    const found = totalUsage(metric, pods, fresh, target);
    if (found.kind === 'no-request')
      this.#withoutRequest = `container ${found.container} of pod ${found.pod} has no request for cpu, so there is nothing that a percentage could be of`;
    if (found.kind !== 'value' || !isNews) return;
    const windowMs = Math.max(...[...this.#samples.values()].map(({ usage }) => usage.windowMs), 1000);
    const window = this.#windows.get(metric) ?? new UsageWindow(metric, spec);
    this.#windows.set(metric, window);
    window.record(found.total, now, windowMs);
  }
}
