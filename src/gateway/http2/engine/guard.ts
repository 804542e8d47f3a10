import { mostIdleFramesAtOnce, mostIdleFramesPerSecond, mostResetsAtOnce, mostResetsPerSecond } from '../limits.ts';
import { Budget } from './budget.ts';

/** Counts what a peer does that only makes work. Beyond what is allowed its connection is closed. Resets by servers are not counted: of each stream we have asked for ourselves. */
export class Guard {
  readonly #resets = new Budget(mostResetsAtOnce, mostResetsPerSecond);
  readonly #idle = new Budget(mostIdleFramesAtOnce, mostIdleFramesPerSecond);
  readonly #countsResets: boolean;
  readonly #tooMuch: () => void;

  constructor(countsResets: boolean, tooMuch: () => void) {
    this.#countsResets = countsResets;
    this.#tooMuch = tooMuch;
  }

  useful(): void {
    this.#idle.earn();
  }

  /** False where it was one too many, and the connection is over. */
  idle(): boolean {
    const isAllowed = this.#idle.spend();
    if (!isAllowed) this.#tooMuch();
    return isAllowed;
  }

  reset(): boolean {
    const isAllowed = !this.#countsResets || this.#resets.spend();
    if (!isAllowed) this.#tooMuch();
    return isAllowed;
  }

  /** Once a second. */
  refill(): void {
    this.#resets.refill();
    this.#idle.refill();
  }
}
