import type { Stream } from './stream.ts';

/** So many of the streams that we have reset are remembered: what was on its way to them when they were is no error. */
const remembered = 256;

/** The streams of a connection by their ids, by open addressing: ids that follow each other have places that do, whatever has lived there before. */
export class Streams {
  count = 0;
  #slots = new Array<Stream | undefined>(16).fill(undefined);
  #mask = 15;
  /** Made with the first reset. */
  #resets: Int32Array | undefined;
  #resetCount = 0;

  find(id: number): Stream | undefined {
    for (let slot = (id >> 1) & this.#mask; ; slot = (slot + 1) & this.#mask) {
      const stream = this.#slots[slot];
      if (stream === undefined || stream.id === id) return stream;
    }
  }

  add(stream: Stream): void {
    this.count += 1;
    if (this.count * 2 > this.#slots.length) this.#grow();
    this.#put(stream);
  }

  remove(stream: Stream): void {
    let slot = (stream.id >> 1) & this.#mask;
    while (this.#slots[slot] !== stream) {
      if (this.#slots[slot] === undefined) return;
      slot = (slot + 1) & this.#mask;
    }
    this.count -= 1;
    this.#slots[slot] = undefined;
    // Those behind it that were pushed on by others move up.
    for (let next = (slot + 1) & this.#mask; ; next = (next + 1) & this.#mask) {
      const moved = this.#slots[next];
      if (moved === undefined) return;
      const home = (moved.id >> 1) & this.#mask;
      if (((next - home) & this.#mask) < ((next - slot) & this.#mask)) continue;
      this.#slots[slot] = moved;
      this.#slots[next] = undefined;
      slot = next;
    }
  }

  /** Those of now, for visits that end some of them. */
  list(): Stream[] {
    return this.#slots.filter((stream) => stream !== undefined);
  }

  rememberReset(id: number): void {
    this.#resets ??= new Int32Array(remembered);
    this.#resets[this.#resetCount % remembered] = id;
    this.#resetCount += 1;
  }

  /** True as well where so many were reset that nobody knows. */
  mayHaveReset(id: number): boolean {
    return this.#resetCount > remembered || this.#resets?.includes(id) === true;
  }

  #grow(): void {
    const all = this.list();
    this.#slots = new Array<Stream | undefined>(this.#slots.length * 2).fill(undefined);
    this.#mask = this.#slots.length - 1;
    for (const stream of all) this.#put(stream);
  }

  #put(stream: Stream): void {
    let slot = (stream.id >> 1) & this.#mask;
    while (this.#slots[slot] !== undefined) slot = (slot + 1) & this.#mask;
    this.#slots[slot] = stream;
  }
}
