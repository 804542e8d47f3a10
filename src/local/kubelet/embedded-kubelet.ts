import type { Clock, Logger, Random } from '../../core/index.ts';
import { EventRecorder } from '../embedded/controllers/events.ts';
import type { InProcessApi } from '../embedded/in-process-api.ts';
import type { PortRange } from './addressing/port-pool.ts';
import { LoopbackAddressing } from './addressing/loopback.ts';
import { EmbeddedKubeletApi } from './embedded-kubelet-api.ts';
import { startKubelet, type Kubelet } from './kubelet.ts';

export interface EmbeddedKubeletOptions {
  readonly api: InProcessApi;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** See `KubeletOptions`. */
  readonly baseEnvironment: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** Default `local`. */
  readonly nodeName?: string;
  /** Ports of pods on 127.0.0.1. Default 10000–19999. */
  readonly ports?: PortRange;
}

/** Starts the node of an embedded cluster: pods on 127.0.0.1, each with ports of its own. */
export const startEmbeddedKubelet = async (options: EmbeddedKubeletOptions): Promise<Kubelet> => {
  const { api, clock, random, logger, baseEnvironment, cwd, nodeName = 'local', ports } = options;
  const events = new EventRecorder(api, clock, random, logger);
  const addressing = new LoopbackAddressing(clock, random, ports);
  const embedded = new EmbeddedKubeletApi(api, clock, events.record, nodeName);
  const kubelet = await startKubelet({ api: embedded, clock, logger, addressing, nodeName, baseEnvironment, cwd }).catch((thrown: unknown) => {
    addressing.close();
    throw thrown;
  });
  return {
    ...kubelet,
    close: async (graceMs) => {
      await kubelet.close(graceMs);
      events.close();
    },
  };
};
