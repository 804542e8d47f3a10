import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import fc from 'fast-check';
import { placementWeights, score, type PlacementHistory, type PlacementNode, type PlacementPod } from './index.ts';

const unknown: PlacementHistory = { hasRun: () => false, slowness: () => undefined, pull: () => 'nowhere' };

const node = (name: string, more: Partial<PlacementNode> = {}): PlacementNode => ({
  name,
  zone: undefined,
  allocatable: { cpu: 4, memory: 16e9, pods: 110 },
  requested: { cpu: 1, memory: 4e9, pods: 10 },
  starting: 0,
  leaving: undefined,
  labels: {},
  images: new Set(),
  ...more,
});

const pod = (more: Partial<PlacementPod> = {}): PlacementPod => ({
  policy: 'warm',
  requests: { cpu: 0.5, memory: 1e9 },
  images: ['docker.io/library/app:1'],
  pool: undefined,
  poolOf: ({ labels }) => (labels['capacity'] === 'spot' ? 'burst' : 'base'),
  podsOn: () => 0,
  podsByZone: new Map(),
  ...more,
});

const scoresOf = (...args: Parameters<typeof score>): Readonly<Record<string, number>> =>
  Object.fromEntries(score(...args).map(({ node: name, score: value }) => [name, value]));

const withImage = new Set(['docker.io/library/app:1']);

test('warm prefers the node that has the image, from its status or because a pod of the revision ran there', (t) => {
  const nodes = [node('cold'), node('warm', { images: withImage }), node('known')];
  const { cold = 0, warm = 0, known = 0 } = scoresOf(pod(), nodes, { ...unknown, hasRun: ({ name }) => name === 'known' });
  t.true(warm > cold);
  t.is(known, warm);
});

test('a node that is leaving gets 0, and every other one more', (t) => {
  const nodes = [node('leaving', { images: withImage, leaving: 'draining' }), node('full', { requested: { cpu: 4, memory: 16e9, pods: 110 }, starting: 99 })];
  const scores = scoresOf(pod(), nodes, { ...unknown, slowness: () => 100 });
  t.is(scores['leaving'], 0);
  t.true((scores['full'] ?? 0) > 0);
});

test('where starts have been slow is worse than where nobody knows, and that is worse than where they have been quick', (t) => {
  const slowness = ({ name }: PlacementNode): number | undefined => ({ slow: 10, quick: 0.5 })[name];
  const scores = score(pod(), [node('slow'), node('new'), node('quick')], { ...unknown, slowness });
  t.deepEqual(
    scores.map(({ terms }) => terms.start),
    [1, 5, 10],
  );
  t.deepEqual(
    scores.map((each) => each.score),
    [1, 7, 10],
  );
});

test('with warm a quick node that must pull goes before a slow one with the image where the pull takes less, and behind it where it takes more', (t) => {
  const nodes = [node('slow', { images: withImage }), node('quick')];
  const after = (pull: number): PlacementHistory => ({ ...unknown, slowness: ({ name }) => (name === 'slow' ? 3 : 1), pull: () => pull });
  t.deepEqual(scoresOf(pod(), nodes, after(1)), { slow: 3, quick: 5 });
  t.deepEqual(scoresOf(pod(), nodes, after(4)), { slow: 3, quick: 2 });
});

test('when it will be ready is worked out from what else starts there, on the cores that running pods leave', (t) => {
  const soon = (more: Partial<PlacementNode>, history: PlacementHistory = unknown): number | undefined =>
    score(pod(), [node('n', { images: withImage, ...more })], history)[0]?.terms.soon;
  t.is(soon({}), 10);
  t.is(soon({ starting: 1 }), 8);
  t.is(soon({ starting: 1, requested: { cpu: 4, memory: 4e9, pods: 10 } }), 7);
  t.is(soon({ starting: 4, allocatable: { cpu: 33, memory: 64e9, pods: 110 } }), 9);
  t.is(soon({ starting: 1 }, { ...unknown, slowness: () => 2 }), 4);
  t.is(soon({}, { ...unknown, slowness: () => 0.5 }), 10, 'sooner than usual is not better than usual');
});

test('a pull that nobody has seen takes two starts, half a one where the revision has run nowhere, and none is for nothing', (t) => {
  const cold = (pull: ReturnType<PlacementHistory['pull']>): number | undefined => score(pod(), [node('n')], { ...unknown, pull: () => pull })[0]?.terms.soon;
  for (const nonsense of ['unseen' as const, Number.NaN, Infinity]) t.is(cold(nonsense), 3);
  t.is(cold('nowhere'), 7);
  for (const least of [0, -1, 0.1]) t.is(cold(least), 8);
  t.is(cold(1), 5);
});

test('a slowness that makes no sense counts as none', (t) => {
  for (const nonsense of [0, -1, Number.NaN])
    t.deepEqual(score(pod(), [node('n')], { ...unknown, slowness: () => nonsense }), score(pod(), [node('n')], unknown));
});

test('two starts on a small node are as much as ten on one five times its size', (t) => {
  const [small, big] = score(
    pod(),
    [node('small', { starting: 2 }), node('big', { starting: 10, allocatable: { cpu: 20, memory: 64e9, pods: 110 } })],
    unknown,
  );
  t.is(small?.terms.quiet, 5);
  t.is(big?.terms.quiet, 5);
});

test('a pod that asks for no CPU fits on a node whose CPU is all asked for', (t) => {
  const full = node('n', { requested: { cpu: 5, memory: 8e9, pods: 3 } });
  const [fits] = score(pod({ requests: { cpu: 0, memory: 0 } }), [full], unknown);
  t.is(fits?.terms.fullness, 10);
  const [not] = score(pod({ requests: { cpu: 0.1, memory: 0 } }), [full], unknown);
  t.is(not?.terms.fullness, 0);
});

test('spread prefers the node and the zone with the fewest pods of the revision', (t) => {
  const nodes = [node('a1', { zone: 'a' }), node('a2', { zone: 'a' }), node('b1', { zone: 'b' })];
  const crowded = pod({ policy: 'spread', podsOn: ({ name }) => (name === 'a1' ? 2 : 0), podsByZone: new Map(Object.entries({ a: 2, b: 0 })) });
  const { a1 = 0, a2 = 0, b1 = 0 } = scoresOf(crowded, nodes, unknown);
  t.true(a1 < a2 && a2 < b1);
});

test('pack prefers the fullest node that has room', (t) => {
  const nodes = [
    node('empty', { requested: { cpu: 0, memory: 0, pods: 0 } }),
    node('half'),
    node('nearly', { requested: { cpu: 3, memory: 12e9, pods: 20 } }),
    node('full', { requested: { cpu: 3.8, memory: 12e9, pods: 20 } }),
    node('no-pods', { requested: { cpu: 3, memory: 12e9, pods: 110 } }),
  ];
  const { empty = 0, half = 0, nearly = 0, full = 0, 'no-pods': noPods = 0 } = scoresOf(pod({ policy: 'pack' }), nodes, unknown);
  t.true(empty < half && half < nearly);
  // The scheduler asks about no node on which it does not fit.
  t.true(full <= empty && noPods <= empty);
});

test('the terms are told with the score, and policy off gives 0 everywhere', (t) => {
  const [told] = score(pod({ policy: 'off' }), [node('n', { images: withImage })], unknown);
  t.is(told?.score, 0);
  t.deepEqual(told?.terms, { image: 10, start: 5, quiet: 10, soon: 10, headroom: 6, fullness: 4, spread: 10, pool: 10 });
});

test('docs/placement.md has the weights of the code', async (t) => {
  const page = await readFile(join(import.meta.dirname, '..', '..', 'docs', 'placement.md'), 'utf8');
  for (const [policy, column] of [
    ['warm', 3],
    ['spread', 4],
    ['pack', 5],
  ] as const) {
    const told = page.split('\n').flatMap((line) => {
      const cells = line.split('|').map((cell) => cell.trim());
      const [, term] = /^`(\w+)`$/.exec(cells[1] ?? '') ?? [];
      return term === undefined ? [] : [[term, Number(cells[column])] as const];
    });
    t.deepEqual(Object.fromEntries(told), { ...placementWeights[policy] }, policy);
  }
});

// Laws, for whatever comes: also what cannot be.
const number = fc.oneof(fc.double(), fc.double({ min: 0, max: 100 }), fc.constantFrom(0, -1, 1, Number.NaN, Infinity, -Infinity));
const amounts = fc.record({ cpu: number, memory: number, pods: number });
const oddNodes = fc.record({
  name: fc.constantFrom('a', 'b', 'c', 'd'),
  zone: fc.constantFrom(undefined, 'x', 'y'),
  allocatable: amounts,
  requested: amounts,
  starting: number,
  leaving: fc.constantFrom(undefined, undefined, 'cordoned' as const, 'draining' as const, 'interrupted' as const),
  labels: fc.constantFrom({}, { capacity: 'spot' }),
  images: fc.constantFrom(new Set<string>(), withImage),
});
const policies = fc.constantFrom('warm' as const, 'spread' as const, 'pack' as const);
const oddPods = fc
  .record({
    policy: policies,
    requests: fc.record({ cpu: number, memory: number }),
    images: fc.constantFrom([], ['docker.io/library/app:1'], ['other', 'docker.io/library/app:1']),
    pool: fc.constantFrom(undefined, 'base' as const, 'burst' as const),
    byNode: fc.dictionary(fc.constantFrom('a', 'b', 'c'), number),
    byZone: fc.dictionary(fc.constantFrom('x', 'y'), number),
  })
  .map(({ byNode, byZone, ...rest }) => pod({ ...rest, podsOn: ({ name }) => byNode[name], podsByZone: new Map(Object.entries(byZone)) }));
const histories = fc
  .record({
    ran: fc.array(fc.constantFrom<string>('a', 'b', 'c')),
    slow: fc.dictionary(fc.constantFrom('a', 'b', 'c'), number),
    pull: fc.oneof(number, fc.constantFrom('unseen' as const, 'nowhere' as const)),
  })
  .map(({ ran, slow, pull }): PlacementHistory => ({ hasRun: ({ name }) => ran.includes(name), slowness: ({ name }) => slow[name], pull: () => pull }));

test('whatever comes, a score and its terms are whole numbers from 0 to 10, 0 for what is leaving alone, in the order of the nodes', (t) => {
  fc.assert(
    fc.property(oddPods, fc.array(oddNodes, { maxLength: 5 }), histories, (asked, nodes, history) => {
      const scores = score(asked, nodes, history);
      t.deepEqual(
        scores.map(({ node: name }) => name),
        nodes.map(({ name }) => name),
      );
      for (const { score: value, terms, leaving } of scores) {
        for (const each of [value, ...Object.values<number>({ ...terms })]) t.true(Number.isInteger(each) && each >= 0 && each <= 10);
        t.is(value === 0, leaving !== undefined);
      }
      t.deepEqual(score(asked, nodes, history), scores);
      // A node's score does not depend on which others are asked about at the same time.
      t.deepEqual(
        nodes.flatMap((each) => score(asked, [each], history)),
        scores,
      );
    }),
  );
});

test('more starts on a node, slower ones, or a longer pull never raise its score, and images that are there never lower it', (t) => {
  fc.assert(
    fc.property(oddPods, oddNodes, histories, fc.nat(50), fc.double({ min: 0.01, max: 10, noNaN: true }), (asked, one, history, more, slower) => {
      const starting = Math.max(0, Number.isFinite(one.starting) ? one.starting : 0);
      const of = (each: PlacementNode, known: PlacementHistory): number => score(asked, [each], known)[0]?.score ?? -1;
      t.true(of({ ...one, starting: starting + more }, history) <= of({ ...one, starting }, history));
      t.true(of(one, { ...history, slowness: () => slower * 2 }) <= of(one, { ...history, slowness: () => slower }));
      t.true(of(one, { ...history, pull: () => slower * 2 }) <= of(one, { ...history, pull: () => slower }));
      t.true(of(one, { ...history, hasRun: () => true }) >= of(one, history));
    }),
  );
});

test('no node of another pool ever scores as high as one of the pod’s pool that stays', (t) => {
  fc.assert(
    fc.property(oddPods, fc.constantFrom('base' as const, 'burst' as const), oddNodes, oddNodes, histories, (asked, pool, one, other, history) => {
      const right = { ...one, name: 'a', leaving: undefined, labels: pool === 'burst' ? { capacity: 'spot' } : {} };
      const wrong = { ...other, name: 'b', labels: pool === 'burst' ? {} : { capacity: 'spot' } };
      const [best, worse] = score({ ...asked, pool }, [right, wrong], history);
      t.true((best?.score ?? 0) > (worse?.score ?? 0));
    }),
  );
  for (const { pool, ...others } of Object.values(placementWeights)) t.is(pool, Object.values(others).reduce((sum, each) => sum + each, 0) * 1.25);
});

test('with spread, a node alike in all else never scores lower for having fewer of the revision', (t) => {
  fc.assert(
    fc.property(oddNodes, fc.nat(20), fc.nat(20), histories, (one, few, more, history) => {
      const nodes = [
        { ...one, name: 'few', zone: 'x' },
        { ...one, name: 'many', zone: 'y' },
      ];
      const counts = (keys: readonly [string, string]): Map<string, number> =>
        new Map([
          [keys[0], few],
          [keys[1], few + more],
        ]);
      const a = { ...one, name: 'a' };
      const alike: PlacementHistory = { ...history, hasRun: () => history.hasRun(a), slowness: () => history.slowness(a) };
      const [first, second] = score(
        pod({ policy: 'spread', podsOn: ({ name }) => (name === 'few' ? few : few + more), podsByZone: counts(['x', 'y']) }),
        nodes,
        alike,
      );
      t.true((first?.score ?? 0) >= (second?.score ?? 0));
    }),
  );
});

test('with pack, of two nodes alike in all else on which the pod fits the fuller never scores lower', (t) => {
  const share = fc.double({ min: 0, max: 0.85, noNaN: true });
  fc.assert(
    fc.property(share, share, share, share, (cpu, memory, moreCpu, moreMemory) => {
      const taken = (ofCpu: number, ofMemory: number): PlacementNode => node('n', { requested: { cpu: 4 * ofCpu, memory: 16e9 * ofMemory, pods: 1 } });
      const [less, fuller] = score(
        pod({ policy: 'pack' }),
        [taken(cpu, memory), taken(Math.min(0.85, cpu + moreCpu), Math.min(0.85, memory + moreMemory))],
        unknown,
      );
      t.true((fuller?.score ?? 0) >= (less?.score ?? 0));
    }),
  );
});
