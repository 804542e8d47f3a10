/** Enough for a head and a short body. */
const leastBytes = 4 * 1024;
/** For whoever has filled that: most bodies in one read. */
export const mostBytes = 128 * 1024;
/** Less than this of a block is not worth a read. */
const leastRestBytes = 16 * 1024;

/**
 * What one connection reads into (`onread` of a socket). Without it Node makes a buffer of 64 KiB for every read, and memory outside of V8's heap that is made and dropped at that rate has V8 collect
 * the whole of its heap many times a second. Here the same memory is read into again as soon as nobody needs what is in it.
 * A read that somebody keeps takes along as much of a block as it filled: whoever is slow holds not much more memory than it has to be sent.
 */
export class ReadBuffer {
  /** A block, or what of it is nobody else's. */
  #buffer: Buffer;
  #view: Buffer;

  constructor(firstBytes = leastBytes) {
    this.#buffer = this.#view = Buffer.allocUnsafeSlow(firstBytes);
  }

  /** For the next read. */
  readonly next = (): Buffer => this.#buffer;

  /** The `bytes` that were read. */
  read(bytes: number): Buffer {
    // Small ones of one connection have often the same length.
    if (this.#view.length !== bytes) this.#view = this.#buffer.subarray(0, bytes);
    return this.#view;
  }

  /** What was read last has been dealt with. `held`: its memory is somebody else's from now on. */
  done(held: boolean): void {
    const used = this.#view.length;
    const isFull = used === this.#buffer.length && used < mostBytes;
    if (!held && !isFull) return;
    const blockBytes = this.#buffer.buffer.byteLength;
    this.#buffer = this.#view =
      this.#buffer.length - used >= leastRestBytes ? this.#buffer.subarray(used) : Buffer.allocUnsafeSlow(isFull ? mostBytes : blockBytes);
  }
}
