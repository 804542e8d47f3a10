/** A histogram as plain numbers: `counts[i]` is what fell at or below `bounds[i]` and above the bound before, the last one what lay above all. */
export interface PlainHistogram {
  readonly bounds: readonly number[];
  readonly counts: readonly number[];
  readonly sum: number;
  readonly count: number;
}

/** A histogram that can be added to; costs one small array per series. */
export class CountingHistogram implements PlainHistogram {
  readonly bounds: readonly number[];
  readonly counts: number[];
  #sum = 0;
  #count = 0;

  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.counts = Array.from({ length: bounds.length + 1 }, () => 0);
  }

  get sum(): number {
    return this.#sum;
  }

  get count(): number {
    return this.#count;
  }

  /** Values that are no number, or negative, are left out. */
  observe(value: number): void {
    if (!(value >= 0 && value < Number.POSITIVE_INFINITY)) return;
    const found = this.bounds.findIndex((bound) => value <= bound);
    const slot = found === -1 ? this.bounds.length : found;
    this.counts[slot] = (this.counts[slot] ?? 0) + 1;
    this.#sum += value;
    this.#count += 1;
  }
}
