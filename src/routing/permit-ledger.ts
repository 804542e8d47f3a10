import type { GatewayId } from '../core/index.ts';

interface Said {
  readonly revision: number;
  /** Undefined: nothing was said of it, so that what it had stands. */
  readonly share: number | undefined;
}

interface Holding {
  /** What was last acknowledged, or first said, and everything after it: any of it may be in force at the other end. */
  said: readonly Said[];
  /** What it said that it uses or keeps beyond that. */
  uses: number;
}

/** Words on one share that a gateway has not acknowledged; beyond, no more are said to it until it has. */
const mostUnacknowledged = 8;

/** Who may have how many requests in one pod, as far as it can be known from what was said and what was acknowledged. */
export class PodLedger {
  /** The revision of the first word on it. */
  readonly since: number;
  /** Nobody can have permits that we do not know of. */
  known: boolean;
  /** Nothing new goes to it. */
  ending = false;
  readonly #holdings = new Map<GatewayId, Holding>();

  constructor(since: number, known: boolean) {
    this.since = since;
    this.known = known;
  }

  /** Goes out with `revision`. */
  said(revision: number, permits: Readonly<Record<GatewayId, number>>): void {
    for (const [id, share] of Object.entries(permits)) if (!this.#holdings.has(id)) this.#holdings.set(id, { said: [{ revision, share }], uses: 0 });
    for (const [id, holding] of this.#holdings) {
      const share = Object.hasOwn(permits, id) ? permits[id] : undefined;
      if (holding.said.at(-1)?.share !== share) holding.said = [...holding.said, { revision, share }];
    }
  }

  /** The gateway goes by what was said up to `revision`, but for what it `uses` beyond it or keeps. True where that may have freed something. */
  acknowledged(id: GatewayId, revision: number, uses: number): boolean {
    const holding = this.#holdings.get(id) ?? { said: [], uses: 0 };
    const before = standing(holding);
    const inForce = holding.said.findLastIndex((word) => word.revision <= revision);
    holding.said = holding.said.slice(Math.max(0, inForce));
    holding.uses = uses;
    if (holding.said.length > 0 || uses > 0) this.#holdings.set(id, holding);
    return standing(holding) < before;
  }

  /** What it uses or keeps, or has not acknowledged, may still change without a word from us. */
  isOpen(id: GatewayId): boolean {
    const holding = this.#holdings.get(id);
    return holding !== undefined && (holding.uses > 0 || holding.said.length > 1 || holding.said[0]?.share === undefined);
  }

  /** The most that the gateway may have in the pod now. */
  standing(id: GatewayId): number {
    const holding = this.#holdings.get(id);
    return holding === undefined ? 0 : standing(holding);
  }

  /** What it is to have, as of the newest word. */
  share(id: GatewayId): number {
    const holding = this.#holdings.get(id);
    return holding === undefined ? 0 : (holding.said.at(-1)?.share ?? holding.uses);
  }

  /** Undefined: nothing is to be said. */
  word(id: GatewayId): number | undefined {
    return this.#holdings.get(id)?.said.at(-1)?.share;
  }

  isDeaf(id: GatewayId): boolean {
    return (this.#holdings.get(id)?.said.length ?? 0) > mostUnacknowledged;
  }

  get total(): number {
    let total = 0;
    for (const holding of this.#holdings.values()) total += standing(holding);
    return total;
  }

  /** It has ended, and everything of it. */
  free(id: GatewayId): void {
    this.#holdings.delete(id);
  }
}

const standing = ({ said, uses }: Holding): number => said.reduce((most, { share = 0 }) => Math.max(most, share), uses);
