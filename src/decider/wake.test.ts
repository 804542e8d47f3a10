import test from 'ava';
import { at, concurrencyOf, observed, specWith, start } from '../../test/support/decision-inputs.ts';
import { pods, seconds, type Decision, type Observation, type ScaleSpec } from '../core/index.ts';
import { decide, initialState, type DeciderState } from './index.ts';

// From zero and to zero, at the edges.
const calm = initialState({ policy: 'rouse' }, pods(1), start);
const once = (seen: Observation, spec: ScaleSpec = specWith(), state: DeciderState = calm, second = 0): Decision =>
  decide(state, seen, spec, at(second)).decision;

test('held requests are shared among pods by the smallest limit of requests at once; a rate is none', (t) => {
  const wakes = (changed: Parameters<typeof specWith>[0]): number => once(observed({ ready: 0, held: 60 }), specWith(changed)).to;
  t.is(wakes({ metrics: [{ metric: 'rps', target: 1 }] }), 1, 'a rate says nothing of requests at once');
  t.is(wakes({ metrics: [{ metric: 'rps', target: 1 }], containerConcurrency: 20 }), 3);
  t.is(wakes({ metrics: [{ metric: 'held', target: 10 }] }), 6);
  t.is(wakes({ metrics: [{ metric: 'concurrency', target: 30 }] }), 2);
});

test('the step names the backlog; at zero it is a wake, and with pods that start it is held requests', (t) => {
  const asleep = once(observed({ ready: 0, held: 250 }));
  t.deepEqual(asleep.evidence.steps, [{ step: 'held-backlog', from: 0, to: 3, limit: 250 }]);
  t.is(asleep.reason, 'wake-request');
  const starting = once(observed({ ready: 0, starting: 1, held: 250 }));
  t.is(starting.reason, 'held-requests');
  t.is(once(observed({ ready: 0, held: 250 }), specWith({}, { mode: 'observe' })).evidence.steps[0]?.step, 'held-backlog');
});

test('while pods start the backlog asks for no more than the rate limit allows of what there was', (t) => {
  const woken: DeciderState = { ...calm, rateBase: 3, awakeSince: at(0) };
  t.is(once(observed({ ready: 0, starting: 3, held: 5000 }), specWith({ maxScaleUpRate: 2 }), woken, 2).to, pods(6));
});

test('load in between makes the last pod idle afresh', (t) => {
  const idle: DeciderState = { ...calm, awakeSince: at(-600), activeSince: at(-600), idleSince: at(-50) };
  const busy = decide(idle, observed({ ready: 1, metrics: [concurrencyOf(50)] }), specWith(), at(0)).state;
  t.is(busy.idleSince, undefined);
  t.is(once(observed({ ready: 1 }), specWith({ scaleToZeroPodRetention: seconds(60) }), busy, 20).to, pods(1));
});

test('the last pods wait as the step tells: one that was ready once, all of them while none was', (t) => {
  const young: DeciderState = { ...calm, awakeSince: at(0), activeSince: at(0) };
  t.deepEqual(once(observed({ ready: 3 }), specWith({ maxScaleDownRate: 10 }), young, 10).evidence.steps, [{ step: 'zero-wait', from: 0, to: 1 }]);
  t.is(once(observed({ ready: 0, starting: 3 }), specWith({ maxScaleDownRate: 10 }), { ...calm, awakeSince: at(0) }, 10).to, pods(3));
});

test('a wake that brings no ready pod is given up after the activation timeout, not before', (t) => {
  const starting = observed({ ready: 0, starting: 1 });
  const woken: DeciderState = { ...calm, awakeSince: at(0) };
  t.is(once(starting, specWith(), woken, 629.9).to, pods(1));
  t.is(once(starting, specWith(), woken, 630).to, pods(0));
});

test('what is not reachable needs no retention, and at zero there is nothing to wait for', (t) => {
  const old: DeciderState = { ...calm, awakeSince: at(0), activeSince: at(0) };
  const spec = specWith({ scaleToZeroPodRetention: seconds(600) });
  t.is(once(observed({ ready: 1, reachable: false }), spec, old, 100).to, pods(0));
  t.is(once(observed({ ready: 1, reachable: true }), spec, old, 100).to, pods(1));
  t.is(once(observed({ ready: 1 }), spec, old, 100).to, pods(1));
  t.is(decide(old, observed({ ready: 0 }), spec, at(100)).state.idleSince, undefined);
});

test('times from the future become now, others stay, and at zero they go', (t) => {
  const future: DeciderState = { ...calm, awakeSince: at(9), activeSince: at(9), idleSince: at(9) };
  t.like(decide(future, observed({ ready: 1 }), specWith(), at(5)).state, { awakeSince: at(5), activeSince: at(5), idleSince: at(5) });
  t.like(decide(future, observed({ ready: 1 }), specWith(), at(20)).state, { awakeSince: at(9), activeSince: at(9), idleSince: at(9) });
  t.like(
    decide({ ...future, rateBase: 7 }, observed({ ready: 0, metrics: [{ metric: 'concurrency', kind: 'no-data', age: undefined }] }), specWith(), at(20)).state,
    {
      rateBase: 7,
      awakeSince: undefined,
      activeSince: undefined,
      idleSince: undefined,
    },
  );
  t.is(decide(calm, observed({ ready: 1, metrics: [concurrencyOf(70)] }), specWith(), at(3)).state.activeSince, at(3));
});
