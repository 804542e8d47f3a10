import test from 'ava';
import { at, concurrencyOf, observed, specWith, start } from '../../test/support/decision-inputs.ts';
import { pods, seconds, type Decision, type Observation, type ScaleSpec } from '../core/index.ts';
import { decide, decidePoke, initialState, type DeciderState } from './index.ts';

// The steps of the policy at their edges; 70 requests at once are a pod.
const calm = initialState({ policy: 'rouse' }, pods(1), start);
const kpa = { policy: 'kpa' } as const;
const load = (stablePods: number, panicPods: number, more: Parameters<typeof observed>[0] = {}): Observation =>
  observed({ ...more, metrics: [concurrencyOf(stablePods * 70, panicPods * 70)] });
const once = (seen: Observation, spec: ScaleSpec = specWith(), state: DeciderState = calm, second = 0): Decision =>
  decide(state, seen, spec, at(second)).decision;
const steps = ({ evidence }: Decision): readonly string[] => evidence.steps.map(({ step, from, to }) => `${step} ${String(from)} ${String(to)}`);

test('each limit is told by its name, from what and to what', (t) => {
  t.deepEqual(steps(once(load(9, 1, { ready: 2 }), specWith({ maxScaleUpRate: 3 }, kpa))), ['rate-up 9 6']);
  t.deepEqual(steps(once(load(1, 1, { ready: 8 }), specWith({}, kpa))), ['rate-down 1 4']);
  t.deepEqual(steps(once(load(2, 1, { ready: 4 }), specWith({ activation: pods(5) }, kpa))), ['activation 2 5']);
  t.deepEqual(steps(once(load(1, 4, { ready: 1 }), specWith({}, kpa))), ['panic 1 4']);
  const panicking: DeciderState = { ...calm, panicSince: at(0), panicPeak: 9 };
  t.deepEqual(steps(once(load(5, 5, { ready: 5 }), specWith({}, kpa), panicking, 10)), ['panic-peak 5 9']);
  const delayed: DeciderState = { ...calm, delay: [{ slot: Math.floor(at(0) / 2000), count: 7 }] };
  t.deepEqual(steps(once(load(5, 5, { ready: 5 }), specWith({ scaleDownDelay: seconds(10) }, kpa), delayed, 2)), ['delay-window 5 7']);
});

test('activation-scale is for a load only, and one that is reached changes nothing', (t) => {
  t.is(once(load(0, 0, { ready: 1 }), specWith({ activation: pods(5) }, kpa)).evidence.wanted, 0);
  t.is(once(load(2, 2, { ready: 4 }), specWith({ activation: pods(5) }, kpa)).reason, 'metric-rise');
});

const panics = (seen: Observation, spec: ScaleSpec = specWith(), changed: Partial<DeciderState> = {}, second = 0): boolean =>
  once(seen, spec, { ...calm, activeSince: start, awakeSince: start, ...changed }, second).evidence.panicking;

test('under kpa the ready pods alone are what panic is measured by', (t) => {
  t.true(panics(load(1, 8, { ready: 4 }), specWith({}, kpa)));
  t.true(panics(load(1, 8, { ready: 4, starting: 9 }), specWith({}, kpa)));
  t.false(panics(load(5, 15, { ready: 10 }), specWith({}, kpa)), 'not by what the stable window asks for');
});

test('under rouse a demand beyond all that was asked for panics by the ready pods, by the stable window, or without those that hysteresis keeps', (t) => {
  t.true(panics(load(5, 9, { ready: 4, starting: 4 })), 'nine of eight, four ready');
  t.false(panics(load(5, 8, { ready: 4, starting: 4 })), 'what is starting covers it');
  t.false(panics(load(6, 9, { ready: 5, starting: 3 })), 'not twice the ready ones');
  t.true(panics(load(5, 15, { ready: 10 })), 'three times what the stable window asks for');
  t.false(panics(load(8, 15, { ready: 10 })));
  t.true(panics(load(8, 15, { ready: 10 }), specWith(), { fall: { since: start, to: 7 } }));
  t.true(panics(load(0.5, 3, { ready: 2 })), 'never by less than one pod');
});

test('requests that were held within the panic window make no such panic, nor does a wake in which no pod was ready yet', (t) => {
  const seen = load(5, 9, { ready: 4, starting: 4 });
  for (const [second, expected] of [
    [-1, true],
    [0, false],
    [6, false],
    [6.1, true],
  ] as const)
    t.is(panics(seen, specWith(), { heldAt: start }, second), expected, String(second));
  t.false(panics(load(5, 9, { ready: 0, starting: 8 }), specWith({ panicThreshold: 4 }), { activeSince: undefined }));
  t.is(decide(calm, observed({ held: 3 }), specWith(), at(7)).state.heldAt, at(7));
  t.is(decide({ ...calm, heldAt: at(1) }, observed(), specWith(), at(7)).state.heldAt, at(1));
});

test('panic ends when its last tick over the threshold is more than a window ago, and forgets its peak', (t) => {
  const panicking: DeciderState = { ...calm, panicSince: at(0), panicPeak: 9 };
  t.true(once(load(5, 5, { ready: 5 }), specWith({}, kpa), panicking, 60).evidence.panicking);
  const { decision, state } = decide(panicking, load(5, 5, { ready: 5 }), specWith({}, kpa), at(60.1));
  t.is(decision.evidence.wanted, 5);
  t.like(state, { panicSince: undefined, panicPeak: 0 });
});

test('under rouse a panic from the future, after a clock that was set back, begins now; under kpa it stays', (t) => {
  const panicking: DeciderState = { ...calm, panicSince: at(1000), panicPeak: 9 };
  t.is(decide(panicking, load(5, 5, { ready: 5 }), specWith(), at(0)).state.panicSince, at(0));
  t.is(decide(panicking, load(5, 5, { ready: 5 }), specWith({}, kpa), at(0)).state.panicSince, at(1000));
});

test('a revision without traffic neither records nor keeps a delay', (t) => {
  const delayed: DeciderState = { ...calm, delay: [{ slot: Math.floor(at(0) / 2000), count: 7 }] };
  const decided = decide(delayed, load(5, 5, { ready: 5, reachable: false }), specWith({ scaleDownDelay: seconds(10) }, kpa), at(2));
  t.is(decided.decision.evidence.wanted, 5);
  t.deepEqual(decided.state.delay, delayed.delay);
});

test('a poke is bound by the limits of the tick before, and while that panics by its peak', (t) => {
  const poke = (seen: Observation, changed: Partial<DeciderState>, spec = specWith()): Decision =>
    decidePoke({ ...calm, activeSince: start, ...changed }, seen, spec, at(1)).decision;
  t.deepEqual(steps(poke(load(9, 1, { ready: 2, held: 1 }), { rateBase: 1 }, specWith({ maxScaleUpRate: 3 }))).slice(0, 1), ['rate-up 9 3']);
  t.is(poke(load(4, 3, { ready: 3, held: 1 }), { rateBase: 3, panicSince: start, panicPeak: 6 }).to, pods(6));
  t.is(poke(load(4, 5, { ready: 3, held: 1 }), { rateBase: 3, panicSince: start, panicPeak: 1 }).to, pods(5));
  t.is(poke(load(4, 5, { ready: 3, held: 1 }), { rateBase: 3 }).to, pods(4));
  t.true(steps(poke(load(1, 6, { ready: 3, held: 1 }), { rateBase: 3 })).includes('panic 1 6'));
});

test('a wake to several pods is the one panic of its burst, under rouse; a wake to one is none', (t) => {
  const asleep: DeciderState = { ...calm, rateBase: 1 };
  const woken = (replicas: number, spec = specWith(), before = asleep): DeciderState =>
    decide(before, load(1, 1, { ready: 0, starting: replicas }), spec, at(2)).state;
  t.like(woken(4), { panicSince: at(2), panicPeak: 4 });
  t.is(woken(1).panicSince, undefined);
  t.is(woken(4, specWith({}, kpa)).panicSince, undefined);
  t.is(woken(4, specWith(), { ...asleep, awakeSince: at(0) }).panicSince, undefined, 'it was awake before');
  t.is(woken(4, specWith(), { ...asleep, rateBase: undefined }).panicSince, undefined, 'it was never seen at zero');
  const byHand = load(0, 0, { ready: 0, starting: 4, override: pods(4) });
  t.is(decide(asleep, byHand, specWith(), at(2)).state.panicSince, undefined, 'a count that somebody set is no burst');
});

test('a demand beyond all that was asked for panics at the threshold itself', (t) => {
  const awake = { ...calm, awakeSince: at(-600), activeSince: at(-600) };
  const panics = (panic: number): boolean =>
    decide(awake, observed({ ready: 2, starting: 1, metrics: [concurrencyOf(140, panic)] }), specWith(), at(0)).decision.evidence.panicking;
  t.deepEqual([panics(280), panics(210)], [true, false], 'four pods are twice the two that are ready, three are not');
});

test('a poke remembers only a panic that it begins itself, under rouse, of pods that are ready', (t) => {
  const poked = (state: DeciderState, panic: number, policy: 'kpa' | 'rouse', ready = 2): DeciderState =>
    decidePoke(state, observed({ ready, starting: 2 - ready, held: 1, metrics: [concurrencyOf(100, panic)] }), specWith({}, { policy }), at(0)).state;
  const lasting = { ...calm, panicSince: at(-10), panicPeak: 3 };
  t.deepEqual(poked(calm, 280, 'rouse'), { ...calm, panicSince: at(0), panicPeak: 4 });
  t.is(poked(calm, 280, 'kpa'), calm);
  t.is(poked(calm, 280, 'rouse', 0), calm);
  t.is(poked(lasting, 140, 'rouse'), lasting);
});

test('when requests were held is remembered for a window, and not from the future', (t) => {
  const remembered = (second: number): unknown => decide({ ...calm, heldAt: at(second) }, observed({ ready: 1 }), specWith(), at(0)).state.heldAt;
  t.deepEqual([remembered(0), remembered(-60), remembered(-61), remembered(1)], [at(0), at(-60), undefined, undefined]);
});
