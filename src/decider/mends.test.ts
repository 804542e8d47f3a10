import test from 'ava';
import { at, concurrencyOf, observed, specWith, start } from '../../test/support/decision-inputs.ts';
import { mendScenes } from '../../test/support/mend-scenes.ts';
import { changesOf, podSeconds, runScene, told, type Scene, type Tick } from '../../test/support/two-policies.ts';
import { pods, seconds, type MetricReading, type ScalingSpec, type StepName } from '../core/index.ts';
import { decide, initialState } from './index.ts';

// Each defect of Knative's algorithm that `rouse` mends, as a trace of both policies on the same load: the count asked for at each tick of two
// seconds. The numbers of the issues are those of knative/serving.

const both = (scene: Scene): { readonly kpa: readonly Tick[]; readonly rouse: readonly Tick[] } => ({
  kpa: runScene(scene, 'kpa'),
  rouse: runScene(scene, 'rouse'),
});
const stepsOf = (ticks: readonly Tick[]): ReadonlySet<StepName> => new Set(ticks.flatMap(({ decision }) => decision.evidence.steps.map(({ step }) => step)));

test('starting pods count while they start: a slow start does not end in many times the pods (4344, 9446, 15121)', (t) => {
  const { kpa, rouse } = both(mendScenes['slow start']);
  t.is(told(kpa), '4 8 12 16 21 26 32 38 43 49 54 55×33 27 13 6 3 2×22');
  t.is(told(rouse), '4 8 12 16 20 24 28 32 36 40×4 30×3 25×3 22×3 19×5 16×6 14×2 12×2 9×2 6 4 3 2×28');
  // Both ask for what the 400 requests that pile up need; only kpa takes the pile for a rise at each tick, and keeps its peak for a minute more.
  t.true(podSeconds(rouse) < podSeconds(kpa) / 2);
  t.is(Math.max(...rouse.map(({ held }) => held)), Math.max(...kpa.map(({ held }) => held)), 'nobody waits longer');
  t.true(stepsOf(rouse).has('starting-capacity'));
});

test('the fall is not late: pods that never get ready do not keep panic alive (12230, 14539)', (t) => {
  const { kpa, rouse } = both(mendScenes['no room']);
  t.is(told(kpa), '1×5 10 20 29×113');
  t.is(told(rouse), '1×5 10 20 29×31 14×2 12×3 10×2 8×2 6×2 5×71');
});

test('a cold burst panics once, and is held for a window from there (3153, 9121)', (t) => {
  const { kpa, rouse } = both(mendScenes['cold burst']);
  t.is(told(kpa), '0×2 4 7 10×40 5 3×2 2×3 1×30');
  t.is(told(rouse), '0×2 4 7 10×30 6×4 5×3 4×4 3×3 2×3 1×29');
  const panicking = (ticks: readonly Tick[]): number => ticks.filter(({ decision }) => decision.evidence.panicking).length;
  t.deepEqual([panicking(kpa), panicking(rouse)], [42, 32]);
});

test('no pod stands idle where one takes one request at a time (8682)', (t) => {
  const { kpa, rouse } = both(mendScenes['one at a time']);
  t.is(told(kpa), '2×32 1×8');
  t.is(told(rouse), '1×40');
  t.true(stepsOf(rouse).has('idle-share'));
});

test('a load at the edge of a pod does not move the count to and fro (12765, 10275)', (t) => {
  const { kpa, rouse } = both(mendScenes['at the edge']);
  t.is(told(kpa), '3×39 2×13 3×12 2×12 3×12 2×13 3×12 2×12 3×12 2×13 3×12 2×12 3×12 2×13 3×12 2×12 3×12 2×13 3×12 2×12 3×12 2×13 3×3');
  t.is(told(rouse), '3×300');
  t.deepEqual([changesOf(kpa), changesOf(rouse)], [22, 0]);
  t.true(stepsOf(rouse).has('hysteresis'));
});

test('hysteresis delays a small fall by a window at most, a large one only while the average passes through the tolerance, and no rise', (t) => {
  const scene = (after: number): Scene => ({
    spec: specWith(),
    seconds: 300,
    podStart: 2,
    ready: 3,
    load: (second) => ({ concurrency: second < 100 ? 170 : after }),
  });
  const fallsAt = (after: number, policy: 'kpa' | 'rouse'): number | undefined =>
    runScene(scene(after), policy).find(({ second, desired }) => second > 100 && desired < 3)?.second;
  t.deepEqual([fallsAt(135, 'kpa'), fallsAt(135, 'rouse')], [152, 212]);
  t.deepEqual([fallsAt(70, 'kpa'), fallsAt(70, 'rouse')], [118, 128]);
  const rises = (policy: 'kpa' | 'rouse'): number | undefined =>
    runScene(scene(300), policy).find(({ second, desired }) => second > 100 && desired > 3)?.second;
  t.is(rises('rouse'), rises('kpa'));
});

/** What both policies make of one observation. */
const compared = (metrics: readonly MetricReading[], changed: Partial<ScalingSpec> = {}): readonly string[] =>
  (['kpa', 'rouse'] as const).map((policy) => {
    const { decision } = decide(initialState({ policy }, pods(1), start), observed({ ready: 5, metrics }), specWith(changed, { policy }), at(0));
    return `${String(decision.to)} ${decision.reason}`;
  });

test('a figure that is old may raise the count and not lower it: missing is not zero', (t) => {
  const aged = (stable: number, age: number): MetricReading => ({ metric: 'concurrency', kind: 'value', stable, panic: stable, age: seconds(age) });
  t.deepEqual(compared([aged(70, 1)]), ['2 rate-limited', '2 rate-limited']);
  t.deepEqual(compared([aged(70, 11)]), ['2 rate-limited', '5 no-data'], 'after five ticks without a report');
  t.deepEqual(compared([aged(700, 11)]), ['10 metric-rise', '10 metric-rise']);
});

test('a figure that is no number is dropped and told; the others may raise, not lower (serving has no such guard)', (t) => {
  const rps = { metric: 'rps', target: 10 } as const;
  const metrics: ScalingSpec['metrics'] = [{ metric: 'concurrency', target: 100 }, rps];
  const rate = (stable: number): MetricReading => ({ metric: 'rps', kind: 'value', stable, panic: stable, age: seconds(1) });
  for (const wrong of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -1]) {
    t.deepEqual(compared([concurrencyOf(wrong), rate(7)], { metrics }), ['5 no-data', '5 no-data']);
    t.deepEqual(compared([concurrencyOf(wrong), rate(70)], { metrics }), ['10 metric-rise', '10 metric-rise']);
    t.deepEqual(compared([concurrencyOf(1, wrong), rate(7)], { metrics }), ['5 no-data', '5 no-data']);
    const { evidence } = decide(
      initialState({ policy: 'rouse' }, pods(1), start),
      observed({ ready: 5, metrics: [concurrencyOf(wrong)] }),
      specWith(),
      at(0),
    ).decision;
    t.deepEqual(evidence.steps, [{ step: 'invalid-metric', from: 1, to: 0 }]);
  }
});
