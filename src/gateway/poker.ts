import { millis, type Clock, type Timer } from '../core/index.ts';

const leastApartMs = 20;

/** Says "a request waits": the first one at once, then again only as more wait, and at most every 20 ms, so that a flood of requests is no flood of pokes. */
export class Poker {
  readonly #clock: Clock;
  readonly #send: () => void;
  #pause: Timer | undefined;
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
    this.#said = this.#waiting;
    this.#pause = this.#clock.after(millis(leastApartMs), () => {
      this.#pause = undefined;
      if (this.#waiting > this.#said) this.#say();
    });
    this.#send();
  }
}
