import type { Outbound } from './outbound.ts';

/** What has come and is in memory, of all streams of a connection: beyond, its window is not given back. */
const mostUnconsumed = 16 * 1024 * 1024;

/**
 * The window of a connection for what comes (RFC 9113 §6.9). It is given back as bytes come, whoever reads them, so that a stream that stalls does not stall the others; until too much is
 * in memory.
 */
export class ReceiveWindow {
  readonly #out: Outbound;
  readonly #size: number;
  #left: number;
  #unconsumed = 0;

  constructor(out: Outbound, size: number) {
    this.#out = out;
    this.#size = size;
    this.#left = size;
  }

  /** False where they are more than may come. */
  arrived(bytes: number): boolean {
    this.#left -= bytes;
    this.#unconsumed += bytes;
    this.#giveBack();
    return this.#left >= 0;
  }

  /** They are no longer in memory. */
  freed(bytes: number): void {
    this.#unconsumed -= bytes;
    this.#giveBack();
  }

  #giveBack(): void {
    const owed = this.#size - this.#left;
    if (owed * 2 < this.#size || this.#left < 0 || this.#unconsumed > mostUnconsumed) return;
    this.#left = this.#size;
    this.#out.windowUpdate(0, owed);
  }
}
