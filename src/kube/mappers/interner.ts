/**
 * Keeps one copy of values that many objects share: the pods of one workload have the same labels, probes and ports. Bounded: when full,
 * it starts anew, which costs sharing and nothing else.
 */
export class Interner {
  readonly #most: number;
  readonly #known = new Map<string, unknown>();

  constructor(most = 20_000) {
    this.#most = most;
  }

  /** The first value that was given with the same JSON form. */
  share<T>(value: T): T {
    const form = JSON.stringify(value);
    const known = this.#known.get(form);
    // Equal JSON of values of one shape: what comes out is what a parser would make of either.
    if (known !== undefined) return known as T;
    if (this.#known.size >= this.#most) this.#known.clear();
    this.#known.set(form, value);
    return value;
  }

  /** The same for a text, without a form of it. An instance is for texts or for other values, not for both. */
  text(value: string): string {
    const known = this.#known.get(value);
    if (typeof known === 'string') return known;
    if (this.#known.size >= this.#most) this.#known.clear();
    this.#known.set(value, value);
    return value;
  }
}

/** Shared by the mappers of one process. */
export const shared = new Interner();

/** Texts that many nodes, or the pods on them, have: images, labels, names of nodes. */
export const nodeTexts = new Interner(100_000);
