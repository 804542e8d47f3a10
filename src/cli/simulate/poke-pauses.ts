import { PokePace } from '../../gateway/index.ts';

/** When a gateway says that requests wait: what its `Poker` does, without timers. */
export class PokePauses {
  readonly #pace = new PokePace();
  #overAt = -Infinity;
  #cameAfter = false;

  /** One more is held at `at`: after a pause that is worth a word, however many waited before. */
  held(at: number): void {
    if (at >= this.#overAt) this.#cameAfter = true;
  }

  /** When the next poke is due while so many wait; Infinity if none is. In the past: at once. */
  dueAt(waiting: number): number {
    return waiting > 0 && (this.#cameAfter || this.#pace.isNews(waiting)) ? this.#overAt : Infinity;
  }

  said(at: number, waiting: number): void {
    this.#overAt = at + this.#pace.said(at, waiting);
    this.#cameAfter = false;
  }
}
