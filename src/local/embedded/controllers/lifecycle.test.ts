import test from 'ava';
import type { ServiceAccount } from 'kubernetes-types/core/v1.d.ts';
import { resources, type Resource } from '../../../kube/index.ts';
import { addNode, deploymentOf, runPods, startTestCluster, user, type TestCluster } from './testing.ts';

const serviceAccounts: Resource<ServiceAccount> = { group: '', version: 'v1', plural: 'serviceaccounts', kind: 'ServiceAccount', namespaced: true };

const start = async (t: { teardown: (end: () => Promise<void>) => void }, nodes: readonly string[] = ['local']): Promise<TestCluster> => {
  const cluster = await startTestCluster();
  t.teardown(() => cluster.close());
  for (const node of nodes) await addNode(cluster.api, node);
  return cluster;
};

test('deleting a Deployment in the background takes ReplicaSets and pods with it', async (t) => {
  const cluster = await start(t);
  const { api } = cluster;
  await api.create(resources.deployments, deploymentOf('web', 2), user);
  await runPods(cluster);
  await api.delete(resources.deployments, 'default', 'web', { propagation: 'Background' }, user);
  t.is(api.get(resources.deployments, 'default', 'web'), undefined);
  await runPods(cluster);
  t.is(api.list(resources.replicaSets).length + api.list(resources.pods).length, 0);
});

test('deleting a Deployment in the foreground removes it last', async (t) => {
  const cluster = await start(t);
  const { api } = cluster;
  await api.create(resources.deployments, deploymentOf('web', 1), user);
  await runPods(cluster);
  const order: string[] = [];
  for (const resource of [resources.pods, resources.replicaSets, resources.deployments] as readonly Resource[])
    api.watch(resource, ({ type, object }) => {
      if (type === 'DELETED') order.push(object.kind);
    });
  await api.delete(resources.deployments, 'default', 'web', { propagation: 'Foreground' }, user);
  t.truthy(api.get(resources.deployments, 'default', 'web')?.metadata.deletionTimestamp);
  await runPods(cluster);
  t.deepEqual(order, ['Pod', 'ReplicaSet', 'Deployment']);
});

test('deleting with Orphan leaves the dependents without an owner', async (t) => {
  const cluster = await start(t);
  const { api } = cluster;
  await api.create(resources.deployments, deploymentOf('web', 1), user);
  await runPods(cluster);
  await api.delete(resources.deployments, 'default', 'web', { propagation: 'Orphan' }, user);
  await cluster.settle();
  t.is(api.get(resources.deployments, 'default', 'web'), undefined);
  t.is(api.list(resources.replicaSets).length, 1);
  t.deepEqual(api.list(resources.replicaSets)[0]?.metadata.ownerReferences ?? [], []);
  t.is(api.list(resources.pods).length, 1);
});

test('an object goes when the last of its owners is gone, and one of an unknown kind keeps it', async (t) => {
  const cluster = await start(t);
  const { api } = cluster;
  const owner = async (name: string) => (await api.create(resources.configMaps, { metadata: { name, namespace: 'default' } }, user)).metadata.uid;
  const reference = (name: string, uid: string, kind = 'ConfigMap') => ({ apiVersion: kind === 'ConfigMap' ? 'v1' : 'example.com/v1', kind, name, uid });
  const [one, other] = [await owner('one'), await owner('other')];
  await api.create(
    resources.secrets,
    { metadata: { name: 'both', namespace: 'default', ownerReferences: [reference('one', one), reference('other', other)] } },
    user,
  );
  await api.create(resources.secrets, { metadata: { name: 'custom', namespace: 'default', ownerReferences: [reference('x', 'no-such-uid', 'Widget')] } }, user);
  await api.create(resources.secrets, { metadata: { name: 'late', namespace: 'default', ownerReferences: [reference('never', 'no-such-uid')] } }, user);
  await cluster.settle();
  t.is(api.get(resources.secrets, 'default', 'late'), undefined);
  await api.delete(resources.configMaps, 'default', 'one', {}, user);
  await cluster.settle();
  t.is(api.get(resources.secrets, 'default', 'both')?.metadata.ownerReferences?.length, 1);
  await api.delete(resources.configMaps, 'default', 'other', {}, user);
  await cluster.settle();
  t.is(api.get(resources.secrets, 'default', 'both'), undefined);
  t.truthy(api.get(resources.secrets, 'default', 'custom'));
});

test('a namespace that is deleted is emptied first, its pods in their own time', async (t) => {
  const cluster = await start(t);
  const { api } = cluster;
  await api.create(resources.namespaces, { metadata: { name: 'shop' } }, user);
  const deployment = deploymentOf('web', 1);
  await api.create(resources.deployments, { ...deployment, metadata: { name: 'web', namespace: 'shop' } }, user);
  await runPods(cluster);
  await api.delete(resources.namespaces, undefined, 'shop', {}, user);
  await cluster.settle();
  t.is(api.get(resources.namespaces, undefined, 'shop')?.status?.phase, 'Terminating');
  t.is(api.list(resources.deployments, 'shop').length, 0);
  t.is(api.list(resources.pods, 'shop').length, 1, 'the pod ends in its grace period');
  await runPods(cluster);
  t.is(api.get(resources.namespaces, undefined, 'shop'), undefined);
});

test('every namespace has its ServiceAccount and the CA, also after they are removed', async (t) => {
  const cluster = await start(t);
  const { api } = cluster;
  await api.create(resources.namespaces, { metadata: { name: 'shop' } }, user);
  await cluster.settle();
  t.truthy(api.get(serviceAccounts, 'shop', 'default'));
  t.regex(api.get(resources.configMaps, 'shop', 'kube-root-ca.crt')?.data?.['ca.crt'] ?? '', /BEGIN CERTIFICATE/);
  await api.delete(serviceAccounts, 'shop', 'default', {}, user);
  await api.delete(resources.configMaps, 'shop', 'kube-root-ca.crt', {}, user);
  await cluster.settle();
  t.truthy(api.get(serviceAccounts, 'shop', 'default'));
  t.truthy(api.get(resources.configMaps, 'shop', 'kube-root-ca.crt'));
});

test('a pod that no node takes says why, and is bound as soon as one does', async (t) => {
  const cluster = await start(t, []);
  const { api } = cluster;
  await api.create(resources.deployments, deploymentOf('web', 1), user);
  await cluster.settle();
  const scheduled = () => api.list(resources.pods)[0]?.status?.conditions?.find(({ type }) => type === 'PodScheduled');
  t.like(scheduled(), { status: 'False', reason: 'Unschedulable', message: 'no nodes available to schedule pods' });
  await addNode(api, 'local');
  await cluster.settle();
  t.like(scheduled(), { status: 'True' });
  t.is(api.list(resources.pods)[0]?.spec?.nodeName, 'local');
});

test('a cordoned node and a node selector are honoured, with the message of the real scheduler', async (t) => {
  const cluster = await start(t, ['a', 'b']);
  const { api } = cluster;
  const cordon = async (name: string, unschedulable: boolean): Promise<void> => {
    const node = api.get(resources.nodes, undefined, name)!;
    await api.update(resources.nodes, { ...node, spec: { ...node.spec, unschedulable } }, user);
  };
  await cordon('a', true);
  const { spec } = deploymentOf('web', 1);
  const template = { ...spec!.template, spec: { ...spec!.template.spec!, nodeSelector: { disk: 'ssd' } } };
  await api.create(resources.deployments, deploymentOf('web', 1, { template }), user);
  await cluster.settle();
  const condition = api.list(resources.pods)[0]?.status?.conditions?.find(({ type }) => type === 'PodScheduled');
  t.is(
    condition?.message,
    "0/2 nodes are available: 1 node(s) didn't match Pod's node affinity/selector, 1 node(s) were unschedulable. preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling.",
  );
  const node = api.get(resources.nodes, undefined, 'a')!;
  await api.update(resources.nodes, { ...node, metadata: { ...node.metadata, labels: { disk: 'ssd' } }, spec: {} }, user);
  await cluster.settle();
  t.is(api.list(resources.pods)[0]?.spec?.nodeName, 'a');
});

test('a StatefulSet that is scaled has its generation observed', async (t) => {
  const cluster = await start(t);
  const { api } = cluster;
  const { spec } = deploymentOf('db', 2);
  await api.create(
    resources.statefulSets,
    { metadata: { name: 'db', namespace: 'default' }, spec: { serviceName: 'db', replicas: 2, selector: spec!.selector, template: spec!.template } },
    user,
  );
  await cluster.settle();
  t.like(api.get(resources.statefulSets, 'default', 'db')?.status, { observedGeneration: 1, replicas: 0 });
});
