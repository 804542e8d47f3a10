/**
 * Which workloads get series of their own where not all do: the first by name, so that all processes choose the same ones and what they show of a workload can be added up. As long as none
 * comes or goes among them, one look at each is enough.
 */
export class FirstByName<Item> {
  readonly #nameOf: (item: Item) => string;
  /** The last one of those that were chosen. */
  #last = '';

  constructor(nameOf: (item: Item) => string) {
    this.#nameOf = nameOf;
  }

  of(items: readonly Item[], most: number): readonly Item[] {
    if (items.length <= most) return items;
    if (most === 0) return [];
    const upToLast = (): readonly Item[] => items.filter((item) => this.#nameOf(item) <= this.#last);
    const same = upToLast();
    if (same.length === most) return same;
    this.#last = items.map(this.#nameOf).sort()[most - 1] ?? '';
    return upToLast();
  }
}
