import type { LifecycleHandler } from 'kubernetes-types/core/v1.d.ts';
import { isAbort, seconds, type Clock } from '../../core/index.ts';
import { exec, httpGet, tcpSocket, type ProbeTarget } from './probes/probe.ts';

/** Runs a postStart or preStop hook, until `signal` aborts at the latest; a sentence if it failed. */
export const runHook = async (hook: LifecycleHandler, target: ProbeTarget, clock: Clock, signal: AbortSignal): Promise<string | undefined> => {
  if (hook.sleep !== undefined) {
    try {
      await clock.sleep(seconds(hook.sleep.seconds), signal);
    } catch (thrown) {
      if (!isAbort(thrown)) throw thrown;
    }
    return undefined;
  }
  const run = hook.exec !== undefined ? exec(hook.exec, target, signal) : hook.httpGet !== undefined ? httpGet(hook.httpGet, target, signal) : undefined;
  const result = await (run ?? (hook.tcpSocket === undefined ? undefined : tcpSocket(hook.tcpSocket, target, signal)));
  return result === undefined || result.isSuccess ? undefined : `hook failed: ${result.message}`;
};
