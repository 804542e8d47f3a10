import type { Clock, Millis } from '../core/index.ts';

/** How long something has been waited for, by what it is. */
export class Patience {
  readonly #clock: Clock;
  readonly #since = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** True once `what` has been asked about for `limit`. The first question starts the wait. */
  isOver(what: string, limit: Millis): boolean {
    const now = this.#clock.monotonic();
    const since = this.#since.get(what);
    if (since !== undefined) return now - since >= limit;
    this.#since.set(what, now);
    return limit <= 0;
  }

  /** The wait is over, one way or the other. */
  end(what: string): void {
    this.#since.delete(what);
  }
}
