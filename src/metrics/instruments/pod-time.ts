import type { WorkloadKey } from '../../core/index.ts';

/** Of one workload, or of all together: how long pods were there, and how long those were not that it had before onboarding. */
export interface PodSeconds {
  readonly used: number;
  readonly saved: number;
}

/** Of each workload five numbers beside each other: a hundred thousand that sleep have them too. */
const [upTo, pods, before, used, saved] = [0, 1, 2, 3, 4];
const width = 5;

/**
 * Adds up pods × seconds: at each look what there was since the look before, and at each scrape up to the moment. A count that changes between two looks is seen
 * up to one tick late, when it rises as when it falls. Only the leader counts, so that the controllers' figures may be added up.
 */
export class PodTime {
  readonly #monotonicMs: () => number;
  /** Where the numbers of a workload begin. */
  readonly #places = new Map<WorkloadKey, number>();
  readonly #free: number[] = [];
  #numbers = new Float64Array(64 * width);
  #used = 0;
  #saved = 0;

  constructor(monotonicMs: () => number) {
    this.#monotonicMs = monotonicMs;
  }

  /** `replicasBefore` onboarding, where that is on record. On the path of every look: allocates nothing but for a workload that is new. */
  look(key: WorkloadKey, podsNow: number, replicasBefore: number | undefined, counts: boolean): void {
    const place = this.#places.get(key) ?? this.#newPlace(key);
    const beforeNow = replicasBefore ?? 0;
    // As long as nothing changes the next scrape, or the look that sees a change, adds up all of it.
    if (this.#at(place + pods) === podsNow && this.#at(place + before) === beforeNow && Number.isNaN(this.#at(place + upTo)) !== counts) return;
    const now = this.#monotonicMs();
    this.#advance(place, now);
    // What is not ours to count has no time from which on it is counted.
    this.#numbers[place + upTo] = counts ? now : Number.NaN;
    this.#numbers[place + pods] = podsNow;
    this.#numbers[place + before] = beforeNow;
  }

  /** Brings everything up to now. */
  upToNow(): void {
    const now = this.#monotonicMs();
    for (const place of this.#places.values()) this.#advance(place, now);
  }

  of(key: WorkloadKey): PodSeconds | undefined {
    const place = this.#places.get(key);
    return place === undefined ? undefined : { used: this.#at(place + used), saved: this.#at(place + saved) };
  }

  /** Of all workloads, those that were handed back too. */
  get all(): PodSeconds {
    return { used: this.#used, saved: this.#saved };
  }

  keys(): Iterable<WorkloadKey> {
    return this.#places.keys();
  }

  forget(key: WorkloadKey): void {
    const place = this.#places.get(key);
    if (place === undefined) return;
    this.#advance(place, this.#monotonicMs());
    this.#places.delete(key);
    this.#free.push(place);
    if (this.#places.size > 0) return;
    this.#free.length = 0;
    this.#numbers = new Float64Array(64 * width);
  }

  #newPlace(key: WorkloadKey): number {
    const place = this.#free.pop() ?? this.#places.size * width;
    if (place >= this.#numbers.length) {
      const larger = new Float64Array(this.#numbers.length * 2);
      larger.set(this.#numbers);
      this.#numbers = larger;
    }
    this.#numbers.fill(0, place, place + width);
    this.#numbers[place + upTo] = Number.NaN;
    this.#places.set(key, place);
    return place;
  }

  #advance(place: number, now: number): void {
    const since = this.#at(place + upTo);
    if (Number.isNaN(since)) return;
    const seconds = Math.max(0, now - since) / 1000;
    const there = this.#at(place + pods) * seconds;
    const spared = Math.max(0, this.#at(place + before) - this.#at(place + pods)) * seconds;
    this.#numbers[place + used] = this.#at(place + used) + there;
    this.#numbers[place + saved] = this.#at(place + saved) + spared;
    this.#used += there;
    this.#saved += spared;
    this.#numbers[place + upTo] = now;
  }

  #at(index: number): number {
    return this.#numbers[index] ?? 0;
  }
}
