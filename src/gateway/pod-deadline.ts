import { afterThisTurn, millis, type Clock, type Timer } from '../core/index.ts';
import { connectWithinMs } from './http1/limits.ts';

/** When a pod has had its time. What the kernel has to say by then is heard first: a gateway that stood still for so long must not put that down to the pod. */
export const podDeadline = (clock: Clock, withinMs: number, over: () => void): Timer => {
  let cancelled = false;
  const timer = clock.after(millis(withinMs), () =>
    afterThisTurn(() => {
      if (!cancelled) over();
    }),
  );
  return {
    cancel: () => {
      cancelled = true;
      timer.cancel();
    },
  };
};

/** When a connection attempt is given up. */
export const connectDeadline = (clock: Clock, giveUp: () => void): Timer => podDeadline(clock, connectWithinMs, giveUp);
