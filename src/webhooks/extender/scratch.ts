/** Memory above this is not kept: it was for whole nodes. */
const mostKept = 2 * 1024 * 1024;
const page = 4096;

/**
 * One piece of memory that is used again and again, as calls come one after the other: bodies and answers have a quarter of a megabyte for 5,000 nodes, and
 * whoever makes so much garbage at each call collects it every few calls, and is late then. Whoever comes while it is taken gets another one.
 */
export class Scratch {
  #free: Buffer | undefined;

  /** At least that long, with whatever was in it. */
  take(bytes: number): Buffer {
    const free = this.#free;
    if (free === undefined || free.length < bytes) return Buffer.allocUnsafeSlow(Math.ceil((bytes + 1) / page) * page);
    this.#free = undefined;
    return free;
  }

  /** Nobody looks at it any more. */
  give(buffer: Buffer): void {
    if (buffer.length <= mostKept && buffer.length > (this.#free?.length ?? 0)) this.#free = buffer;
  }
}
