import type { Call } from './call.ts';

/** Calls that wait for a pod, oldest first; a linked list, so that a client that goes away costs nothing to take out. */
export class HoldQueue {
  #first: Call | undefined;
  #last: Call | undefined;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get first(): Call | undefined {
    return this.#first;
  }

  append(call: Call): void {
    call.previous = this.#last;
    if (this.#last === undefined) this.#first = call;
    else this.#last.next = call;
    this.#last = call;
    this.#size += 1;
  }

  /** For a call that had its turn and found no connection: it does not lose its place. */
  prepend(call: Call): void {
    call.next = this.#first;
    if (this.#first === undefined) this.#last = call;
    else this.#first.previous = call;
    this.#first = call;
    this.#size += 1;
  }

  /** `call` must be in this queue. */
  remove(call: Call): void {
    if (call.previous === undefined) this.#first = call.next;
    else call.previous.next = call.next;
    if (call.next === undefined) this.#last = call.previous;
    else call.next.previous = call.previous;
    call.next = undefined;
    call.previous = undefined;
    this.#size -= 1;
  }
}
