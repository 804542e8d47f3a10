/** Buckets that grow by 1 %, from 1 ms. */
const growth = Math.log(1.01);

/** How long requests waited, in ms: bounded, whatever their number. */
export class Waits {
  readonly #counts: number[] = [];
  #count = 0;
  #sum = 0;
  #worst = 0;

  add(ms: number): void {
    const bucket = ms < 1 ? 0 : 1 + Math.floor(Math.log(ms) / growth);
    while (this.#counts.length <= bucket) this.#counts.push(0);
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1;
    this.#count += 1;
    this.#sum += ms;
    this.#worst = Math.max(this.#worst, ms);
  }

  get mean(): number {
    return this.#count === 0 ? 0 : this.#sum / this.#count;
  }

  get worst(): number {
    return this.#worst;
  }

  /** The wait that `share` of the requests did not exceed, to within 1 %; what is below a millisecond is 0. */
  quantile(share: number): number {
    const rank = Math.max(1, Math.ceil(share * this.#count));
    let below = 0;
    for (const [bucket, count] of this.#counts.entries()) {
      below += count;
      if (below >= rank) return bucket === 0 ? 0 : Math.min(this.#worst, Math.exp(bucket * growth));
    }
    return 0;
  }
}
