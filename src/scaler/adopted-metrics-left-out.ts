import type { WorkloadKey } from '../core/index.ts';
import { adoptedMetrics, saysMetrics } from './adopted-metrics.ts';
import type { WorkloadRecord } from './workload-record.ts';

/** Which metrics of adopted HorizontalPodAutoscalers are not taken over: a new template may ask for less than they need, or for enough again. */
export class LeftOutMetrics {
  readonly #known = new Map<WorkloadKey, readonly string[]>();

  /** Those that are left out now and were not when we looked last; none at the first look, as adoption has told. */
  since({ key, state, view }: WorkloadRecord): readonly string[] {
    if (state?.adoptedHpa === undefined) {
      this.#known.delete(key);
      return [];
    }
    const leftOut = saysMetrics(view.annotations, view.podAnnotations) ? [] : adoptedMetrics(state.adoptedHpa, view.podRequests).leftOut;
    const before = this.#known.get(key);
    this.#known.set(key, leftOut);
    return before === undefined ? [] : leftOut.filter((metric) => !before.includes(metric));
  }

  forget(key: WorkloadKey): void {
    this.#known.delete(key);
  }
}
