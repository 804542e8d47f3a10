const leastApartMs = 20;
const mostApartMs = 640;
const quietMs = 1000;

/** When a gateway says that requests wait: at once, then only as more of them do, ever more rarely (`src/gateway/poker.ts`, without timers). */
export class PokePauses {
  #apartMs = leastApartMs;
  #saidAt = -Infinity;
  #said = 0;

  /** One more is held at `at`: after a pause that is worth a word, however many waited before. */
  held(at: number): void {
    if (at >= this.#saidAt + this.#apartMs) this.#said = 0;
  }

  /** When the next poke is due while so many wait; Infinity if none is. In the past: at once. */
  dueAt(waiting: number): number {
    return waiting > this.#said ? this.#saidAt + this.#apartMs : Infinity;
  }

  said(at: number, waiting: number): void {
    this.#apartMs = at - this.#saidAt > quietMs ? leastApartMs : Math.min(mostApartMs, this.#apartMs * 2);
    this.#saidAt = at;
    this.#said = waiting;
  }
}
