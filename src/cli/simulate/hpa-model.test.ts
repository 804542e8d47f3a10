import test from 'ava';
import { hpaDefaults, hpaSync, initialHpaState, type HpaPod, type HpaSpec, type HpaState } from './hpa-model.ts';

const spec: HpaSpec = { ...hpaDefaults, min: 1, max: 100, targetMilli: 10_000 };
const pods = (count: number, each: number): readonly HpaPod[] => Array.from({ length: count }, () => ({ phase: 'running', milli: each * 1000 }));
const pending: HpaPod = { phase: 'pending', milli: undefined };
const silent: HpaPod = { phase: 'running', milli: undefined };
const gone: HpaPod = { phase: 'ignored', milli: 99_000 };
const quick: HpaSpec = { ...spec, down: { ...spec.down, stabilizationMs: 0 } };

const once = (current: number, seen: readonly HpaPod[], with_: HpaSpec = spec): number => hpaSync(initialHpaState, current, seen, with_, 0).replicas;

test('within a tenth of the target nothing changes', (t) => {
  t.is(once(4, pods(4, 11)), 4);
  t.is(once(4, pods(4, 11.1)), 5);
  t.is(once(4, pods(4, 9), quick), 4);
  t.is(once(4, pods(4, 7), quick), 3);
});

test('up by 4 pods or 100 % in 15 s, whichever is more, and no higher than its bounds', (t) => {
  t.is(once(2, pods(2, 1000)), 6);
  t.is(once(10, pods(10, 1000)), 20);
  t.is(once(80, pods(80, 1000)), 100);
  t.is(once(200, pods(200, 1)), 100);
  t.is(once(1, pods(1, 1), { ...spec, min: 3 }), 3);
});

test('never from zero, and never to it', (t) => {
  t.is(once(0, []), 0);
  t.is(once(3, pods(3, 0), quick), 1);
});

test('pods that are not ready count for nothing on the way up, and pods without a value are taken to be at their target on the way down', (t) => {
  t.is(once(4, [...pods(2, 20), pending, pending]), 4);
  t.is(once(4, [...pods(2, 30), pending, pending]), 6);
  t.is(once(4, [...pods(2, 20), silent, silent]), 4);
  t.is(once(4, [...pods(2, 2), silent, silent], quick), 3);
  t.is(once(4, [...pods(4, 5), gone], quick), 2);
  t.is(once(4, [silent, pending]), 4, 'no value at all');
});

test('it goes down to the highest count that it wanted in the last five minutes', (t) => {
  let state: HpaState = initialHpaState;
  let current = 10;
  const counts = Array.from({ length: 24 }, (_, sync) => {
    const next = hpaSync(state, current, pods(current, 20 / current), spec, sync * 15_000);
    [state, current] = [next.state, next.replicas];
    return current;
  });
  t.is(counts.lastIndexOf(10), 19);
  t.is(counts[20], 2);
  t.true(state.recommendations.length <= 21, 'bounded');
});

test('a policy of a longer period counts what was added within it', (t) => {
  const slow: HpaSpec = { ...spec, up: { stabilizationMs: 0, policies: [{ type: 'Pods', value: 3, periodMs: 60_000 }] } };
  const first = hpaSync(initialHpaState, 2, pods(2, 100), slow, 0);
  t.is(first.replicas, 5);
  t.is(hpaSync(first.state, 5, pods(5, 100), slow, 15_000).replicas, 5);
  t.is(hpaSync(first.state, 5, pods(5, 100), slow, 60_000).replicas, 8);
});
