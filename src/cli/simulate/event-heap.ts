/** What happens next: a binary heap by time, and among equals by the order in which they were added, so that a run can be repeated. */
export class EventHeap<T> {
  readonly #entries: { readonly at: number; readonly order: number; readonly event: T }[] = [];
  #order = 0;

  /** When the next one happens; Infinity if there is none. */
  get nextAt(): number {
    return this.#entries[0]?.at ?? Infinity;
  }

  add(at: number, event: T): void {
    const entry = { at, order: this.#order++, event };
    let index = this.#entries.length;
    this.#entries.push(entry);
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const above = this.#entries[parent];
      if (above === undefined || !isBefore(entry, above)) break;
      this.#entries[index] = above;
      index = parent;
    }
    this.#entries[index] = entry;
  }

  take(): T | undefined {
    const [first] = this.#entries;
    const last = this.#entries.pop();
    if (first === undefined || last === undefined || first === last) return first?.event;
    const { length } = this.#entries;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      let below = this.#entries[child];
      const right = this.#entries[child + 1];
      if (child + 1 < length && right !== undefined && below !== undefined && isBefore(right, below)) [child, below] = [child + 1, right];
      if (below === undefined || !isBefore(below, last)) break;
      this.#entries[index] = below;
      index = child;
    }
    this.#entries[index] = last;
    return first.event;
  }
}

interface Placed {
  readonly at: number;
  readonly order: number;
}
const isBefore = (one: Placed, other: Placed): boolean => one.at < other.at || (one.at === other.at && one.order < other.order);
