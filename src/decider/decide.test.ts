import test from 'ava';
import { at, concurrencyOf, noConcurrency, observed, specWith, start } from '../../test/support/decision-inputs.ts';
import { millis, pods, seconds, type Decision, type Observation, type ScaleSpec, type StepName } from '../core/index.ts';
import { decide, decidePoke, initialState, type DeciderState } from './index.ts';

const calm = initialState({ policy: 'rouse' }, pods(1), start);
const once = (seen: Observation, spec: ScaleSpec = specWith(), state: DeciderState = calm, later = 0): Decision =>
  decide(state, seen, spec, at(later)).decision;
const summary = ({ kind, reason, to }: Decision): string => `${kind} ${String(to)} ${reason}`;
const stepsOf = ({ evidence }: Decision): readonly StepName[] => evidence.steps.map(({ step }) => step);

/** Ticks of two seconds with the same observation; tells how each decision came out, repeated ones once. */
const story = (spec: ScaleSpec, seen: Observation, ticks: number): readonly string[] => {
  let state = calm;
  const told: string[] = [];
  for (let tick = 0; tick < ticks; tick += 1) {
    const decided = decide(state, seen, spec, at(tick * 2));
    state = decided.state;
    const line = summary(decided.decision);
    if (told.at(-1) !== line) told.push(line);
  }
  return told;
};

test('load that fits the pods leaves them as they are', (t) => {
  t.is(summary(once(observed({ ready: 2, metrics: [concurrencyOf(120)] }))), 'hold 2 steady');
});

test('more load gives more pods, less load fewer, with the reason', (t) => {
  t.is(summary(once(observed({ ready: 2, metrics: [concurrencyOf(200)] }))), 'scale 3 metric-rise');
  t.is(summary(once(observed({ ready: 4, metrics: [concurrencyOf(180)] }))), 'scale 3 metric-fall');
});

test('a burst panics, and panic keeps the peak while it lasts', (t) => {
  const first = decide(calm, observed({ ready: 1, metrics: [concurrencyOf(100, 500)] }), specWith(), at(0));
  t.is(summary(first.decision), 'scale 8 panic');
  const after = decide(first.state, observed({ ready: 8, metrics: [concurrencyOf(100, 100)] }), specWith(), at(2));
  t.is(summary(after.decision), 'hold 8 panic');
});

test('under rouse the first request of a pod that takes one at a time asks for one pod, under kpa for two', (t) => {
  const oneAtATime = { containerConcurrency: 1 };
  const seen = observed({ ready: 1, metrics: [concurrencyOf(1)] });
  const decision = once(seen, specWith(oneAtATime));
  t.is(summary(decision), 'hold 1 steady');
  t.deepEqual(decision.evidence.steps, [{ step: 'idle-share', from: 2, to: 1 }]);
  t.is(summary(once(seen, specWith(oneAtATime, { policy: 'kpa' }))), 'scale 2 metric-rise');
});

test('the least load keeps one pod, and noise in the sixth decimal asks for no other', (t) => {
  t.is(once(observed({ ready: 1, metrics: [concurrencyOf(1e-6)] })).to, pods(1));
  t.is(once(observed({ ready: 20, metrics: [concurrencyOf(20.0000001)] }), specWith({ containerConcurrency: 1, targetUtilization: 1 })).to, pods(20));
});

test('headroom of whole requests is kept, of all pods together', (t) => {
  const oneAtATime = specWith({ containerConcurrency: 1 });
  const counts = [1, 2, 3, 10, 20].map(
    (load) => once(observed({ ready: 20, metrics: [concurrencyOf(load)] }), { ...oneAtATime, scaling: { ...oneAtATime.scaling, maxScaleDownRate: 1000 } }).to,
  );
  t.deepEqual(counts, [1, 2, 4, 14, 28].map(pods));
  t.is(once(observed({ ready: 1, metrics: [concurrencyOf(8)] }), specWith({ containerConcurrency: 10 })).to, pods(2));
  t.is(once(observed({ ready: 1, metrics: [concurrencyOf(71)] })).to, pods(2));
});

test('under rouse a cold burst does not panic a second time while its pods start', (t) => {
  const burst = observed({ ready: 1, starting: 9, replicas: 10, metrics: [concurrencyOf(650, 700)] });
  t.false(once(burst).evidence.panicking);
  t.true(once(burst, specWith({}, { policy: 'kpa' })).evidence.panicking);
  t.true(stepsOf(once(burst)).includes('starting-capacity'));
});

test('under rouse a wake to several pods is held for one window, from the wake on, and no longer', (t) => {
  const asleep = decide(calm, observed({ ready: 0 }), specWith(), at(0)).state;
  let { state } = decide(asleep, observed({ ready: 0, starting: 4, held: 350, metrics: [concurrencyOf(350)] }), specWith(), at(2));
  const counts = new Map<number, number>();
  for (let second = 4; second <= 66; second += 2) {
    const decided = decide(state, observed({ ready: 4, metrics: [concurrencyOf(5, 0)] }), specWith(), at(second));
    counts.set(second, decided.decision.to);
    state = decided.state;
  }
  t.deepEqual([counts.get(4), counts.get(62), counts.get(64)], [5, 5, 2]);
});

test('a poke raises on the panic window only where the next tick would too', (t) => {
  const ticked = decide(calm, observed({ ready: 2, metrics: [concurrencyOf(100)] }), specWith(), at(0)).state;
  const poked = (panic: number): string =>
    summary(decidePoke(ticked, observed({ ready: 2, held: 1, metrics: [concurrencyOf(100, panic)] }), specWith(), at(1)).decision);
  t.is(poked(200), 'hold 2 steady');
  t.is(poked(280), 'scale 4 panic');
});

test('what a poke raised in a panic is still there after the next tick, although that finds no shortage any more', (t) => {
  const ticked = decide(calm, observed({ ready: 2, metrics: [concurrencyOf(100)] }), specWith(), at(0)).state;
  const poked = decidePoke(ticked, observed({ ready: 2, held: 1, metrics: [concurrencyOf(100, 280)] }), specWith(), at(1));
  t.is(summary(poked.decision), 'scale 4 panic');
  const waiting = observed({ ready: 2, starting: 2, held: 50, metrics: [concurrencyOf(110, 280)] });
  t.is(summary(decide(poked.state, waiting, specWith(), at(2)).decision), 'hold 4 panic');
  t.is(poked.state.panicSince, at(1));
});

test('the end of a panic in the middle of a rise leaves what the newest seconds need; under kpa it does not', (t) => {
  const after = (policy: 'kpa' | 'rouse', panic: number, stable = 700): string => {
    const spec = specWith({}, { policy });
    const state = { ...calm, panicSince: at(-61), panicPeak: 20 };
    return summary(decide(state, observed({ ready: 20, metrics: [concurrencyOf(stable, panic)] }), spec, at(0)).decision);
  };
  t.is(after('kpa', 1120), 'scale 10 metric-fall');
  t.is(after('rouse', 1120), 'scale 16 recent-load');
  t.is(after('rouse', 1700, 1000), 'hold 20 recent-load', 'no more than there is: a rise is for the stable window, or for a panic');
  t.is(after('rouse', 400), 'scale 10 metric-fall');
});

test('a held request at zero wakes the workload, to what the backlog needs', (t) => {
  const asleep = { ready: 0, metrics: [concurrencyOf(0)] };
  t.is(summary(once(observed({ ...asleep, held: 1 }))), 'wake 1 wake-request');
  t.is(summary(once(observed({ ...asleep, held: 250 }))), 'wake 3 wake-request');
  t.is(summary(once(observed({ ...asleep, held: 25 }), specWith({ containerConcurrency: 10 }))), 'wake 3 wake-request');
  t.is(summary(once(observed({ ...asleep, held: 1 }), specWith({ activation: pods(4) }))), 'wake 4 wake-request');
  t.is(summary(once(observed({ ...asleep, held: 1 }), specWith({ min: pods(2) }))), 'wake 2 wake-request');
  t.is(summary(once(observed({ ...asleep, held: 500 }), specWith({ max: pods(2) }))), 'wake 2 wake-request');
  t.is(summary(once(observed({ ...asleep, held: 1, metrics: [noConcurrency] }))), 'wake 1 wake-request');
});

test('an idle workload goes to zero after a window, when the path would hold the next request', (t) => {
  t.deepEqual(story(specWith(), observed(), 40), ['hold 1 just-woken', 'sleep 0 idle']);
  t.deepEqual(story(specWith(), observed({ holdReady: false }), 40), ['hold 1 just-woken', 'hold 1 idle-grace']);
  t.deepEqual(story(specWith({ scaleToZeroPodRetention: seconds(100) }), observed(), 120), ['hold 1 just-woken', 'hold 1 idle-retention', 'sleep 0 idle']);
});

test('the last pod goes exactly one window after it was first ready, and after the retention', (t) => {
  const sleepsAt = (spec: ScaleSpec): number => {
    let state = calm;
    for (let second = 0; second < 1000; second += 1) {
      const decided = decide(state, observed(), spec, at(second));
      if (decided.decision.kind === 'sleep') return second;
      state = decided.state;
    }
    return Number.NaN;
  };
  t.is(sleepsAt(specWith()), 60);
  t.is(sleepsAt(specWith({ stableWindow: seconds(6) })), 6);
  t.is(sleepsAt(specWith({ scaleToZeroPodRetention: seconds(90) })), 90);
});

test('a wake that nobody waits for any more is kept while its pod starts, and given up at last', (t) => {
  const starting = observed({ ready: 0, starting: 1 });
  t.deepEqual(story(specWith(), starting, 300), ['hold 1 just-woken']);
  t.deepEqual(story(specWith(), starting, 330), ['hold 1 just-woken', 'sleep 0 idle']);
});

test('it never goes to zero with work in flight or held', (t) => {
  t.deepEqual(story(specWith(), observed({ inFlight: 1 }), 100), ['hold 1 work-in-flight']);
  t.deepEqual(story(specWith(), observed({ held: 1 }), 100), ['hold 1 work-in-flight']);
  t.deepEqual(
    story(
      specWith({ schedule: [{ days: ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'], fromMinute: 0, toMinute: 0, timezone: 'UTC', max: pods(0) }] }),
      observed({ inFlight: 1 }),
      100,
    ),
    ['hold 1 work-in-flight'],
  );
});

test('missing data changes nothing, but the floor still holds', (t) => {
  const blind = { metrics: [noConcurrency] };
  t.is(summary(once(observed({ ready: 3, ...blind }))), 'hold 3 no-data');
  t.is(summary(once(observed({ ready: 0, ...blind }))), 'hold 0 no-data');
  t.is(summary(once(observed({ ready: 1, ...blind }), specWith({ min: pods(2) }))), 'scale 2 min-scale');
  t.is(summary(once(observed({ ready: 9, ...blind }), specWith({ max: pods(2) }))), 'scale 2 max-scale');
});

test('one of several metrics missing: the others may raise, not lower', (t) => {
  const both = specWith({
    metrics: [
      { metric: 'concurrency', target: 100 },
      { metric: 'rps', target: 10 },
    ],
  });
  t.is(summary(once(observed({ ready: 5, metrics: [concurrencyOf(70)] }), both)), 'hold 5 no-data');
  t.is(summary(once(observed({ ready: 5, metrics: [concurrencyOf(700)] }), both)), 'scale 10 metric-rise');
});

test('of several metrics the highest wins and the others stay in the evidence', (t) => {
  const both = specWith({
    metrics: [
      { metric: 'concurrency', target: 100 },
      { metric: 'rps', target: 10 },
    ],
  });
  const decision = once(observed({ metrics: [concurrencyOf(70), { metric: 'rps', kind: 'value', stable: 50, panic: 50, age: millis(0) }] }), both);
  t.is(decision.evidence.wanted, 8);
  t.deepEqual(
    decision.evidence.demands.map(({ reading, stablePods }) => [reading.metric, Math.round(stablePods * 100) / 100]),
    [
      ['concurrency', 1],
      ['rps', 7.14],
    ],
  );
});

test('a stale metric may raise and not lower', (t) => {
  const stale = { metric: 'concurrency', kind: 'value', stable: 10, panic: 10, age: seconds(30) } as const;
  t.is(summary(once(observed({ ready: 5, metrics: [stale] }))), 'hold 5 no-data');
});

test('nothing goes down before a window was seen, nor while a gateway does not report', (t) => {
  t.is(summary(once(observed({ ready: 5, warm: false }))), 'hold 5 warming-up');
  t.is(summary(once(observed({ ready: 5, absentGateways: 1 }))), 'hold 5 reports-missing');
  t.is(summary(once(observed({ ready: 1, warm: false, absentGateways: 1, metrics: [concurrencyOf(500)] }))), 'scale 8 metric-rise');
});

test('fallback raises when every metric has been missing for long enough, and never lowers', (t) => {
  const spec = specWith({ fallback: { replicas: pods(4), after: seconds(20) } });
  t.deepEqual(story(spec, observed({ ready: 2, metrics: [noConcurrency] }), 12), ['hold 2 no-data', 'scale 4 fallback']);
  t.deepEqual(story(spec, observed({ ready: 9, metrics: [noConcurrency] }), 12), ['hold 9 no-data']);
});

test('bounds are named when they decide', (t) => {
  t.is(summary(once(observed({ ready: 1 }), specWith({ min: pods(3) }))), 'scale 3 min-scale');
  t.is(summary(once(observed({ ready: 1, metrics: [concurrencyOf(5000, 10)] }), specWith({ max: pods(6) }))), 'scale 6 max-scale');
  t.is(summary(once(observed({ ready: 1, metrics: [concurrencyOf(5000, 10)] }), specWith({ maxScaleUpRate: 2 }))), 'scale 2 rate-limited');
  t.is(summary(once(observed({ ready: 8 }), specWith({ maxScaleDownRate: 4 }))), 'scale 2 rate-limited');
});

test('initial-scale holds until ready once', (t) => {
  t.is(summary(once(observed({ ready: 0, starting: 1, wasReady: false }), specWith({ initial: pods(3) }))), 'scale 3 initial-scale');
  t.is(summary(once(observed({ ready: 0, starting: 5, wasReady: false }))), 'hold 5 initial-scale');
  t.is(once(observed({ ready: 5, wasReady: true })).to, pods(2));
});

test('the delay window keeps the highest count of its time', (t) => {
  const spec = specWith({ scaleDownDelay: seconds(10), panicThreshold: 10 });
  const high = decide(calm, observed({ ready: 5, metrics: [concurrencyOf(350)] }), spec, at(0));
  t.is(summary(decide(high.state, observed({ ready: 5, metrics: [concurrencyOf(70)] }), spec, at(8)).decision), 'hold 5 scale-down-delay');
  t.is(summary(decide(high.state, observed({ ready: 5, metrics: [concurrencyOf(70)] }), spec, at(10)).decision), 'scale 2 rate-limited');
});

test('pause freezes the direction that it names', (t) => {
  const rise = observed({ ready: 2, metrics: [concurrencyOf(500, 100)] });
  const fall = observed({ ready: 4, metrics: [concurrencyOf(150)] });
  const paused = (pause: ScaleSpec['pause'], seen: Observation): string => summary(once(seen, specWith({}, { pause })));
  t.is(paused('both', rise), 'hold 2 paused');
  t.is(paused('both', fall), 'hold 4 paused');
  t.is(paused('up', rise), 'hold 2 paused');
  t.is(paused('up', fall), 'scale 3 metric-fall');
  t.is(paused('down', rise), 'scale 8 metric-rise');
  t.is(paused('down', fall), 'hold 4 paused');
});

test('a count set by hand is kept, and a request still wakes from a zero set by hand', (t) => {
  t.is(summary(once(observed({ ready: 3, metrics: [concurrencyOf(5000)], override: pods(3) }))), 'hold 3 manual-override');
  t.is(summary(once(observed({ ready: 3, override: pods(7) }))), 'scale 7 manual-override');
  t.is(summary(once(observed({ ready: 0, override: pods(0) }))), 'hold 0 idle');
  t.is(summary(once(observed({ ready: 0, override: pods(0), held: 1 }))), 'wake 1 wake-request');
});

test('mode observe decides and writes nothing; the evidence says what would have been', (t) => {
  const decision = once(observed({ ready: 1, metrics: [concurrencyOf(500, 100)] }), specWith({}, { mode: 'observe' }));
  t.is(summary(decision), 'hold 1 observe');
  t.deepEqual(decision.evidence.steps.at(-1), { step: 'observe', from: 8, to: 1 });
});

test('under rouse a rollout whose new pod never gets ready does not keep the last pod', (t) => {
  const stuck = observed({ replicas: pods(1), ready: 1, starting: 1, metrics: [concurrencyOf(0)] });
  t.is(story(specWith(), stuck, 60).at(-1), 'sleep 0 idle');
});

test('a poke only raises, and many between two ticks are no more than one', (t) => {
  const spec = specWith({ containerConcurrency: 1, maxScaleUpRate: 2 });
  const ticked = decide(calm, observed({ ready: 0, replicas: 0 }), spec, at(0)).state;
  const first = decidePoke(ticked, observed({ ready: 0, held: 100 }), spec, at(1));
  t.is(summary(first.decision), 'wake 2 wake-request');
  t.deepEqual(first.state, ticked);
  const second = decidePoke(first.state, observed({ ready: 0, starting: 2, held: 200 }), spec, at(1.1));
  t.is(summary(second.decision), 'hold 2 steady');
  t.is(summary(decidePoke(ticked, observed({ ready: 6 }), spec, at(1)).decision), 'hold 6 steady');
});

test('a poke under pause holds and says so', (t) => {
  for (const pause of ['up', 'both'] as const) {
    t.is(summary(decidePoke(calm, observed({ ready: 0, held: 1 }), specWith({}, { pause }), at(0)).decision), 'hold 0 paused');
  }
});

test('a floor that is up to a schedule wakes without a request', (t) => {
  const always = { days: ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'], fromMinute: 0, toMinute: 0, timezone: 'Europe/Vienna' } as const;
  t.is(summary(once(observed({ ready: 0 }), specWith({ schedule: [{ ...always, min: pods(2) }] }))), 'wake 2 schedule');
  t.is(summary(once(observed({ ready: 0, held: 1 }), specWith({ schedule: [{ ...always, max: pods(0) }] }))), 'hold 0 schedule');
});

test('a decision holds its inputs and each step with the number that decided', (t) => {
  const decision = once(observed({ ready: 2, starting: 1, inFlight: 9, metrics: [concurrencyOf(900, 100)] }), specWith({ max: pods(10), maxScaleUpRate: 4 }));
  t.like(decision.evidence, { wanted: 12, ready: 2, starting: 1, replicas: 3, inFlight: 9, panicking: false });
  t.deepEqual(decision.evidence.steps, [
    { step: 'starting-capacity', from: 2, to: 3 },
    { step: 'rate-up', from: 13, to: 12, limit: 12 },
    { step: 'max-scale', from: 12, to: 10, limit: 10 },
  ]);
});

test('a workload that has slept for a window remembers nothing of those who once waited for it', (t) => {
  const asleep = { ready: 0, metrics: [concurrencyOf(0)] };
  const woken = decide(calm, observed({ ...asleep, held: 3 }), specWith(), at(0)).state;
  t.is(woken.heldAt, at(0));
  const never = decide(calm, observed(asleep), specWith(), at(62)).state;
  t.is(decide(woken, observed(asleep), specWith(), at(62)).state, never, 'the one state of all that sleep');
});
