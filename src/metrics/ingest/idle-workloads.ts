import type { WorkloadKey } from '../../core/index.ts';
import { longestWindow } from '../window/load-window.ts';
import { always, meteredSince, type MeteredSince, type Metering } from './metering.ts';
import type { WindowPlan } from './window-plan.ts';

/** What is kept of a workload without load: next to nothing, since all its figures are zero. */
export interface IdleWorkload {
  readonly plan: WindowPlan;
  readonly meteredSince: MeteredSince;
}

/** Metered for longer than any window: since when exactly no longer matters. */
const settled = (since: MeteredSince, now: number): MeteredSince => (since !== undefined && now - since > longestWindow * 1000 ? always : since);

/** The workloads that the scaler asks for and that have no load. Nearly all of them have the same to remember, and share it. */
export class IdleWorkloads {
  readonly #byKey = new Map<WorkloadKey, IdleWorkload>();
  readonly #always = new WeakMap<WindowPlan, IdleWorkload>();
  readonly #never = new WeakMap<WindowPlan, IdleWorkload>();

  get(key: WorkloadKey): IdleWorkload | undefined {
    return this.#byKey.get(key);
  }

  /** Notes a look at `now`; `before` is what was known of the workload. */
  look(key: WorkloadKey, plan: WindowPlan, before: MeteredSince | 'unseen', metering: Metering, now: number, afterStart: boolean): IdleWorkload {
    const known = this.#byKey.get(key);
    const since = settled(meteredSince(known === undefined ? before : known.meteredSince, metering, now, afterStart), now);
    if (known?.plan === plan && known.meteredSince === since) return known;
    const made = this.#shared({ plan, meteredSince: since });
    this.#byKey.set(key, made);
    return made;
  }

  delete(key: WorkloadKey): void {
    this.#byKey.delete(key);
  }

  #shared(idle: IdleWorkload): IdleWorkload {
    if (idle.meteredSince !== undefined && idle.meteredSince !== always) return idle;
    const shared = idle.meteredSince === undefined ? this.#never : this.#always;
    const known = shared.get(idle.plan);
    if (known !== undefined) return known;
    shared.set(idle.plan, idle);
    return idle;
  }
}
