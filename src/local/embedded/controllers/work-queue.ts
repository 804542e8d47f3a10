import { millis, messageOf, type Clock, type Logger, type Millis, type Timer } from '../../../core/index.ts';
import { ApiError } from '../api-error.ts';
import type { Turns } from './turns.ts';

export interface WorkQueueOptions {
  readonly name: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Makes the world of one key right. Called for one key at a time; throws to be called again later. */
  readonly reconcile: (key: string) => Promise<void>;
  /** Keys worked on at once. */
  readonly workers?: number;
  /** When to let others of the process go first. Default: never. */
  readonly turns?: Turns;
}

/** Delay after a failed attempt: 5 ms doubling to 1000 s (ItemExponentialFailureRateLimiter of client-go `util/workqueue`). */
const firstRetry = 5;
const lastRetry = 1_000_000;
/** The longest that a timer of Node takes: a longer one would fire at once, again and again. */
const longestWait = 2 ** 31 - 1;

/**
 * Level-triggered work: keys that need a look, each at most once in the queue, never two at a time for one key. Work starts in a microtask
 * after the change that asked for it, so that a burst of changes costs one look and a single change no wait; work without end pauses for
 * the event loop (`turns.ts`).
 */
export class WorkQueue {
  readonly #options: WorkQueueOptions;
  readonly #waiting = new Set<string>();
  readonly #running = new Set<string>();
  readonly #timers = new Map<string, { readonly dueAt: number; readonly timer: Timer }>();
  readonly #failures = new Map<string, number>();
  #pumping = false;
  #closed = false;

  constructor(options: WorkQueueOptions) {
    this.#options = options;
  }

  add(key: string): void {
    if (this.#closed) return;
    this.#waiting.add(key);
    this.#wake();
  }

  /** Adds the key after `wanted` (25 days at most: a look too early does no harm), or at the earlier time at which it is due already. */
  addAfter(key: string, wanted: Millis): void {
    if (this.#closed) return;
    const delay = millis(Math.min(wanted, longestWait));
    const dueAt = this.#options.clock.monotonic() + delay;
    const planned = this.#timers.get(key);
    if (planned !== undefined && planned.dueAt <= dueAt) return;
    planned?.timer.cancel();
    const timer = this.#options.clock.after(delay, () => {
      this.#timers.delete(key);
      this.add(key);
    });
    this.#timers.set(key, { dueAt, timer });
  }

  close(): void {
    this.#closed = true;
    this.#waiting.clear();
    for (const { timer } of this.#timers.values()) timer.cancel();
    this.#timers.clear();
  }

  #wake(when: Promise<unknown> = Promise.resolve()): void {
    if (this.#pumping) return;
    this.#pumping = true;
    void when.then(() => {
      this.#pumping = false;
      this.#pump();
    });
  }

  #pump(): void {
    for (const key of this.#waiting) {
      if (this.#running.size >= (this.#options.workers ?? 16)) return;
      if (this.#running.has(key)) continue;
      const pause = this.#options.turns?.pause();
      if (pause !== undefined) {
        this.#wake(pause);
        return;
      }
      this.#waiting.delete(key);
      this.#running.add(key);
      void this.#work(key);
    }
  }

  async #work(key: string): Promise<void> {
    try {
      await this.#options.reconcile(key);
      this.#failures.delete(key);
    } catch (thrown) {
      this.#retry(key, thrown);
    } finally {
      this.#running.delete(key);
      if (this.#waiting.size > 0) this.#wake();
    }
  }

  #retry(key: string, thrown: unknown): void {
    if (this.#closed) return;
    const failures = this.#failures.get(key) ?? 0;
    this.#failures.set(key, failures + 1);
    const fields = { controller: this.#options.name, key, failures: failures + 1, error: messageOf(thrown) };
    if (thrown instanceof ApiError) this.#options.logger.debug('the API did not do as a controller asked; trying again', fields);
    else this.#options.logger.error('a controller failed; trying again', { ...fields, thrown });
    this.addAfter(key, millis(Math.min(lastRetry, firstRetry * 2 ** failures)));
  }
}
