import { millis, type Clock, type Timer } from '../core/index.ts';

const leastApartMs = 20;
const mostApartMs = 640;
const quietMs = 1000;

/**
 * Says "a request waits": the first one at once, then again only as more wait, at first after 20 ms and under a lasting overload ever more rarely (the
 * reports of each second say it as well), so that a flood of requests is no flood of pokes.
 */
export class Poker {
  readonly #clock: Clock;
  readonly #send: () => void;
  #pause: Timer | undefined;
  #apartMs = leastApartMs;
  #saidAt = -Infinity;
  #said = 0;
  #waiting = 0;

  constructor(clock: Clock, send: () => void) {
    this.#clock = clock;
    this.#send = send;
  }

  /** `waiting` calls wait now. */
  poke(waiting: number): void {
    this.#waiting = waiting;
    if (this.#pause === undefined) this.#say();
  }

  close(): void {
    this.#pause?.cancel();
  }

  #say(): void {
    const now = this.#clock.monotonic();
    this.#apartMs = now - this.#saidAt > quietMs ? leastApartMs : Math.min(mostApartMs, this.#apartMs * 2);
    this.#saidAt = now;
    this.#said = this.#waiting;
    this.#pause = this.#clock.after(millis(this.#apartMs), () => {
      this.#pause = undefined;
      if (this.#waiting > this.#said) this.#say();
    });
    this.#send();
  }
}
