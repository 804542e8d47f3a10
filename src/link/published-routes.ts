import type { GatewaySettings, RouteSnapshot, WorkloadKey, WorkloadRoute } from '../core/index.ts';

/** A change to publish. `full`: everything there is; what is not in it goes. */
export interface RouteChange {
  readonly full?: boolean;
  readonly upsert: readonly WorkloadRoute[];
  readonly remove: readonly WorkloadKey[];
}

/**
 * What this controller has published since it became leader: enough to bring any gateway that connects up to date with one full snapshot.
 * `epoch` rises with each change of leader (a Lease's `leaseTransitions`), so that a late word of an old leader is not believed.
 */
export class PublishedRoutes {
  #routes = new Map<WorkloadKey, WorkloadRoute>();
  #epoch = 0;
  #revision = 0;
  /** Outlive the epoch: every controller reads them for itself. */
  #settings: GatewaySettings | undefined;

  get epoch(): number {
    return this.#epoch;
  }

  get revision(): number {
    return this.#revision;
  }

  /** Forgets what an earlier epoch published. */
  begin(epoch: number): void {
    this.#epoch = epoch;
    this.#revision = 0;
    this.#routes = new Map();
  }

  publish(change: RouteChange): RouteSnapshot {
    // The first word of an epoch says everything: a gateway may hold routes of the leader before us.
    const full = change.full === true || this.#revision === 0;
    if (full) this.#routes = new Map();
    for (const key of change.remove) this.#routes.delete(key);
    for (const route of change.upsert) this.#routes.set(route.workload, route);
    this.#revision += 1;
    return { revision: this.#revision, full, upsert: change.upsert, remove: full ? [] : change.remove, ...(full ? this.#told() : {}) };
  }

  /** A change of nothing but the settings; undefined while nothing was published in this epoch: they go with the first word of it. */
  set(settings: GatewaySettings): RouteSnapshot | undefined {
    this.#settings = settings;
    if (this.#revision === 0) return undefined;
    this.#revision += 1;
    return { revision: this.#revision, full: false, upsert: [], remove: [], settings };
  }

  /** For a gateway that has just connected; undefined while nothing was published in this epoch. */
  everything(): RouteSnapshot | undefined {
    return this.#revision === 0 ? undefined : { revision: this.#revision, full: true, upsert: [...this.#routes.values()], remove: [], ...this.#told() };
  }

  #told(): Pick<RouteSnapshot, 'settings'> {
    return this.#settings === undefined ? {} : { settings: this.#settings };
  }
}
