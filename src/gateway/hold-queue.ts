import type { Call } from './call.ts';
import type { Sized } from './largest-first.ts';

/** Calls that wait for a pod, oldest first; a linked list, so that a client that goes away costs nothing to take out. */
export class HoldQueue implements Sized {
  /** Among the queues of a gateway; the budget's own. */
  rank = -1;
  #first: Call | undefined;
  #last: Call | undefined;
  /** That was put back last, or whoever stood before it if it has left: others follow in its order, for their connections were tried in that, so each finds its place at once. */
  #lastBack: Call | undefined;
  #length = 0;
  #size = 0;

  /** How many calls wait. */
  get length(): number {
    return this.#length;
  }

  /** Slots of the gateway's budget that they take. */
  get size(): number {
    return this.#size;
  }

  get first(): Call | undefined {
    return this.#first;
  }

  get last(): Call | undefined {
    return this.#last;
  }

  append(call: Call): void {
    call.previous = this.#last;
    if (this.#last === undefined) this.#first = call;
    else this.#last.next = call;
    this.#last = call;
    this.#grow(1, call.heldSlots);
  }

  /** For a call that had its turn and found no connection: its place is where it came, behind all that came no later. */
  putBack(call: Call): void {
    let before = this.#lastBack;
    while (before !== undefined && before.arrivedAt > call.arrivedAt) before = before.previous;
    let after = before === undefined ? this.#first : before.next;
    while (after !== undefined && after.arrivedAt <= call.arrivedAt) [before, after] = [after, after.next];
    call.previous = before;
    call.next = after;
    if (before === undefined) this.#first = call;
    else before.next = call;
    if (after === undefined) this.#last = call;
    else after.previous = call;
    this.#lastBack = call;
    this.#grow(1, call.heldSlots);
  }

  /** `call` must be in this queue, here and below. */
  resize(call: Call, slots: number): void {
    this.#grow(0, slots - call.heldSlots);
    call.heldSlots = slots;
  }

  remove(call: Call): void {
    if (call === this.#lastBack) this.#lastBack = call.previous;
    if (call.previous === undefined) this.#first = call.next;
    else call.previous.next = call.next;
    if (call.next === undefined) this.#last = call.previous;
    else call.next.previous = call.previous;
    call.next = undefined;
    call.previous = undefined;
    this.#grow(-1, -call.heldSlots);
  }

  #grow(calls: number, slots: number): void {
    this.#length += calls;
    this.#size += slots;
  }
}
