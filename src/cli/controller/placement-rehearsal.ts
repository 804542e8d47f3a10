import { once } from 'node:events';
import { Agent, createServer, request } from 'node:https';
import type { AddressInfo } from 'node:net';
import { seconds, silentLogger, workloadKey, type Clock } from '../../core/index.ts';
import { parseSpec } from '../../core/spec/index.ts';
import { boundPodView, nodeView, SnapshotStore, workloadView, type PodView } from '../../kube/index.ts';
import { createPlacement } from '../../scaler/index.ts';
import { createExtender, type Extender, type Placer } from '../../webhooks/index.ts';

const nodes = 500;
/** Until V8 has compiled what thousands of nodes need: 30,000 nodes are scored. */
const callsOfEach = 60;
const longest = seconds(5);

const ref = { resource: 'deployments.apps', namespace: 'rehearsal', name: 'rehearsal' } as const;
const nodeName = (index: number): string => `rehearsal-${index}.example.com`;

const nodeObject = (index: number): object => ({
  metadata: { name: nodeName(index), labels: { 'topology.kubernetes.io/zone': `zone-${index % 3}`, pool: index % 2 === 0 ? 'base' : 'burst' } },
  status: { allocatable: { cpu: `${4000 + index}m`, memory: '16Gi', pods: '110' }, images: [{ names: [index % 2 === 0 ? 'app:1' : 'other:1'] }] },
});

const podObject = (workload: string, name: string, more: { readonly spec?: object; readonly status?: object } = {}): object => ({
  metadata: {
    name,
    namespace: ref.namespace,
    uid: name,
    labels: { 'pod-template-hash': '1' },
    ownerReferences: [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: `${workload}-1`, uid: workload, controller: true }],
  },
  spec: { containers: [{ name: 'app', image: 'app:1', resources: { requests: { cpu: '100m', memory: '64Mi' } } }], ...more.spec },
  status: more.status ?? {},
});

const throwing = (problem: unknown): never => {
  throw problem instanceof Error ? problem : new Error(String(problem));
};

/** A cluster that is not there, with one workload that has started on every node. */
const madeUpPlacer = async (clock: Clock): Promise<Placer> => {
  const annotations = { 'rouse.dev/enabled': 'true', 'rouse.dev/base-nodes': 'pool=base', 'rouse.dev/base-replicas': '1' };
  const parsed = parseSpec({ workload: annotations });
  if (!parsed.ok) throw new Error('the settings of the rehearsal are not legal');
  const view = workloadView(ref.resource)({ metadata: { ...ref, annotations } });
  const record = { key: workloadKey(ref), ref, view, spec: parsed.value.spec, problems: [], warnings: [], state: undefined, phase: 'onboarded' } as const;
  const [nodesThere, boundPods, pods] = [
    new SnapshotStore<ReturnType<typeof nodeView>>(throwing),
    new SnapshotStore<ReturnType<typeof boundPodView>>(throwing),
    new SnapshotStore<PodView>(throwing),
  ];
  const { placer } = createPlacement({
    clock,
    logger: silentLogger,
    client: { get: throwing, create: throwing, mergePatch: throwing },
    registry: { get: (key) => (key === record.key ? record : undefined), subscribe: () => () => undefined },
    nodes: nodesThere,
    boundPods,
    pods,
  });
  for (const store of [nodesThere, boundPods]) store.markSynced();
  await Promise.all([nodesThere.synced, boundPods.synced]);
  for (let index = 0; index < nodes; index += 1) {
    const value = nodeView(nodeObject(index));
    nodesThere.set({ namespace: '', name: value.name, uid: value.uid, resourceVersion: '1', value });
    for (const [resourceVersion, status] of [
      ['1', 'False'],
      ['2', 'True'],
    ] as const) {
      const conditions = [{ type: 'Ready', status }];
      const pod = boundPodView(podObject(ref.name, `pod-${index}`, { spec: { nodeName: value.name }, status: { phase: 'Running', conditions } }));
      boundPods.set({ namespace: pod.namespace, name: pod.name, uid: pod.uid, resourceVersion, value: pod });
    }
  }
  return placer;
};

const callOf = (workload: string, index: number): string =>
  JSON.stringify({ Pod: podObject(workload, `new-${index}`), Nodes: null, NodeNames: Array.from({ length: nodes }, (_, at) => nodeName(at)) });

/**
 * Answers calls as schedulers make them, about a cluster that is not there, over TLS and on a port of its own. What runs for the first time is slow, and a
 * scheduler waits 30 ms. Whatever goes wrong with it: the first pods are placed without us, as if it had not been. Returns what was answered.
 */
export const rehearsePlacement = async (
  { certificatePem, keyPem }: { readonly certificatePem: string; readonly keyPem: string },
  clock: Clock,
  signal: AbortSignal,
): Promise<Extender['figures']> => {
  const { app, figures } = createExtender({ placer: await madeUpPlacer(clock), clock, logger: silentLogger });
  const server = createServer({ cert: certificatePem, key: keyPem }, app).listen(0, '127.0.0.1');
  // Ourselves.
  const agent = new Agent({ keepAlive: true, maxSockets: 1, rejectUnauthorized: false });
  try {
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const begun = clock.monotonic();
    for (let index = 0; index < callsOfEach && !signal.aborted && clock.monotonic() - begun < longest; index += 1)
      for (const workload of [ref.name, 'nobody'])
        for (const verb of ['filter', 'prioritize']) {
          const headers = { 'content-type': 'application/json' };
          const call = request({ host: '127.0.0.1', port, path: `/extender/${verb}`, method: 'POST', agent, headers });
          call.end(callOf(workload, index));
          const [answer] = (await once(call, 'response')) as [NodeJS.ReadableStream];
          await once(answer.resume(), 'end');
        }
  } finally {
    agent.destroy();
    server.closeAllConnections();
    server.close();
  }
  return figures;
};
