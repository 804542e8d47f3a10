import type { WorkloadKey } from '../core/index.ts';
import type { WakeFailure } from './wake-diagnosis.ts';

/** Which workloads cannot be woken at the moment, and why; routing tells the gateways. */
export class WakeFailures {
  readonly #failures = new Map<WorkloadKey, WakeFailure>();
  readonly #listeners = new Set<(key: WorkloadKey) => void>();

  get(key: WorkloadKey): WakeFailure | undefined {
    return this.#failures.get(key);
  }

  /** True if that was news. A changed message under the same reason is none: it would only repeat itself with new numbers. */
  set(key: WorkloadKey, failure: WakeFailure | undefined): boolean {
    if (this.#failures.get(key)?.reason === failure?.reason) return false;
    if (failure === undefined) this.#failures.delete(key);
    else this.#failures.set(key, failure);
    for (const listener of this.#listeners) listener(key);
    return true;
  }

  subscribe(listener: (key: WorkloadKey) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
