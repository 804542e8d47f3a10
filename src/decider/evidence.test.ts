import test from 'ava';
import { at, concurrencyOf, noConcurrency, observed, specWith, start } from '../../test/support/decision-inputs.ts';
import { pods, type Decision } from '../core/index.ts';
import { decide, decidePoke, initialState, type DeciderState } from './index.ts';

const calm = initialState({ policy: 'rouse' }, pods(1), start);
const panicking: DeciderState = { ...calm, panicSince: at(-2), panicPeak: 3 };
const summary = ({ kind, reason, to }: Decision): string => `${kind} ${String(to)} ${reason}`;
const blind = { metrics: [noConcurrency] };

test('without data nothing is asked for, and a panic that lasts is still told', (t) => {
  for (const made of [decide, decidePoke]) {
    const seen = observed({ ready: 3, ...blind });
    t.like(made(calm, seen, specWith(), at(0)).decision.evidence, { wanted: undefined, panicking: false }, made.name);
    t.like(made(panicking, seen, specWith(), at(0)).decision.evidence, { wanted: undefined, panicking: true }, made.name);
  }
});

test('a poke tells what it asks for, whether in a panic, and that it only raises', (t) => {
  const { evidence } = decidePoke(calm, observed({ ready: 4, metrics: [concurrencyOf(180)] }), specWith(), at(0)).decision;
  t.like(evidence, { wanted: 3, panicking: false });
  t.deepEqual(evidence.steps, [{ step: 'raise-only', from: 3, to: 4 }]);
  const burst = observed({ ready: 2, metrics: [concurrencyOf(100, 280)] });
  t.like(decidePoke(calm, burst, specWith(), at(0)).decision.evidence, { wanted: 4, panicking: true });
});

test('a poke while no pod is ready yet asks for what is held by now', (t) => {
  const seen = observed({ ready: 0, starting: 1, held: 450, ...blind });
  t.is(summary(decidePoke(calm, seen, specWith(), at(0)).decision), 'scale 5 held-requests');
});

test('a count set by hand is a step, and of zero it holds at once', (t) => {
  const { decision } = decide(calm, observed({ ready: 1, metrics: [concurrencyOf(50)], override: pods(3) }), specWith(), at(0));
  t.deepEqual(decision.evidence.steps, [{ step: 'override', from: 1, to: 3, limit: 3 }]);
  t.is(summary(decide(calm, observed({ ready: 1, metrics: [concurrencyOf(50)], override: pods(0) }), specWith(), at(0)).decision), 'sleep 0 manual-override');
  t.is(decide(calm, observed({ ready: 1, override: pods(0) }), specWith(), at(0)).decision.to, pods(0), 'nor does it wait where the load asks for none');
});

test('work that keeps the last pod is a step with the number of its requests', (t) => {
  const { decision } = decide({ ...calm, activeSince: at(-600) }, observed({ ready: 1, inFlight: 3, held: 2 }), specWith(), at(0));
  t.is(summary(decision), 'hold 1 work-in-flight');
  t.deepEqual(decision.evidence.steps, [{ step: 'work-in-flight', from: 0, to: 1, limit: 5 }]);
});

test('activation-scale that is reached is nothing to tell', (t) => {
  const few = specWith({ activation: pods(3) });
  t.is(summary(decide(calm, observed({ ready: 3, metrics: [concurrencyOf(10)] }), few, at(0)).decision), 'hold 3 steady');
  t.is(summary(decide(calm, observed({ ready: 1, metrics: [concurrencyOf(10)] }), few, at(0)).decision), 'scale 3 metric-rise');
});

test('rules that a workload does not have are not in its evidence', (t) => {
  const budget = { limit: pods(9), share: pods(9), scope: 'cluster' as const, ceiling: pods(9), used: pods(1), losers: [] };
  const plain = decide(calm, observed({ ready: 1 }), specWith(), at(0)).decision.evidence;
  t.deepEqual(['formula' in plain, 'budget' in plain], [false, false]);
  const shared = decide(calm, observed({ ready: 1, metrics: [concurrencyOf(50)], budget }), specWith(), at(0)).decision.evidence;
  t.false('formula' in shared);
  t.deepEqual(shared.budget, { ...budget, wanted: 1 });
});

test('a budget of nothing wakes nobody', (t) => {
  const budget = { limit: pods(0), share: pods(0), scope: 'cluster' as const, ceiling: pods(9), used: pods(9), losers: [] };
  t.is(summary(decide(calm, observed({ ready: 0, held: 1, budget }), specWith(), at(0)).decision), 'hold 0 budget');
});
