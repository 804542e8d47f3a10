import { millis, type Clock, type Millis } from '../../core/index.ts';

const first = 10_000;
const longest = 300_000;
/** A container that has run (or waited) for this long since the last step starts over. */
const resetAfter = 600_000;

/**
 * How long a container waits before it is started again: not at all the first time, then 10 s doubling to 5 min, counted from its end;
 * forgotten after 10 min (client-go `util/flowcontrol/backoff.go` as the kubelet uses it).
 */
export class RestartBackOff {
  readonly #clock: Clock;
  #delay = 0;
  #steppedAt = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The wait after an end just now. */
  next(): Millis {
    const now = this.#clock.monotonic();
    if (this.#delay > 0 && now - this.#steppedAt > resetAfter) this.#delay = 0;
    const wait = this.#delay;
    this.#delay = this.#delay === 0 ? first : Math.min(longest, this.#delay * 2);
    this.#steppedAt = now + wait;
    return millis(wait);
  }
}
