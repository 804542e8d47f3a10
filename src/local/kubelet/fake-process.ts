import type { GuardedProcess, ProcessExit } from './guard/process-guard.ts';

/** A process that is none: it runs until it is told to end, and does so at once. */
export const fakeProcess = (): GuardedProcess => {
  const { promise, resolve } = Promise.withResolvers<ProcessExit>();
  return {
    pid: 0,
    exited: promise,
    signal: (signal) => {
      resolve(signal === 'SIGTERM' ? { exitCode: 0, signal: undefined, isLost: false } : { exitCode: 137, signal: 'SIGKILL', isLost: false });
    },
  };
};
