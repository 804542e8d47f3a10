import { isResourceMetric, type MetricName, type Observation } from '../core/index.ts';

/** Idle pods use something too: what pods use says how many are needed, never that none is. */
export const leastOfResource = (metric: MetricName, count: number, { replicas }: Pick<Observation, 'replicas'>): number =>
  isResourceMetric(metric) && replicas > 0 ? Math.max(1, count) : count;

/** Metrics that know when there is nothing to do: with one of them at zero, the last pod that is there for what it uses may go. */
const knowsIdle: ReadonlySet<MetricName> = new Set(['concurrency', 'rps', 'held', 'latency']);

/** The highest that traffic and the pods' use of resources ask for; a metric that has no value asks for nothing. */
export class Highest {
  #traffic: number | undefined;
  #resources: number | undefined;

  add(metric: MetricName, count: number): void {
    if (knowsIdle.has(metric)) this.#traffic = Math.max(this.#traffic ?? 0, count);
    else this.#resources = Math.max(this.#resources ?? 0, count);
  }

  /** Undefined where no metric had a value. */
  get count(): number | undefined {
    if (this.#traffic === undefined) return this.#resources;
    if (this.#resources === undefined || (this.#traffic === 0 && this.#resources <= 1)) return this.#traffic;
    return Math.max(this.#traffic, this.#resources);
  }
}
