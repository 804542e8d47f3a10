import test from 'ava';
import fc from 'fast-check';
import { at, noConcurrency, observed, specWith, start } from '../../../test/support/decision-inputs.ts';
import { millis, pods, seconds, workloadKey, type MetricReading, type Observation, type ScaleSpec } from '../../core/index.ts';
import { decide, decidePoke, initialState, noFormulas, type DeciderState } from '../../decider/index.ts';
import type { TickRecord } from '../tick-record.ts';
import { decideAgain } from './decide-again.ts';
import { printTrace, TraceReader } from './trace.ts';

const key = workloadKey({ resource: 'deployments.apps', namespace: 'default', name: 'hello' });
const count = (max: number): fc.Arbitrary<number> => fc.integer({ min: 0, max });
/** Every number that there is: also those that no metric should give. */
const figure = fc.oneof(fc.double({ min: 0, max: 1e4, noNaN: true }), fc.double(), fc.constantFrom(-0, Number.NaN, Number.POSITIVE_INFINITY));

const readings: fc.Arbitrary<MetricReading> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc
      .record({ stable: figure, panic: figure, age: count(20_000) })
      .map(({ stable, panic, age }): MetricReading => ({ metric: 'concurrency', kind: 'value', stable, panic, age: millis(age) })),
  },
  { weight: 1, arbitrary: fc.constant(noConcurrency) },
);
const observations: fc.Arbitrary<Observation> = fc
  .record({
    reading: readings,
    ready: count(20),
    starting: count(5),
    held: count(5),
    inFlight: count(5),
    warm: fc.boolean(),
    absentGateways: count(1),
    holdReady: fc.boolean(),
  })
  .map(({ reading, ...rest }) => observed({ ...rest, metrics: [reading] }));
const specs: fc.Arbitrary<ScaleSpec> = fc
  .record({ policy: fc.constantFrom('rouse' as const, 'kpa' as const), min: count(2), delay: count(30), fallback: fc.boolean() })
  .map(({ policy, min, delay, fallback }) =>
    specWith({ min: pods(min), scaleDownDelay: seconds(delay), fallback: fallback ? { replicas: pods(3), after: seconds(4) } : undefined }, { policy }),
  );
interface Step {
  readonly seen: Observation;
  readonly spec: ScaleSpec | undefined;
  readonly poked: boolean;
}
const runs: fc.Arbitrary<readonly [ScaleSpec, readonly Step[]]> = fc.tuple(
  specs,
  fc.array(fc.record({ seen: observations, spec: fc.option(specs, { nil: undefined, freq: 8 }), poked: fc.boolean() }), { maxLength: 30 }),
);

const record = ([first, steps]: readonly [ScaleSpec, readonly Step[]]): readonly TickRecord[] => {
  let [spec, state]: [ScaleSpec, DeciderState] = [first, initialState(first, pods(3), start)];
  return steps.map((step, index) => {
    spec = step.spec ?? spec;
    const before = state;
    const { decision, state: next } = (step.poked ? decidePoke : decide)(before, step.seen, spec, at(2 * index));
    state = next;
    return { poked: step.poked, before, observation: step.seen, spec, decision, after: next, formulaMissing: false };
  });
};

const read = (text: string): readonly TickRecord[] => {
  const reader = new TraceReader();
  return text
    .split('\n')
    .slice(1, -1)
    .flatMap((line) => {
      const found = reader.read(line);
      if (!found.ok) throw new Error(found.problem);
      return found.value === undefined ? [] : [found.value];
    });
};

test('any run that is recorded, printed and read decides the same again, bit for bit', (t) => {
  fc.assert(
    fc.property(runs, (run) => {
      const ticks = record(run);
      const again = read(printTrace(key, ticks));
      t.is(again.length, ticks.length);
      for (const tick of again) t.deepEqual(decideAgain(tick, noFormulas), []);
    }),
    { numRuns: 60 },
  );
});

test('a state that went through JSON decides the same, whatever comes after', (t) => {
  fc.assert(
    fc.property(runs, fc.array(observations, { minLength: 1, maxLength: 10 }), specs, (run, later, spec) => {
      const lived = record(run).at(-1)?.after ?? initialState(spec, pods(1), start);
      let [kept, restored] = [lived, JSON.parse(JSON.stringify(lived)) as DeciderState];
      for (const [index, seen] of later.entries()) {
        const [a, b] = [decide(kept, seen, spec, at(100 + 2 * index)), decide(restored, seen, spec, at(100 + 2 * index))];
        t.deepEqual(b.decision, a.decision);
        [kept, restored] = [a.state, JSON.parse(JSON.stringify(b.state)) as DeciderState];
      }
    }),
    { numRuns: 60 },
  );
});

test('a tick that was decided otherwise shows every figure that differs', (t) => {
  const [tick] = record([
    specWith(),
    [{ seen: observed({ metrics: [{ metric: 'concurrency', kind: 'value', stable: 300, panic: 300, age: millis(0) }] }), spec: undefined, poked: false }],
  ]);
  t.truthy(tick);
  if (tick === undefined) return;
  const other = { ...tick, spec: specWith({ metrics: [{ metric: 'concurrency', target: 50 }] }) };
  const found = decideAgain(other, noFormulas);
  t.like(
    found.find(({ field }) => field === 'decision.to'),
    { want: tick.decision.to, got: 9 },
  );
  t.true(
    found.some(({ field }) => field.startsWith('after.')),
    'the state too',
  );
});

const refused = test.macro((t, line: string, problem: string) => {
  t.deepEqual(new TraceReader().read(line), { ok: false, problem });
});
test('what is not JSON is refused', refused, '{"at":', 'is not JSON');
test('a tick without a decision is refused', refused, '{"at":1,"observation":{}}', 'is no tick: it has no decision');
test('a tick before any spec is refused', refused, '{"at":1,"observation":{},"decision":{},"after":{},"before":{}}', 'comes before any spec');
test('a spec that is none is refused', refused, '{"spec":{}}', 'holds a spec without scaling');
