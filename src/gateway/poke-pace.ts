const leastApartMs = 20;
const mostApartMs = 640;
const quietMs = 1000;

/**
 * How often a gateway says "a request waits": the first one at once, then again only as more wait, at first after 20 ms and under a lasting overload ever more rarely (the
 * reports of each second say it as well), so that a flood of requests is no flood of pokes.
 */
export class PokePace {
  #apartMs = leastApartMs;
  #saidAt = -Infinity;
  #said = 0;

  /** It is said at `at` that so many wait: gives the pause after it, in ms. */
  said(at: number, waiting: number): number {
    this.#apartMs = at - this.#saidAt > quietMs ? leastApartMs : Math.min(mostApartMs, this.#apartMs * 2);
    this.#saidAt = at;
    this.#said = waiting;
    return this.#apartMs;
  }

  /** More wait than was said: worth another word when the pause is over. */
  isNews(waiting: number): boolean {
    return waiting > this.#said;
  }
}
