import test from 'ava';
import fc from 'fast-check';
import { at, concurrencyOf, noConcurrency, observed, specWith, start } from '../../test/support/decision-inputs.ts';
import { millis, pods, seconds, type MetricReading, type Observation, type ScaleSpec } from '../core/index.ts';
import { decide, decidePoke, initialState, type DeciderState } from './index.ts';

const p95 = (ms: number): MetricReading => ({ metric: 'latency', kind: 'value', stable: ms, panic: ms, age: millis(500) });
const nobodyAsked: MetricReading = { metric: 'latency', kind: 'no-data', age: millis(500), why: 'no request ended', nothing: true };

/** 100 requests in flight per pod at 70 %: concurrency alone scales at 70. */
const bySpeed = specWith({ metrics: [{ metric: 'latency', target: 250 }] });
const calm = initialState(bySpeed, pods(1), start);

const seen = (ready: number, inFlight: number, latency: MetricReading): Observation => observed({ ready, metrics: [latency, concurrencyOf(inFlight)] });

/** One look, the pods of which are there at the next. */
const look = (
  state: DeciderState,
  second: number,
  observation: Observation,
  spec: ScaleSpec = bySpeed,
): { readonly to: number; readonly state: DeciderState } => {
  const decided = decide(state, observation, spec, at(second));
  return { to: decided.decision.to, state: decided.state };
};

test('busy pods whose p95 is over the target become as many times more as it is over, at most twice, and at most once a window', (t) => {
  const first = look(calm, 0, seen(4, 200, p95(300)));
  t.is(first.to, 5, '4 × 300/250, rounded up');
  t.is(look(calm, 0, seen(4, 200, p95(5000))).to, 8, 'no more than twice');
  const within = look(first.state, 58, seen(5, 200, p95(300)));
  t.is(within.to, 5, 'what is in the window is still of the time before');
  t.true(look(within.state, 60, seen(5, 200, p95(300))).to > 5, 'a window later it may ask again');
});

test('pods that are not busy do not become more for being slow', (t) => {
  t.is(look(calm, 0, seen(4, 140, p95(5000))).to, 2, '35 of 70 in flight per pod: concurrency decides');
});

test('pods that are on their way count as there', (t) => {
  const starting = observed({ ready: 2, starting: 2, metrics: [p95(5000), concurrencyOf(120)] });
  t.is(look(calm, 0, starting).to, 2, '120 in flight are 30 for each of four');
});

test('what was asked for is kept at the same load, and goes with the load, as concurrency would', (t) => {
  let { state, to } = look(calm, 0, seen(2, 120, p95(500)));
  t.is(to, 4);
  for (let second = 2; second < 300; second += 2) {
    ({ state, to } = look(state, second, seen(4, 120, p95(200))));
    t.is(to, 4);
  }
  t.is(state.latency?.perPod, 30, 'between half the target and the target nothing is learnt');
  t.is(look(state, 300, seen(4, 120, p95(125))).state.latency?.perPod, 30, 'nor at half of it');
  t.is(look(state, 300, seen(4, 60, p95(200))).to, 2, 'half the load, half the pods');
});

test('at the target itself nothing is asked for', (t) => {
  t.is(look(calm, 0, seen(4, 200, p95(250))).state.latency, undefined);
  t.true((look(calm, 0, seen(4, 200, p95(251))).state.latency?.perPod ?? Number.NaN) < 50);
});

test('while no pod is ready nobody is to blame for slow answers', (t) => {
  const starting = observed({ ready: 0, starting: 4, metrics: [p95(5000), concurrencyOf(200)] });
  t.is(look(calm, 0, starting).state.latency, undefined);
});

test('what is no number, or less than nothing, teaches nothing', (t) => {
  const learnt = look(calm, 0, seen(2, 120, p95(500))).state;
  for (const wrong of [Number.NaN, -1, Number.POSITIVE_INFINITY]) {
    t.deepEqual(look(learnt, 60, seen(4, 280, p95(wrong))).state.latency, learnt.latency, `p95 of ${String(wrong)}`);
    t.deepEqual(look(learnt, 60, seen(4, wrong, p95(500))).state.latency, learnt.latency, `${String(wrong)} in flight`);
  }
});

test('what was learnt is forgotten at zero, and with the target', (t) => {
  const learnt = look(calm, 0, seen(2, 120, p95(500))).state;
  t.false('latency' in look(learnt, 2, observed({ ready: 0, metrics: [p95(500), concurrencyOf(0)] })).state);
  t.false('latency' in look(learnt, 2, seen(4, 120, p95(500)), specWith()).state);
});

test('well within the target a pod is given a tenth more once a window, until concurrency decides again', (t) => {
  let { state, to } = look(calm, 0, seen(10, 600, p95(375)));
  const counts = [to];
  for (let second = 2; second <= 422; second += 2) {
    ({ state, to } = look(state, second, seen(to, 600, p95(50))));
    if (second % 60 === 0) counts.push(to);
  }
  t.deepEqual(counts, [15, 15, 13, 13, 11, 11, 9, 9], 'a fall by less than a tenth waits for a window (hysteresis)');
  t.false('latency' in state, 'nothing is left to remember');
});

test('no request in the window is no wish: with nothing in flight the workload goes to sleep', (t) => {
  let state = calm;
  let last = 1;
  for (let second = 0; second <= 70; second += 2) ({ state, to: last } = look(state, second, seen(1, 0, nobodyAsked)));
  t.is(last, 0);
  t.is(look(calm, 0, seen(3, 200, nobodyAsked)).to, 3, 'requests that do not end are load all the same');
});

test('without the load of the gateways latency is missing, and nothing goes down', (t) => {
  for (const metrics of [[p95(900), noConcurrency], [], [p95(Number.NaN), concurrencyOf(1)]]) {
    const { decision } = decide(calm, observed({ ready: 3, metrics }), bySpeed, at(0));
    t.like(decision, { to: 3, reason: 'no-data' });
  }
});

test('a limit per pod is what concurrency is measured against where it is not among the metrics', (t) => {
  const limited = specWith({ metrics: [{ metric: 'latency', target: 250 }], containerConcurrency: 10 });
  t.is(look(calm, 0, seen(4, 16, p95(5000)), limited).to, 8, '4 of 7 in flight per pod is busy');
});

test('a limit above the usual target is what pods are measured against as well', (t) => {
  const limited = specWith({ metrics: [{ metric: 'latency', target: 250 }], containerConcurrency: 200 });
  t.is(look(calm, 0, seen(4, 200, p95(5000)), limited).to, 2, '50 of 140 in flight per pod is not busy');
});

test('where concurrency is among the metrics its target is what pods are measured against, in whichever order they are', (t) => {
  const metrics = [{ metric: 'concurrency', target: 20 } as const, { metric: 'latency', target: 250 } as const];
  for (const both of [metrics, [...metrics].reverse()]) {
    t.is(look(calm, 0, seen(4, 30, p95(5000)), specWith({ metrics: both })).to, 8, '7.5 of 14 in flight per pod is busy');
    t.is(look(calm, 0, seen(4, 30, p95(200)), specWith({ metrics: both })).to, 3, '200 ms are within the target');
  }
});

test('while the load still rises what is learnt is of the load that the pods have, not of the mean', (t) => {
  const rising = observed({ ready: 1, metrics: [p95(500), concurrencyOf(20, 60)] });
  const { state } = look(calm, 0, rising);
  t.is(look(state, 20, seen(2, 60, p95(500))).to, 2, 'and not 60 / (20 / 2) = 6');
});

test('a poke asks for what was learnt, and learns nothing', (t) => {
  const { state } = look(calm, 0, seen(2, 120, p95(500)));
  const poked = decidePoke(state, seen(2, 120, p95(5000)), bySpeed, at(1));
  t.is(poked.decision.to, pods(4));
  t.deepEqual(poked.state, { ...state, panicSince: at(1) }, 'but that it panicked');
});

test('the state survives JSON at any look', (t) => {
  let [plain, copied] = [calm, calm];
  for (let second = 0; second < 400; second += 2) {
    const observation = seen(4, 100 + second, p95(second < 200 ? 400 : 60));
    const [a, b] = [look(plain, second, observation), look(copied, second, observation)];
    t.is(a.to, b.to);
    [plain, copied] = [a.state, JSON.parse(JSON.stringify(b.state)) as DeciderState];
  }
});

test('latency never asks for more than four times what concurrency does, nor for less, whatever comes', (t) => {
  const step = fc.record({
    load: fc.double({ min: 0, max: 1e4, noNaN: true }),
    ms: fc.double({ min: 0, max: 1e5, noNaN: true }),
    ready: fc.integer({ min: 1, max: 200 }),
  });
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 40 }), fc.integer({ min: 2, max: 90 }), (steps, every) => {
      let state = calm;
      for (const [index, { load, ms, ready }] of steps.entries()) {
        const decided = decide(state, seen(ready, load, p95(ms)), bySpeed, at(index * every));
        const [demand] = decided.decision.evidence.demands;
        const asked = demand?.stablePods ?? Number.NaN;
        t.true(asked >= (load / 70) * (1 - 1e-9) && asked <= (load / 17.5) * (1 + 1e-9));
        t.true(asked <= Math.max((load / 70) * 4, 0) + 1e-9);
        state = decided.state;
      }
    }),
  );
});

test('a clock that is set back puts the next change off by a window at most', (t) => {
  const { state } = look(calm, 86_400, seen(2, 120, p95(500)));
  let now = look(state, 0, seen(4, 240, p95(500)));
  for (let second = 2; second <= 62 && now.to <= 8; second += 2) now = look(now.state, second, seen(4, 240, p95(500)));
  t.is(look(state, 0, seen(4, 240, p95(50))).state.latency?.perPod, 30, 'what was learnt stays');
  t.true((now.state.latency?.changedAt ?? 0) <= at(62));
  t.true((now.state.latency?.changedAt ?? 0) >= at(0));
});

test('both policies treat latency alike, and its target is where to scale', (t) => {
  for (const policy of ['kpa', 'rouse'] as const) {
    const { decision } = decide(
      calm,
      seen(4, 200, p95(500)),
      specWith({ metrics: [{ metric: 'latency', target: 250 }], stableWindow: seconds(60) }, { policy }),
      at(0),
    );
    t.is(decision.evidence.demands[0]?.target, 250);
    t.is(decision.to, pods(8));
  }
});
