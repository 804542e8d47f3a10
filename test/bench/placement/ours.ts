import { instant, silentLogger, workloadKey, type Clock, type WorkloadKey } from '../../../src/core/index.ts';
import { parseSpec } from '../../../src/core/spec/index.ts';
import { SnapshotStore, workloadView, type BoundPodView, type KubeObject, type NodeView, type PodView } from '../../../src/kube/index.ts';
import { createPlacement, leavingPods, type PlacementPorts } from '../../../src/scaler/index.ts';
import { aContainer, aPod } from '../../support/views.ts';
import type { Contestant } from './contestant.ts';
import type { Workload } from './load.ts';
import type { SimulatedPod } from './machine.ts';
import type { Settings } from './settings.ts';

type WorkloadRecord = NonNullable<ReturnType<PlacementPorts['registry']['get']>>;
export type Policy = 'warm' | 'spread' | 'pack';

const namespace = 'default';
const nameOf = ({ index }: Workload): string => `app-${index}`;
const keyOf = (workload: Workload): WorkloadKey => workloadKey({ resource: 'deployments.apps', namespace, name: nameOf(workload) });

const recordOf = (workload: Workload, policy: Policy): WorkloadRecord => {
  const ref = { resource: 'deployments.apps', namespace, name: nameOf(workload) };
  const annotations = { 'rouse.dev/enabled': 'true', 'rouse.dev/placement': policy };
  const parsed = parseSpec({ cluster: {}, namespace: {}, podTemplate: {}, workload: annotations });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problem));
  const view = workloadView('deployments.apps')({ metadata: { name: ref.name, namespace, annotations }, spec: { replicas: 0 } });
  return { key: keyOf(workload), ref, view, spec: parsed.value.spec, problems: [], warnings: [], state: undefined, phase: 'onboarded' };
};

const throwing = (problem: unknown): never => {
  throw problem instanceof Error ? problem : new Error(String(problem));
};
const silent = (): never => throwing('nobody calls this');

/** The extender's weight in `deploy/components/placement/scheduler.yaml`, times what a point of an extender is on the scheduler's scale (schedule_one.go, `prioritizeNodes`). */
const pointOfOurs = 10 * (100 / 10);

/** The stock scheduler with Rouse's real placement beside it: `src/scaler/placement` and `src/decider/placement.ts`, told of nodes and pods as its watches tell it. */
export const ours = async (policy: Policy, settings: Settings, workloads: readonly Workload[], now: () => number): Promise<Contestant> => {
  const records = new Map(workloads.map((workload) => [keyOf(workload), recordOf(workload, policy)]));
  const [nodes, boundPods, pods] = [new SnapshotStore<NodeView>(throwing), new SnapshotStore<BoundPodView>(throwing), new SnapshotStore<PodView>(throwing)];
  const clock: Clock = { now: () => instant(now()), monotonic: now, after: silent, every: silent, sleep: silent };
  const { placer, removalOrder } = createPlacement({
    clock,
    logger: silentLogger,
    client: { get: silent, create: silent, mergePatch: silent },
    registry: { get: (key) => records.get(key), subscribe: () => () => undefined },
    nodes,
    boundPods,
    pods,
  });
  for (const store of [nodes, boundPods, pods]) store.markSynced();
  await Promise.all([nodes.synced, boundPods.synced]);

  let version = 0;
  const entry = <T>(name: string, value: T, where = namespace): Parameters<SnapshotStore<T>['set']>[0] => ({
    namespace: where,
    name,
    uid: name,
    resourceVersion: String((version += 1)),
    value,
  });
  const owner = ({ workload, revision }: SimulatedPod): NonNullable<BoundPodView['owner']> => ({
    kind: 'ReplicaSet',
    name: `${nameOf(workload)}-r${revision}`,
    uid: `rs-${workload.index}-${revision}`,
  });
  const views = new Map<SimulatedPod, PodView>();
  const put = (pod: SimulatedPod, ready: boolean): void => {
    const { name, uid, workload, revision, machine, createdAt, image } = pod;
    const { cpu, memory } = workload;
    const more = { hasRestarted: false, deleting: false, finished: false };
    const nodeName = machine?.name ?? '';
    boundPods.set(entry(name, { namespace, name, uid, owner: owner(pod), revision: `r${revision}`, nodeName, requests: { cpu, memory }, ready, ...more }));
    const labels = { 'pod-template-hash': `r${revision}` };
    const view = aPod(name, { uid, labels, createdAt, nodeName, ready, containers: [aContainer({ image, ready })] });
    views.set(pod, view);
    pods.set(entry(name, view));
  };
  return {
    machineChanged: ({ name, zone, namedImages: images }) =>
      nodes.set(
        entry(
          name,
          {
            name,
            uid: name,
            labels: {},
            zone,
            taints: [],
            unschedulable: false,
            deleting: false,
            allocatable: { cpu: settings.cores, memory: settings.memory, pods: 110 },
            images,
            namesAllImages: images.length > 0 && images.length < settings.imagesInStatus,
          },
          '',
        ),
      ),
    machineGone: ({ name }) => nodes.delete('', name),
    bound: (pod) => put(pod, false),
    ready: (pod) => put(pod, true),
    gone: (pod) => {
      views.delete(pod);
      for (const store of [boundPods, pods]) store.delete(namespace, pod.name);
    },
    scores: (pod, candidates) => {
      const { workload, revision, image, uid, name } = pod;
      const resources = { requests: { cpu: String(workload.cpu), memory: String(workload.memory) } };
      const object = { spec: { containers: [{ name: 'app', image, resources }] } } as KubeObject;
      const placement = placer.placementOf({ uid, namespace, name, owner: owner(pod), templateHash: `r${revision}`, object });
      if (typeof placement === 'string') throw new Error(placement);
      const names = candidates.map((machine) => machine.name);
      const scores = placement.scores(names, () => undefined);
      const best = Math.max(...scores.map((score) => score ?? 0));
      placement.answered(names.filter((_, index) => scores[index] === best));
      return scores.map((score) => (score ?? 0) * pointOfOurs);
    },
    leaving: (all, surplus) => {
      const record = records.get(keyOf(all[0]!.workload))!;
      const known = all.flatMap((pod) => views.get(pod) ?? []);
      const waiting = all.filter((pod) => pod.machine === undefined).slice(0, surplus);
      const first = leavingPods('deployments.apps', known, new Map(), known.length - (surplus - waiting.length), removalOrder(record, known));
      const names = new Set(first.map(({ name }) => name));
      return [...waiting, ...all.filter(({ name }) => names.has(name))];
    },
  };
};
