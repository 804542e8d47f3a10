import type { Call } from './call.ts';
import type { Sized } from './largest-first.ts';

/** Calls that wait for a pod, oldest first; a linked list, so that a client that goes away costs nothing to take out. */
export class HoldQueue implements Sized {
  /** Among the queues of a gateway; the budget's own. */
  rank = -1;
  #first: Call | undefined;
  #last: Call | undefined;
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

  /** For a call that had its turn and found no connection: it does not lose its place. */
  prepend(call: Call): void {
    call.next = this.#first;
    if (this.#first === undefined) this.#last = call;
    else this.#first.previous = call;
    this.#first = call;
    this.#grow(1, call.heldSlots);
  }

  /** `call` must be in this queue, here and below. */
  resize(call: Call, slots: number): void {
    this.#grow(0, slots - call.heldSlots);
    call.heldSlots = slots;
  }

  remove(call: Call): void {
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
