/** So many at once, and so many a second for good. */
export class Budget {
  #left: number;
  readonly #burst: number;
  readonly #perSecond: number;

  constructor(burst: number, perSecond: number) {
    this.#left = this.#burst = burst;
    this.#perSecond = perSecond;
  }

  /** False where it is used up. */
  spend(): boolean {
    this.#left -= 1;
    return this.#left >= 0;
  }

  /** One of another kind has paid for one of these. */
  earn(): void {
    if (this.#left < this.#burst) this.#left += 1;
  }

  /** Once a second. */
  refill(): void {
    this.#left = Math.min(this.#burst, Math.max(0, this.#left) + this.#perSecond);
  }
}
