import { systemNamespace } from '../../core/index.ts';
import { boundPods, boundPodView, nodeView, resources, watchResource, type KubeClient } from '../../kube/index.ts';
import { createPlacement, type WorkloadPlacement, type WorkloadRegistry } from '../../scaler/index.ts';
import { createExtender, placementLabel, placementModes, type Extender, type PodPlacement } from '../../webhooks/index.ts';
import type { ClusterWatches } from './cluster-watches.ts';
import type { ControllerOptions } from './controller-options.ts';
import { followSchedulerLease } from './scheduler-lease.ts';

/** Where new pods go, wired: nodes and bound pods come in by watches of their own, schedulers and the webhook of Pods ask. There is one with `--placement`. */
export interface Placing extends Pick<WorkloadPlacement, 'placed' | 'removalOrder'> {
  readonly extender: Extender;
  readonly pods: PodPlacement;
  /** Writes down what is learned, until `term` aborts. */
  lead(term: AbortSignal): Promise<void>;
  run(signal: AbortSignal): Promise<void>;
}

interface Around {
  readonly options: ControllerOptions;
  readonly client: KubeClient;
  readonly watches: ClusterWatches;
  readonly registry: WorkloadRegistry;
}

export const createPlacing = ({ options, client, watches, registry }: Around): Placing => {
  const { connection, clock, random } = options;
  const logger = options.logger.child({ part: 'placement' });
  const around = { connection, clock, random, logger };
  const nodes = watchResource({ ...around, resource: resources.nodes, view: nodeView });
  const bound = watchResource({ ...around, resource: resources.pods, selection: boundPods, view: boundPodView });
  const lease = followSchedulerLease(around);
  const placement = createPlacement({ clock, logger, client, registry, nodes: nodes.snapshot, boundPods: bound.snapshot, pods: watches.pods.snapshot });
  const { placer } = placement;
  return {
    placed: (key) => placement.placed(key),
    removalOrder: placement.removalOrder,
    extender: createExtender({ placer, clock, logger }),
    pods: {
      modeIn: (namespace) => (namespace === systemNamespace ? undefined : placementModes.get(watches.namespaces.get(namespace)?.labels[placementLabel] ?? '')),
      schedulerIsAlive: () => lease.isAlive(),
      nodeNames: () => [...nodes.snapshot.values()].map(({ name }) => name),
      placer,
    },
    lead: (term) => placement.lead(term),
    run: async (signal) => {
      try {
        await Promise.all([placement.read(signal), nodes.run(signal), bound.run(signal), lease.run(signal)]);
      } catch (thrown) {
        // Told to end before the history was read.
        if (!signal.aborted) throw thrown;
      } finally {
        placement.close();
      }
    },
  };
};
