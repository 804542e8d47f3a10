import { millis, seconds, systemClock } from '../../core/index.ts';
import { exitCode } from '../exit-code.ts';

const patience = seconds(1);

/** Waits until standard output has taken everything; where nobody reads it, the process must not live on for that. */
export const untilWritten = async (): Promise<void> => {
  const until = systemClock.monotonic() + patience;
  while (process.stdout.writableLength > 0) {
    if (systemClock.monotonic() > until) process.exit(exitCode.ok);
    await systemClock.sleep(millis(10), new AbortController().signal);
  }
};
