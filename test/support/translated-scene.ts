import type { ClientHttp2Session } from 'node:http2';
import type { ExecutionContext } from 'ava';
import type { WorkloadRoute } from '../../src/core/index.ts';
import { until, web } from './gateway-rig.ts';
import { dialHttp2 } from './http2-rig.ts';
import { startScene, type Scene, type Script } from './scripted-origin.ts';

/** A client of HTTP/2 at a port whose pod speaks HTTP/1.1, byte for byte. */
export interface TranslatedScene extends Scene {
  readonly session: ClientHttp2Session;
  /** Statuses that were counted, when nothing is in flight any more. */
  readonly counted: () => Promise<readonly (readonly [number, number])[]>;
}

export const startTranslatedScene = async (
  t: ExecutionContext,
  script: Script,
  patch: Partial<WorkloadRoute> = {},
  gateway: Parameters<typeof startScene>[3] = {},
): Promise<TranslatedScene> => {
  const scene = await startScene(t, script, patch, gateway);
  const counters = scene.rig.gateway.counters.workloads.get(web)!;
  return {
    ...scene,
    session: await dialHttp2(t, scene.rig.port),
    counted: async () => {
      await until('nothing is in flight', () => counters.inFlight === 0 && counters.held === 0);
      return [...counters.requests].sort(([a], [b]) => a - b);
    },
  };
};
