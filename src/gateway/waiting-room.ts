import type { Clock } from '../core/index.ts';
import type { Call } from './call.ts';
import { observeHold, type WorkloadCounters } from './counters.ts';
import type { Deadlines } from './deadlines.ts';
import { HoldQueue } from './hold-queue.ts';

/** The calls of one workload that wait, how long each may, and their figures. */
export class WaitingRoom {
  readonly #clock: Clock;
  readonly #deadlines: Deadlines;
  readonly #counters: WorkloadCounters;
  readonly #queue = new HoldQueue();

  constructor(clock: Clock, deadlines: Deadlines, counters: WorkloadCounters) {
    this.#clock = clock;
    this.#deadlines = deadlines;
    this.#counters = counters;
  }

  get size(): number {
    return this.#queue.size;
  }

  get first(): Call | undefined {
    return this.#queue.first;
  }

  /** Of the call at the front, in ms. */
  oldestAge(now: number): number {
    return now - (this.#queue.first?.heldAt ?? now);
  }

  /** `first`: for a call that had its turn and found no connection; it does not lose its place. `limitMs` 0: where nothing is ever held, such a call is still tried for as long as that takes. */
  enter(call: Call, now: number, limitMs: number, place: 'first' | 'last'): void {
    if (call.heldAt === undefined) {
      call.heldAt = now;
      call.holdDueAt = limitMs === 0 ? Infinity : now + limitMs;
    }
    call.state = 'held';
    call.dueAt = Math.min(call.holdDueAt, call.connectDueAt ?? Infinity);
    if (place === 'first') this.#queue.prepend(call);
    else this.#queue.append(call);
    this.#counters.held += 1;
    this.#deadlines.add(call);
  }

  leave(call: Call): void {
    this.#queue.remove(call);
    call.state = 'new';
    call.dueAt = Infinity;
    this.#counters.held -= 1;
    // One that found no connection was counted when it first left.
    if (call.heldAt !== undefined && call.connectDueAt === undefined) observeHold(this.#counters.holdSeconds, (this.#clock.monotonic() - call.heldAt) / 1000);
  }
}
