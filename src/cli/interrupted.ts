import { isAbort, systemClock, type Millis } from '../core/index.ts';

/** Aborts on SIGINT and SIGTERM: that is how somebody who watches stops. */
const untilInterrupted = (): { readonly signal: AbortSignal; readonly release: () => void } => {
  const controller = new AbortController();
  const stop = (): void => controller.abort();
  const names = ['SIGINT', 'SIGTERM'] as const;
  for (const name of names) process.once(name, stop);
  return {
    signal: controller.signal,
    release: () => {
      for (const name of names) process.off(name, stop);
    },
  };
};

/** Runs `work` until the process is told to stop, or `unread` aborts: nobody reads what it says. Its end by that is a good end. */
export const untilStopped = async (work: (signal: AbortSignal) => Promise<void>, unread?: AbortSignal): Promise<void> => {
  const { signal: told, release } = untilInterrupted();
  const signal = unread === undefined ? told : AbortSignal.any([told, unread]);
  // The clock's own timers do not keep a process alive.
  const alive = setInterval(() => undefined, 60_000);
  try {
    await work(signal);
  } catch (failure) {
    if (!signal.aborted && !isAbort(failure)) throw failure;
  } finally {
    clearInterval(alive);
    release();
  }
};

/** Runs `look` again and again, `every` after the last one ended, until `signal` aborts. */
export const again = async (every: Millis, signal: AbortSignal, look: () => Promise<void>): Promise<void> => {
  while (!signal.aborted) {
    await look();
    await systemClock.sleep(every, signal);
  }
};
