import type { Call } from './call.ts';
import type { HoldQueue } from './hold-queue.ts';
import { LargestFirst } from './largest-first.ts';

/** Most calls that a gateway holds: ten times what one workload may by default. */
export const holdSlots = 10_000;
/** A held request without a body, with its connection, takes about half of it (`npm run bench -- hold`); all slots together are 156 MiB of the 1 GiB that a gateway's pod may have. */
export const slotBytes = 16 * 1024;

/** What of the budget a call takes: one slot, and one more for each further 16 KiB of memory. So the number of slots bounds calls and bytes at once. */
const slotsOf = (call: Call): number => Math.max(1, Math.ceil(call.heldBytes / slotBytes));

/**
 * What all workloads of a gateway may hold together. While there is room everyone is let in; when there is none, the workload that holds the most loses its newest call (Suter, Lakshman,
 * Stiliadis, Choudhury: "Design considerations for supporting TCP with per-flow queueing", INFOCOM 1998, "longest queue drop"; docs/decisions/0018). So what each holds tends to the
 * max-min fair share, and it follows at once: **of n workloads that wait, none that holds no more than 1/n of the budget is ever refused**. For whoever holds the most
 * while the budget is exceeded holds more than the average of n, and that is more than 1/n.
 *
 * It says who has to go, and takes them out of their queues; whoever asked tells them. O(log n) for a call, n being the workloads that wait.
 */
export class HoldBudget {
  readonly slots: number;
  readonly #waiting = new LargestFirst<HoldQueue>();
  #used = 0;

  constructor(slots = holdSlots) {
    this.slots = slots;
  }

  /** Slots taken. */
  get used(): number {
    return this.#used;
  }

  /** A newcomer takes its place at the end. Gives those that have to go for it, or undefined where it is the newcomer itself that does. */
  enter(queue: HoldQueue, call: Call): readonly Call[] | undefined {
    call.heldSlots = slotsOf(call);
    this.#put(queue, call, 'append');
    const out = this.#overdraft(queue);
    if (out === undefined) this.#take(queue, call);
    return out;
  }

  /** One that had its turn and found no connection is back at its place. Gives those that have to go, itself perhaps among them. */
  reenter(queue: HoldQueue, call: Call): readonly Call[] {
    call.heldSlots = slotsOf(call);
    this.#put(queue, call, 'putBack');
    return this.#overdraft() ?? [];
  }

  /** What a held call takes may have changed: more of a body has come. Gives those that have to go, itself perhaps among them. */
  review(queue: HoldQueue, call: Call): readonly Call[] {
    const slots = slotsOf(call);
    if (slots === call.heldSlots) return [];
    this.#used += slots - call.heldSlots;
    queue.resize(call, slots);
    this.#waiting.place(queue);
    return this.#overdraft() ?? [];
  }

  /** Nothing for one that had to go already. */
  leave(queue: HoldQueue, call: Call): void {
    if (call.heldSlots > 0) this.#take(queue, call);
  }

  /** Takes out calls until the rest fits. Where the newcomer's own workload would be the one to lose, nobody goes, and undefined says so. */
  #overdraft(newcomers?: HoldQueue): readonly Call[] | undefined {
    const out: { readonly queue: HoldQueue; readonly call: Call; readonly slots: number }[] = [];
    while (this.#used > this.slots) {
      const queue = this.#waiting.first;
      const call = queue?.last;
      if (queue === undefined || call === undefined) break;
      if (newcomers !== undefined && newcomers.size >= queue.size) {
        // They were the last of their queues: put back in reverse, each has its place again.
        for (const { queue: from, call: back, slots } of out.reverse()) {
          back.heldSlots = slots;
          this.#put(from, back, 'append');
        }
        return undefined;
      }
      out.push({ queue, call, slots: call.heldSlots });
      this.#take(queue, call);
    }
    return out.map(({ call }) => call);
  }

  #put(queue: HoldQueue, call: Call, place: 'append' | 'putBack'): void {
    queue[place](call);
    this.#used += call.heldSlots;
    this.#waiting.place(queue);
  }

  #take(queue: HoldQueue, call: Call): void {
    queue.remove(call);
    this.#used -= call.heldSlots;
    call.heldSlots = 0;
    if (queue.length === 0) this.#waiting.remove(queue);
    else this.#waiting.place(queue);
  }
}
