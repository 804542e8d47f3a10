import { silentLogger, systemClock, workloadKey, type WorkloadKey } from '../../../src/core/index.ts';
import { parseSpec } from '../../../src/core/spec/index.ts';
import { boundPodView, nodeView, SnapshotStore, workloadView, type PodView } from '../../../src/kube/index.ts';
import { createPlacement } from '../../../src/scaler/index.ts';
import type { Placer } from '../../../src/webhooks/index.ts';
import { boundPod, namespaceOf, nodeObject, sizes, workloadName } from './objects.ts';

type WorkloadRecord = NonNullable<ReturnType<Parameters<typeof createPlacement>[0]['registry']['get']>>;

const recordOf = (workload: number, annotations: Readonly<Record<string, string>>): WorkloadRecord => {
  const ref = { resource: 'deployments.apps', namespace: namespaceOf(workload), name: workloadName(workload) };
  const parsed = parseSpec({ cluster: {}, namespace: {}, podTemplate: {}, workload: annotations });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problem));
  const view = workloadView('deployments.apps')({ metadata: { name: ref.name, namespace: ref.namespace, annotations }, spec: { replicas: 100 } });
  return { key: workloadKey(ref), ref, view, spec: parsed.value.spec, problems: [], warnings: [], state: undefined, phase: 'onboarded' };
};

const throwing = (problem: unknown): never => {
  throw problem instanceof Error ? problem : new Error(String(problem));
};

/** The real placer with the real book of nodes, filled with generated nodes and pods as the watches would. */
export const filledPlacer = async (): Promise<Placer> => {
  const annotations = { 'rouse.dev/enabled': 'true', 'rouse.dev/base-replicas': '2', 'rouse.dev/base-nodes': 'karpenter.sh/capacity-type=on-demand' };
  const records = new Map<WorkloadKey, WorkloadRecord>();
  for (let workload = 0; workload < sizes.workloads; workload += 1) {
    const record = recordOf(workload, annotations);
    records.set(record.key, record);
  }
  const nodes = new SnapshotStore<ReturnType<typeof nodeView>>(throwing);
  const boundPods = new SnapshotStore<ReturnType<typeof boundPodView>>(throwing);
  const pods = new SnapshotStore<PodView>(throwing);
  const { placer } = createPlacement({
    clock: systemClock,
    logger: silentLogger,
    client: { get: throwing, create: throwing, mergePatch: throwing },
    registry: { get: (key) => records.get(key), subscribe: () => () => undefined },
    nodes,
    boundPods,
    pods,
  });
  for (let index = 0; index < sizes.nodes; index += 1) {
    const value = nodeView(nodeObject(index));
    nodes.set({ namespace: '', name: value.name, uid: value.uid, resourceVersion: '1', value });
  }
  for (const snapshot of [nodes, boundPods]) snapshot.markSynced();
  await Promise.all([nodes.synced, boundPods.synced]);
  // Each of them starts, so that there is something to be learned of every node.
  const views = Array.from({ length: sizes.pods }, (_, index) => boundPodView(boundPod(index)));
  for (const [resourceVersion, starting] of [
    ['1', true],
    ['2', false],
  ] as const)
    for (const view of views) {
      const { namespace, name, uid } = view;
      boundPods.set({ namespace, name, uid, resourceVersion, value: starting ? { ...view, ready: false } : view });
    }
  return placer;
};
