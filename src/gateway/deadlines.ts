import { millis, type Clock, type Timer } from '../core/index.ts';
import type { Call } from './call.ts';

const sweepEveryMs = 50;

/** All time limits of all calls behind one timer: a call costs one set entry, not a timer. A limit is noticed up to 50 ms late. */
export class Deadlines {
  readonly #clock: Clock;
  readonly #calls = new Set<Call>();
  #timer: Timer | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(call: Call): void {
    this.#calls.add(call);
    this.#timer ??= this.#clock.every(millis(sweepEveryMs), () => this.#sweep());
  }

  remove(call: Call): void {
    this.#calls.delete(call);
  }

  #sweep(): void {
    if (this.#calls.size === 0) {
      this.#timer?.cancel();
      this.#timer = undefined;
      return;
    }
    const now = this.#clock.monotonic();
    for (const call of this.#calls) call.sweep(now);
  }
}
