/** Counts of one workload by a label of a closed set. A list, newest value first: there are few, and a map takes four times the memory. */
interface Counted<Value extends string> {
  readonly label: Value;
  value: number;
  readonly next: Counted<Value> | undefined;
}

/** Counts by key and label. Counting what was counted before allocates nothing. */
export class LabelCounts<Key, Value extends string> {
  readonly #first = new Map<Key, Counted<Value>>();

  add(key: Key, label: Value): void {
    const first = this.#first.get(key);
    let counted = first;
    while (counted !== undefined && counted.label !== label) counted = counted.next;
    if (counted !== undefined) counted.value += 1;
    else this.#first.set(key, { label, value: 1, next: first });
  }

  *of(key: Key): Iterable<{ readonly label: Value; readonly value: number }> {
    for (let counted = this.#first.get(key); counted !== undefined; counted = counted.next) yield counted;
  }

  keys(): Iterable<Key> {
    return this.#first.keys();
  }

  forget(key: Key): void {
    this.#first.delete(key);
  }
}
