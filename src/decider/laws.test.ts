import test from 'ava';
import fc from 'fast-check';
import { at, observed, specWith, start } from '../../test/support/decision-inputs.ts';
import { millis, pods, seconds, type MetricReading, type Observation, type ScaleSpec } from '../core/index.ts';
import { decide, decidePoke, initialState, type DeciderState } from './index.ts';

const count = (max: number): fc.Arbitrary<number> => fc.integer({ min: 0, max });
const load = fc.double({ min: 0, max: 1e5, noNaN: true });
const value = (stable: number, panic: number, age = 500): MetricReading => ({ metric: 'concurrency', kind: 'value', stable, panic, age: millis(age) });

const specs: fc.Arbitrary<ScaleSpec> = fc
  .record({
    min: count(5),
    extra: fc.option(count(200), { nil: undefined }),
    activation: fc.integer({ min: 1, max: 4 }),
    target: fc.double({ min: 0.01, max: 200, noNaN: true }),
    utilization: fc.double({ min: 0.01, max: 1, noNaN: true }),
    up: fc.double({ min: 1.1, max: 1000, noNaN: true }),
    down: fc.double({ min: 1.1, max: 10, noNaN: true }),
    delay: fc.integer({ min: 0, max: 60 }),
    policy: fc.constantFrom('rouse' as const, 'kpa' as const),
  })
  .map(({ min, extra, activation, target, utilization, up, down, delay, policy }) =>
    specWith(
      {
        min: pods(min),
        max: extra === undefined ? 'unlimited' : pods(Math.max(1, min) + extra),
        activation: pods(activation),
        metrics: [{ metric: 'concurrency', target }],
        targetUtilization: utilization,
        maxScaleUpRate: up,
        maxScaleDownRate: down,
        scaleDownDelay: seconds(delay),
      },
      { policy },
    ),
  );

const observations: fc.Arbitrary<Observation> = fc
  .record({
    ready: count(100),
    starting: count(20),
    held: count(50),
    inFlight: count(50),
    stable: load,
    panic: load,
    warm: fc.boolean(),
    absent: count(1),
    holdReady: fc.boolean(),
  })
  .map(({ ready, starting, held, inFlight, stable, panic, warm, absent, holdReady }) => ({
    metrics: [value(stable, panic)],
    replicas: pods(ready + starting),
    ready: pods(ready),
    starting: pods(starting),
    terminating: pods(0),
    held,
    inFlight,
    warm,
    absentGateways: absent,
    holdReady,
    wasReady: true,
    override: undefined,
  }));

/** A state as some ticks of some load leave it. */
const lived = (spec: ScaleSpec, past: readonly Observation[]): DeciderState =>
  past.reduce((state, seen, index) => decide(state, seen, spec, at(index * 2)).state, initialState(spec, pods(1), start));

const pasts = fc.array(observations, { maxLength: 8 });
const now = at(20);

test('the count is a whole number from zero on, within the ceiling, and not below the floor', (t) => {
  fc.assert(
    fc.property(specs, pasts, observations, (spec, past, seen) => {
      const { to } = decide(lived(spec, past), seen, spec, now).decision;
      t.true(Number.isInteger(to) && to >= spec.scaling.min && (spec.scaling.max === 'unlimited' || to <= spec.scaling.max));
    }),
  );
});

test('more load never gives fewer pods', (t) => {
  fc.assert(
    fc.property(specs, pasts, observations, load, load, (spec, past, seen, moreStable, morePanic) => {
      const [reading] = seen.metrics;
      if (reading?.kind !== 'value') return;
      const more = { ...seen, metrics: [value(reading.stable + moreStable, reading.panic + morePanic)] };
      const state = lived(spec, past);
      t.true(decide(state, more, spec, now).decision.to >= decide(state, seen, spec, now).decision.to);
    }),
  );
});

test('more held requests never give fewer pods, on a tick and on a poke', (t) => {
  fc.assert(
    fc.property(specs, pasts, observations, count(1000), (spec, past, seen, more) => {
      const state = lived(spec, past);
      for (const run of [decide, decidePoke])
        t.true(run(state, { ...seen, held: seen.held + more }, spec, now).decision.to >= run(state, seen, spec, now).decision.to);
    }),
  );
});

test('it never goes to zero with work in flight or held', (t) => {
  fc.assert(
    fc.property(specs, pasts, observations, (spec, past, seen) => {
      const { kind } = decide(lived(spec, past), seen, spec, at(1e6)).decision;
      if (seen.held + seen.inFlight > 0) t.not(kind, 'sleep');
    }),
  );
});

test('it never goes to zero before the path would hold the next request', (t) => {
  fc.assert(
    fc.property(specs, pasts, observations, (spec, past, seen) => {
      t.not(decide(lived(spec, past), { ...seen, holdReady: false }, spec, at(1e6)).decision.kind, 'sleep');
    }),
  );
});

test('missing data never lowers a count that its ceiling allows', (t) => {
  fc.assert(
    fc.property(specs, pasts, observations, fc.constantFrom('no-data', 'cold', 'absent'), (spec, past, seen, missing) => {
      const blind: Observation = {
        ...seen,
        metrics: missing === 'no-data' ? [{ metric: 'concurrency', kind: 'no-data', age: undefined }] : seen.metrics,
        warm: missing === 'cold' ? false : seen.warm,
        absentGateways: missing === 'absent' ? 1 : 0,
      };
      const ceiling = spec.scaling.max === 'unlimited' ? Number.POSITIVE_INFINITY : spec.scaling.max;
      t.true(decide(lived(spec, past), blind, spec, now).decision.to >= Math.min(ceiling, seen.replicas));
    }),
  );
});

test('what the policy asks for lies within the rate limits, activation-scale and what was asked for before', (t) => {
  fc.assert(
    fc.property(specs, observations, (spec, seen) => {
      const { scaling, policy } = spec;
      const capacity = Math.max(1, policy === 'kpa' ? seen.ready : seen.replicas);
      const wanted = decide(initialState(specWith(), pods(1), start), seen, spec, now).decision.evidence.wanted ?? Number.NaN;
      t.true(wanted <= Math.max(scaling.activation, Math.ceil(capacity * scaling.maxScaleUpRate)));
      t.true(wanted >= Math.floor(capacity / scaling.maxScaleDownRate));
    }),
  );
});

test('a poke never lowers, and leaves the state as it was but for a panic under rouse', (t) => {
  fc.assert(
    fc.property(specs, pasts, observations, (spec, past, seen) => {
      const state = lived(spec, past);
      const poked = decidePoke(state, seen, spec, now);
      t.true(poked.decision.to >= seen.replicas);
      const panicked = spec.policy === 'rouse' && poked.state.panicSince === now;
      t.deepEqual(poked.state, panicked ? { ...state, panicSince: now, panicPeak: poked.state.panicPeak } : state);
      t.deepEqual(decidePoke(poked.state, seen, spec, now).decision.to, poked.decision.to);
    }),
  );
});

test('a state that went through JSON decides the same', (t) => {
  fc.assert(
    fc.property(specs, pasts, observations, (spec, past, seen) => {
      const state = lived(spec, past);
      // The round trip is the subject of the test; what is undefined it leaves out.
      const plain = <Value>(value: Value): Value => JSON.parse(JSON.stringify(value)) as Value;
      t.deepEqual(plain(decide(plain(state), seen, spec, now)), plain(decide(state, seen, spec, now)));
    }),
  );
});

test('the steps of the count lead from one to the next and end at the decision', (t) => {
  fc.assert(
    fc.property(specs, pasts, observations, (spec, past, seen) => {
      const { decision } = decide(lived(spec, past), seen, spec, now);
      const moves = decision.evidence.steps.filter(({ step }) => step !== 'invalid-metric' && step !== 'starting-capacity' && step !== 'idle-share');
      t.deepEqual(
        moves.slice(1).map(({ from }) => from),
        moves.slice(0, -1).map(({ to }) => to),
      );
      if (moves.length > 0) t.is(moves.at(-1)?.to, Number(decision.to));
    }),
  );
});

test('the mends of rouse that delay a fall give no more than what is there', (t) => {
  const shares = fc.double({ min: 0.3, max: 1.1, noNaN: true });
  let delayed = 0;
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 60 }), shares, shares, fc.nat({ max: 90 }), (ready, stable, panic, second) => {
      const seen: Observation = { ...observed({ ready }), metrics: [value(stable * ready * 70, panic * ready * 70)] };
      const { decision } = decide(lived(specWith(), [seen]), seen, specWith(), at(second));
      for (const { step, from, to } of decision.evidence.steps) {
        if (step !== 'hysteresis' && step !== 'recent-load') continue;
        delayed += 1;
        t.true(from < to && to <= ready, `${step} ${String(from)} → ${String(to)}`);
      }
    }),
  );
  t.true(delayed > 0);
});

test('one request more that is held never gives fewer pods while others start', (t) => {
  for (let held = 0; held < 20; held += 1) {
    const to = (count: number): number =>
      decide(
        initialState({ policy: 'rouse' }, pods(1), start),
        { ...observed({ ready: 1, starting: 7, held: count }), metrics: [value(100, 900)] },
        specWith(),
        at(0),
      ).decision.to;
    t.true(to(held + 1) >= to(held), String(held));
  }
});

test('policy kpa takes none of the steps of rouse', (t) => {
  fc.assert(
    fc.property(specs, pasts, observations, (spec, past, seen) => {
      const kpa: ScaleSpec = { ...spec, policy: 'kpa' };
      const steps = decide(lived(kpa, past), seen, kpa, now).decision.evidence.steps.map(({ step }) => step);
      for (const mend of ['starting-capacity', 'idle-share', 'hysteresis', 'recent-load', 'stale-metric'] as const) t.false(steps.includes(mend), mend);
    }),
  );
});
