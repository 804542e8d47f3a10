/** Of the time of this process, what may be spent on answers. */
const share = 0.1;
/** So much may be owed: whoever asks now and then never waits. */
const mostOwedMs = 500;

/** Bounds the time that answers take from the process that decides, whoever asks and however often. Times are monotonic milliseconds. */
export class Allowance {
  #owedMs = 0;
  #at = Number.NEGATIVE_INFINITY;

  /** False while too much has been spent lately. */
  allows(now: number): boolean {
    this.#owedMs = Math.max(0, this.#owedMs - (now - this.#at) * share);
    this.#at = now;
    return this.#owedMs < mostOwedMs;
  }

  spent(ms: number): void {
    this.#owedMs += ms;
  }

  /** Seconds until something is allowed again. */
  get waitSeconds(): number {
    return Math.max(1, Math.ceil((this.#owedMs - mostOwedMs) / share / 1000));
  }
}
