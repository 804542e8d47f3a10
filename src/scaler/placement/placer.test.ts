import test from 'ava';
import fc from 'fast-check';
import { seconds, workloadKey } from '../../core/index.ts';
import type { KubeObject } from '../../kube/index.ts';
import { boundOf, nodeOf, PlacedCluster, recordOf, toPlace } from '../testing/placed-cluster.ts';
import { hello } from '../testing/views.ts';

const image = 'docker.io/library/app:1';
const nothingSent = (): undefined => undefined;

test('a pod is its workload’s by its owner alone', async (t) => {
  const cluster = await new PlacedCluster().synced();
  t.is(typeof cluster.ask(toPlace('a')), 'object');
  for (const owner of [
    undefined,
    { kind: 'ReplicaSet', name: 'other-5d9c', uid: 'x' },
    { kind: 'ReplicaSet', name: 'hello', uid: 'x' },
    { kind: 'Job', name: 'hello', uid: 'x' },
  ])
    t.is(cluster.ask(toPlace('a', { owner })), 'not-ours');
  t.is(cluster.ask(toPlace('a', { namespace: 'elsewhere' })), 'not-ours');
  t.is(cluster.ask(toPlace('a', { templateHash: undefined })), 'not-ours');
  cluster.record = recordOf({}, { phase: 'off-boarding' });
  t.is(cluster.ask(toPlace('a')), 'not-ours');
});

test('nothing is said with policy off, for a workload that is observed, or before nodes and pods are known', async (t) => {
  t.is(new PlacedCluster().ask(toPlace('a')), 'not-synced');
  for (const annotations of [{ 'rouse.dev/placement': 'off' }, { 'rouse.dev/mode': 'observe' }])
    t.is((await new PlacedCluster(recordOf(annotations)).synced()).ask(toPlace('a')), 'off');
});

test('the node that has the image is the best, and one that nobody knows is told apart', async (t) => {
  const cluster = await new PlacedCluster().synced();
  cluster.putNode(nodeOf('cold'), nodeOf('warm', { images: [image] }));
  const [cold, unseen, warm] = cluster.placementOf(toPlace('a')).scores(['cold', 'unseen', 'warm'], () => undefined);
  t.is(unseen, undefined);
  t.true((warm ?? 0) > (cold ?? 0));
});

test('a node that the scheduler knows before we do is judged by what was sent', async (t) => {
  const cluster = await new PlacedCluster().synced();
  const sent = { metadata: { name: 'new' }, status: { allocatable: { cpu: '4', memory: '16G', pods: '110' }, images: [{ names: ['app:1'] }] } } as KubeObject;
  const placement = cluster.placementOf(toPlace('a'));
  t.deepEqual(
    placement.scores(['new'], () => sent),
    [10],
  );
  t.deepEqual(
    placement.inPool(['new'], () => sent),
    [true],
  );
});

test('where it has run is warm, unless the node names all its images and not this one', async (t) => {
  const cluster = await new PlacedCluster().synced();
  cluster.putNode(nodeOf('ran'), nodeOf('removed', { images: ['other'], namesAllImages: true }), nodeOf('never'));
  for (const node of ['ran', 'removed']) cluster.history.record({ workload: hello, revision: '5d9c', node, ms: undefined });
  const [ran, removed, never] = cluster.placementOf(toPlace('a')).scores(['ran', 'removed', 'never'], () => undefined);
  t.true((ran ?? 0) > (never ?? 0));
  t.is(removed, never);
});

test('a burst does not all go to the one warm node, although none of it is bound yet', async (t) => {
  const cluster = await new PlacedCluster().synced();
  cluster.putNode(nodeOf('n1', { images: [image] }), nodeOf('n2', { images: [image] }), nodeOf('n3', { images: [image] }));
  const went = new Map<string, number>();
  for (let index = 0; index < 9; index++) {
    const [best = ''] = cluster.place(toPlace(`p${index}`));
    went.set(best, (went.get(best) ?? 0) + 1);
  }
  t.is(went.size, 3);
  t.true(Math.min(...went.values()) >= 2);
});

test('the first pods go to base nodes and the rest to burst nodes, those on their way counted, and one that asks again as before', async (t) => {
  const record = recordOf({ 'rouse.dev/base-nodes': 'capacity=stable', 'rouse.dev/base-replicas': '2' });
  const cluster = await new PlacedCluster(record).synced();
  cluster.putNode(nodeOf('base', { labels: { capacity: 'stable' } }), nodeOf('spot', { images: [image] }));
  cluster.putPod(boundOf('a', 'base'));
  t.deepEqual(cluster.place(toPlace('b')), ['base']);
  t.deepEqual(cluster.place(toPlace('b')), ['base']);
  t.deepEqual(cluster.place(toPlace('c')), ['spot']);
  t.deepEqual(
    cluster.placementOf(toPlace('d')).inPool(['base', 'spot', 'unseen'], () => undefined),
    [false, true, undefined],
  );
  // The one on its way never came.
  await cluster.clock.advance(seconds(30));
  t.deepEqual(cluster.place(toPlace('e')), ['base']);
});

test('a pod that ends holds no place among the first ones: the one that is created for it goes where it was', async (t) => {
  const record = recordOf({ 'rouse.dev/base-nodes': 'capacity=stable', 'rouse.dev/base-replicas': '1' });
  const cluster = await new PlacedCluster(record).synced();
  cluster.putNode(nodeOf('base', { labels: { capacity: 'stable' } }), nodeOf('spot', { images: [image] }));
  cluster.putPod(boundOf('a', 'base'));
  t.deepEqual(cluster.place(toPlace('b')), ['spot']);
  cluster.putPod(boundOf('a', 'base', { deleting: true }));
  t.deepEqual(cluster.place(toPlace('c')), ['base']);
  cluster.dropPod('a');
  t.deepEqual(cluster.place(toPlace('d')), ['spot'], 'and it is not taken out twice');
});

test('the first pods of a StatefulSet are the first of its ordinals, wherever these begin', async (t) => {
  const pools = { 'rouse.dev/base-nodes': 'capacity=stable', 'rouse.dev/base-replicas': '1' };
  const ref = { resource: 'statefulsets.apps', namespace: 'default', name: 'hello' };
  const record = recordOf(pools, { ref, key: workloadKey(ref) });
  const cluster = await new PlacedCluster({ ...record, view: { ...record.view, firstOrdinal: 5 } }).synced();
  cluster.putNode(nodeOf('base', { labels: { capacity: 'stable' } }), nodeOf('spot'));
  const owner = { kind: 'StatefulSet', name: 'hello', uid: 'set' };
  const bestFor = (name: string): readonly string[] => cluster.place(toPlace(name, { owner, templateHash: undefined }));
  t.deepEqual(bestFor('hello-5'), ['base']);
  t.deepEqual(bestFor('hello-6'), ['spot']);
});

test('why a pod was to go to its node is kept, with the three next, and where it went', async (t) => {
  const cluster = await new PlacedCluster().synced();
  const others = ['n1', 'n2', 'n3', 'n4'];
  cluster.putNode(...others.map((name) => nodeOf(name)), nodeOf('warm', { images: [image] }), nodeOf('leaving', { unschedulable: true }));
  const placement = cluster.placementOf(toPlace('p'));
  // In parts, as the skin asks.
  placement.scores(['leaving', 'n1', 'n2'], () => undefined);
  placement.scores(['n3', 'warm', 'n4'], () => undefined);
  placement.answered(['warm']);
  const [told] = cluster.placed.of(hello);
  t.like(told, { pod: 'p', policy: 'warm', pool: undefined, node: 'warm', nodes: 6, boundTo: undefined });
  t.is(told?.terms.image, 10);
  t.deepEqual(
    told?.next.map(({ node }) => node),
    ['n1', 'n2', 'n3'],
  );
  cluster.putPod(boundOf('p', 'n3', { ready: false }));
  t.is(cluster.placed.of(hello)[0]?.boundTo, 'n3');
  for (let index = 0; index < 40; index++) cluster.place(toPlace(`q${index}`));
  t.is(cluster.placed.of(hello).length, 16);
  t.is(cluster.placed.of(hello).at(-1)?.pod, 'q39');
  cluster.placed.forget(hello);
  t.deepEqual(cluster.placed.of(hello), []);
});

const names = ['n1', 'n2', 'n3', 'n4'];
const revisions = ['5d9c', 'other'];
const someNode = fc.constantFrom(...names);
/** Anything that changes what a node is worth. */
const events = fc.oneof(
  fc.record({
    kind: fc.constant('node' as const),
    name: someNode,
    zone: fc.constantFrom(undefined, 'x', 'y'),
    images: fc.constantFrom([], [image], ['other']),
    namesAllImages: fc.boolean(),
    labels: fc.constantFrom({}, { capacity: 'stable' }),
  }),
  fc.record({ kind: fc.constant('no-node' as const), name: someNode }),
  fc.record({ kind: fc.constant('pod' as const), name: fc.constantFrom('a', 'b', 'c'), node: someNode }),
  fc.record({ kind: fc.constant('no-pod' as const), name: fc.constantFrom('a', 'b', 'c') }),
  fc.record({
    kind: fc.constant('start' as const),
    node: someNode,
    revision: fc.constantFrom(...revisions),
    ms: fc.constantFrom(undefined, 1000, 4000, 20_000),
  }),
);

test('what is remembered of nodes and names from call to call never shows: scores are those of a process that has just begun', async (t) => {
  const records = fc.constantFrom(recordOf(), recordOf({ 'rouse.dev/base-nodes': 'capacity=stable', 'rouse.dev/base-replicas': '2' }));
  await fc.assert(
    fc.asyncProperty(records, fc.array(events, { maxLength: 25 }), async (record, all) => {
      const cluster = await new PlacedCluster(record).synced();
      // What is typical is known, so that a slow start tells of its node.
      for (const node of ['m1', 'm2', 'm3']) for (const revision of revisions) cluster.history.record({ workload: hello, revision, node, ms: 1000 });
      const before = names.map(() => ({}));
      const ask = (): readonly unknown[] => {
        const placement = cluster.placementOf(toPlace('new'));
        return [placement.scores(names, nothingSent, before), placement.inPool(names, nothingSent, before)];
      };
      for (const event of all) {
        if (event.kind === 'node') {
          const { name, kind: _, ...more } = event;
          cluster.putNode(nodeOf(name, more));
        } else if (event.kind === 'no-node') cluster.nodes.delete('', event.name);
        else if (event.kind === 'pod') cluster.putPod(boundOf(event.name, event.node));
        else if (event.kind === 'no-pod') cluster.dropPod(event.name);
        else cluster.history.record({ workload: hello, revision: event.revision, node: event.node, ms: event.ms });
        ask();
      }
      const fresh = await new PlacedCluster(record).synced();
      fresh.history.adopt(cluster.history.revisions(), cluster.history.nodes());
      // In another order, so that slots are others.
      fresh.putPod(...cluster.pods.values());
      fresh.putNode(...[...cluster.nodes.values()].reverse());
      const placement = fresh.placementOf(toPlace('new'));
      t.deepEqual(ask(), [placement.scores(names, nothingSent), placement.inPool(names, nothingSent)]);
    }),
    { numRuns: 200 },
  );
});
