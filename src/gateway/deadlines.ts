import { millis, type Clock, type Timer } from '../core/index.ts';
import type { Call } from './call.ts';
import { Roster } from './roster.ts';

const sweepEveryMs = 50;

/** All time limits of all calls, held or in a pod, behind one timer: a call costs one entry, not a timer. A limit is noticed up to 50 ms late. */
export class Deadlines {
  readonly #clock: Clock;
  readonly #calls = new Roster<Call>();
  #timer: Timer | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(call: Call): void {
    this.#calls.add(call);
    this.#timer ??= this.#clock.every(millis(sweepEveryMs), () => this.#sweep());
  }

  remove(call: Call): void {
    this.#calls.remove(call);
  }

  /** The figures take over what has gone through each call since: a connection may be open for days. */
  countBytes(): void {
    this.#calls.forEach((call) => {
      if (call.metered) call.pod?.figures.countBytes(call);
    });
  }

  /** Cuts what is in a pod. */
  cutAll(): void {
    this.#calls.forEach((call) => {
      if (call.state === 'seated') call.cut();
    });
  }

  #sweep(): void {
    if (this.#calls.size === 0) {
      this.#timer?.cancel();
      this.#timer = undefined;
      return;
    }
    const now = this.#clock.monotonic();
    this.#calls.forEach((call) => call.sweep(now));
  }
}
