import test from 'ava';
import { at, concurrencyOf, noConcurrency, observed, specWith, start } from '../../test/support/decision-inputs.ts';
import { pods, seconds, type Decision, type MetricName, type MetricReading, type ScalingSpec } from '../core/index.ts';
import { decide, initialState, type DeciderState } from './index.ts';

// Demand and guards at their edges.
const calm = initialState({ policy: 'rouse' }, pods(1), start);
const reading = (metric: MetricName, stable: number, panic = stable, age = 1): MetricReading => ({ metric, kind: 'value', stable, panic, age: seconds(age) });
const once = (
  metrics: readonly MetricReading[],
  scaling: Partial<ScalingSpec> = {},
  policy: 'kpa' | 'rouse' = 'rouse',
  more: Parameters<typeof observed>[0] = {},
): Decision => decide(calm, observed({ ready: 4, metrics, ...more }), specWith(scaling, { policy }), at(0)).decision;
const stepsOf = ({ evidence }: Decision): readonly string[] => evidence.steps.map(({ step }) => step);

test('a limit of requests at once caps a target of concurrency, not one of a rate', (t) => {
  const target = (metric: 'concurrency' | 'rps' | 'held'): number | undefined =>
    once([reading(metric, 1)], { metrics: [{ metric, target: 9 }], containerConcurrency: 5 }).evidence.demands[0]?.target;
  t.deepEqual([target('concurrency'), target('rps'), target('held')], [3.5, 9 * 0.7, 9 * 0.7]);
});

test('under rouse a millionth of a pod is noise beyond the first, under kpa it is a pod', (t) => {
  const wanted = (load: number, policy: 'kpa' | 'rouse'): number | undefined =>
    once([concurrencyOf(load)], { metrics: [{ metric: 'concurrency', target: 1 }], targetUtilization: 1 }, policy, { ready: 1 }).evidence.wanted;
  t.deepEqual([wanted(3.0000001, 'rouse'), wanted(3.0000001, 'kpa')], [3, 4]);
  t.deepEqual([wanted(1e-9, 'rouse'), wanted(1e-9, 'kpa')], [1, 1]);
});

test('under rouse room for less than a whole request of all pods together is none, in flight or held', (t) => {
  for (const metric of ['concurrency', 'held'] as const) {
    const wanted = (load: number, target: number): number | undefined =>
      once([reading(metric, load)], { metrics: [{ metric, target }] }, 'rouse', { ready: 1 }).evidence.wanted;
    t.deepEqual([wanted(1, 1), wanted(2, 2), wanted(3, 2)], [1, 1, 2], metric);
  }
});

test('the tolerance of hysteresis is of the load: a tenth more of it that needs what is there keeps it', (t) => {
  const one = { metrics: [{ metric: 'concurrency' as const, target: 1 }] };
  t.like(once([concurrencyOf(2.2)], one), { to: 4, reason: 'hysteresis' }, '2.44 and one request of room');
  t.like(once([concurrencyOf(2)], one), { to: 2, reason: 'metric-fall' }, '2.22 and no room');
});

test('spare capacity is told by concurrency, and by the first metric where there is none', (t) => {
  const metrics: ScalingSpec['metrics'] = [
    { metric: 'rps', target: 10 },
    { metric: 'concurrency', target: 100 },
    { metric: 'held', target: 10 },
  ];
  const spare = (wanted: ScalingSpec['metrics']): number | undefined =>
    once([reading('rps', 7), reading('concurrency', 50), reading('held', 3)], { metrics: wanted, targetBurstCapacity: 20 }).excessBurstCapacity;
  t.is(spare(metrics), 4 * 100 - 20 - 50);
  t.is(spare(metrics.filter(({ metric }) => metric !== 'concurrency')), 4 * 10 - 20 - 7);
});

test('a metric that is not there is missing, one that is no number is invalid as well', (t) => {
  t.deepEqual(stepsOf(once([])), []);
  t.deepEqual(stepsOf(once([noConcurrency])), []);
  t.deepEqual(once([concurrencyOf(Number.NaN)]).evidence.steps, [{ step: 'invalid-metric', from: 1, to: 0 }]);
  t.deepEqual(once([]).evidence.demands, [{ reading: noConcurrency, target: 70, stablePods: 0, panicPods: 0 }]);
  t.is(once([concurrencyOf(1, 140)]).evidence.demands[0]?.panicPods, 2);
});

test('the guards name what holds: a missing metric, a stale one of several, a cold start', (t) => {
  const two: Partial<ScalingSpec> = {
    metrics: [
      { metric: 'concurrency', target: 100 },
      { metric: 'rps', target: 10 },
    ],
  };
  t.deepEqual(stepsOf(once([concurrencyOf(70)], two)), ['rate-down', 'missing-data']);
  t.deepEqual(stepsOf(once([concurrencyOf(70), reading('rps', 7, 7, 11)], two)), ['rate-down', 'stale-metric']);
  t.deepEqual(stepsOf(once([concurrencyOf(70), reading('rps', 7, 7, 10)], two)), ['rate-down'], 'ten seconds are not stale');
  t.deepEqual(stepsOf(once([concurrencyOf(70)], {}, 'rouse', { warm: false })), ['rate-down', 'warm-up']);
  t.deepEqual(stepsOf(once([])), [], 'all of it missing leaves the count');
});

test('fallback comes after its time without any data, counted anew when the clock is set back, and not while there is data', (t) => {
  const spec = specWith({ fallback: { replicas: pods(9), after: seconds(20) } });
  const blind = observed({ ready: 4, metrics: [noConcurrency] });
  const since = (noDataSince: DeciderState['noDataSince'], second: number): readonly string[] =>
    stepsOf(decide({ ...calm, noDataSince }, blind, spec, at(second)).decision);
  t.deepEqual(since(at(0), 19.9), []);
  t.deepEqual(since(at(0), 20), ['fallback']);
  t.is(decide({ ...calm, noDataSince: at(50) }, blind, spec, at(20)).state.noDataSince, at(20));
  t.deepEqual(stepsOf(decide(calm, observed({ ready: 4, metrics: [concurrencyOf(280)] }), spec, at(90)).decision), []);
});

test('data that is there again ends the time without', (t) => {
  t.is(decide({ ...calm, noDataSince: at(-50) }, observed({ ready: 4, metrics: [concurrencyOf(280)] }), specWith(), at(0)).state.noDataSince, undefined);
});

test('under kpa a stale metric is as good as any; a gateway that does not report, and a pause of the way down, are told', (t) => {
  t.deepEqual(stepsOf(once([reading('concurrency', 70, 70, 30)], {}, 'kpa')), ['rate-down']);
  t.deepEqual(stepsOf(once([concurrencyOf(70)], {}, 'rouse', { absentGateways: 1 })), ['rate-down', 'absent-gateway']);
  const { decision } = decide(calm, observed({ ready: 4, metrics: [concurrencyOf(70)] }), specWith({}, { pause: 'down' }), at(0));
  t.deepEqual(stepsOf(decision), ['rate-down', 'pause']);
});

test('a pause of the way up is told', (t) => {
  const { decision } = decide(calm, observed({ ready: 4, metrics: [concurrencyOf(350)] }), specWith({}, { pause: 'up' }), at(0));
  t.deepEqual(stepsOf(decision), ['pause']);
});

test('a revision that no traffic reaches falls though the newest seconds need it', (t) => {
  t.false(stepsOf(once([concurrencyOf(70, 280)], {}, 'rouse', { reachable: false })).includes('recent-load'));
  t.true(stepsOf(once([concurrencyOf(70, 280)], {}, 'rouse', { reachable: true })).includes('recent-load'));
});
