import test from 'ava';
import { at, concurrencyOf, observed, specWith, start } from '../../test/support/decision-inputs.ts';
import { pods, type Observation } from '../core/index.ts';
import { decide, initialState, type DeciderState } from './index.ts';

const calm = initialState({ policy: 'rouse' }, pods(1), start);
/** Seventy is a pod. */
const load = (ofPods: number, ready: number, more: Partial<Observation> = {}): Observation =>
  observed({ ready, metrics: [concurrencyOf(ofPods * 70)], ...more });

test('a fall waits while the load is above nine tenths of what one pod less can take', (t) => {
  const to = (ofPods: number, ready: number): number => decide(calm, load(ofPods, ready), specWith(), at(0)).decision.to;
  t.is(to(1.81, 3), 3);
  t.is(to(1.8, 3), 2);
  t.is(to(9.05, 11), 11, 'a tenth of ten is a whole pod');
  t.is(to(8.99, 11), 9);
});

test('the evidence and the reason name it', (t) => {
  const { decision } = decide(calm, load(1.9, 3), specWith(), at(0));
  t.like(decision, { kind: 'hold', to: 3, reason: 'hysteresis' });
  t.deepEqual(decision.evidence.steps, [{ step: 'hysteresis', from: 2, to: 3, limit: 3 }]);
});

const after = (loads: readonly (readonly [second: number, ofPods: number])[]): { readonly counts: readonly number[]; readonly state: DeciderState } => {
  let state = calm;
  const counts = loads.map(([second, ofPods]) => {
    const decided = decide(state, load(ofPods, 3), specWith(), at(second));
    state = decided.state;
    return decided.decision.to;
  });
  return { counts, state };
};

test('it waits for one stable window, from when the fall was first asked for', (t) => {
  t.deepEqual(
    after([
      [0, 2.5],
      [10, 1.9],
      [40, 1.85],
      [69.9, 1.9],
      [70, 1.9],
    ]).counts,
    [3, 3, 3, 3, 2],
  );
});

test('a load that needs the pods meanwhile starts the wait afresh', (t) => {
  t.deepEqual(
    after([
      [0, 1.9],
      [30, 2.01],
      [32, 1.9],
      [91, 1.9],
      [92, 1.9],
    ]).counts,
    [3, 3, 3, 3, 2],
  );
});

test('once a fall was let through the next one waits anew', (t) => {
  const { state } = after([
    [0, 1.9],
    [60, 1.9],
  ]);
  t.is(state.fall, undefined);
  t.deepEqual(
    after([
      [0, 1.9],
      [2, 1.95],
    ]).state.fall,
    { since: at(0), to: 2 },
  );
});

test('a clock that was set back starts the wait afresh', (t) => {
  t.deepEqual(
    after([
      [1000, 1.9],
      [0, 1.9],
      [59, 1.9],
      [60, 1.9],
    ]).counts,
    [3, 3, 3, 2],
  );
});

test('policy kpa, and a revision that no traffic reaches, fall at once', (t) => {
  t.is(decide(calm, load(1.9, 3), specWith({}, { policy: 'kpa' }), at(0)).decision.to, pods(2));
  t.is(decide(calm, load(1.9, 3, { reachable: false }), specWith(), at(0)).decision.to, pods(2));
});

test('a load that needs what is there leaves no fall behind', (t) => {
  t.is(after([[0, 3]]).state.fall, undefined);
  t.is(
    after([
      [0, 1.9],
      [2, 2.5],
    ]).state.fall,
    undefined,
  );
});
