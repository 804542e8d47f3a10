import test from 'ava';
import fc from 'fast-check';
import { specWith } from '../../test/support/decision-inputs.ts';
import { runScene, type Scene, type Tick } from '../../test/support/two-policies.ts';
import { seconds, type ScaleSpec } from '../core/index.ts';

/** A load that stays on a level for some seconds. */
interface Level {
  readonly level: number;
  readonly seconds: number;
}

const scenes: fc.Arbitrary<{ readonly scene: Scene; readonly levels: readonly Level[] }> = fc
  .record({
    levels: fc.array(fc.record({ level: fc.double({ min: 0, max: 60, noNaN: true }), seconds: fc.integer({ min: 2, max: 90 }) }), {
      minLength: 2,
      maxLength: 8,
    }),
    wobble: fc.array(fc.double({ min: 0.95, max: 1.05, noNaN: true }), { minLength: 1, maxLength: 17 }),
    podStart: fc.integer({ min: 0, max: 40 }),
    ready: fc.integer({ min: 0, max: 10 }),
    target: fc.constantFrom(0.5, 1, 2, 3, 5, 10, 100),
    utilization: fc.constantFrom(0.5, 0.7, 0.8, 1),
    window: fc.constantFrom(6, 30, 60, 120),
    threshold: fc.constantFrom(1.1, 1.5, 2, 4),
    up: fc.constantFrom(1.1, 2, 10, 1000),
    down: fc.constantFrom(1.1, 2, 10),
    delay: fc.constantFrom(0, 0, 30),
    aggregation: fc.constantFrom('linear' as const, 'weighted-exponential' as const),
  })
  .map(({ levels, wobble, podStart, ready, target, utilization, window, threshold, up, down, delay, aggregation }) => {
    const scaled = levels.map(({ level, seconds: length }) => ({ level: level * target, seconds: length }));
    const load = scaled.flatMap(({ level, seconds: length }, index) =>
      Array.from({ length }, (_, second) => level * (wobble[(index * 31 + second) % wobble.length] ?? 1)),
    );
    const spec = specWith({
      metrics: [{ metric: 'concurrency', target }],
      targetUtilization: utilization,
      stableWindow: seconds(window),
      panicThreshold: threshold,
      maxScaleUpRate: up,
      maxScaleDownRate: down,
      scaleDownDelay: seconds(delay),
      aggregation,
    });
    return { scene: { spec, seconds: load.length, podStart, ready, load: (second: number) => ({ concurrency: load[second] ?? 0 }) }, levels: scaled };
  });

/** Seconds from `from` to `to` at which the load first gets what its level needs, by the policy's own target; undefined where it does not. */
const reached = (ticks: readonly Tick[], level: number, from: number, to: number): number | undefined =>
  ticks.find(({ second, desired, decision }) => {
    const target = decision.evidence.demands[0]?.target ?? Number.NaN;
    return second > from && second <= to && desired >= Math.ceil(Math.round((level / target) * 1e6) / 1e6);
  })?.second;

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
      const runs = (['kpa', 'rouse'] satisfies ScaleSpec['policy'][]).map((policy) => runScene(given.scene, policy));
      const [kpa = [], rouse = []] = runs;
      for (const { level, from, to } of rises(given)) {
        const knative = reached(kpa, level, from, to);
        if (knative === undefined || knative + tickSeconds > to) continue;
        compared += 1;
        const ours = reached(rouse, level, from, to);
        t.true(ours !== undefined && ours <= knative + tickSeconds, `from ${String(from)}: kpa at ${String(knative)}, rouse at ${String(ours)}`);
      }
    }),
    { numRuns: Number(process.env['RUNS'] ?? 200) },
  );
  t.log(`${String(compared)} rises`);
});
