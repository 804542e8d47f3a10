import test from 'ava';
import type { Service } from 'kubernetes-types/core/v1.d.ts';
import type { EndpointSlice } from 'kubernetes-types/discovery/v1.d.ts';
import { annotation, sliceManager } from '../../../../core/index.ts';
import { resources } from '../../../../kube/index.ts';
import type { InProcessApi, StoredObject } from '../../in-process-api.ts';
import { addNode, deploymentOf, runPods, setReady, startTestCluster, user, type TestCluster } from '../testing.ts';

const start = async (t: { teardown: (end: () => Promise<void>) => void }, replicas: number, service: Partial<Service['spec']> = {}): Promise<TestCluster> => {
  const cluster = await startTestCluster();
  t.teardown(() => cluster.close());
  await addNode(cluster.api, 'local', { 'topology.kubernetes.io/zone': 'z1' });
  await cluster.api.create(
    resources.services,
    {
      metadata: { name: 'web', namespace: 'default', labels: { tier: 'front' } },
      spec: { selector: { app: 'web' }, ports: [{ name: 'http', port: 80, targetPort: 8080 }], ...service },
    },
    user,
  );
  await cluster.api.create(resources.deployments, deploymentOf('web', replicas), user);
  await runPods(cluster);
  return cluster;
};

type Slice = EndpointSlice & StoredObject;
const managedBy = (slice: Slice): string | undefined => slice.metadata.labels?.['endpointslice.kubernetes.io/managed-by'];
const slicesOf = (api: InProcessApi, manager: string): readonly Slice[] =>
  api
    .list(resources.endpointSlices, 'default')
    .filter((slice) => managedBy(slice) === manager && slice.metadata.labels?.['kubernetes.io/service-name'] === 'web');
const own = (api: InProcessApi) => slicesOf(api, 'endpointslice-controller.k8s.io');
const mirrored = (api: InProcessApi) => slicesOf(api, 'endpointslicemirroring-controller.k8s.io');
const endpointsOf = (api: InProcessApi) => api.get(resources.endpoints, 'default', 'web');
const changeService = async (api: InProcessApi, change: (spec: NonNullable<Service['spec']>) => NonNullable<Service['spec']>): Promise<void> => {
  const { metadata, ...service } = api.get(resources.services, 'default', 'web')!;
  const { resourceVersion: _, ...rest } = metadata;
  await api.update(resources.services, { ...service, metadata: rest, spec: change(service.spec!) }, user);
};
const loseSelector = (api: InProcessApi): Promise<void> => changeService(api, ({ selector: _, ...spec }) => spec);
const regainSelector = (api: InProcessApi): Promise<void> => changeService(api, (spec) => ({ ...spec, selector: { app: 'web' } }));

test('ready pods stand in one slice and in the Endpoints object, with node, zone, target and labels', async (t) => {
  const { api } = await start(t, 2);
  t.is(own(api).length, 1);
  const slice = own(api)[0]!;
  t.is(slice.addressType, 'IPv4');
  t.deepEqual(slice.ports, [{ name: 'http', port: 8080, protocol: 'TCP' }]);
  t.like(slice.metadata.ownerReferences?.[0], { kind: 'Service', name: 'web', controller: true });
  t.is(slice.metadata.labels?.['tier'], 'front');
  t.is(slice.endpoints.length, 2);
  for (const endpoint of slice.endpoints) {
    t.like(endpoint, { nodeName: 'local', zone: 'z1', conditions: { ready: true, serving: true, terminating: false } });
    t.is(endpoint.targetRef?.kind, 'Pod');
  }
  const endpoints = endpointsOf(api);
  t.is(endpoints?.subsets?.[0]?.addresses?.length, 2);
  t.deepEqual(endpoints?.subsets?.[0]?.ports, [{ name: 'http', port: 8080, protocol: 'TCP' }]);
  t.is(endpoints?.metadata.labels?.['endpoints.kubernetes.io/managed-by'], 'endpoint-controller');
});

test('a pod that ends says so: not ready, terminating, and serving as long as its probe says', async (t) => {
  const cluster = await start(t, 1);
  const { api } = cluster;
  const [pod] = api.list(resources.pods);
  await api.delete(resources.pods, 'default', pod!.metadata.name, {}, user);
  await cluster.settle();
  const find = () =>
    own(api)
      .flatMap(({ endpoints }) => endpoints)
      .find(({ targetRef }) => targetRef?.uid === pod!.metadata.uid);
  t.deepEqual(find()?.conditions, { ready: false, serving: true, terminating: true });
  await setReady(cluster, pod!, false);
  await cluster.settle();
  t.deepEqual(find()?.conditions, { ready: false, serving: false, terminating: true });
  t.deepEqual(endpointsOf(api)?.subsets?.flatMap(({ addresses = [] }) => addresses) ?? [], []);
});

test('publishNotReadyAddresses makes every pod ready', async (t) => {
  const cluster = await start(t, 1, { publishNotReadyAddresses: true });
  const { api } = cluster;
  const [pod] = api.list(resources.pods);
  await setReady(cluster, pod!, false);
  await cluster.settle();
  t.deepEqual(own(api)[0]?.endpoints[0]?.conditions, { ready: true, serving: false, terminating: false });
  t.is(endpointsOf(api)?.subsets?.[0]?.addresses?.length, 1);
});

test('without pods one empty slice stands for the Service', async (t) => {
  const cluster = await start(t, 0);
  const { api } = cluster;
  t.is(own(api).length, 1);
  t.deepEqual(own(api)[0]?.endpoints, []);
  t.is(endpointsOf(api)?.subsets, undefined);
});

test('pods that serve on different ports stand in different slices', async (t) => {
  const cluster = await start(t, 2);
  const { api } = cluster;
  for (const [index, pod] of api.list(resources.pods).entries()) {
    const annotations = { [annotation.localPorts]: JSON.stringify({ 8080: 41_000 + index }) };
    await api.update(resources.pods, { ...pod, metadata: { ...pod.metadata, annotations } }, user);
  }
  await cluster.settle();
  t.deepEqual(
    own(api)
      .map(({ ports }) => ports?.[0]?.port)
      .toSorted((a, b) => (a ?? 0) - (b ?? 0)),
    [41_000, 41_001],
  );
  t.is(endpointsOf(api)?.subsets?.length, 2);
});

test('a slice holds at most 100 endpoints, and endpoints stay in the slice they are in', async (t) => {
  const cluster = await start(t, 0);
  const { api } = cluster;
  await addNode(api, 'second');
  await changeService(api, (spec) => spec);
  const before = api.get(resources.deployments, 'default', 'web')!;
  await api.update(resources.deployments, { ...before, spec: { ...before.spec!, replicas: 130 } }, user);
  await runPods(cluster);
  const sizes = () =>
    own(api)
      .map(({ endpoints }) => endpoints.length)
      .toSorted((a, b) => b - a);
  t.is(
    sizes().reduce((sum, size) => sum + size, 0),
    130,
  );
  t.true(sizes().every((size) => size <= 100));
  const homes = new Map(own(api).flatMap(({ metadata, endpoints }) => endpoints.map(({ targetRef }) => [targetRef?.uid, metadata.name] as const)));
  const now = api.get(resources.deployments, 'default', 'web')!;
  await api.update(resources.deployments, { ...now, spec: { ...now.spec!, replicas: 60 } }, user);
  await runPods(cluster);
  for (const { metadata, endpoints } of own(api)) for (const { targetRef } of endpoints) t.is(homes.get(targetRef?.uid), metadata.name);
});

test('takeover: when the selector goes, slices and Endpoints stay and a mirrored twin appears; slices alone come back; without Endpoints all stays away', async (t) => {
  const cluster = await start(t, 2);
  const { api } = cluster;
  const ours = {
    name: 'web-rouse',
    namespace: 'default',
    labels: { 'kubernetes.io/service-name': 'web', 'endpointslice.kubernetes.io/managed-by': sliceManager },
  };
  await api.create(resources.endpointSlices, { metadata: ours, addressType: 'IPv4', endpoints: [], ports: [] }, user);
  await loseSelector(api);
  await cluster.settle();
  t.is(own(api).length, 1);
  t.is(mirrored(api).length, 1);
  const [twin] = mirrored(api);
  t.is(twin?.endpoints.length, 2);
  t.deepEqual(twin?.ports, [{ name: 'http', port: 8080, protocol: 'TCP' }]);
  t.is(twin?.metadata.ownerReferences?.[0]?.kind, 'Endpoints');
  await api.delete(resources.endpointSlices, 'default', twin!.metadata.name, {}, user);
  await cluster.settle();
  t.is(mirrored(api).length, 1, 'a twin that is deleted alone comes back');
  await api.delete(resources.endpoints, 'default', 'web', {}, user);
  await cluster.settle();
  t.is(mirrored(api).length, 0, 'without the Endpoints object the twin goes by itself');
  for (const slice of own(api)) await api.delete(resources.endpointSlices, 'default', slice.metadata.name, {}, user);
  for (const pod of api.list(resources.pods)) await setReady(cluster, pod, false);
  await cluster.settle();
  t.is(own(api).length + mirrored(api).length, 0, 'nothing comes back, whatever the pods do');
  t.is(endpointsOf(api), undefined);
  t.is(slicesOf(api, sliceManager)[0]?.metadata.resourceVersion, api.get(resources.endpointSlices, 'default', 'web-rouse')?.metadata.resourceVersion);
  t.is(slicesOf(api, sliceManager)[0]?.metadata.generation, 1, 'a slice of another manager is never touched');
});

test('hand-back: when the selector returns the mirrored twin goes, and slice and Endpoints hold the pods again', async (t) => {
  const cluster = await start(t, 2);
  const { api } = cluster;
  await loseSelector(api);
  await cluster.settle();
  await regainSelector(api);
  await cluster.settle();
  t.is(mirrored(api).length, 0);
  t.is(own(api)[0]?.endpoints.length, 2);
  await loseSelector(api);
  await api.delete(resources.endpoints, 'default', 'web', {}, user);
  for (const slice of own(api)) await api.delete(resources.endpointSlices, 'default', slice.metadata.name, {}, user);
  await cluster.settle();
  await regainSelector(api);
  await cluster.settle();
  t.is(own(api)[0]?.endpoints.length, 2);
  t.is(endpointsOf(api)?.subsets?.[0]?.addresses?.length, 2);
});

test('Endpoints marked skip-mirror, or used as a leader lock, are not mirrored', async (t) => {
  const cluster = await startTestCluster();
  t.teardown(() => cluster.close());
  const { api } = cluster;
  await api.create(resources.services, { metadata: { name: 'web', namespace: 'default' }, spec: { ports: [{ port: 80 }] } }, user);
  const subsets = [{ addresses: [{ ip: '10.1.1.1' }, { ip: 'fd00::1' }], ports: [{ port: 80 }] }];
  const endpoints = await api.create(
    resources.endpoints,
    { metadata: { name: 'web', namespace: 'default', labels: { 'endpointslice.kubernetes.io/skip-mirror': 'true' } }, subsets },
    user,
  );
  await cluster.settle();
  t.is(mirrored(api).length, 0);
  await api.update(resources.endpoints, { ...endpoints, metadata: { name: 'web', namespace: 'default' } }, user);
  await cluster.settle();
  t.deepEqual(
    mirrored(api)
      .map(({ addressType }) => addressType)
      .toSorted(),
    ['IPv4', 'IPv6'],
  );
});

test('a Service that is deleted takes its Endpoints and slices with it', async (t) => {
  const cluster = await start(t, 1);
  const { api } = cluster;
  await api.delete(resources.services, 'default', 'web', {}, user);
  await cluster.settle();
  t.is(own(api).length, 0);
  t.is(endpointsOf(api), undefined);
});
