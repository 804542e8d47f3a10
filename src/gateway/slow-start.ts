import type { Pod } from './pod.ts';

/** A pod that can be used since less than this beside older ones is new: its caches are cold and its program is still being compiled. */
const newForMs = 10_000;
/** As Envoy's `min_weight_percent`. */
const leastWarmth = 0.1;

/** The part of its requests that a new pod is to get: from a tenth, in a straight line, to all (Envoy, config.cluster.v3.Cluster.SlowStartConfig, aggression 1). */
export const warmth = (pod: Pod, now: number): number => Math.min(1, Math.max(leastWarmth, (now - pod.usableSince) / newForMs));

/** Whether there are new pods beside older ones; costs nothing while there are none. */
export class SlowStart {
  #newest = -Infinity;
  #oldest = Infinity;

  look(pods: readonly Pod[]): void {
    this.#newest = -Infinity;
    this.#oldest = Infinity;
    for (const { usableSince } of pods) {
      this.#newest = Math.max(this.#newest, usableSince);
      this.#oldest = Math.min(this.#oldest, usableSince);
    }
  }

  /** The time, where it matters for the choice of a pod; undefined where all are new, or none is. */
  now(clock: { monotonic(): number }): number | undefined {
    if (this.#newest === this.#oldest) return undefined;
    const now = clock.monotonic();
    if (now - this.#newest < newForMs) return now - this.#oldest >= newForMs ? now : undefined;
    this.#newest = this.#oldest;
    return undefined;
  }
}
