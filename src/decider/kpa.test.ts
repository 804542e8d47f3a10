import test from 'ava';
import { at, concurrencyOf, observed, specWith, start } from '../../test/support/decision-inputs.ts';
import { pods, seconds, type Decision, type ScalingSpec } from '../core/index.ts';
import { decide, initialState } from './index.ts';

// Expectations of Knative's pkg/autoscaler/scaling/autoscaler_test.go: rates of 10, threshold 2, window 60 s, total = target / 0.75.
interface Step {
  readonly at?: number;
  readonly ready: number;
  readonly stable: number;
  readonly panic: number;
  readonly want: number;
  readonly panicking?: boolean;
}

const kpa = (target: number, changed: Partial<ScalingSpec> = {}): ReturnType<typeof specWith> =>
  specWith(
    {
      metrics: [{ metric: 'concurrency', target: target / 0.75 }],
      targetUtilization: 0.75,
      maxScaleUpRate: 10,
      maxScaleDownRate: 10,
      targetBurstCapacity: 0,
      ...changed,
    },
    { policy: 'kpa' },
  );

const run = (spec: ReturnType<typeof specWith>, steps: readonly Step[], readyAtStart = 0, reachable = true): readonly Decision[] => {
  let state = initialState(spec, pods(readyAtStart), start);
  return steps.map((step, index) => {
    const seen = observed({ ready: step.ready, metrics: [concurrencyOf(step.stable, step.panic)], reachable });
    const decided = decide(state, seen, spec, at(step.at ?? index * 2));
    state = decided.state;
    return decided.decision;
  });
};

const agrees = test.macro((t, spec: ReturnType<typeof specWith>, steps: readonly Step[], reachable?: boolean) => {
  run(spec, steps, 0, reachable).forEach(({ evidence }, index) => {
    t.is(evidence.wanted, steps[index]?.want, `step ${String(index)}`);
    const panicking = steps[index]?.panicking;
    if (panicking !== undefined) t.is(evidence.panicking, panicking, `step ${String(index)}`);
  });
});

test('stable demand over the threshold panics at once', agrees, kpa(10), [{ ready: 1, stable: 50, panic: 50, want: 5, panicking: true }]);
test('a calm panic window leaves the stable one to decide', agrees, kpa(10), [
  { ready: 1, stable: 50, panic: 10, want: 5, panicking: false },
  { ready: 1, stable: 100, panic: 10, want: 10, panicking: false },
]);
test('panic holds its peak, and ends a window after it was last over the threshold', agrees, kpa(1), [
  { at: 0, ready: 10, stable: 11, panic: 25, want: 25, panicking: true },
  { at: 30, ready: 40, stable: 30, panic: 41, want: 41, panicking: true },
  { at: 62, ready: 55, stable: 50, panic: 56, want: 50, panicking: false },
]);
test('panic that is over the threshold again lasts a window from there', agrees, kpa(1), [
  { at: 0, ready: 10, stable: 11, panic: 25, want: 25 },
  { at: 30, ready: 40, stable: 30, panic: 80, want: 80 },
  { at: 62, ready: 55, stable: 50, panic: 56, want: 80, panicking: true },
]);
test('a load that halves halves the pods', agrees, kpa(10), [
  { ready: 8, stable: 100, panic: 100, want: 10 },
  { ready: 8, stable: 50, panic: 50, want: 5 },
]);
test('any load at all keeps one pod', agrees, kpa(10), [
  { ready: 1, stable: 1, panic: 0, want: 1 },
  { ready: 1, stable: 0, panic: 0, want: 0 },
]);
test('activation-scale counts from the first load on', agrees, kpa(10, { activation: pods(2) }), [
  { ready: 0, stable: 0, panic: 0, want: 0 },
  { ready: 0, stable: 1, panic: 0, want: 2 },
]);
test('a rise is limited to the rate', agrees, kpa(1, { maxScaleUpRate: 1.1 }), [{ ready: 2, stable: 3, panic: 3.1, want: 3 }]);
test('a fall is limited to the rate', agrees, kpa(10, { maxScaleDownRate: 1.1 }), [{ ready: 100, stable: 1, panic: 1, want: 90 }]);
test('a revision without traffic falls as far as it likes', agrees, kpa(10, { maxScaleDownRate: 1.1 }), [{ ready: 100, stable: 1, panic: 1, want: 1 }], false);
test('without a pod the rate counts from one', agrees, kpa(10), [{ ready: 0, stable: 1000, panic: 888, want: 10 }]);
test('the delay window holds the highest count of its time', agrees, kpa(10, { panicThreshold: 100, scaleDownDelay: seconds(300) }), [
  { at: 2, ready: 1, stable: 40, panic: 40, want: 4 },
  { at: 300, ready: 1, stable: 0, panic: 0, want: 4 },
  { at: 302, ready: 1, stable: 0, panic: 0, want: 0 },
  { at: 540, ready: 1, stable: 40, panic: 40, want: 4 },
  { at: 600, ready: 1, stable: 30, panic: 30, want: 4 },
  { at: 660, ready: 1, stable: 0, panic: 0, want: 4 },
  { at: 840, ready: 1, stable: 0, panic: 0, want: 3 },
  { at: 900, ready: 1, stable: 0, panic: 0, want: 0 },
]);

test('a workload that is found with several pods starts in panic, so that a restart does not lower it', (t) => {
  for (const [ready, want] of [
    [0, 1],
    [1, 1],
    [2, 2],
    [20, 20],
  ] as const) {
    const [decision] = run(kpa(10), [{ ready, stable: 1, panic: 1, want }], ready);
    t.is(decision?.evidence.wanted, want);
    t.is(decision?.evidence.panicking, ready > 1);
  }
});

test('spare capacity is told as Knative tells it', (t) => {
  const spare = (targetBurstCapacity: ScalingSpec['targetBurstCapacity']): number | undefined =>
    run(kpa(10, { targetBurstCapacity }), [{ ready: 1, stable: 100, panic: 100, want: 10 }])[0]?.excessBurstCapacity;
  t.is(spare(0), 0);
  t.is(spare('unlimited'), -1);
  t.is(spare(84), -171);
});

test('a limit on concurrency caps the target', (t) => {
  const [decision] = run(kpa(10, { containerConcurrency: 2 }), [{ ready: 1, stable: 3, panic: 3, want: 2 }]);
  t.is(decision?.evidence.demands[0]?.target, 1.5);
  t.is(decision?.evidence.wanted, 2);
});

test('a setting that changes in flight counts from that tick on', (t) => {
  const changes: readonly (readonly [Partial<ScalingSpec>, number, number])[] = [
    [{ maxScaleUpRate: 3 }, 10, 3],
    [{ maxScaleDownRate: 1.5 }, 0, 1],
    [{ activation: pods(7) }, 5, 7],
    [{ panicThreshold: 20 }, 10, 4],
    [{ metrics: [{ metric: 'concurrency', target: 20 / 0.75 }] }, 10, 5],
  ];
  for (const [changed, before, wanted] of changes) {
    const ready = before === 0 ? 2 : 1;
    const seen = observed({ ready, metrics: before === 0 ? [concurrencyOf(0)] : [concurrencyOf(40, before * 10)] });
    const calm = initialState(kpa(10), pods(0), start);
    t.is(decide(calm, seen, kpa(10), at(0)).decision.evidence.wanted, before, JSON.stringify(changed));
    // Panic keeps its peak, whatever the settings say afterwards, so the change meets a calm state.
    t.is(decide(calm, seen, kpa(10, changed), at(2)).decision.evidence.wanted, wanted, JSON.stringify(changed));
  }
});

test('the delay window takes its length from the settings of the tick (in Knative it keeps the one that it began with)', (t) => {
  let state = initialState(kpa(10), pods(0), start);
  const wanted = (second: number, stable: number, delay: number): number | undefined => {
    const decided = decide(state, observed({ ready: 4, metrics: [concurrencyOf(stable)] }), kpa(10, { scaleDownDelay: seconds(delay) }), at(second));
    state = decided.state;
    return decided.decision.evidence.wanted;
  };
  t.deepEqual([wanted(0, 40, 0), wanted(2, 40, 60), wanted(4, 20, 60), wanted(6, 20, 0), wanted(8, 20, 60)], [4, 4, 4, 2, 2]);
});
