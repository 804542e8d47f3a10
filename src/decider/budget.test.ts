import { readFile } from 'node:fs/promises';
import test from 'ava';
import fc from 'fast-check';
import { at, concurrencyOf, observed, specWith, start } from '../../test/support/decision-inputs.ts';
import { pods } from '../core/index.ts';
import { shareBudget, type BudgetCeilings, type BudgetClaim } from './budget.ts';
import { decide, decidePoke, initialState } from './index.ts';

const none = Number.POSITIVE_INFINITY;
const ceilings = (pods: number, namespaces: Readonly<Record<string, { readonly pods?: number; readonly priority?: number }>> = {}): BudgetCeilings => ({
  pods,
  namespaces: new Map(Object.entries(namespaces).map(([name, { pods: own = none, priority = 0 }]) => [name, { pods: own, priority }])),
});
const claim = (key: string, running: number, wanted: number, standing = 0): BudgetClaim => ({
  key,
  namespace: key.split('/')[0] ?? '',
  running,
  wanted,
  standing,
});
const shares = (limits: BudgetCeilings, ...claims: readonly BudgetClaim[]): readonly number[] => shareBudget(limits, claims);

test('with room for all everybody gets what it wants', (t) => {
  t.deepEqual(shares(ceilings(10), claim('a/x', 2, 5), claim('b/y', 5, 3)), [5, 3]);
  t.deepEqual(shares(ceilings(none), claim('a/x', 0, 5000), claim('b/y', 5, 0)), [5000, 0]);
});

test('what runs and is wanted stays, and the rest is shared fairly: who has the fewest gets the next', (t) => {
  t.deepEqual(shares(ceilings(12), claim('a/x', 6, 9), claim('a/y', 0, 9), claim('a/z', 1, 2)), [6, 4, 2]);
});

test('the pods that cannot be shared go by name', (t) => {
  t.deepEqual(shares(ceilings(5), claim('a/z', 0, 9), claim('a/x', 0, 9), claim('a/y', 0, 9)), [1, 2, 2]);
});

test('a higher priority gets what it wants before a lower one keeps what it has', (t) => {
  const limits = ceilings(10, { shop: { priority: 10 } });
  t.deepEqual(shares(limits, claim('batch/x', 8, 8), claim('batch/y', 2, 2), claim('shop/web', 1, 6)), [2, 2, 6]);
  t.deepEqual(shares(limits, claim('batch/x', 8, 8), claim('shop/web', 1, 60)), [0, 10]);
});

test('the ceiling of a namespace holds whatever its priority', (t) => {
  const limits = ceilings(10, { shop: { pods: 3, priority: 10 }, batch: { pods: 4 } });
  t.deepEqual(shares(limits, claim('batch/x', 0, 9), claim('shop/web', 0, 9), claim('other/z', 0, 9)), [4, 3, 3]);
});

test('a ceiling that was lowered takes from those who have the most, of the lowest priority first', (t) => {
  t.deepEqual(shares(ceilings(6), claim('a/x', 8, 8), claim('a/y', 2, 3), claim('a/z', 1, 1)), [3, 2, 1]);
  t.deepEqual(shares(ceilings(6, { a: { priority: 1 } }), claim('a/x', 5, 5), claim('b/y', 5, 5)), [5, 1]);
});

test('what nobody takes away is counted first, also above the ceiling', (t) => {
  t.deepEqual(shares(ceilings(6), claim('a/x', 4, 4, 4), claim('a/y', 4, 4)), [4, 2]);
  t.deepEqual(shares(ceilings(6, { z: { priority: 9 } }), claim('a/x', 9, 9, 9), claim('z/y', 1, 4)), [9, 0]);
});

test('a hundred thousand claims are shared, and sum up to the ceiling', (t) => {
  const claims = Array.from({ length: 100_000 }, (_, index) => claim(`${String(index % 50)}/w${String(index)}`, index % 3, index % 7));
  const limits = ceilings(120_000, { 1: { pods: 1000, priority: 3 }, 2: { pods: 10 } });
  const given = shareBudget(limits, claims);
  t.is(
    given.reduce((sum, share) => sum + share, 0),
    120_000,
  );
});

test('the example of docs/autoscaling-rules.md comes out as it says', async (t) => {
  const page = await readFile(new URL('../../docs/autoscaling-rules.md', import.meta.url), 'utf8');
  const rows = [...page.matchAll(/^\| (\w+\/\w+) +\| (\d+) +\| (\d+) +\| (\d+) +\|$/gm)].map(([, key = '', ...numbers]) => ({
    key,
    numbers: numbers.map(Number),
  }));
  t.is(rows.length, 5);
  const limits = ceilings(12, { shop: { priority: 10 }, batch: { pods: 4 } });
  t.true(page.includes('{pods: 12, namespaces: {shop: {priority: 10}, batch: {pods: 4}}}'));
  t.deepEqual(
    shares(limits, ...rows.map(({ key, numbers: [has = 0, wants = 0] }) => claim(key, has, wants))),
    rows.map(({ numbers }) => numbers[2]),
  );
});

const names = ['a', 'b', 'c', 'd'];
const someClaims = fc
  .array(
    fc.record({
      namespace: fc.constantFrom(...names),
      running: fc.integer({ min: 0, max: 12 }),
      wanted: fc.integer({ min: 0, max: 12 }),
      stands: fc.integer({ min: 0, max: 9 }),
    }),
    { maxLength: 12 },
  )
  .map((all) =>
    all.map(({ namespace, running, wanted, stands }, index): BudgetClaim => ({
      key: `${namespace}/${String(index).padStart(2, '0')}`,
      namespace,
      running,
      // One in ten is not to be touched.
      ...(stands === 9 ? { wanted: running, standing: running } : { wanted, standing: 0 }),
    })),
  );
const limit = fc.oneof(fc.integer({ min: 0, max: 60 }), fc.constant(none));
const someCeilings = fc
  .record({ pods: limit, namespaces: fc.dictionary(fc.constantFrom('a', 'b', 'c'), fc.record({ pods: limit, priority: fc.integer({ min: -1, max: 1 }) })) })
  .map(({ pods, namespaces }) => ceilings(pods, namespaces));

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);
const ceilingOf = (limits: BudgetCeilings, namespace: string): number => limits.namespaces.get(namespace)?.pods ?? none;
const priorityOf = (limits: BudgetCeilings, { namespace }: BudgetClaim): number => limits.namespaces.get(namespace)?.priority ?? 0;
const kept = ({ running, wanted }: BudgetClaim): number => Math.min(running, wanted);

const law = test.macro((t, holds: (limits: BudgetCeilings, claims: readonly BudgetClaim[], given: readonly number[]) => boolean) => {
  t.notThrows(() => {
    fc.assert(
      fc.property(someCeilings, someClaims, (limits, claims) => holds(limits, claims, shareBudget(limits, claims))),
      { numRuns: 500 },
    );
  });
});

test('shares are whole, and none is above what is wanted', law, (_limits, claims, given) =>
  claims.every(({ wanted }, index) => Number.isInteger(given[index]) && (given[index] ?? -1) >= 0 && (given[index] ?? none) <= wanted),
);

test('no ceiling is passed, but by what nobody takes away', law, (limits, claims, given) => {
  const within = (ceiling: number, chosen: (claim: BudgetClaim) => boolean): boolean =>
    sum(given.filter((_, index) => chosen(claims[index] as BudgetClaim))) <= Math.max(ceiling, sum(claims.filter(chosen).map(({ standing }) => standing)));
  // Those that stand in one namespace may leave less than nothing for the others: then those get nothing.
  return within(limits.pods, () => true) && names.every((name) => within(ceilingOf(limits, name), ({ namespace }) => namespace === name));
});

test('whoever gets less than it wants has a full namespace, or a cluster full of its equals and betters', law, (limits, claims, given) =>
  claims.every((mine, index) => {
    if ((given[index] ?? 0) >= mine.wanted) return true;
    const total = (chosen: (claim: BudgetClaim) => boolean): number => sum(claims.map((each, other) => (chosen(each) ? (given[other] ?? 0) : each.standing)));
    const inNamespace = sum(given.filter((_, other) => claims[other]?.namespace === mine.namespace));
    return inNamespace >= ceilingOf(limits, mine.namespace) || total((each) => priorityOf(limits, each) >= priorityOf(limits, mine)) >= limits.pods;
  }),
);

test('lower priorities change nothing for higher ones', law, (limits, claims, given) =>
  [0, 1].every((priority) => {
    const higher = claims.filter((each) => priorityOf(limits, each) >= priority || each.standing > 0);
    const alone = shareBudget(limits, higher);
    return higher.every((each, index) => priorityOf(limits, each) < priority || alone[index] === given[claims.indexOf(each)]);
  }),
);

test('an equal’s rise takes nothing from what runs and is wanted', law, (limits, claims) => {
  const without = shareBudget(
    limits,
    claims.map((each) => ({ ...each, wanted: kept(each) })),
  );
  const lowest = Math.min(...claims.map((each) => priorityOf(limits, each)));
  const highestOnly = claims.filter((each) => priorityOf(limits, each) === lowest).length === claims.length;
  return !highestOnly || shareBudget(limits, claims).every((share, index) => share >= (without[index] ?? 0));
});

test('shares that have become what runs stay: no tick takes back what the one before gave', law, (limits, claims, given) => {
  const after = claims.map((each, index) => ({ ...each, running: given[index] ?? 0 }));
  return shareBudget(limits, after).every((share, index) => share === given[index]);
});

test('the order of the claims does not matter', law, (limits, claims, given) => {
  const turned = shareBudget(limits, [...claims].reverse());
  return [...turned].reverse().every((share, index) => share === given[index]);
});

test('a higher ceiling of the cluster gives nobody less', law, (limits, claims, given) =>
  shareBudget({ ...limits, pods: limits.pods + 3 }, claims).every((share, index) => share >= (given[index] ?? 0)),
);

test('who wants more gets no less', law, (limits, claims, given) =>
  claims.every((each, index) => {
    if (each.standing > 0) return true;
    const more = claims.map((other, at) => (at === index ? { ...other, wanted: other.wanted + 2 } : other));
    return (shareBudget(limits, more)[index] ?? 0) >= (given[index] ?? 0);
  }),
);

test('among equals of a namespace with nothing running, none has two more than another that wants more', law, (limits, claims) => {
  const fresh = claims.map((each) => ({ ...each, running: 0, standing: 0 }));
  const given = shareBudget(limits, fresh);
  return fresh.every((a, i) => fresh.every((b, j) => a.namespace !== b.namespace || (given[j] ?? 0) >= b.wanted || (given[i] ?? 0) <= (given[j] ?? 0) + 1));
});

const rooms = fc.integer({ min: 0, max: 40 }).map((room) => ({
  limit: pods(room),
  share: pods(room),
  scope: 'cluster' as const,
  ceiling: pods(40),
  used: pods(0),
  losers: [],
}));

test('a decision never rises above what the budget leaves, and takes away no more than max-scale-down-rate does', (t) => {
  fc.assert(
    fc.property(
      rooms,
      fc.nat(30),
      fc.nat(5000),
      fc.nat(9),
      fc.double({ min: 1.1, max: 10, noNaN: true }),
      fc.boolean(),
      (budget, ready, load, held, rate, poked) => {
        const seen = observed({ ready, metrics: [concurrencyOf(load)], held, budget });
        const { decision } = (poked ? decidePoke : decide)(initialState(specWith(), pods(1), start), seen, specWith({ maxScaleDownRate: rate }), at(0));
        t.true(decision.to <= Math.max(budget.limit, ready));
        t.true(decision.to >= Math.min(Math.floor(ready / rate), budget.limit));
        t.is(decision.evidence.budget?.limit, budget.limit);
        if (ready === 0 && held > 0 && budget.limit === 0) t.like(decision, { kind: 'hold', to: 0, reason: 'budget' });
      },
    ),
  );
});

test('a budget that was lowered takes running pods away as fast as max-scale-down-rate would, no faster, and the step says so', (t) => {
  const lowered = (limit: number) => ({ limit: pods(limit), share: pods(limit), scope: 'cluster' as const, ceiling: pods(40), used: pods(0), losers: [] });
  const outcome = (limit: number): readonly unknown[] => {
    const seen = observed({ ready: 20, metrics: [concurrencyOf(1400)], budget: lowered(limit) });
    const { to, reason, evidence } = decide(initialState(specWith(), pods(20), start), seen, specWith(), at(0)).decision;
    return [to, reason, evidence.steps];
  };
  t.deepEqual(outcome(5), [10, 'budget', [{ step: 'budget', from: 20, to: 10, limit: 5 }]]);
  t.deepEqual(outcome(15), [15, 'budget', [{ step: 'budget', from: 20, to: 15, limit: 15 }]]);
});
