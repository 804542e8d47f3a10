/** What an entry counts beside its text (RFC 7541 §4.1); so much is added for each field of a list as well (RFC 9113 §6.5.2). */
export const entryOverhead = 32;

/** The dynamic table of one direction (RFC 7541 §2.3.2): a ring, from which the oldest go as others come. */
export class DynamicTable {
  /** Entries that were ever added; each is known by its number among them, from 1. */
  added = 0;
  count = 0;
  readonly #mask: number;
  readonly #names: string[];
  readonly #values: string[];
  readonly #kinds: Uint8Array;
  #size = 0;
  #capacity: number;

  /** `most`: what `capacity` can ever be. */
  constructor(most: number) {
    let slots = 1;
    while (slots * entryOverhead < most) slots *= 2;
    this.#mask = slots - 1;
    this.#names = new Array<string>(slots).fill('');
    this.#values = new Array<string>(slots).fill('');
    this.#kinds = new Uint8Array(slots);
    this.#capacity = most;
  }

  get capacity(): number {
    return this.#capacity;
  }

  set capacity(bytes: number) {
    this.#capacity = bytes;
    this.#evict(0);
  }

  has(number: number): boolean {
    return number > this.added - this.count && number <= this.added;
  }

  name(number: number): string {
    return this.#names[number & this.#mask] ?? '';
  }

  value(number: number): string {
    return this.#values[number & this.#mask] ?? '';
  }

  kind(number: number): number {
    return this.#kinds[number & this.#mask] ?? 0;
  }

  /** One that is larger than the table empties it, and is not in it (RFC 7541 §4.4). */
  add(name: string, value: string, kind: number): void {
    const size = name.length + value.length + entryOverhead;
    this.#evict(size);
    if (size > this.#capacity) return;
    this.added += 1;
    const slot = this.added & this.#mask;
    this.#names[slot] = name;
    this.#values[slot] = value;
    this.#kinds[slot] = kind;
    this.count += 1;
    this.#size += size;
  }

  #evict(wanted: number): void {
    while (this.count > 0 && this.#size + wanted > this.#capacity) {
      const slot = (this.added - this.count + 1) & this.#mask;
      this.#size -= (this.#names[slot] ?? '').length + (this.#values[slot] ?? '').length + entryOverhead;
      this.#names[slot] = this.#values[slot] = '';
      this.count -= 1;
    }
  }
}
