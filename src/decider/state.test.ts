import test from 'ava';
import { at, concurrencyOf, observed, specWith, start } from '../../test/support/decision-inputs.ts';
import { millis, pods, seconds, type MetricReading, type Observation, type ScaleSpec } from '../core/index.ts';
import { decide, initialState, remembersNothing, type DeciderState } from './index.ts';

const byLatency = specWith({ metrics: [{ metric: 'latency', target: 250 }] });
const slow: MetricReading = { metric: 'latency', kind: 'value', stable: 500, panic: 500, age: millis(500) };

test('after a restart several ready pods are held as if in a panic under kpa alone, and one is not', (t) => {
  const begun = (policy: 'kpa' | 'rouse', ready: number): readonly [unknown, number] => {
    const { panicSince, panicPeak } = initialState({ policy }, pods(ready), start);
    return [panicSince, panicPeak];
  };
  t.deepEqual(begun('kpa', 2), [start, 2]);
  t.deepEqual(begun('kpa', 1), [undefined, 0]);
  t.deepEqual(begun('rouse', 2), [undefined, 0]);
});

const settled = test.macro({
  title: (title = '') => `a look that finds what the one before did leaves the same state: ${title}`,
  exec: (t, seen: Observation, spec: ScaleSpec = specWith(), latency?: DeciderState['latency']) => {
    const calm = initialState(spec, pods(seen.ready), start);
    let state: DeciderState = latency === undefined ? calm : { ...calm, latency };
    for (const second of [0, 2]) ({ state } = decide(state, seen, spec, at(second)));
    t.is(decide(state, seen, spec, at(4)).state, state);
  },
});

test('load', settled, observed({ ready: 2, metrics: [concurrencyOf(120)] }));
test('asleep', settled, observed({ ready: 0 }));
test('on the way to zero', settled, observed());
test('what latency learnt', settled, observed({ ready: 8, metrics: [slow, concurrencyOf(255)] }), byLatency, { changedAt: start, perPod: 32.5 });

test('a workload that sleeps remembers nothing once nothing that it remembers could change a decision', (t) => {
  const spec = specWith({ scaleDownDelay: seconds(30) });
  const awake = decide(initialState(spec, pods(2), start), observed({ ready: 2, metrics: [concurrencyOf(120)] }), spec, at(0)).state;
  t.false(remembersNothing(awake));
  const asleep = (before: DeciderState, second: number): DeciderState => decide(before, observed({ ready: 0 }), spec, at(second)).state;
  const delayed = asleep(awake, 2);
  t.false(remembersNothing(delayed), 'the delay window still holds two pods');
  t.true(remembersNothing(asleep(delayed, 40)));
});
