/** Over this many seconds requests and retries are counted. */
const seconds = 10;
/** Retries for each request, and those that are always allowed: those of Finagle's RetryBudget (finagle-core, service/RetryBudget.scala: 20 %, 10 a second, 10 s). */
const share = 0.2;
const alwaysAllowed = 10 * seconds;

/**
 * How many requests of one workload may be sent to a pod once more: a fifth of all in the last ten seconds, and 100 besides. Without a bound pods that fail get a multiple of the load just
 * when they can bear it least (Google, "Site Reliability Engineering", ch. 21 and 22).
 */
export class RetryBudget {
  readonly #requests = new Uint32Array(seconds);
  readonly #retries = new Uint32Array(seconds);
  #second = 0;
  #requestsInAll = 0;
  #retriesInAll = 0;

  /** As of the last request or retry. */
  get isSpent(): boolean {
    return this.#retriesInAll >= alwaysAllowed + share * this.#requestsInAll;
  }

  request(now: number): void {
    const slot = this.#slot(now);
    this.#requests[slot] = (this.#requests[slot] ?? 0) + 1;
    this.#requestsInAll += 1;
  }

  /** True where one more is allowed; it is counted then. */
  retry(now: number): boolean {
    const slot = this.#slot(now);
    if (this.isSpent) return false;
    this.#retries[slot] = (this.#retries[slot] ?? 0) + 1;
    this.#retriesInAll += 1;
    return true;
  }

  /** Of this second; what is older than ten is forgotten. */
  #slot(now: number): number {
    const second = Math.floor(now / 1000);
    for (let steps = Math.min(seconds, second - this.#second); steps > 0; steps -= 1) {
      const slot = (second - steps + 1) % seconds;
      this.#requestsInAll -= this.#requests[slot] ?? 0;
      this.#retriesInAll -= this.#retries[slot] ?? 0;
      this.#requests[slot] = this.#retries[slot] = 0;
    }
    this.#second = Math.max(this.#second, second);
    return second % seconds;
  }
}
