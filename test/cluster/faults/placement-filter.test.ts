import test, { type ExecutionContext } from 'ava';
import { startRouse } from '../../support/rouse-process.ts';
import { until } from '../../support/until.ts';
import type { Cluster } from '../harness/cluster.ts';
import { answerCounts, fakes, labelled, placedAnew, podsIn, scene, spread, type PlacementScene } from './placement-scene.ts';

/** The real kube-scheduler with `filterVerb: filter`, as the value `placement.filter` of the chart has it, and what `rouse explain` says of it. */

interface Round {
  readonly where: Readonly<Record<string, number>>;
  /** Of how many pods the scheduler asked what their nodes are worth: it does not where one is left. */
  readonly prioritized: number;
}

/** Where `count` pods went in a round in which each call was answered in time: answers are best effort, and how slow the machine is, is not what is tested. */
const answeredRound = ({ cluster, metrics, seen }: PlacementScene, namespace: string, name: string, count: number): Promise<Round> =>
  until(
    `${count} pods of ${name} are placed by our word`,
    async () => {
      const before = answerCounts(await metrics());
      const pods = await placedAnew(cluster, namespace, name, count);
      const after = answerCounts(await metrics());
      const grown = (key: string): number => (after[key] ?? 0) - (before[key] ?? 0);
      const isOurs = pods.every(({ spec }) => spec.schedulerName === 'rouse-scheduler') && grown('filter scored') === count;
      const prioritized = grown('prioritize scored');
      // A call is counted when its answer is out: one of before may be among them.
      return isOurs && prioritized % count === 0 && { where: spread(pods), prioritized };
    },
    60_000,
    seen,
  );

const label = async (t: ExecutionContext, { kubectl }: Cluster, node: string, key: string, value: string): Promise<void> => {
  await kubectl(['label', 'node', node, `${key}=${value}`]);
  t.teardown(() => kubectl(['label', 'node', node, `${key}-`]));
};

/** Nothing more fits on it. */
const fill = async (cluster: Cluster, namespace: string, node: string): Promise<void> => {
  const { status } = (await cluster.api('GET', `/api/v1/nodes/${node}`)).body as unknown as {
    readonly status: { readonly allocatable: { readonly cpu: string } };
  };
  const containers = [{ name: 'app', image: 'rouse.test/fake', resources: { requests: { cpu: status.allocatable.cpu } } }];
  const filler = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'filler' }, spec: { nodeName: node, terminationGracePeriodSeconds: 0, containers } };
  await cluster.kubectl(['apply', '-n', namespace, '-f', '-'], { stdin: JSON.stringify(filler) });
};

/** Of its pods, as soon as a controller leads: before, nothing has been decided. */
const placesExplained = (namespace: string, name: string, url: string): Promise<string> => {
  let said = '';
  return until(
    `rouse explain ${name} tells of its pods`,
    async () => /Where its pods went[^]*/.exec((said = await explain(namespace, name, url)))?.[0],
    30_000,
    () => said,
  );
};

const explain = async (namespace: string, name: string, url: string): Promise<string> => {
  const rouse = startRouse(['explain', name, '--namespace', namespace, '--controller', new URL(url).origin]);
  const code = await rouse.ended;
  return code === 0 ? rouse.lines.join('\n') : `exit code ${String(code)}: ${rouse.errors()}`;
};

test.serial('with the filter pools are a rule, unless their nodes have no room; no other node is ever ruled out; rouse explain says why', async (t) => {
  const all = await scene(t, { filterVerb: 'filter' });
  const { cluster, seen } = all;
  const { kubectl } = cluster;
  const namespace = await cluster.namespace(t, labelled);
  const make = async (name: string, count: number, annotations: Readonly<Record<string, string>>): Promise<void> => {
    const object = fakes(name, namespace, count, { ...annotations, 'rouse.dev/min-scale': String(count) });
    await kubectl(['apply', '-f', '-'], { stdin: JSON.stringify(object) });
    // On nodes: a call about one of them is none of the round that follows.
    const placed = async (): Promise<boolean> =>
      (await podsIn(cluster, namespace, `app=${name}`)).filter(({ spec }) => spec.nodeName !== undefined).length === count;
    await until('there are pods on nodes', placed, 30_000, seen);
  };
  await label(t, cluster, 'n1', 'capacity', 'on-demand');
  await make('web', 5, { 'rouse.dev/base-nodes': 'capacity=on-demand', 'rouse.dev/base-replicas': '2' });
  const ruled = await answeredRound(all, namespace, 'web', 5);
  t.deepEqual(ruled, { where: { n1: 2, n2: 3 }, prioritized: 0 }, 'one node is left to each');
  await fill(cluster, namespace, 'n1');
  t.deepEqual((await answeredRound(all, namespace, 'web', 5)).where, { n2: 5 }, 'the base is full');
  const ofPools = await placesExplained(namespace, 'web', all.url);
  t.regex(ofPools, /\bto n2 {2}score \d.*\n +warm, base: image 10, .*, pool 0; no other node could have it$/m);
  t.regex(ofPools, /\bto n1 {2}score \d.*\n +warm, base: .*, pool 10; no other node could have it$/m);
  await kubectl(['delete', 'pod', 'filler', '-n', namespace]);
  // To pods without pools every node is left, also one that is worth nothing to them.
  await kubectl(['taint', 'node', 'n1', 'n2', 'DeletionCandidateOfClusterAutoscaler=1:PreferNoSchedule']);
  t.teardown(() => kubectl(['taint', 'node', 'n1', 'n2', 'DeletionCandidateOfClusterAutoscaler-']));
  await make('free', 4, {});
  t.like(await answeredRound(all, namespace, 'free', 4), { prioritized: 4 });
  const ofFree = await placesExplained(namespace, 'free', all.url);
  t.regex(ofFree, /^ +free-\S+ {2}to (n\d).* {2}score 0 .*\n +warm: the node is leaving: \S+; then (?!\1)n\d 0 \(/m);
});
