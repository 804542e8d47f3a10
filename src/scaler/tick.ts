import { millis, type Clock, type WorkloadKey } from '../core/index.ts';

/** Between two looks at every workload, in both policies. */
export const tickPeriod = millis(2000);

/** Looked at without a break: some 5 ms. A poke that comes during a tick over thousands of workloads must not wait for its end. */
const slice = 200;
const pause = millis(1);

/** Runs `look` for each key in slices, then `done` with the time that all took, in ms. One round at a time: while one is under way another is not begun. */
export class SlicedRound {
  readonly #clock: Clock;
  readonly #look: (key: WorkloadKey) => void;
  readonly #done: (tookMs: number) => void;
  #begunAt = 0;
  #left: WorkloadKey[] = [];

  constructor(clock: Clock, look: (key: WorkloadKey) => void, done: (tookMs: number) => void) {
    this.#clock = clock;
    this.#look = look;
    this.#done = done;
  }

  begin(keys: Iterable<WorkloadKey>): void {
    if (this.isUnderWay) return;
    this.#left = [...keys].reverse();
    this.#begunAt = this.#clock.monotonic();
    this.#next();
  }

  get isUnderWay(): boolean {
    return this.#left.length > 0;
  }

  stop(): void {
    this.#left = [];
  }

  #next(): void {
    for (let count = 0; count < slice; count++) {
      const key = this.#left.pop();
      if (key === undefined) break;
      this.#look(key);
    }
    if (this.#left.length === 0) {
      this.#left = [];
      this.#done(this.#clock.monotonic() - this.#begunAt);
    } else
      this.#clock.after(pause, () => {
        this.#next();
      });
  }
}
