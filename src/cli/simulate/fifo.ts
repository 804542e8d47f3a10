/** First in, first out, at the same price however many wait: `shift` of a long array moves all that are behind. */
export class Fifo<T extends object> {
  /** Oldest first, from `#start` on. */
  #items: T[] = [];
  #start = 0;

  get length(): number {
    return this.#items.length - this.#start;
  }

  get first(): T | undefined {
    return this.#items[this.#start];
  }

  push(item: T): void {
    this.#items.push(item);
  }

  shift(): T | undefined {
    const { first } = this;
    if (first === undefined) return undefined;
    this.#start += 1;
    if (this.#start >= 1024 && this.#start * 2 >= this.#items.length) [this.#items, this.#start] = [this.#items.slice(this.#start), 0];
    return first;
  }

  /** Oldest first. */
  *[Symbol.iterator](): Generator<T, undefined> {
    for (let index = this.#start; index < this.#items.length; index += 1) {
      const item = this.#items[index];
      if (item !== undefined) yield item;
    }
    return undefined;
  }
}
