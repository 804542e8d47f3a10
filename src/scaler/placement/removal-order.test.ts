import test from 'ava';
import fc from 'fast-check';
import { seconds } from '../../core/index.ts';
import { leavingPods } from '../deletion-cost.ts';
import { boundOf, nodeOf, PlacedCluster, recordOf, toPlace } from '../testing/placed-cluster.ts';
import { hello, viewOf } from '../testing/views.ts';
import { world } from '../testing/world.ts';
import { standingsOf, type RemovalOrder } from './removal-order.ts';

/** Who goes when the count falls to `to`, of pods that are equally idle. */
const going = (cluster: PlacedCluster, to: number): readonly string[] =>
  leavingPods('deployments.apps', cluster.workloadPods(), new Map(), to, cluster.removal).map(({ name }) => name);

const onboarded = async (annotations: Readonly<Record<string, string>>): Promise<PlacedCluster> => new PlacedCluster(recordOf(annotations)).synced();

test('a pod on a node that is leaving goes first', async (t) => {
  const cluster = await onboarded({});
  cluster.putNode(nodeOf('n1'), nodeOf('n2', { taints: [{ key: 'karpenter.sh/disrupted', value: '', effect: 'NoSchedule' }] }));
  cluster.putPod(boundOf('a', 'n1'), boundOf('b', 'n2'), boundOf('c', 'n1'));
  t.deepEqual(going(cluster, 2), ['b']);
});

test('then one that is not on a base node', async (t) => {
  const cluster = await onboarded({ 'rouse.dev/base-nodes': 'capacity=stable', 'rouse.dev/base-replicas': '2' });
  cluster.putNode(nodeOf('base', { labels: { capacity: 'stable' } }), nodeOf('spot'));
  cluster.putPod(boundOf('a', 'base'), boundOf('b', 'spot'), boundOf('c', 'base'), boundOf('d', 'spot'));
  t.deepEqual([...going(cluster, 2)].sort(), ['b', 'd']);
});

test('with pack the emptiest node is emptied, and wholly before the next', async (t) => {
  const cluster = await onboarded({ 'rouse.dev/placement': 'pack' });
  cluster.putNode(nodeOf('full'), nodeOf('empty'));
  cluster.putPod(boundOf('other', 'full', { owner: undefined, requests: { cpu: 2, memory: 8e9 } }));
  cluster.putPod(boundOf('a', 'full'), boundOf('b', 'empty'), boundOf('c', 'full'), boundOf('d', 'empty'));
  t.deepEqual([...going(cluster, 2)].sort(), ['b', 'd']);
});

test('with spread the node with the most goes down to what the others have', async (t) => {
  const cluster = await onboarded({ 'rouse.dev/placement': 'spread' });
  cluster.putNode(nodeOf('n1', { zone: 'x' }), nodeOf('n2', { zone: 'y' }));
  for (const [name, node] of Object.entries({ a: 'n1', b: 'n1', c: 'n1', d: 'n2', e: 'n1' })) cluster.putPod(boundOf(name, node));
  const gone = going(cluster, 2);
  t.is(gone.length, 3);
  t.false(gone.includes('d'));
});

test('requests in flight and age go on as before where placement has no say', async (t) => {
  const off = await onboarded({ 'rouse.dev/placement': 'off' });
  t.is(off.removal, undefined);
  t.is(new PlacedCluster().removal, undefined);
  const cluster = await onboarded({});
  cluster.putNode(nodeOf('n1'), nodeOf('n2', { unschedulable: true }));
  cluster.putPod(boundOf('old', 'n1'), boundOf('young', 'n1'), boundOf('busy', 'n2'));
  t.deepEqual(
    leavingPods('deployments.apps', cluster.workloadPods(), new Map([['uid-busy', 3]]), 1, cluster.removal).map(({ name }) => name),
    ['young', 'old'],
  );
});

test('before the count falls the ReplicaSet controller and the gateways are told who goes by this order', async (t) => {
  const asked: string[] = [];
  const removalOrder: RemovalOrder = ({ key }, pods) => {
    asked.push(`${key}: ${[...pods].map(({ name }) => name).join(' ')}`);
    return (one, other) => Number(other.name === 'hello-2') - Number(one.name === 'hello-2');
  };
  const annotations = { 'rouse.dev/enabled': 'true', 'rouse.dev/window': '6s', 'rouse.dev/state': '{"v":1,"replicasBefore":1}', 'rouse.dev/status': '{}' };
  const { cluster, advance, load, path } = await world((c) => c.put(viewOf({ annotations, specReplicas: 4 })), { removalOrder });
  load.concurrency = 180;
  await advance(seconds(2));
  t.deepEqual(asked, [`${hello}: hello-1 hello-2 hello-3 hello-4`]);
  t.deepEqual(
    cluster.writes.filter((write) => !write.startsWith('patch deployments')),
    ['patch pods hello-2 {"controller.kubernetes.io/pod-deletion-cost":"-1"}', 'scale hello 3'],
  );
  t.deepEqual(path.retired, [{ pods: ['uid-hello-2'], writes: 0 }]);
});

const standing = (cluster: PlacedCluster, name: string): number =>
  standingsOf({ book: cluster.book, history: cluster.history }, cluster.record, cluster.workloadPods()).get(`uid-${name}`)?.score ?? -1;

const scenes = fc.record({
  policy: fc.constantFrom('warm', 'spread', 'pack'),
  pools: fc.constantFrom(undefined, 0, 1, 2),
  nodes: fc.array(
    fc.record({
      cpu: fc.constantFrom(2, 4, 8),
      used: fc.double({ min: 0, max: 1, noNaN: true }),
      zone: fc.constantFrom('x', 'y', 'z'),
      leaving: fc.boolean(),
      stable: fc.boolean(),
      hasImage: fc.boolean(),
    }),
    { minLength: 2, maxLength: 6 },
  ),
  pods: fc.array(fc.nat(5), { minLength: 1, maxLength: 8 }),
});

test('a pod made anew in the place of the first to go never comes to a node that suits it less, nor back to one that leaves', async (t) => {
  await fc.assert(
    fc.asyncProperty(scenes, async ({ policy, pools, nodes, pods }) => {
      const base = pools === undefined ? {} : { 'rouse.dev/base-nodes': 'capacity=stable', 'rouse.dev/base-replicas': String(pools) };
      const cluster = await onboarded({ 'rouse.dev/placement': policy, ...base });
      for (const [index, { cpu, used, zone, leaving, stable, hasImage }] of nodes.entries()) {
        const name = `n${index}`;
        cluster.putNode(
          nodeOf(name, {
            zone,
            unschedulable: leaving,
            labels: stable ? { capacity: 'stable' } : {},
            images: hasImage ? ['docker.io/library/app:1'] : [],
            allocatable: { cpu, memory: cpu * 4e9, pods: 110 },
          }),
        );
        cluster.putPod(boundOf(`other-${index}`, name, { owner: undefined, requests: { cpu: (cpu - 2) * used, memory: cpu * 3e9 * used } }));
      }
      for (const [index, node] of pods.entries()) cluster.putPod(boundOf(`p${index}`, `n${node % nodes.length}`));
      // Some rounds of one out, one in, with the nodes as they are.
      for (let round = 0; round < 4; round += 1) {
        const [gone = ''] = going(cluster, pods.length - 1);
        const from = cluster.pods.get(`default/${gone}`)?.nodeName ?? '';
        const stood = standing(cluster, gone);
        cluster.dropPod(gone);
        const anew = toPlace(`q${round}`);
        const names = [...cluster.nodes.values()].map(({ name }) => name);
        const worth = new Map(names.map((name) => [name, cluster.placementOf(anew).scores([name], () => undefined)[0] ?? -1]));
        t.is(worth.get(from), stood, 'what a pod stood at is what its node is worth to one made anew');
        const [to = ''] = cluster.place(anew);
        t.true((worth.get(to) ?? -1) >= stood);
        t.true(cluster.book.node(to)?.leaving === undefined || nodes.every(({ leaving }) => leaving));
        cluster.putPod(boundOf(anew.name, to));
        // Should it be the first to go again, then no node was worth more to it than the one that it has.
        if (going(cluster, pods.length - 1)[0] === anew.name) t.true(standing(cluster, anew.name) >= Math.max(...worth.values()));
      }
    }),
    { numRuns: 40 },
  );
});
