import type { Deployment } from 'kubernetes-types/apps/v1.d.ts';
import type { Pod, PodCondition } from 'kubernetes-types/core/v1.d.ts';
import { instant, ManualClock, millis, seededRandom, silentLogger } from '../../../core/index.ts';
import { resources } from '../../../kube/index.ts';
import type { InProcessApi, StoredObject } from '../in-process-api.ts';
import { startEmbeddedApi } from '../start.ts';
import { startControllers } from './start.ts';

/** A user in the tests of controllers and kubelet. */
export const user = 'kubernetes-admin';

export interface TestCluster {
  readonly api: InProcessApi;
  readonly clock: ManualClock;
  /** Lets every controller finish what it can do now. */
  settle(): Promise<void>;
  close(): Promise<void>;
}

/** The embedded API with its controllers on a clock that stands still, for tests. `wrap` may make some calls of the controllers fail. */
export const startTestCluster = async (wrap: (api: InProcessApi) => InProcessApi = (api) => api): Promise<TestCluster> => {
  const clock = new ManualClock(instant(Date.UTC(2026, 0, 1)));
  const missing = { open: () => ({ kind: 'missing' as const, message: 'no logs here' }) };
  const embedded = await startEmbeddedApi({ clock, random: seededRandom(1), logger: silentLogger, httpsPort: 0, logSource: missing });
  const controllers = startControllers(wrap(embedded.api), clock, seededRandom(2), silentLogger, { caPem: embedded.caPem });
  return {
    api: embedded.api,
    clock,
    settle: async () => {
      for (let turn = 0; turn < 5; turn += 1) await clock.advance(millis(0));
    },
    close: async () => {
      controllers.close();
      await embedded.close();
    },
  };
};

/** A node that takes pods. */
export const addNode = async (api: InProcessApi, name: string, labels: Readonly<Record<string, string>> = {}): Promise<void> => {
  const node = await api.create(resources.nodes, { metadata: { name, labels: { ...labels } } }, user);
  await api.update(resources.nodes, { ...node, status: { allocatable: { pods: '100' } } }, user, 'status');
};

export const deploymentOf = (name: string, replicas: number, more: Partial<Deployment['spec']> = {}): Deployment => ({
  metadata: { name, namespace: 'default' },
  spec: {
    replicas,
    selector: { matchLabels: { app: name } },
    template: {
      metadata: { labels: { app: name } },
      spec: { containers: [{ name: 'app', image: 'example/app:1', command: ['run'], ports: [{ containerPort: 8080 }] }] },
    },
    ...more,
  },
});

type StoredPod = Pod & StoredObject;

const isoSeconds = (clock: ManualClock): string => `${new Date(clock.now()).toISOString().slice(0, 19)}Z`;

/** Plays the kubelet: the pod runs and is ready, or not. */
export const setReady = async ({ api, clock }: TestCluster, pod: StoredPod, ready: boolean, address = '10.0.0.1'): Promise<void> => {
  const now = api.get(resources.pods, pod.metadata.namespace, pod.metadata.name);
  if (now === undefined) return;
  const others = (now.status?.conditions ?? []).filter(({ type }) => type !== 'Ready');
  const condition: PodCondition = { type: 'Ready', status: ready ? 'True' : 'False', lastTransitionTime: isoSeconds(clock) };
  const status = { ...now.status, phase: 'Running', podIP: address, podIPs: [{ ip: address }], conditions: [...others, condition] };
  await api.update(resources.pods, { ...now, status }, user, 'status');
};

/** Plays the kubelet for every pod: all become ready, and those that are being deleted go. Repeats until nothing changes. */
export const runPods = async (cluster: TestCluster): Promise<void> => {
  const { api } = cluster;
  for (let round = 0; round < 20; round += 1) {
    await cluster.settle();
    const pods = api.list(resources.pods);
    const going = pods.filter(({ metadata }) => metadata.deletionTimestamp !== undefined);
    const starting = pods.filter(
      (pod) =>
        pod.metadata.deletionTimestamp === undefined &&
        pod.spec?.nodeName !== undefined &&
        !pod.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True'),
    );
    if (going.length + starting.length === 0) return;
    for (const { metadata } of going) await api.delete(resources.pods, metadata.namespace, metadata.name, { uid: metadata.uid, gracePeriodSeconds: 0 }, user);
    for (const [index, pod] of starting.entries()) await setReady(cluster, pod, true, `10.0.${round}.${index + 1}`);
  }
};
