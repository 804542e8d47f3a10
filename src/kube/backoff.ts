import { millis, type Millis, type Random } from '../core/index.ts';

/** Waits that double from `first` to `longest`, each between half and all of that, so that many clients of one failed server do not come back together. */
export class Backoff {
  readonly #first: Millis;
  readonly #longest: Millis;
  readonly #random: Random;
  #failures = 0;

  constructor(first: Millis, longest: Millis, random: Random) {
    this.#first = first;
    this.#longest = longest;
    this.#random = random;
  }

  /** Failures since the last `reset`. */
  get failures(): number {
    return this.#failures;
  }

  /** Counts a failure and says how long to wait after it. */
  next(): Millis {
    const full = Math.min(this.#longest, this.#first * 2 ** Math.min(this.#failures, 30));
    this.#failures++;
    return millis(full * (0.5 + this.#random() / 2));
  }

  reset(): void {
    this.#failures = 0;
  }
}
