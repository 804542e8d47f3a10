import type { Clock, Millis } from '../core/index.ts';

/** Resolves with true when `work` is complete, with false when `signal` aborts first. */
export const completed = (work: Promise<unknown>, signal: AbortSignal): Promise<boolean> =>
  new Promise((resolve, reject) => {
    const giveUp = (): void => resolve(false);
    if (signal.aborted) return giveUp();
    signal.addEventListener('abort', giveUp, { once: true });
    work.then(() => resolve(true), reject).finally(() => signal.removeEventListener('abort', giveUp));
  });

/** The same, with a limit of time. */
export const within = async (clock: Clock, limit: Millis, signal: AbortSignal, work: Promise<unknown>): Promise<boolean> => {
  const expired = new AbortController();
  const timer = clock.after(limit, () => expired.abort());
  try {
    return await completed(work, AbortSignal.any([signal, expired.signal]));
  } finally {
    timer.cancel();
  }
};

/** Waits for states of the world: whoever changes it tells, and then the conditions are looked at again. */
export class Changes {
  readonly #clock: Clock;
  readonly #watchers = new Set<() => void>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  tell(): void {
    for (const watcher of this.#watchers) watcher();
  }

  /** Resolves with true as soon as `condition` holds, with false when it does not in time or `signal` aborts. */
  until(condition: () => boolean, limit: Millis, signal: AbortSignal): Promise<boolean> {
    if (condition()) return Promise.resolve(true);
    if (signal.aborted) return Promise.resolve(false);
    return new Promise((resolve) => {
      const finish = (result: boolean): void => {
        timer.cancel();
        this.#watchers.delete(check);
        signal.removeEventListener('abort', giveUp);
        resolve(result);
      };
      const check = (): void => {
        if (condition()) finish(true);
      };
      const giveUp = (): void => finish(false);
      const timer = this.#clock.after(limit, giveUp);
      this.#watchers.add(check);
      signal.addEventListener('abort', giveUp, { once: true });
    });
  }
}
