import test from 'ava';
import fc from 'fast-check';
import { seconds } from '../../core/index.ts';
import { boundOf, nodeOf, owner, PlacedCluster } from '../testing/placed-cluster.ts';
import { hello } from '../testing/views.ts';
import type { NodeBook } from './node-book.ts';
import { revisionId } from './revision-pods.ts';

const id = revisionId({ owner, revision: '5d9c' });
const requests = { cpu: 0.5, memory: 1e9 };
const figures = (book: NodeBook): unknown =>
  [...book.values()]
    .map(({ name, zone, leaving, starting, requested: { cpu, memory, pods } }) => ({ name, zone, leaving, starting, cpu, memory, pods }))
    .sort((one, other) => (one.name < other.name ? -1 : 1));

test('a node counts what is on it, also of pods that were seen before it', async (t) => {
  const cluster = await new PlacedCluster().synced();
  cluster.putPod(boundOf('a', 'n1'), boundOf('b', 'n1', { ready: false }), boundOf('c', 'n1', { finished: true }));
  t.is(cluster.book.node('n1'), undefined);
  cluster.putNode(nodeOf('n1', { zone: 'x' }), nodeOf('n2', { zone: 'y', unschedulable: true }));
  t.deepEqual(figures(cluster.book), [
    { name: 'n1', zone: 'x', leaving: undefined, starting: 1, cpu: 1, memory: 2e9, pods: 2 },
    { name: 'n2', zone: 'y', leaving: 'cordoned', starting: 0, cpu: 0, memory: 0, pods: 0 },
  ]);
  t.deepEqual(
    [...cluster.book.podsByZone(id)],
    [
      ['x', 2],
      ['y', 0],
    ],
  );
});

test('a pod that is on its way counts on its node until it is seen bound, wherever, or for 30 s', async (t) => {
  const cluster = await new PlacedCluster().synced();
  cluster.putNode(nodeOf('n1'), nodeOf('n2'));
  const assume = (name: string): void => {
    cluster.book.assume({ uid: `uid-${name}`, node: 'n1', requests, revision: id }, 'default', name);
  };
  assume('a');
  assume('b');
  assume('b');
  t.like(cluster.book.node('n1'), { starting: 2, requested: { pods: 2, cpu: 1 } });
  t.is(cluster.book.podsByNode(id).get('n1'), 2);
  cluster.putPod(boundOf('a', 'n2', { ready: false }));
  t.like(cluster.book.node('n1'), { starting: 1, requested: { pods: 1 } });
  t.like(cluster.book.node('n2'), { starting: 1, requested: { pods: 1 } });
  // Too late: it is bound.
  assume('a');
  t.like(cluster.book.node('n1'), { starting: 1 });
  await cluster.clock.advance(seconds(30));
  cluster.book.expire();
  t.like(cluster.book.node('n1'), { starting: 0, requested: { pods: 0 } });
  t.is(cluster.book.podsByNode(id).get('n1'), undefined);
});

test('a pod that ends uses its node until it is gone, and is none of its revision any more', async (t) => {
  const cluster = await new PlacedCluster().synced();
  cluster.putNode(nodeOf('n1', { zone: 'x' }));
  cluster.putPod(boundOf('a', 'n1'), boundOf('b', 'n1'));
  cluster.putPod(boundOf('a', 'n1', { deleting: true }));
  t.like(cluster.book.node('n1'), { requested: { pods: 2, cpu: 1 } });
  t.is(cluster.book.podsByNode(id).get('n1'), 1);
  t.is(cluster.book.podsByZone(id).get('x'), 1);
  cluster.dropPod('a');
  t.like(cluster.book.node('n1'), { requested: { pods: 1, cpu: 0.5 } });
  t.is(cluster.book.podsByNode(id).get('n1'), 1);
});

test('a start is measured from being bound to being ready, where both were seen, and once', async (t) => {
  const cluster = new PlacedCluster();
  cluster.putNode(nodeOf('n1'));
  cluster.putPod(boundOf('before', 'n1', { ready: false }));
  await cluster.synced();
  cluster.putPod(boundOf('a', 'n1', { ready: false }), boundOf('crashing', 'n1', { ready: false }), boundOf('going', 'n1', { ready: false }));
  await cluster.clock.advance(seconds(3));
  cluster.putPod(boundOf('a', 'n1'), boundOf('before', 'n1'), boundOf('crashing', 'n1', { ready: false, hasRestarted: true }));
  cluster.putPod(boundOf('going', 'n1', { ready: false, deleting: true }), boundOf('crashing', 'n1', { hasRestarted: true }));
  cluster.putPod(boundOf('a', 'n1', { ready: false }));
  cluster.putPod(boundOf('a', 'n1'));
  t.deepEqual(cluster.starts, [['a', 3000]]);
  t.is(cluster.book.node('n1')?.starting, 0);
});

test('what is not ready after ten minutes is no burden any more', async (t) => {
  const cluster = await new PlacedCluster().synced();
  cluster.putNode(nodeOf('n1'));
  cluster.putPod(boundOf('stuck', 'n1', { ready: false }));
  await cluster.clock.advance(seconds(600));
  cluster.book.expire();
  t.like(cluster.book.node('n1'), { starting: 0, requested: { pods: 1 } });
});

test('an image is known on a node from the moment on that the node names it until it does not', async (t) => {
  const cluster = await new PlacedCluster().synced();
  cluster.putNode(nodeOf('n1'), nodeOf('n2', { images: ['app', 'other'] }));
  const has = (): readonly (boolean | undefined)[] => ['n1', 'n2'].map((name) => cluster.book.node(name)?.images.has('app'));
  t.deepEqual(has(), [false, true]);
  cluster.putNode(nodeOf('n1', { images: ['app'] }), nodeOf('n2', { images: ['other'] }));
  t.deepEqual(has(), [true, false]);
});

test('how slow a node is comes with its history, also where the node is seen later, and goes with the node, whatever is still on it', async (t) => {
  const cluster = await new PlacedCluster().synced();
  const start = (node: string, ms: number): void => {
    cluster.history.record({ workload: hello, revision: '5d9c', node, ms });
  };
  for (const node of ['m1', 'm2', 'm3']) start(node, 1000);
  start('n1', 4000);
  cluster.putNode(nodeOf('n1'));
  cluster.putPod(boundOf('a', 'n1'));
  t.is(cluster.book.node('n1')?.slowness, 4);
  cluster.nodes.delete('', 'n1');
  cluster.putNode(nodeOf('n1'));
  t.is(cluster.book.node('n1')?.slowness, undefined);
});

/** Anything that watches may tell, in any order. */
const nodeNames = fc.constantFrom('n1', 'n2', 'n3');
const podNames = fc.constantFrom('a', 'b', 'c', 'd');
const events = fc.oneof(
  fc.record({ kind: fc.constant('node' as const), name: nodeNames, zone: fc.constantFrom(undefined, 'x', 'y'), unschedulable: fc.boolean() }),
  fc.record({ kind: fc.constant('no-node' as const), name: nodeNames }),
  fc.record({
    kind: fc.constant('pod' as const),
    name: podNames,
    node: nodeNames,
    uid: fc.constantFrom('1', '2'),
    cpu: fc.constantFrom(0.1, 0.3),
    ready: fc.boolean(),
    deleting: fc.boolean(),
    finished: fc.boolean(),
  }),
  fc.record({ kind: fc.constant('no-pod' as const), name: podNames }),
  fc.record({ kind: fc.constant('assume' as const), name: podNames, node: nodeNames }),
);

test('after whatever watches tell, the book is the same as one that begins with what there is', async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.array(events, { maxLength: 30 }), async (all) => {
      const cluster = await new PlacedCluster().synced();
      for (const event of all) {
        if (event.kind === 'node') cluster.putNode(nodeOf(event.name, { zone: event.zone, unschedulable: event.unschedulable }));
        else if (event.kind === 'no-node') cluster.nodes.delete('', event.name);
        else if (event.kind === 'no-pod') cluster.dropPod(event.name);
        else if (event.kind === 'assume') cluster.book.assume({ uid: `${event.name}2`, node: event.node, requests, revision: id }, 'default', event.name);
        else {
          const { name, node, uid, cpu, ...more } = event;
          // A pod that is not ready after it was once, on the same node, does not start anew: that a new book cannot know.
          const before = cluster.pods.get(`default/${name}`);
          const ready = more.ready || (before?.uid === `${name}${uid}` && before.ready);
          const nodeName = before?.uid === `${name}${uid}` ? before.nodeName : node;
          const [deleting, finished] =
            before?.uid === `${name}${uid}` ? [before.deleting || more.deleting, before.finished || more.finished] : [more.deleting, more.finished];
          cluster.putPod(boundOf(name, nodeName, { uid: `${name}${uid}`, requests: { cpu, memory: 1e9 }, ready, deleting, finished }));
        }
      }
      await cluster.clock.advance(seconds(30));
      cluster.book.expire();
      const fresh = new PlacedCluster();
      fresh.putNode(...cluster.nodes.values());
      fresh.putPod(...cluster.pods.values());
      t.deepEqual(figures(cluster.book), figures(fresh.book));
      t.deepEqual(new Map([...cluster.book.podsByZone(id)].sort()), new Map([...fresh.book.podsByZone(id)].sort()));
      t.deepEqual(new Map([...cluster.book.podsByNode(id)].sort()), new Map([...fresh.book.podsByNode(id)].sort()));
    }),
    { numRuns: 60 },
  );
});
