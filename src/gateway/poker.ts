import { millis, type Clock, type Timer } from '../core/index.ts';
import { PokePace } from './poke-pace.ts';

/** Says "a request waits", at the pace of `PokePace`. */
export class Poker {
  readonly #clock: Clock;
  readonly #send: () => void;
  readonly #pace = new PokePace();
  #pause: Timer | undefined;
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
    const pause = this.#pace.said(this.#clock.monotonic(), this.#waiting);
    this.#pause = this.#clock.after(millis(pause), () => {
      this.#pause = undefined;
      if (this.#pace.isNews(this.#waiting)) this.#say();
    });
    this.#send();
  }
}
