import type { WorkloadKey } from '../core/index.ts';

/**
 * A list for each workload, newest last, of at most `depth`. While all together hold more than `most`, a list that is longer than its share of that gets shorter
 * at each addition: so all together never hold more than twice `most`, or two for each workload. For what comes at very different rates: who changes much
 * does not push out the history of who changes little.
 */
export class SharedLists<T> {
  readonly #depth: number;
  readonly #most: number;
  readonly #lists = new Map<WorkloadKey, T[]>();
  #total = 0;

  constructor(depth: number, most: number) {
    this.#depth = depth;
    this.#most = most;
  }

  get total(): number {
    return this.#total;
  }

  add(key: WorkloadKey, item: T): void {
    let list = this.#lists.get(key);
    if (list === undefined) this.#lists.set(key, (list = []));
    list.push(item);
    this.#total += 1;
    const allowed = this.#total > this.#most ? Math.min(this.#depth, Math.max(2, Math.floor(this.#most / this.#lists.size))) : this.#depth;
    for (let surplus = Math.min(2, list.length - allowed); surplus > 0; surplus--) {
      list.shift();
      this.#total -= 1;
    }
  }

  of(key: WorkloadKey): readonly T[] {
    return this.#lists.get(key) ?? [];
  }

  last(key: WorkloadKey): T | undefined {
    return this.#lists.get(key)?.at(-1);
  }

  forget(key: WorkloadKey): void {
    this.#total -= this.#lists.get(key)?.length ?? 0;
    this.#lists.delete(key);
  }
}

interface QueuedList<T> {
  readonly items: T[];
  /** Items that went because the list was full, whose places in the queue are still to come up. */
  gone: number;
}

/** A list for each workload, newest last, of at most `depth`, and of the last `most` additions of all workloads. For what every workload adds at the same rate. */
export class QueuedLists<T> {
  readonly #depth: number;
  readonly #most: number;
  readonly #lists = new Map<WorkloadKey, QueuedList<T>>();
  /** The list of each of the last `most` additions, a ring. */
  readonly #queue: QueuedList<T>[] = [];
  #next = 0;

  constructor(depth: number, most: number) {
    this.#depth = depth;
    this.#most = most;
  }

  add(key: WorkloadKey, item: T): void {
    let list = this.#lists.get(key);
    if (list === undefined) this.#lists.set(key, (list = { items: [], gone: 0 }));
    list.items.push(item);
    if (list.items.length > this.#depth) {
      list.items.shift();
      list.gone += 1;
    }
    const oldest = this.#queue[this.#next];
    if (oldest !== undefined) QueuedLists.#drop(oldest);
    this.#queue[this.#next] = list;
    this.#next = (this.#next + 1) % this.#most;
  }

  of(key: WorkloadKey): readonly T[] {
    return this.#lists.get(key)?.items ?? [];
  }

  /** The list's places in the queue come up empty. */
  forget(key: WorkloadKey): void {
    const list = this.#lists.get(key);
    if (list !== undefined) list.items.length = 0;
    this.#lists.delete(key);
  }

  static #drop(list: QueuedList<unknown>): void {
    if (list.gone > 0) list.gone -= 1;
    else list.items.shift();
  }
}
