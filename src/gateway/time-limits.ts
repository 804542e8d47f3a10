import type { Clock } from '../core/index.ts';
import type { Refusal } from './call.ts';
import { responseTooLate } from './refusals.ts';

/** 0 is off, for each. */
export interface Limits {
  readonly requestTimeoutMs: number;
  readonly responseStartTimeoutMs: number;
  readonly idleTimeoutMs: number;
}

/**
 * The three time limits of a request, all from the moment when it goes to a pod: what it waited for that is the hold limit's affair (a cold start must not eat up the time for
 * the answer). The time for the answer to begin counts from the last byte of the upload that moved.
 */
export class TimeLimits {
  readonly #clock: Clock;
  readonly #limits: Limits;
  #startedAt = 0;
  #movedAt = 0;
  #bytes = 0;

  constructor(clock: Clock, limits: Limits) {
    this.#clock = clock;
    this.#limits = limits;
  }

  start(now: number): void {
    this.#startedAt = this.#movedAt = now;
  }

  /** A byte went through, in whichever direction. */
  moved(): void {
    this.#movedAt = this.#clock.monotonic();
  }

  /** The same for what goes through without our seeing it: `bytes` so far. */
  counted(bytes: number): void {
    if (bytes !== this.#bytes) this.moved();
    this.#bytes = bytes;
  }

  exceeded(now: number, answering: boolean): Refusal | undefined {
    const { requestTimeoutMs, responseStartTimeoutMs, idleTimeoutMs } = this.#limits;
    if (requestTimeoutMs > 0 && now >= this.#startedAt + requestTimeoutMs) return responseTooLate('the request', requestTimeoutMs);
    if (idleTimeoutMs > 0 && now >= this.#movedAt + idleTimeoutMs) return responseTooLate('a silence', idleTimeoutMs);
    return !answering && responseStartTimeoutMs > 0 && now >= this.#movedAt + responseStartTimeoutMs
      ? responseTooLate('the answer', responseStartTimeoutMs)
      : undefined;
  }

  /** When to look again; `Infinity` for never. */
  next(answering: boolean): number {
    const { requestTimeoutMs, responseStartTimeoutMs, idleTimeoutMs } = this.#limits;
    const total = requestTimeoutMs > 0 ? this.#startedAt + requestTimeoutMs : Infinity;
    const idle = idleTimeoutMs > 0 ? this.#movedAt + idleTimeoutMs : Infinity;
    const answer = responseStartTimeoutMs > 0 && !answering ? this.#movedAt + responseStartTimeoutMs : Infinity;
    return Math.min(total, idle, answer);
  }
}
