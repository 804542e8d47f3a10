import { Budget } from './budget.ts';

/** Streams that are taken back, or that we have to (CVE-2023-44487, CVE-2025-8671): gRPC clients end streams that way too. */
const resets = { burst: 500, perSecond: 50 } as const;
/** Frames that ask for work and bring nothing: PING, SETTINGS, PRIORITY, empty DATA, frames of streams that are no more. Each frame with content pays for one. */
const idleFrames = { burst: 10_000, perSecond: 1000 } as const;

/** Counts what a peer does that only makes work. Beyond what is allowed its connection is closed. Resets by servers are not counted: of each stream we have asked for ourselves. */
export class Guard {
  readonly #resets = new Budget(resets.burst, resets.perSecond);
  readonly #idle = new Budget(idleFrames.burst, idleFrames.perSecond);
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
