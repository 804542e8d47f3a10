/** What `LargestFirst` orders. Both are written by whoever keeps it in one, `rank` by that alone. */
export interface Sized {
  readonly size: number;
  /** Its place in the heap; -1 outside. */
  rank: number;
}

/** Items by size, the largest to be had at once; a binary heap whose items know their place, so that one that grew, shrank or goes costs O(log n). */
export class LargestFirst<Item extends Sized> {
  readonly #items: Item[] = [];

  get first(): Item | undefined {
    return this.#items[0];
  }

  get length(): number {
    return this.#items.length;
  }

  /** `item` has come or changed its size. */
  place(item: Item): void {
    const from = item.rank < 0 ? this.#items.length : item.rank;
    this.#down(item, this.#up(item, from));
  }

  /** Nothing where it is not in. */
  remove(item: Item): void {
    const { rank } = item;
    if (rank < 0) return;
    item.rank = -1;
    const last = this.#items.pop();
    if (last === undefined || last === item) return;
    this.#down(last, this.#up(last, rank));
  }

  /** Moves the gap at `index` towards the root until `item` fits in; gives where that is. */
  #up(item: Item, index: number): number {
    let at = index;
    while (at > 0) {
      const above = (at - 1) >> 1;
      const parent = this.#items[above];
      if (parent === undefined || parent.size >= item.size) break;
      this.#set(at, parent);
      at = above;
    }
    return at;
  }

  #down(item: Item, index: number): void {
    let at = index;
    for (;;) {
      const left = this.#items[2 * at + 1];
      const right = this.#items[2 * at + 2];
      const larger = right !== undefined && left !== undefined && right.size > left.size ? right : left;
      if (larger === undefined || larger.size <= item.size) break;
      const { rank } = larger;
      this.#set(at, larger);
      at = rank;
    }
    this.#set(at, item);
  }

  #set(at: number, item: Item): void {
    this.#items[at] = item;
    item.rank = at;
  }
}
