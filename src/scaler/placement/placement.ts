import { workloadKey, type Clock, type Logger, type WorkloadKey } from '../../core/index.ts';
import type { BoundPodView, KubeClient, NodeView, PodView, Snapshot } from '../../kube/index.ts';
import type { WorkloadRegistry } from '../registry.ts';
import { HistoryStore } from './history-store.ts';
import { NodeBook } from './node-book.ts';
import { PlacedPods, type PlacedPod } from './placed-pods.ts';
import { createPlacer, type Placer } from './placer.ts';
import { createRemovalOrder, type RemovalOrder } from './removal-order.ts';
import { StartHistory } from './start-history.ts';
import { workloadOfPod } from './workload-of-pod.ts';

export interface PlacementPorts {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly client: Pick<KubeClient, 'get' | 'create' | 'mergePatch'>;
  readonly registry: Pick<WorkloadRegistry, 'get' | 'subscribe'>;
  readonly nodes: Snapshot<NodeView>;
  /** Of the whole cluster (`boundPods`). */
  readonly boundPods: Snapshot<BoundPodView>;
  /** Of the namespaces that have workloads, as the scaler has them: they tell when a pod is over that was never seen bound. */
  readonly pods: Snapshot<PodView>;
}

/** Where new pods of workloads should go, and which are to go first. There is one while placement is on. */
export interface WorkloadPlacement {
  readonly placer: Placer;
  readonly removalOrder: RemovalOrder;
  /** The newest placements of a workload, the newest last. */
  placed(workload: WorkloadKey): readonly PlacedPod[];
  /** What earlier processes have learned. */
  read(signal: AbortSignal): Promise<void>;
  /** Writes down what is learned until `signal` aborts. */
  lead(signal: AbortSignal): Promise<void>;
  close(): void;
}

export const createPlacement = ({ clock, logger, client, registry, nodes, boundPods, pods }: PlacementPorts): WorkloadPlacement => {
  const placed = new PlacedPods();
  const history = new StartHistory((node, slowness) => {
    book.learned(node, slowness);
  });
  const book: NodeBook = new NodeBook({
    clock,
    nodes,
    pods: boundPods,
    bound: ({ uid, nodeName }) => {
      placed.bound(uid, nodeName);
    },
    started: ({ namespace, owner, revision, nodeName: node }, ms) => {
      const ref = workloadOfPod(namespace, owner, revision);
      const record = ref === undefined ? undefined : registry.get(workloadKey(ref));
      if (record !== undefined && revision !== undefined) history.record({ workload: record.key, revision, node, ms });
    },
    nodeGone: (name) => {
      history.nodeGone(name);
    },
    slownessOf: (name) => history.slowness(name),
  });
  const store = new HistoryStore({ client, clock, logger, history });
  const stops = [
    pods.subscribe((event) => {
      if (event.type === 'delete') book.release(event.previous.uid);
      // A node that has no room for it any more refuses a pod (`OutOfcpu`): two schedulers gave the same room away.
      else if (event.value.phase === 'Failed') book.release(event.value.uid);
    }),
    registry.subscribe((key) => {
      if (registry.get(key) !== undefined) return;
      history.forget(key);
      placed.forget(key);
    }),
  ];
  return {
    placer: createPlacer({ clock, registry, book, history, placed }),
    removalOrder: createRemovalOrder({ book, history }),
    placed: (workload) => placed.of(workload),
    read: (signal) => store.read(signal),
    lead: (signal) => store.lead(signal),
    close: () => {
      for (const stop of stops) stop();
      book.close();
    },
  };
};
