import test from 'ava';
import fc from 'fast-check';
import { at, concurrencyOf, noConcurrency, observed, specWith, start } from '../../../test/support/decision-inputs.ts';
import { pods, seconds, type Observation, type ScaleSpec } from '../../core/index.ts';
import { decide, initialState, loadFormulas, noFormulas, type DeciderState } from '../../decider/index.ts';
import type { TickRecord } from '../tick-record.ts';
import { outlookOf, type Change, type Outlook } from './outlook.ts';

/** A workload under a constant load for long enough that nothing moves any more: pods are there as soon as they are wanted. */
const settled = (spec: ScaleSpec, load: number, seconds_ = 200, from = Math.max(1, spec.scaling.min)): TickRecord => {
  let state: DeciderState = initialState(spec, pods(from), start);
  let [replicas, tick]: [number, TickRecord | undefined] = [from, undefined];
  for (let time = 0; time < seconds_; time += 2) {
    const observation = observed({ ready: replicas, metrics: [concurrencyOf(load)], inFlight: Math.ceil(load) });
    const { decision, state: after } = decide(state, observation, spec, at(time));
    tick = { poked: false, before: state, observation, spec, decision, after, formulaMissing: false };
    [state, replicas] = [after, decision.to];
  }
  if (tick === undefined) throw new Error('no tick');
  return tick;
};

/** The count that comes of a load held for a while from there, once the change is due. */
const cameTo = (tick: TickRecord, load: number, withinMs: number): number => {
  let [state, to] = [tick.after, tick.decision.to];
  const seen: Observation = {
    ...tick.observation,
    replicas: to,
    ready: to,
    starting: pods(0),
    held: 0,
    inFlight: load > 0 ? 1 : 0,
    metrics: [concurrencyOf(load)],
  };
  const first = to;
  for (let time = 2000; time <= withinMs && to === first; time += 2000) {
    const decided = decide(state, seen, tick.spec, at((tick.decision.at - start + time) / 1000));
    [state, to] = [decided.state, decided.decision.to];
  }
  return to;
};

const only = (changes: readonly Change[]): Extract<Change, { kind: 'metric' }> => {
  const [change] = changes;
  if (changes.length !== 1 || change?.kind !== 'metric') throw new Error(JSON.stringify(changes));
  return change;
};

const atSeventy = test.macro((t, policy: 'rouse' | 'kpa', fewer: number) => {
  const outlook = outlookOf(settled(specWith({}, { policy }), 130), noFormulas);
  t.like(only(outlook.more), { metric: 'concurrency', value: 141, to: 3, within: seconds(2) });
  t.like(only(outlook.fewer), { metric: 'concurrency', value: fewer, to: 1, within: seconds(2) });
});
test('two pods at a target of 70, policy kpa: a third comes at 141 requests in flight, one goes at 70', atSeventy, 'kpa', 70);
test('two pods at a target of 70, policy rouse: a third comes at 141, one goes a tenth below 70', atSeventy, 'rouse', 63);

const cases = fc.record({
  load: fc.double({ min: 1, max: 2000, noNaN: true }),
  target: fc.integer({ min: 1, max: 100 }),
  delay: fc.constantFrom(0, 30, 300),
  min: fc.integer({ min: 0, max: 3 }),
  policy: fc.constantFrom('rouse' as const, 'kpa' as const),
});

test('whatever it names is true of the decider: at the value the count changes as said, and short of it it does not', (t) => {
  fc.assert(
    fc.property(cases, ({ load, target, delay, min, policy }) => {
      const tick = settled(specWith({ metrics: [{ metric: 'concurrency', target }], scaleDownDelay: seconds(delay), min: pods(min) }, { policy }), load);
      const outlook = outlookOf(tick, noFormulas);
      const { to } = tick.decision;
      for (const change of outlook.more) {
        if (change.kind !== 'metric') continue;
        t.is(cameTo(tick, change.value, change.within), change.to);
        t.true(change.to > to);
        const short = change.value - Math.max(1, change.value * 1e-3);
        if (short > 0) t.true(cameTo(tick, short, change.within) <= to, `${short} is not enough`);
      }
      for (const change of outlook.fewer) {
        if (change.kind !== 'metric') continue;
        t.is(cameTo(tick, change.value, change.within), change.to);
        t.true(change.to < to);
        t.is(cameTo(tick, change.value, change.within - 2000), to, 'not a tick earlier');
        t.true(cameTo(tick, change.value + Math.max(1, change.value * 1e-3), change.within) >= to, 'not with more load than that');
      }
      t.is(outlook.more.length === 0, outlook.noMore !== undefined);
      t.is(outlook.fewer.length === 0, outlook.noFewer !== undefined);
    }),
    { numRuns: 25 },
  );
});

test('the last pod goes after a window without load, and what is left of it is told', (t) => {
  const spec = specWith({ scaleToZeroPodRetention: seconds(90) });
  const tick = settled(spec, 3);
  t.deepEqual(outlookOf(tick, noFormulas).fewer, [{ kind: 'no-requests', to: 0, within: seconds(92) }]);
  t.is(cameTo(tick, 0, 92_000), 0);
  t.is(cameTo(tick, 0, 90_000), 1);
});

const held = test.macro((t, tick: TickRecord, expected: Outlook) => {
  t.deepEqual(outlookOf(tick, noFormulas), expected);
});
test('a ceiling is what no load gets past', (t) => {
  t.is(outlookOf(settled(specWith({ max: pods(3) }), 500), noFormulas).noMore, 'max-scale');
});
test('a floor is what no lack of load gets past', (t) => {
  const { fewer, noFewer } = outlookOf(settled(specWith({ min: pods(3) }), 10), noFormulas);
  t.deepEqual([fewer, noFewer], [[], 'min-scale']);
});
test('pause holds both ways', held, settled(specWith({}, { pause: 'both' }), 130), { more: [], noMore: 'paused', fewer: [], noFewer: 'paused' });
test('asleep, a request wakes', held, settled(specWith(), 0), { more: [{ kind: 'request', to: 1 }], noMore: undefined, fewer: [], noFewer: undefined });
test('asleep and paused, it does not', held, settled(specWith({}, { pause: 'both' }), 0, 2, 0), { more: [], noMore: 'paused', fewer: [], noFewer: undefined });

test('without a value of any metric nothing is foretold but why', (t) => {
  const tick = settled(specWith(), 130);
  const { decision, state } = decide(tick.after, { ...tick.observation, metrics: [noConcurrency] }, tick.spec, at(300));
  const blind = { ...tick, observation: { ...tick.observation, metrics: [noConcurrency] }, decision, after: state };
  t.deepEqual(outlookOf(blind, noFormulas), { more: [], noMore: 'no-data', fewer: [], noFewer: 'no-data' });
});

// A formula's count is whole before hysteresis sees it: the fourth pod's tenth is not reached by 4.
test('with a formula the load as a whole is what changes', async (t) => {
  const { lookup } = await loadFormulas();
  const spec = specWith({ formula: 'concurrency / 10' });
  const state = initialState(spec, pods(5), start);
  const observation = observed({ ready: 5, metrics: [concurrencyOf(48)], inFlight: 48 });
  const { decision, state: after } = decide(state, observation, spec, start, lookup);
  const outlook = outlookOf({ poked: false, before: state, observation, spec, decision, after, formulaMissing: false }, lookup);
  t.like(outlook.more, { 0: { kind: 'load', to: 6 } });
  t.like(outlook.fewer, { 0: { kind: 'load', to: 3 } });
  const [more, fewer] = [outlook.more[0], outlook.fewer[0]];
  t.true(more?.kind === 'load' && more.factor > 50 / 48 && more.factor < 51 / 48, JSON.stringify(more));
  t.true(fewer?.kind === 'load' && fewer.factor > 29 / 48 && fewer.factor <= 30 / 48, JSON.stringify(fewer));
});

test('where a schedule is about to raise the floor the count rises at any load, and no odd number is made of that', (t) => {
  // The last tick is at 22:17:50 on a Tuesday.
  const schedule = [{ days: ['tue'], fromMinute: 22 * 60 + 18, toMinute: 23 * 60, timezone: 'UTC', min: pods(5) }] as const;
  const outlook = outlookOf(settled(specWith({ schedule }), 20, 232), noFormulas);
  t.like(only(outlook.more), { metric: 'concurrency', value: 0, to: 5, within: seconds(10) });
});
