import { millis, systemClock } from '../core/index.ts';
import type { Terminal } from './terminal.ts';

const every = millis(1000);

/** Runs `work`; once it takes more than a second, what is waited for, and how long, stands on the terminal until it ends. */
export const withProgress = async <T>(terminal: Pick<Terminal, 'progress'>, what: string | (() => string), work: () => Promise<T>): Promise<T> => {
  const began = systemClock.monotonic();
  const timer = systemClock.every(every, () => {
    const waited = Math.round((systemClock.monotonic() - began) / 1000);
    terminal.progress(`${typeof what === 'string' ? what : what()} … ${String(waited)} s`);
  });
  try {
    return await work();
  } finally {
    timer.cancel();
    terminal.progress(undefined);
  }
};
