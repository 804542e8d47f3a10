import test from 'ava';
import { at, concurrencyOf, noConcurrency, observed, specWith, start } from '../../test/support/decision-inputs.ts';
import { millis, pods, seconds, type MetricReading, type MetricTarget, type ScaleSpec } from '../core/index.ts';
import { decide, initialState, type DeciderState } from './index.ts';

const cpuOf = (stable: number, age = 5000): MetricReading => ({ metric: 'cpu', kind: 'value', stable, panic: stable, age: millis(age) });
const noCpu: MetricReading = { metric: 'cpu', kind: 'no-data', age: undefined, why: 'the metrics API is not there' };
const memoryOf = (stable: number): MetricReading => ({ metric: 'memory', kind: 'value', stable, panic: stable, age: millis(5000) });

const cpu: MetricTarget = { metric: 'cpu', target: 80 };
const byCpu = specWith({ metrics: [cpu] });
const byBoth = specWith({ metrics: [cpu, { metric: 'concurrency', target: 100 }] });

/** The count after a time that is long enough for the last pod to go. */
const settled = (spec: ScaleSpec, ready: number, metrics: readonly MetricReading[]): number => {
  let state: DeciderState = initialState(spec, pods(ready), start);
  let replicas = ready;
  for (let second = 0; second <= 130; second += 2) {
    const decided = decide(state, observed({ ready: replicas, metrics }), spec, at(second));
    ({ state } = decided);
    replicas = decided.decision.to;
  }
  return replicas;
};

test('the target of cpu and memory is where to scale, with no share of it taken', (t) => {
  const calm = initialState(byCpu, pods(2), start);
  const { decision } = decide(calm, observed({ ready: 2, metrics: [cpuOf(240)] }), byCpu, at(0));
  t.like(decision, { to: 3, reason: 'metric-rise' });
  t.is(decision.evidence.demands[0]?.target, 80);
  const byMemory = specWith({ metrics: [{ metric: 'memory', target: 512 * 2 ** 20 }] });
  t.is(decide(calm, observed({ ready: 2, metrics: [memoryOf(3 * 2 ** 30)] }), byMemory, at(0)).decision.to, pods(6));
});

test('what idle pods use keeps one pod and never brings zero', (t) => {
  t.is(settled(byCpu, 5, [cpuOf(3)]), 1);
  t.is(settled(byCpu, 5, [cpuOf(0)]), 1);
});

test('beside a metric of traffic it is that one that lets the last pod go', (t) => {
  t.is(settled(byBoth, 3, [cpuOf(12), concurrencyOf(0)]), 0, 'one pod for cpu, none for concurrency');
  t.is(settled(byBoth, 3, [cpuOf(12), concurrencyOf(0.01)]), 1);
  t.is(settled(byBoth, 3, [cpuOf(200), concurrencyOf(0)]), 3, 'pods that work without requests stay');
  t.is(settled(byBoth, 3, [cpuOf(12), noConcurrency]), 3, 'missing is not zero');
});

test('so does every other metric that knows of requests: none of them is nothing to do', (t) => {
  const none = (metric: MetricReading['metric']): MetricReading => ({ metric, kind: 'value', stable: 0, panic: 0, age: millis(500) });
  for (const metric of ['rps', 'held'] as const) t.is(settled(specWith({ metrics: [cpu, { metric, target: 10 }] }), 3, [cpuOf(12), none(metric)]), 0, metric);
  const nobodyAsked: MetricReading = { metric: 'latency', kind: 'no-data', age: millis(500), why: 'no request ended', nothing: true };
  t.is(settled(specWith({ metrics: [cpu, { metric: 'latency', target: 250 }] }), 3, [cpuOf(12), nobodyAsked, concurrencyOf(0)]), 0, 'latency');
});

test('a workload without pods uses nothing and stays asleep', (t) => {
  const asleep = observed({ ready: 0, metrics: [cpuOf(0, 0)] });
  t.like(decide(initialState(byCpu, pods(0), start), asleep, byCpu, at(0)).decision, { kind: 'hold', to: 0, reason: 'idle' });
  const waiting = observed({ ready: 0, held: 1, metrics: [cpuOf(0, 0)] });
  t.like(decide(initialState(byCpu, pods(0), start), waiting, byCpu, at(0)).decision, { kind: 'wake', to: 1, reason: 'wake-request' });
});

test('without the metrics API nothing goes down, and after fallback-after the fallback applies', (t) => {
  t.is(settled(byCpu, 3, [noCpu]), 3);
  t.is(settled(byBoth, 3, [noCpu, concurrencyOf(0)]), 3);
  t.is(settled(byBoth, 3, [noCpu, concurrencyOf(1000)]), 15, 'the other metric may raise');
  t.is(settled(specWith({ metrics: [cpu], fallback: { replicas: pods(6), after: seconds(10) } }), 3, [noCpu]), 6);
});

test('a sample of the metrics API may be a minute and a half old before it counts as stale', (t) => {
  t.is(settled(byCpu, 4, [cpuOf(40, 80_000)]), 1);
  t.is(settled(byCpu, 4, [cpuOf(40, 100_000)]), 4);
  t.is(settled(byCpu, 4, [cpuOf(400, 100_000)]), 5, 'it may still raise');
});

test('spare capacity is told from traffic alone', (t) => {
  const calm = initialState(byCpu, pods(2), start);
  t.is(decide(calm, observed({ ready: 2, metrics: [cpuOf(100)] }), byCpu, at(0)).decision.excessBurstCapacity, undefined);
  t.is(decide(calm, observed({ ready: 2, metrics: [cpuOf(100), concurrencyOf(40)] }), byBoth, at(0)).decision.excessBurstCapacity, 200 - 211 - 40);
});

test('hysteresis does not put off the way to zero for what the last idle pod uses', (t) => {
  const state: DeciderState = { ...initialState(byBoth, pods(1), start), awakeSince: at(-600), activeSince: at(-600), idleSince: at(-2) };
  const { decision } = decide(state, observed({ ready: 1, metrics: [cpuOf(20), concurrencyOf(0)] }), byBoth, at(0));
  t.like(decision, { kind: 'sleep', to: 0, reason: 'idle' });
});
