/** Something that takes as long as its speed lets it. */
interface Job {
  left: number;
  speed: number;
  readonly done: () => void;
}

/**
 * Work that goes on at the same time and slows each other down: whenever one begins or ends, the speeds of all are worked out anew, so that no order of events
 * and no length of a step matters.
 */
export class SharedWork<K extends object> {
  readonly #jobs = new Map<K, Job>();
  readonly #speedOf: (key: K) => number;
  #at = 0;

  /** Work a ms, as things are. */
  constructor(speedOf: (key: K) => number) {
    this.#speedOf = speedOf;
  }

  /** The time until which it has gone on. */
  get at(): number {
    return this.#at;
  }

  get size(): number {
    return this.#jobs.size;
  }

  add(key: K, work: number, done: () => void): void {
    this.#jobs.set(key, { left: work, speed: 0, done });
  }

  drop(key: K): void {
    this.#jobs.delete(key);
  }

  /** Call it after anything that changes how fast something goes; before it, `advance` to that time. */
  refresh(): void {
    for (const [key, job] of this.#jobs) job.speed = this.#speedOf(key);
  }

  /** When the next one is done, if nothing changes. */
  get nextAt(): number {
    let least = Infinity;
    for (const { left, speed } of this.#jobs.values()) least = Math.min(least, left <= 0 ? 0 : left / speed);
    return this.#at + least;
  }

  /** Not past `nextAt`. Those that are done are told, in the order in which they began. */
  advance(at: number): void {
    const passed = at - this.#at;
    this.#at = at;
    const done: [K, Job][] = [];
    for (const entry of this.#jobs) {
      const [, job] = entry;
      job.left -= job.speed * passed;
      // Less than a thousandth of a ms of work is what rounding leaves.
      if (job.left <= job.speed * 1e-3) done.push(entry);
    }
    for (const [key] of done) this.#jobs.delete(key);
    for (const [, job] of done) job.done();
  }
}
