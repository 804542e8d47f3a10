/**
 * The concurrency of one workload, weighted by time: the area under the curve "requests in flight or held", divided by the interval. Exact for any
 * pattern of arrivals, two additions per change, no allocation. Times are monotonic milliseconds; a clock that stands still adds nothing.
 */
export class Meter {
  #concurrency = 0;
  #area = 0;
  #changedAt = 0;
  #requests = 0;

  get concurrency(): number {
    return this.#concurrency;
  }

  arrive(now: number): void {
    this.#advance(now);
    this.#concurrency += 1;
    this.#requests += 1;
  }

  leave(now: number): void {
    this.#advance(now);
    this.#concurrency -= 1;
  }

  /** Ends the interval that began at `since` and starts the next one. */
  take(since: number, now: number): { readonly averageConcurrency: number; readonly requestCount: number } {
    this.#advance(now);
    const averageConcurrency = now > since ? this.#area / (now - since) : this.#concurrency;
    const requestCount = this.#requests;
    this.#area = 0;
    this.#requests = 0;
    return { averageConcurrency, requestCount };
  }

  #advance(now: number): void {
    if (now > this.#changedAt) this.#area += this.#concurrency * (now - this.#changedAt);
    this.#changedAt = now;
  }
}
