import type { Clock, Millis, Timer, WorkloadKey } from '../core/index.ts';
import type { PodView } from '../kube/index.ts';

interface Retirement {
  readonly pods: ReadonlySet<string>;
  /** Pods that were going before. */
  readonly before: ReadonlySet<string>;
  readonly timer: Timer;
}

export interface RetiringOptions {
  readonly clock: Clock;
  /** A pod that is still there after this long was not taken, and serves again. */
  readonly limit: Millis;
  readonly podsOf: (key: WorkloadKey) => Iterable<PodView>;
  /** The workload's route is another now. */
  readonly changed: (key: WorkloadKey) => void;
}

/**
 * Pods that are about to be taken away. It is a guess until the cluster has chosen: as soon as a pod goes that is not among them, the choice was another
 * one, and they serve on.
 */
export class Retiring {
  readonly #options: RetiringOptions;
  readonly #byWorkload = new Map<WorkloadKey, Retirement>();

  constructor(options: RetiringOptions) {
    this.#options = options;
  }

  of(key: WorkloadKey): ReadonlySet<string> | undefined {
    return this.#byWorkload.get(key)?.pods;
  }

  /** Takes the place of what was said of the workload before; an empty set takes it back. */
  set(key: WorkloadKey, pods: ReadonlySet<string>): void {
    if (pods.size === 0 && !this.#byWorkload.has(key)) return;
    this.#forget(key);
    if (pods.size > 0) {
      const { clock, limit, podsOf } = this.#options;
      const before = new Set([...podsOf(key)].filter(({ deleting }) => deleting).map(({ uid }) => uid));
      this.#byWorkload.set(key, { pods, before, timer: clock.after(limit, () => this.set(key, new Set())) });
    }
    this.#options.changed(key);
  }

  /** The workload or its pods have changed. */
  look(key: WorkloadKey): void {
    const retirement = this.#byWorkload.get(key);
    if (retirement === undefined) return;
    for (const { uid, deleting } of this.#options.podsOf(key))
      if (deleting && !retirement.pods.has(uid) && !retirement.before.has(uid)) return this.set(key, new Set());
  }

  close(): void {
    for (const key of [...this.#byWorkload.keys()]) this.#forget(key);
  }

  #forget(key: WorkloadKey): void {
    this.#byWorkload.get(key)?.timer.cancel();
    this.#byWorkload.delete(key);
  }
}
