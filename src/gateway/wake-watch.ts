import type { FirstByte, WorkloadKey } from '../core/index.ts';
import type { Pod } from './pod.ts';

/** The gateway's half of a cold start: from the first call that found no pod to the first byte that one answered. Ages, not times: no clocks are compared. */
export class WakeWatch {
  readonly #workload: WorkloadKey;
  #since: number | undefined;

  constructor(workload: WorkloadKey) {
    this.#workload = workload;
  }

  /** A call found no pod. */
  began(now: number): void {
    this.#since ??= now;
  }

  get isUnderWay(): boolean {
    return this.#since !== undefined;
  }

  /** Nobody waits for it any more. */
  givenUp(): void {
    this.#since = undefined;
  }

  /** `pod` began to answer; what there is to say if that ended a wake. */
  answered(pod: Pod, now: number): FirstByte | undefined {
    if (this.#since === undefined) return undefined;
    const heldAgeMs = now - this.#since;
    this.#since = undefined;
    return { workload: this.#workload, podId: pod.route.id, heldAgeMs, readyAgeMs: Math.max(0, now - pod.usableSince) };
  }
}
