import { afterThisTurn, millis, type Clock, type Timer } from '../core/index.ts';
import { connectWithinMs } from './http1/limits.ts';

/** When a connection attempt is given up. What the kernel has to say by then is heard first: a gateway that stood still for so long must not put that down to the pod. */
export const connectDeadline = (clock: Clock, giveUp: () => void): Timer => {
  let cancelled = false;
  const timer = clock.after(millis(connectWithinMs), () =>
    afterThisTurn(() => {
      if (!cancelled) giveUp();
    }),
  );
  return {
    cancel: () => {
      cancelled = true;
      timer.cancel();
    },
  };
};
