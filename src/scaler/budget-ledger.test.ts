import test from 'ava';
import fc from 'fast-check';
import { observed, specWith, start } from '../../test/support/decision-inputs.ts';
import { pods, workloadKey, type Decision, type ScaleSpec } from '../core/index.ts';
import type { Budget } from '../core/spec/index.ts';
import { decide, decidePoke, initialState } from '../decider/index.ts';
import { BudgetLedger } from './budget-ledger.ts';
import { viewOf } from './testing/views.ts';
import { WorkloadMemory } from './workload-memory.ts';
import type { WorkloadRecord } from './workload-record.ts';

/** A workload as the loop sees it; what it wants is its min-scale. */
class Workload {
  readonly key;
  readonly memory: WorkloadMemory;
  readonly #namespace: string;
  readonly #whole: Partial<Omit<ScaleSpec, 'scaling'>>;
  live: number;
  wants: number;
  decision: Decision | undefined;

  constructor(name: string, live: number, wants: number, whole: Partial<Omit<ScaleSpec, 'scaling'>> = {}) {
    const [namespace = '', own = ''] = name.split('/');
    this.#namespace = namespace;
    this.key = workloadKey({ resource: 'deployments.apps', namespace, name: own });
    [this.live, this.wants, this.#whole] = [live, wants, whole];
    this.memory = new WorkloadMemory(this.record, pods(live), true, start);
  }

  get record(): WorkloadRecord {
    const ref = { resource: 'deployments.apps', namespace: this.#namespace, name: this.key.split('/')[1] ?? '' };
    const view = viewOf({ namespace: ref.namespace, name: ref.name, specReplicas: this.live });
    const spec = specWith({ min: pods(this.wants) }, this.#whole);
    return { key: this.key, ref, view, spec, problems: [], warnings: [], state: undefined, phase: 'onboarded' };
  }

  /** What the loop does at a look; the write is answered at once. */
  look(ledger: BudgetLedger, poked = false): void {
    const { record, memory } = this;
    const budget = ledger.roomFor(record, memory);
    const seen = observed({ ready: this.live, ...(budget === undefined ? {} : { budget }), held: poked ? 1 : 0 });
    const run = poked ? decidePoke : decide;
    const { decision } = run(initialState(record.spec, pods(this.live), start), seen, record.spec, start);
    ledger.take(record, decision, poked);
    this.decision = decision;
    if (this.live !== decision.to) this.live = decision.to;
  }
}

const round = (ledger: BudgetLedger, workloads: readonly Workload[]): readonly number[] => {
  ledger.share(
    workloads.map(({ record }) => record),
    (key) => workloads.find((each) => each.key === key)?.memory,
  );
  for (const each of workloads) each.look(ledger);
  return workloads.map(({ live }) => live);
};
const ledgerOf = (budget: Budget | undefined): BudgetLedger => new BudgetLedger(() => budget);
const shop = { pods: 10, namespaces: { shop: { pods: 'unlimited' as const, priority: 10 } } };

test('without a budget nothing is kept and nothing is said', (t) => {
  const ledger = ledgerOf(undefined);
  const workload = new Workload('a/x', 1, 5);
  t.deepEqual(round(ledger, [workload]), [5]);
  t.is(ledger.roomFor(workload.record, workload.memory), undefined);
  t.false('budget' in (workload.decision?.evidence ?? {}));
  t.deepEqual([...ledger.figures()], []);
});

test('a rise beyond the budget stops there, and the evidence has the shares and the losers', (t) => {
  const ledger = ledgerOf({ pods: 5, namespaces: {} });
  const [x, y] = [new Workload('a/x', 2, 4), new Workload('b/y', 1, 4)];
  t.deepEqual(round(ledger, [x, y]), [4, 1], 'at first nobody has said what it wants: first come');
  t.deepEqual(round(ledger, [x, y]), [4, 1], 'what runs is not taken from an equal');
  t.like(y.decision, {
    kind: 'hold',
    to: 1,
    reason: 'budget',
    evidence: {
      budget: { wanted: 4, limit: 1, share: 1, scope: 'cluster', ceiling: 5, used: 5, losers: [{ workload: 'b/y', wanted: 4, share: 1 }] },
      steps: [
        { step: 'min-scale', from: 0, to: 4 },
        { step: 'budget', from: 4, to: 1, limit: 1 },
      ],
    },
  });
  t.deepEqual([...ledger.figures()], [{ namespace: '', limit: 5, used: 5, wanted: 8 }]);
});

test('a higher priority gets room as a lower one gives it, by half at a time, and no more changes after that', (t) => {
  const ledger = ledgerOf(shop);
  const [batch, web] = [new Workload('batch/x', 10, 10), new Workload('shop/web', 0, 0)];
  round(ledger, [batch, web]);
  web.wants = 8;
  const counts = Array.from({ length: 7 }, () => round(ledger, [batch, web]).join(' '));
  t.deepEqual(counts, ['10 0', '5 0', '2 5', '2 8', '2 8', '2 8', '2 8']);
  t.is(batch.decision?.reason, 'budget');
});

test('a wake that finds no room among its equals fails at once; one that a lower priority must make room for waits', (t) => {
  const ledger = ledgerOf(shop);
  const [one, other, web] = [new Workload('batch/x', 10, 10), new Workload('batch/y', 0, 0), new Workload('shop/web', 0, 0)];
  const all = [one, other, web];
  round(ledger, all);
  for (const each of [other, web]) {
    each.look(ledger, true);
    t.like(each.decision, { kind: 'hold', to: 0, reason: 'budget' });
  }
  t.like(ledger.wakeFailure(other.record), { reason: 'quota' });
  t.regex(ledger.wakeFailure(other.record)?.message ?? '', /budget of the cluster \(ConfigMap rouse-config\) is exhausted: 10 of 10 pods/);
  t.is(ledger.wakeFailure(web.record), undefined);
  one.wants = 9;
  one.live = 9;
  round(ledger, all);
  t.is(ledger.wakeFailure(other.record), undefined, 'there is room again');
});

test('a wake that finds its namespace full says whose budget it is', (t) => {
  const ledger = ledgerOf({ pods: 'unlimited', namespaces: { shop: { pods: 2, priority: 0 } } });
  const [full, asleep] = [new Workload('shop/x', 2, 2), new Workload('shop/y', 0, 0)];
  round(ledger, [full, asleep]);
  asleep.look(ledger, true);
  t.regex(ledger.wakeFailure(asleep.record)?.message ?? '', /budget of namespace shop .* 2 of 2 pods/);
  t.like(asleep.decision?.evidence.budget, { scope: 'namespace', ceiling: 2, used: 2 });
});

test('a workload that no ceiling is over is told of none', (t) => {
  const ledger = ledgerOf({ pods: 'unlimited', namespaces: { shop: { pods: 2, priority: 0 } } });
  const [free, bound] = [new Workload('free/x', 0, 50), new Workload('shop/y', 0, 50)];
  for (let tick = 0; tick < 2; tick += 1) t.deepEqual(round(ledger, [free, bound]), [50, 2]);
  t.false('budget' in (free.decision?.evidence ?? {}));
  t.deepEqual([...ledger.figures()], [{ namespace: 'shop', limit: 2, used: 2, wanted: 50 }]);
});

test('pokes between two rounds take what is free and no more', (t) => {
  const ledger = ledgerOf({ pods: 3, namespaces: {} });
  const all = ['a/1', 'a/2', 'a/3', 'a/4', 'a/5'].map((name) => new Workload(name, 0, 0));
  round(ledger, all);
  for (const each of all) each.look(ledger, true);
  t.deepEqual(
    all.map(({ live }) => live),
    [1, 1, 1, 0, 0],
  );
});

test('what was set by hand, is paused or only observed counts as used and is not taken away', (t) => {
  const ledger = ledgerOf({ pods: 6, namespaces: {} });
  const byHand = new Workload('a/hand', 3, 3);
  byHand.memory.override = { replicas: 3, manager: 'kubectl', at: start };
  const [seen, paused, plain] = [
    new Workload('a/seen', 1, 9, { mode: 'observe' }),
    new Workload('a/paused', 1, 9, { pause: 'both' }),
    new Workload('a/plain', 1, 9),
  ];
  for (let tick = 0; tick < 3; tick += 1) t.deepEqual(round(ledger, [seen, paused, plain]), [1, 1, 4]);
  const tight = ledgerOf({ pods: 2, namespaces: {} });
  for (let tick = 0; tick < 3; tick += 1) round(tight, [seen, paused, plain, byHand]);
  t.deepEqual([seen.live, paused.live, plain.live], [1, 1, 1]);
  t.is(plain.decision?.reason, 'just-woken', 'the last pod goes to zero in the way that it always does');
});

test('a ceiling that is lowered is reached step by step, the lowest priority first, and nothing rises meanwhile', (t) => {
  let budget: Budget = { pods: 20, namespaces: { shop: { pods: 'unlimited', priority: 1 } } };
  const ledger = new BudgetLedger(() => budget);
  const all = [new Workload('batch/big', 9, 9), new Workload('batch/small', 3, 5), new Workload('shop/web', 6, 6)];
  t.deepEqual(round(ledger, all), [9, 5, 6]);
  budget = { ...budget, pods: 10 };
  const counts = Array.from({ length: 4 }, () => round(ledger, all).join(' '));
  t.deepEqual(counts, ['4 2 6', '2 2 6', '2 2 6', '2 2 6']);
  budget = { ...budget, pods: 12 };
  for (let tick = 0; tick < 2; tick += 1) round(ledger, all);
  t.deepEqual(
    all.map(({ live }) => live),
    [3, 3, 6],
  );
});

test('a workload that is gone leaves its room to the others at once', (t) => {
  const ledger = ledgerOf({ pods: 4, namespaces: {} });
  const [x, y] = [new Workload('a/x', 4, 4), new Workload('a/y', 0, 0)];
  round(ledger, [x, y]);
  ledger.forget(x.key);
  y.wants = 3;
  y.look(ledger);
  t.is(y.live, 3);
});

test('a standby, and one that starts in the middle, comes to the same counts', (t) => {
  const budget = { pods: 9, namespaces: { b: { pods: 4, priority: 2 } } };
  const make = (): readonly Workload[] => [new Workload('a/x', 2, 7), new Workload('a/y', 2, 7), new Workload('b/z', 1, 7)];
  const [ours, theirs] = [make(), make()];
  const ledger = ledgerOf(budget);
  for (let tick = 0; tick < 6; tick += 1) round(ledger, ours);
  let successor = ledgerOf(budget);
  for (let tick = 0; tick < 12; tick += 1) {
    if (tick % 4 === 3) successor = ledgerOf(budget);
    round(successor, theirs);
  }
  t.deepEqual(
    theirs.map(({ live }) => live),
    ours.map(({ live }) => live),
  );
});

test('whatever is wanted, poked and in whatever order, the counts never pass the ceilings, and they come to rest', (t) => {
  const names = ['a/1', 'a/2', 'b/1', 'b/2', 'c/1'];
  const step = fc.oneof(
    fc.record({ what: fc.constant('want' as const), who: fc.nat(4), count: fc.nat(12) }),
    fc.record({ what: fc.constantFrom('poke' as const, 'round' as const), who: fc.nat(4), count: fc.constant(0) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), fc.nat(20), fc.nat(10), fc.integer({ min: -1, max: 1 }), (steps, cluster, own, priority) => {
      const ledger = ledgerOf({ pods: cluster, namespaces: { b: { pods: own, priority } } });
      const all = names.map((name) => new Workload(name, 0, 0));
      const holds = (): boolean =>
        all.reduce((sum, { live }) => sum + live, 0) <= cluster &&
        all.filter(({ key }) => key.startsWith('b/')).reduce((sum, { live }) => sum + live, 0) <= own;
      round(ledger, all);
      for (const { what, who, count } of steps) {
        const workload = all[who];
        if (workload === undefined) continue;
        if (what === 'want') workload.wants = count;
        else if (what === 'poke') workload.look(ledger, true);
        else round(ledger, all);
        t.true(holds());
      }
      for (let tick = 0; tick < 12; tick += 1) round(ledger, all);
      const rested = round(ledger, all);
      t.deepEqual(round(ledger, all), rested);
      t.true(holds());
    }),
  );
});
