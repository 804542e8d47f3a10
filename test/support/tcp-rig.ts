import type { ExecutionContext } from 'ava';
import type { WorkloadCounters } from '../../src/gateway/index.ts';
import type { WorkloadRoute } from '../../src/core/index.ts';
import { freePort, podAt, startRig, until, web, type Rig } from './gateway-rig.ts';

export interface TcpRig extends Rig {
  readonly counters: WorkloadCounters;
  /** Waits until a connection is held and the workload was asked for; only then starts it (`start` gives its port). */
  readonly wakeWith: (start: () => Promise<number>) => Promise<void>;
  /** How many connections there have been, when all of them have ended. */
  readonly allEnded: () => Promise<number>;
}

/** A gateway with one TCP port, for a workload at zero. */
export const startTcpRig = async (t: ExecutionContext, patch: Partial<WorkloadRoute> = {}, gateway: Parameters<typeof startRig>[1] = {}): Promise<TcpRig> => {
  const port = await freePort();
  const rig = await startRig({ listeners: [{ address: '127.0.0.1', port, protocol: 'tcp', target: 'http' }], ...patch }, gateway);
  t.teardown(rig.stop);
  const counters = rig.gateway.counters.workloads.get(web)!;
  const { pokes } = rig;
  return {
    ...rig,
    port,
    counters,
    wakeWith: async (start) => {
      await until('somebody waits for it', () => counters.held > 0 && pokes.length > 0);
      await rig.route({ pods: [podAt(await start())] });
    },
    allEnded: async () => {
      await until('every connection has ended', () => counters.inFlight === 0 && counters.held === 0);
      return [...counters.requests.values()].reduce((sum, count) => sum + count, 0);
    },
  };
};
