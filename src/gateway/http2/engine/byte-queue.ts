import type { ByteBuffer } from './byte-buffer.ts';

const leastBlock = 1024;
const mostBlock = 32 * 1024;

/** Bytes that wait, copied into blocks that grow: many small pieces cost no more memory than few large ones. */
export class ByteQueue {
  size = 0;
  readonly #blocks: Buffer[] = [];
  /** In the first block, and in the last one. */
  #start = 0;
  #end = 0;

  push(bytes: Uint8Array, from: number, to: number): void {
    let at = from;
    this.size += to - from;
    while (at < to) {
      let last = this.#blocks.at(-1);
      if (last === undefined || this.#end === last.length) {
        last = Buffer.allocUnsafeSlow(Math.min(mostBlock, Math.max(leastBlock, to - at, 2 * (last?.length ?? 0))));
        this.#blocks.push(last);
        this.#end = 0;
      }
      const length = Math.min(to - at, last.length - this.#end);
      last.set(bytes.subarray(at, at + length), this.#end);
      this.#end += length;
      at += length;
    }
  }

  /** What comes first, in one piece, up to `most` bytes: given to `take` and gone. */
  shift(most: number, take: (bytes: Buffer, from: number, to: number) => void): number {
    const [first] = this.#blocks;
    if (first === undefined) return 0;
    const from = this.#start;
    const to = Math.min(from + most, this.#blocks.length === 1 ? this.#end : first.length);
    this.#start = to;
    this.size -= to - from;
    if (this.size === 0 || to === first.length) {
      this.#blocks.shift();
      this.#start = 0;
    }
    take(first, from, to);
    return to - from;
  }

  /** Moves `count` of them, which are there. */
  moveTo(into: ByteBuffer, count: number): void {
    let left = count;
    while (left > 0)
      left -= this.shift(left, (bytes, from, to) => {
        into.copy(bytes, from, to);
      });
  }

  clear(): void {
    this.#blocks.length = 0;
    this.#start = this.#end = this.size = 0;
  }
}
