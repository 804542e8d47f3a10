import type { Call } from './call.ts';
import type { WorkloadCounters } from './counters.ts';
import { RetryBudget } from './retry-budget.ts';

const putOffMs = 100;

/** What of one workload goes to a pod once more: within the budget at once, beyond it a moment later, so that no pod is overrun for another that fails. Counted. */
export class Retries {
  readonly #budget = new RetryBudget();
  readonly #counters: Pick<WorkloadCounters, 'retries' | 'retriesOverBudget'>;
  /** When the first of those may go that are put off. */
  #dueAt = Infinity;

  constructor(counters: Pick<WorkloadCounters, 'retries' | 'retriesOverBudget'>) {
    this.#counters = counters;
  }

  get isSpent(): boolean {
    return this.#budget.isSpent;
  }

  request(now: number): void {
    this.#budget.request(now);
  }

  /** True where one more may go at once. */
  mayGo(now: number): boolean {
    const may = this.#budget.retry(now);
    this.#counters.retries += 1;
    if (!may) this.#counters.retriesOverBudget += 1;
    return may;
  }

  /** `call` is to wait a little, where `mayGo` is false. */
  putOff(call: Call, now: number, mayGo: boolean): void {
    call.notBefore = mayGo ? 0 : now + putOffMs;
    if (!mayGo) this.#dueAt = Math.min(this.#dueAt, call.notBefore);
  }

  /** True for a call whose time has not come; it is remembered. */
  isPutOff({ notBefore }: Call, now: number): boolean {
    if (notBefore === 0 || notBefore <= now) return false;
    this.#dueAt = Math.min(this.#dueAt, notBefore);
    return true;
  }

  /** True once for those whose time has come. */
  someDue(now: number): boolean {
    if (this.#dueAt > now) return false;
    this.#dueAt = Infinity;
    return true;
  }
}
