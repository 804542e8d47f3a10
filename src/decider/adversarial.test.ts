import test from 'ava';
import fc from 'fast-check';
import { at, concurrencyOf, observed, specWith, start } from '../../test/support/decision-inputs.ts';
import { instant, millis, pods, seconds } from '../core/index.ts';
import { decide, decidePoke, initialState } from './index.ts';

const calm = initialState({ policy: 'rouse' }, pods(1), start);
const policies = ['rouse', 'kpa'] as const;

test('a metric that is no number is no data', (t) => {
  for (const policy of policies)
    for (const wrong of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -1])
      for (const reading of [concurrencyOf(wrong), concurrencyOf(1, wrong)]) {
        const { decision } = decide(calm, observed({ ready: 3, metrics: [reading] }), specWith({}, { policy }), at(0));
        t.like(decision, { kind: 'hold', to: 3, reason: 'no-data' });
      }
});

test('numbers of held requests that are none do not wake and do not throw', (t) => {
  for (const wrong of [Number.NaN, -5])
    for (const run of [decide, decidePoke]) t.is(run(calm, observed({ ready: 0, held: wrong }), specWith(), at(0)).decision.to, pods(0));
});

test('infinitely many held requests give no more than the rate and 32 bits allow', (t) => {
  const { to } = decide(calm, observed({ ready: 0, held: Number.POSITIVE_INFINITY }), specWith({ containerConcurrency: 1 }), at(0)).decision;
  t.is(to, pods(1000));
});

test('a huge load gives no more replicas than Kubernetes can count', (t) => {
  const { to } = decide(calm, observed({ ready: 2_000_000_000, metrics: [concurrencyOf(1e300)] }), specWith(), at(0)).decision;
  t.is(to, pods(2 ** 31 - 1));
});

test('no metric at all holds', (t) => {
  t.like(decide(calm, observed({ ready: 2, metrics: [] }), specWith({ metrics: [] }), at(0)).decision, { kind: 'hold', to: 2, reason: 'no-data' });
  t.like(decide(calm, observed({ ready: 2, metrics: [] }), specWith(), at(0)).decision, { kind: 'hold', to: 2, reason: 'no-data' });
});

test('a clock that is set back by a day neither throws nor keeps panic, the delay or the last pod for a day', (t) => {
  const spec = specWith({ scaleDownDelay: seconds(30), scaleToZeroPodRetention: seconds(10) });
  let { state } = decide(calm, observed({ ready: 1, metrics: [concurrencyOf(500)] }), spec, at(86_400));
  const counts: number[] = [];
  let ready = 8;
  for (let tick = 0; tick < 120; tick += 1) {
    const decided = decide(state, observed({ ready, metrics: [concurrencyOf(0)] }), spec, at(tick * 2));
    state = decided.state;
    ready = decided.decision.to;
    counts.push(ready);
  }
  t.is(counts.at(-1), 0);
});

test('time may be zero, negative or stand still', (t) => {
  for (const now of [0, -1e12, start]) {
    const spec = specWith({ scaleDownDelay: seconds(10) });
    const { state } = decide(calm, observed(), spec, instant(now));
    t.is(decide(state, observed(), spec, instant(now)).decision.kind, 'hold');
  }
});

test('the delay window keeps at most one entry for each of its slots', (t) => {
  const spec = specWith({ scaleDownDelay: seconds(60) });
  let state = calm;
  for (let tick = 0; tick < 1000; tick += 1) ({ state } = decide(state, observed({ metrics: [concurrencyOf(1e5 - tick * 80)] }), spec, at(tick * 0.5)));
  t.true(state.delay.length <= 30);
});

test('settings at their limits give a count', (t) => {
  for (const policy of policies) {
    const spec = specWith(
      { metrics: [{ metric: 'concurrency', target: 1e-30 }], targetUtilization: 1e-30, stableWindow: millis(0), maxScaleUpRate: 1e300, panicThreshold: 1e-300 },
      { policy },
    );
    const { to } = decide(calm, observed({ metrics: [concurrencyOf(1e9)] }), spec, at(0)).decision;
    t.true(Number.isSafeInteger(to) && to > 0);
  }
});

/** Any number that a machine can come up with, and small whole ones, which let the rest through. */
const anything = fc.oneof(
  fc.double(),
  fc.integer({ min: -3, max: 100 }),
  fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0, 5e-324, 1.8e308),
);

test('whatever the figures and the clock say, tick after tick, the count is one that Kubernetes can count', (t) => {
  const tick = fc.record({
    stable: anything,
    panic: anything,
    held: anything,
    inFlight: anything,
    ready: fc.nat({ max: 50 }),
    starting: fc.nat({ max: 50 }),
    later: fc.integer({ min: -1e6, max: 1e6 }),
  });
  fc.assert(
    fc.property(fc.constantFrom(...policies), fc.array(tick, { minLength: 1, maxLength: 12 }), (policy, ticks) => {
      const spec = specWith({ containerConcurrency: 3, scaleDownDelay: seconds(20) }, { policy });
      let state = calm;
      for (const { stable, panic, held, inFlight, ready, starting, later } of ticks) {
        const seen = observed({ ready, starting, held, inFlight, metrics: [concurrencyOf(stable, panic)] });
        t.true(decidePoke(state, seen, spec, at(later)).decision.to >= ready + starting, 'a poke never lowers');
        const decided = decide(state, seen, spec, at(later));
        ({ state } = decided);
        t.true(Number.isInteger(decided.decision.to) && decided.decision.to >= 0 && decided.decision.to < 2 ** 31);
      }
      t.deepEqual(JSON.parse(JSON.stringify(state)), JSON.parse(JSON.stringify(structuredClone(state))), 'the state stays plain');
    }),
  );
});

test('a clock that is set back does not lengthen the wait of hysteresis, nor take held requests for present ones', (t) => {
  const spec = specWith();
  const nearly = observed({ ready: 3, metrics: [concurrencyOf(135)] });
  let { state } = decide(calm, nearly, spec, at(86_400));
  const counts = [0, 30, 60].map((second) => {
    const decided = decide(state, nearly, spec, at(second));
    state = decided.state;
    return decided.decision.to;
  });
  t.deepEqual(counts, [pods(3), pods(3), pods(2)]);
  const held = decide(calm, observed({ ready: 1, starting: 7, held: 9 }), spec, at(86_400)).state;
  t.true(decide(held, observed({ ready: 1, starting: 7, metrics: [concurrencyOf(100, 900)] }), spec, at(0)).decision.evidence.panicking);
});
