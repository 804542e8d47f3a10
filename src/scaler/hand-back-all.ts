import { isAbort, type Clock, type Logger, type WorkloadKey } from '../core/index.ts';
import type { KubeClient, PodView, Snapshot } from '../kube/index.ts';
import type { ScalerEvent } from './events.ts';
import { OffBoarding } from './off-boarding.ts';
import { PodsOf } from './pods-of.ts';
import type { PathManager, ResourceOf, WorkloadLoad } from './ports.ts';
import type { WorkloadRegistry } from './registry.ts';
import { Turns } from './turns.ts';
import { WakeFailures } from './wake-failures.ts';
import { builtInResource } from './workload-kinds.ts';

export interface HandBackAllPorts {
  readonly client: Pick<KubeClient, 'get' | 'list' | 'writeScale' | 'create' | 'mergePatch'>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Has to hand everything back (`handsBackAll`). */
  readonly registry: WorkloadRegistry;
  /** Of all namespaces that have workloads. */
  readonly pods: Snapshot<PodView>;
  readonly path: PathManager;
  readonly tell: (event: ScalerEvent) => void;
  /** Beyond Deployments and StatefulSets. */
  readonly resourceOf?: ResourceOf;
}

/** Started at once: a cluster has only so many places. */
const startedAtOnce = 20;
/** Handed back at once. Many, since one that cannot be handed back (a Service that cannot be read, an HPA that a quota refuses) keeps its place to the end. */
const atOnce = 200;

const unknownLoad: WorkloadLoad = { metrics: [], held: 0, inFlight: 0, inFlightByPod: new Map(), warm: false, absentGateways: 0 };

/**
 * Hands every workload back without a controller: nobody knows the load, so each keeps as many pods as it has, or as many as before onboarding
 * if that is more. Resolves when none is left; safe to begin again after any crash. Rejects only if aborted or by a bug.
 */
export const handBackAll = async (ports: HandBackAllPorts, signal: AbortSignal): Promise<void> => {
  const { registry, pods, logger } = ports;
  const podsOf = new PodsOf(pods, () => undefined);
  const waiting: WorkloadKey[] = [...registry.values()].map(({ key }) => key);
  const offBoardingPorts = {
    ...ports,
    resourceOf: (resource: string) => builtInResource(resource) ?? ports.resourceOf?.(resource),
    metrics: { observe: () => unknownLoad, isQuiet: () => false, forget: () => undefined },
    failures: new WakeFailures(),
    podsOf: (key: WorkloadKey) => podsOf.get(key),
    keepsCount: true,
    turns: new Turns(startedAtOnce),
  };
  const worker = async (): Promise<void> => {
    for (let key = waiting.shift(); key !== undefined; key = waiting.shift()) {
      const record = registry.get(key);
      if (record === undefined) continue;
      podsOf.follow(record.view);
      await new OffBoarding(offBoardingPorts, key, signal).run(record.view.specReplicas).catch((thrown: unknown) => {
        if (isAbort(thrown) || signal.aborted) throw thrown;
        logger.error('handing a workload back failed', { workload: key, error: thrown });
      });
    }
  };
  try {
    await Promise.all(Array.from({ length: atOnce }, worker));
  } finally {
    podsOf.close();
  }
};
