import type { Instant } from '../../core/index.ts';

/** Smaller steps back than this are jitter, not a clock that was set. */
const jitterMs = 1000;

/** Wall time made fit for windows: when the clock is set back it goes on from where it was, else every sample would be "late" for that long. */
export class SteadyTime {
  #newest = Number.NEGATIVE_INFINITY;
  #shift = 0;

  /** Milliseconds for a reading of the wall clock. */
  at(wall: Instant): number {
    const shifted = wall + this.#shift;
    if (shifted < this.#newest - jitterMs) this.#shift += this.#newest - shifted;
    const steady = wall + this.#shift;
    this.#newest = Math.max(this.#newest, steady);
    return steady;
  }
}
