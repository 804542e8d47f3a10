import type { Clock } from '../core/index.ts';
import type { Call } from './call.ts';
import { observeHold, type WorkloadCounters } from './counters.ts';
import type { Deadlines } from './deadlines.ts';
import { slotBytes, type HoldBudget } from './hold-budget.ts';
import { HoldQueue } from './hold-queue.ts';
import type { PushOut } from './push-out.ts';

export interface WaitingRoomSurroundings {
  readonly clock: Clock;
  readonly deadlines: Deadlines;
  /** Of the gateway, for all its workloads. */
  readonly holdBudget: HoldBudget;
  readonly pushOut: PushOut;
}

/** The calls of one workload that wait, how long each may, and their figures. */
export class WaitingRoom {
  readonly #around: WaitingRoomSurroundings;
  readonly #counters: WorkloadCounters;
  readonly #queue = new HoldQueue();

  constructor(around: WaitingRoomSurroundings, counters: WorkloadCounters) {
    this.#around = around;
    this.#counters = counters;
  }

  get size(): number {
    return this.#queue.length;
  }

  get first(): Call | undefined {
    return this.#queue.first;
  }

  /** Of the call at the front, in ms. The time in which a connection was tried for it counts. */
  oldestAge(now: number): number {
    return now - (this.#queue.first?.arrivedAt ?? now);
  }

  /** False where the gateway has no place left for it; otherwise it waits from now on, for `limitMs` at most, unless others have more right to the place. */
  enter(call: Call, now: number, limitMs: number): boolean {
    const out = this.#around.holdBudget.enter(this.#queue, call);
    if (out === undefined) return false;
    this.#began(call, now, limitMs);
    this.#around.pushOut.tell(out);
    return true;
  }

  /** For a call that had its turn and found no connection; it does not lose its place. `limitMs` 0: where nothing is ever held, such a call is still tried for as long as that takes. */
  reenter(call: Call, now: number, limitMs: number): void {
    const out = this.#around.holdBudget.reenter(this.#queue, call);
    this.#began(call, now, limitMs === 0 ? Infinity : limitMs);
    this.#around.pushOut.tell(out);
  }

  /** What a call takes of the gateway's memory may have changed. */
  review(call: Call): void {
    const out = this.#around.holdBudget.review(this.#queue, call);
    this.#counters.heldBytes = this.#queue.size * slotBytes;
    this.#around.pushOut.tell(out);
  }

  leave(call: Call): void {
    this.#around.holdBudget.leave(this.#queue, call);
    call.state = 'new';
    call.dueAt = Infinity;
    this.#count(-1);
    // One that comes back from a pod was counted when it first left.
    if (call.heldAt !== undefined && call.givenAt === 0) observeHold(this.#counters.holdSeconds, (this.#around.clock.monotonic() - call.heldAt) / 1000);
  }

  #began(call: Call, now: number, limitMs: number): void {
    if (call.heldAt === undefined) {
      call.heldAt = now;
      call.holdDueAt = now + limitMs;
    }
    call.state = 'held';
    call.dueAt = Math.min(call.holdDueAt, call.connectDueAt ?? Infinity);
    this.#count(1);
    this.#around.deadlines.add(call);
  }

  #count(change: 1 | -1): void {
    this.#counters.held += change;
    this.#counters.heldBytes = this.#queue.size * slotBytes;
  }
}
