import test from 'ava';
import type { Pod } from 'kubernetes-types/core/v1.d.ts';
import { annotation, instant } from '../../../../core/index.ts';
import { resources } from '../../../../kube/index.ts';
import { addNode, deploymentOf, runPods, setReady, startTestCluster, user } from '../testing.ts';
import { podsToDelete } from './ranking.ts';

const now = Date.UTC(2026, 0, 1);
const ago = (seconds: number): string => new Date(instant(now - seconds * 1000)).toISOString();

interface Shape {
  readonly node?: string;
  readonly phase?: string;
  readonly readyFor?: number;
  readonly cost?: string;
  readonly restarts?: number;
  readonly age?: number;
}

const podOf = (name: string, { node = 'n1', phase = 'Running', readyFor = 100, cost, restarts = 0, age = 1000 }: Shape): Pod => ({
  metadata: { name, uid: name, creationTimestamp: ago(age), ...(cost === undefined ? {} : { annotations: { [annotation.podDeletionCost]: cost } }) },
  spec: { containers: [], ...(node === '' ? {} : { nodeName: node }) },
  status: {
    phase,
    conditions: [{ type: 'Ready', status: readyFor >= 0 ? 'True' : 'False', lastTransitionTime: ago(Math.max(0, readyFor)) }],
    containerStatuses: [{ name: 'c', image: '', imageID: '', ready: true, restartCount: restarts }],
  },
});

const goesFirst = test.macro({
  exec: (t, first: Shape, second: Shape) => {
    const [one, other] = [podOf('first', first), podOf('second', second)];
    for (const order of [
      [one, other],
      [other, one],
    ])
      t.deepEqual(
        podsToDelete(order, order, 1, now).map(({ metadata }) => metadata?.name),
        ['first'],
      );
  },
  title: (title) => `first to be deleted: ${title ?? ''}`,
});

test('one without a node', goesFirst, { node: '', readyFor: -1 }, { readyFor: -1, cost: '-5' });
test('a pending one before a running one', goesFirst, { phase: 'Pending', readyFor: -1 }, { readyFor: -1, restarts: 9 });
test('one that is not ready before one that is', goesFirst, { readyFor: -1, cost: '10' }, { readyFor: 1, cost: '-10' });
test('the one of the lower deletion cost, however long it is ready', goesFirst, { cost: '-1', readyFor: 10_000 }, { readyFor: 1 });
test('a deletion cost that is no number counts as 0', goesFirst, { cost: '-1' }, { cost: 'many' });
test('the one that became ready more recently', goesFirst, { readyFor: 10 }, { readyFor: 1000 });
test('the one with more restarts', goesFirst, { readyFor: 50, restarts: 3 }, { readyFor: 50 });
test('the younger one', goesFirst, { readyFor: 50, age: 60 }, { readyFor: 50, age: 6000 });

test('of pods that share a node one goes before one that has a node to itself', (t) => {
  const pods = [podOf('alone', { node: 'n2' }), podOf('together', {}), podOf('with', {})];
  t.not(podsToDelete(pods, pods, 1, now)[0]?.metadata?.name, 'alone');
});

test('a ReplicaSet adopts a pod without a controller that matches, and lets one go that no longer does', async (t) => {
  const cluster = await startTestCluster();
  t.teardown(() => cluster.close());
  const { api } = cluster;
  await addNode(api, 'local');
  await api.create(resources.deployments, deploymentOf('web', 2), user);
  await runPods(cluster);
  const [first] = api.list(resources.pods);
  const { labels } = first!.metadata;
  await api.update(resources.pods, { ...first!, metadata: { ...first!.metadata, labels: { app: 'debug' } } }, user);
  await cluster.settle();
  t.deepEqual(api.get(resources.pods, 'default', first!.metadata.name)?.metadata.ownerReferences ?? [], []);
  t.is(api.list(resources.pods).length, 3);
  const loose = api.get(resources.pods, 'default', first!.metadata.name)!;
  await api.update(resources.pods, { ...loose, metadata: { ...loose.metadata, labels: { ...labels } } }, user);
  await cluster.settle();
  const owned = api.list(resources.pods).filter(({ metadata }) => metadata.ownerReferences?.[0]?.kind === 'ReplicaSet');
  t.is(owned.filter(({ metadata }) => metadata.deletionTimestamp === undefined).length, 2);
});

test('scaling in takes the pod that costs least to delete', async (t) => {
  const cluster = await startTestCluster();
  t.teardown(() => cluster.close());
  const { api } = cluster;
  await addNode(api, 'local');
  await api.create(resources.deployments, deploymentOf('web', 3), user);
  await runPods(cluster);
  const [, chosen] = api.list(resources.pods);
  const annotations = { [annotation.podDeletionCost]: '-100' };
  await api.update(resources.pods, { ...chosen!, metadata: { ...chosen!.metadata, annotations } }, user);
  const web = api.get(resources.deployments, 'default', 'web')!;
  await api.update(resources.deployments, { ...web, spec: { ...web.spec!, replicas: 2 } }, user);
  await cluster.settle();
  const going = api.list(resources.pods).filter(({ metadata }) => metadata.deletionTimestamp !== undefined);
  t.deepEqual(
    going.map(({ metadata }) => metadata.name),
    [chosen!.metadata.name],
  );
  await setReady(cluster, chosen!, false);
});
