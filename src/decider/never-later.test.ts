import test from 'ava';
import fc from 'fast-check';
import { specWith } from '../../test/support/decision-inputs.ts';
import { runScene, type Scene, type Tick } from '../../test/support/two-policies.ts';
import { seconds, type Observation, type ScaleSpec } from '../core/index.ts';

/** A load that stays on a level for some seconds. */
interface Level {
  readonly level: number;
  readonly seconds: number;
}

const scenes: fc.Arbitrary<{ readonly scene: Scene; readonly levels: readonly Level[] }> = fc
  .record({
    first: fc.double({ min: 0.1, max: 10, noNaN: true }),
    // Mostly rises; each may come while the pods of the one before still start, or while its peak is still held.
    steps: fc.array(
      fc.record({
        factor: fc.oneof(fc.double({ min: 1.2, max: 5, noNaN: true }), fc.double({ min: 0, max: 1, noNaN: true })),
        seconds: fc.integer({ min: 6, max: 150 }),
      }),
      { minLength: 1, maxLength: 6 },
    ),
    wobble: fc.array(fc.double({ min: 0.95, max: 1.05, noNaN: true }), { minLength: 1, maxLength: 17 }),
    podStart: fc.integer({ min: 0, max: 40 }),
    ready: fc.integer({ min: 0, max: 10 }),
    target: fc.constantFrom(0.5, 1, 2, 3, 5, 10, 100),
    // Requests at once leave room in whole requests under `rouse`, so that both want the same pods where there is no room to leave.
    metric: fc.oneof(
      fc.record({ metric: fc.constant('concurrency' as const), utilization: fc.constant(1) }),
      fc.record({ metric: fc.constant('rps' as const), utilization: fc.constantFrom(0.5, 0.7, 0.8, 1) }),
    ),
    window: fc.constantFrom(6, 30, 60, 120),
    threshold: fc.constantFrom(1.1, 1.5, 2, 4),
    up: fc.constantFrom(2, 10, 1000),
    down: fc.constantFrom(1.1, 2, 10),
    delay: fc.constantFrom(0, 0, 30),
    aggregation: fc.constantFrom('linear' as const, 'weighted-exponential' as const),
  })
  .map(({ first, steps, wobble, podStart, ready, target, metric: { metric, utilization }, window, threshold, up, down, delay, aggregation }) => {
    // The first level outlasts the window after a start, in which `rouse` warms up and `kpa` panics.
    const levels: Level[] = [{ level: first * target, seconds: 2 * window }];
    for (const { factor, seconds: length } of steps) levels.push({ level: Math.min((levels.at(-1)?.level ?? 0) * factor, 500 * target), seconds: length });
    const load = levels.flatMap(({ level, seconds: length }, index) =>
      Array.from({ length }, (_, second) => level * (wobble[(index * 31 + second) % wobble.length] ?? 1)),
    );
    const spec = specWith({
      metrics: [{ metric, target }],
      targetUtilization: utilization,
      stableWindow: seconds(window),
      panicThreshold: threshold,
      maxScaleUpRate: up,
      maxScaleDownRate: down,
      scaleDownDelay: seconds(delay),
      aggregation,
    });
    const seen = (second: number): Partial<Observation> => ({ warm: second >= window });
    return { scene: { spec, seconds: load.length, podStart, ready, load: (second: number) => ({ concurrency: load[second] ?? 0 }), seen }, levels };
  });

/** Pods for `level`; a little less, for the exponential mean of a constant is 0.9999 of it. */
const needed = (level: number, { scaling: { metrics, targetUtilization } }: ScaleSpec): number =>
  Math.ceil(Math.round(((level * 0.999) / ((metrics[0]?.target ?? Number.NaN) * targetUtilization)) * 1e6) / 1e6);

/** The second, after `from` and until `to`, at which there first is what is needed. */
const reached = (ticks: readonly Tick[], need: number, from: number, to: number): number | undefined =>
  ticks.find((tick) => tick.second > from && tick.second <= to && tick.desired >= need)?.second;

/** Whether there was enough before the rise at `from` already: pods that are left over answer nothing. */
const hadEnough = (ticks: readonly Tick[], need: number, from: number): boolean => (ticks.findLast(({ second }) => second <= from)?.desired ?? 0) >= need;

/**
 * Whether a rise meets both policies with the same pods, starting ones too, and without a panic over an earlier rise: else one of them has more
 * pods, or panics on, from what was before, and that is no answer to this rise. And with a pod that is ready: before the first one is, whatever comes waits, and under
 * `rouse` a load that is large because it waits is no panic.
 */
const beginAlike = (kpa: readonly Tick[], rouse: readonly Tick[], from: number): boolean => {
  const [before, ours] = [kpa, rouse].map((ticks) => ticks.findLast(({ second }) => second <= from));
  return before?.desired === ours?.desired && before?.ready === ours?.ready && (ours?.ready ?? 0) > 0 && before?.decision.evidence.panicking === false;
};

/** Fewer pods to begin with may rise by less at a time: that limit is the user's. */
const isRateLimited = (ticks: readonly Tick[], from: number, to: number): boolean =>
  ticks.some(({ second, decision }) => second > from && second <= to && decision.evidence.steps.some(({ step }) => step === 'rate-up'));

const rises = ({
  scene,
  levels,
}: {
  readonly scene: Scene;
  readonly levels: readonly Level[];
}): readonly { readonly level: number; readonly from: number; readonly to: number }[] => {
  const found: { level: number; from: number; to: number }[] = [];
  let from = 0;
  levels.forEach(({ seconds: length }, index) => {
    const over = (a: number, b: number): readonly number[] =>
      Array.from({ length: b - a }, (_, second) => (scene.load(a + second) as { concurrency: number }).concurrency);
    const now = over(from, from + length);
    const before = from === 0 ? [] : over(Math.max(0, from - (levels[index - 1]?.seconds ?? 0)), from);
    if (before.length > 0 && length >= 6 && Math.min(...now) >= 1.2 * Math.max(...before)) found.push({ level: Math.min(...now), from, to: from + length });
    from += length;
  });
  return found;
};

const tickSeconds = 2;

test('a rise by a fifth or more that stays for three ticks is answered at most one tick later than under kpa', (t) => {
  let compared = 0;
  fc.assert(
    fc.property(scenes, (given) => {
      const rouse = runScene(given.scene, 'rouse');
      const kpa = runScene(given.scene, 'kpa');
      for (const { level, from, to } of rises(given)) {
        const need = needed(level, given.scene.spec);
        const knative = reached(kpa, need, from, to);
        if (hadEnough(kpa, need, from) || knative === undefined || isRateLimited(rouse, from, to) || knative + tickSeconds > to) continue;
        if (!beginAlike(kpa, rouse, from)) continue;
        compared += 1;
        const ours = reached(rouse, need, from, to);
        t.true(ours !== undefined && ours <= knative + tickSeconds, `from ${String(from)}: kpa at ${String(knative)}, rouse at ${String(ours)}`);
      }
    }),
    { numRuns: 500 },
  );
  t.log(`${String(compared)} rises`);
});
