import type { GatewayId } from '../core/index.ts';
import type { Claimant } from './permit-plan.ts';

/** One whose requests waited within this time gets a larger part than those whose requests did not. */
const hungryForMs = 10_000;
/** Word of waiting requests comes with each report, once a second. */
const freshForMs = 2000;
/** Where there are fewer permits than gateways with work, each has its turn for so long. */
const turnMs = 1000;

const weights = { idle: 1, hungry: 3, starving: 9 } as const;

interface Appetite {
  heldAt: number;
  /** Since when its requests have waited without a single permit. */
  starvingSince: number | undefined;
}

/** Which gateways of one workload have requests that wait for a place in a pod, and what that is worth when permits are divided. */
export class Demand {
  readonly #appetites = new Map<GatewayId, Appetite>();

  /** Requests wait there. True where that is news. */
  held(id: GatewayId, now: number): boolean {
    const known = this.#appetites.get(id);
    const isNews = known === undefined || now - known.heldAt >= turnMs;
    if (known === undefined) this.#appetites.set(id, { heldAt: now, starvingSince: undefined });
    else known.heldAt = now;
    return isNews;
  }

  /** `totals`: what each was given of all pods. Forgets who has long had no use for more. False where there was nobody. */
  look(totals: ReadonlyMap<GatewayId, number>, now: number): boolean {
    if (this.#appetites.size === 0) return false;
    for (const [id, appetite] of this.#appetites) {
      if (now - appetite.heldAt >= hungryForMs) this.#appetites.delete(id);
      else if ((totals.get(id) ?? 0) > 0 || now - appetite.heldAt >= freshForMs) appetite.starvingSince = undefined;
      else appetite.starvingSince ??= now;
    }
    return true;
  }

  /** In the order in which they are served. `totals`: as above. */
  claimants(totals: ReadonlyMap<GatewayId, number>, now: number): readonly Claimant[] {
    const since = (id: GatewayId): number => this.#appetites.get(id)?.starvingSince ?? Infinity;
    return [...totals]
      .map(([id, total]) => ({ id, weight: this.#weight(id, total, now) }))
      .sort((a, b) => b.weight - a.weight || (since(a.id) === since(b.id) ? 0 : since(a.id) - since(b.id)) || (a.id < b.id ? -1 : 1));
  }

  #weight(id: GatewayId, total: number, now: number): number {
    const appetite = this.#appetites.get(id);
    if (appetite === undefined || now - appetite.heldAt >= hungryForMs) return weights.idle;
    if (total > 0 || now - appetite.heldAt >= freshForMs) return weights.hungry;
    const hadToWait = appetite.starvingSince !== undefined && now - appetite.starvingSince >= turnMs;
    return hadToWait || this.#isAlone(id, now) ? weights.starving : weights.hungry;
  }

  /** No other has had requests that wait in the last moment. */
  #isAlone(id: GatewayId, now: number): boolean {
    for (const [other, { heldAt }] of this.#appetites) if (other !== id && now - heldAt < turnMs) return false;
    return true;
  }
}
