import { isAbort, millis, type Clock, type Logger, type Millis, type Timer } from '../core/index.ts';

export interface WorkQueueOptions {
  /** Does what is to be done for `key` now; returns when to look again although nothing was heard. It may throw: then it is tried again, later and later. */
  readonly work: (key: string, signal: AbortSignal) => Promise<Millis | undefined>;
  readonly parallel: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

const firstBackoff = 100;
const longestBackoff = 30_000;

/** Keys to be worked on: each at most once at a time, a few at the same time, again if touched meanwhile. */
export class WorkQueue {
  readonly #options: WorkQueueOptions;
  readonly #waiting = new Set<string>();
  readonly #busy = new Set<string>();
  readonly #timers = new Map<string, Timer>();
  readonly #failures = new Map<string, number>();
  #signal: AbortSignal | undefined;

  constructor(options: WorkQueueOptions) {
    this.#options = options;
  }

  touch(key: string): void {
    this.#waiting.add(key);
    this.#next();
  }

  /** Works until aborted; resolves when nothing is under way any more. */
  run(signal: AbortSignal): Promise<void> {
    this.#signal = signal;
    this.#next();
    return new Promise((resolve) => {
      const stop = (): void => {
        for (const timer of this.#timers.values()) timer.cancel();
        this.#timers.clear();
        this.#waiting.clear();
        void Promise.allSettled(this.#running).then(() => resolve());
      };
      if (signal.aborted) stop();
      else signal.addEventListener('abort', stop, { once: true });
    });
  }

  readonly #running = new Set<Promise<void>>();

  #next(): void {
    const signal = this.#signal;
    if (signal === undefined || signal.aborted) return;
    for (const key of this.#waiting) {
      if (this.#busy.size >= this.#options.parallel) return;
      if (this.#busy.has(key)) continue;
      this.#waiting.delete(key);
      this.#busy.add(key);
      const run = this.#work(key, signal).finally(() => {
        this.#running.delete(run);
        this.#busy.delete(key);
        this.#next();
      });
      this.#running.add(run);
    }
  }

  async #work(key: string, signal: AbortSignal): Promise<void> {
    this.#timers.get(key)?.cancel();
    this.#timers.delete(key);
    try {
      // Never inside the event that touched the key: whoever tells it may not be through with it.
      await Promise.resolve();
      const again = await this.#options.work(key, signal);
      this.#failures.delete(key);
      if (again !== undefined) this.#later(key, again);
    } catch (error) {
      if (signal.aborted && isAbort(error)) return;
      const failures = (this.#failures.get(key) ?? 0) + 1;
      this.#failures.set(key, failures);
      this.#options.logger.warn('could not reconcile; trying again', { key, failures, error });
      this.#later(key, millis(Math.min(firstBackoff * 2 ** (failures - 1), longestBackoff)));
    }
  }

  #later(key: string, delay: Millis): void {
    if (this.#signal?.aborted === true) return;
    this.#timers.set(
      key,
      this.#options.clock.after(delay, () => {
        this.#timers.delete(key);
        this.touch(key);
      }),
    );
  }
}
