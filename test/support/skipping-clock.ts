import { systemClock, type Clock } from '../../src/core/index.ts';

/** The machine's clock, of which a test may skip a part: a time limit is over when the test says so, and not before, however slow the machine is. Timers run as they do. */
export const skippingClock = (): Clock & { readonly skip: (ms: number) => void } => {
  let skipped = 0;
  return { ...systemClock, monotonic: () => systemClock.monotonic() + skipped, skip: (ms) => void (skipped += ms) };
};
