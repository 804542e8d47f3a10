const readBytes = 64 * 1024;
/** Up to here a copy costs less than a buffer of its own. */
const copiedUpTo = 16 * 1024;

/** Everybody's: what was read is used or copied before anybody reads again. */
const shared = Buffer.allocUnsafeSlow(readBytes);

/**
 * What a socket reads into (`onread` of `net.connect`): without it Node makes an ArrayBuffer of 64 KiB for every read, however little comes. Small reads go through one buffer that all
 * connections share, and are copied out of it; while much comes, each read has a buffer that is given away with it.
 */
export class ReadBuffer {
  #current = shared;
  #isLarge = false;

  /** For the next read. */
  readonly next = (): Buffer => {
    this.#current = this.#isLarge ? Buffer.allocUnsafeSlow(readBytes) : shared;
    return this.#current;
  };

  /** The `bytes` that were read, for good. */
  take(bytes: number): Buffer {
    this.#isLarge = bytes > copiedUpTo;
    const buffer = this.#current;
    if (this.#isLarge && buffer !== shared) return buffer.subarray(0, bytes);
    const copy = Buffer.allocUnsafe(bytes);
    buffer.copy(copy, 0, 0, bytes);
    return copy;
  }
}
