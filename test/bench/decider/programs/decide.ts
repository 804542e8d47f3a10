import { instant, millis, pods, type Instant, type MetricReading, type Observation, type ScaleSpec } from '../../../../src/core/index.ts';
import { decide, initialState, loadFormulas, noFormulas, type FormulaLookup } from '../../../../src/decider/index.ts';
import { LoadWindow } from '../../../../src/metrics/index.ts';
import { specWith } from '../../../support/decision-inputs.ts';

/** ns of CPU for one decision: the windows are read and `decide` runs, for 500 workloads in turn, as JSON. */
const workloads = 500;
const ticks = 100;
const repeats = 4;

const start = Date.UTC(2026, 0, 5, 12);

interface Scene {
  readonly spec: ScaleSpec;
  readonly windows: readonly LoadWindow[];
  state: ReturnType<typeof initialState>;
}

const scenes = (spec: ScaleSpec, metrics: number): readonly Scene[] =>
  Array.from({ length: workloads }, (_, index) => {
    const stable = spec.scaling.stableWindow / 1000;
    const windows = Array.from({ length: metrics }, () => new LoadWindow(stable, stable / 10));
    for (let second = -stable; second <= 0; second += 1)
      for (const window of windows) window.record(start / 1000 + second, 40 + (index % 7) + ((second * 13 + index * 7) % 10) / 3);
    return { spec, windows, state: initialState(spec, pods(1), instant(start)) };
  });

const names = ['concurrency', 'rps', 'held'] as const;

const observationOf = ({ windows, spec }: Scene, now: Instant): Observation => ({
  metrics: windows.map((window, index): MetricReading => {
    const metric = names[index] ?? 'concurrency';
    const averages = window.averages(now / 1000, spec.scaling.aggregation);
    return averages === undefined ? { metric, kind: 'no-data', age: undefined } : { metric, kind: 'value', ...averages, age: millis(300) };
  }),
  replicas: pods(1),
  ready: pods(1),
  starting: pods(0),
  terminating: pods(0),
  held: 0,
  inFlight: 40,
  warm: true,
  absentGateways: 0,
  holdReady: true,
  wasReady: true,
  override: undefined,
});

/** Smallest of a few repeats: what others do on the machine only ever adds. */
const nanoseconds = (spec: ScaleSpec, metrics: number, formulas: FormulaLookup = noFormulas): { readonly whole: number; readonly decide: number } => {
  const all = scenes(spec, metrics);
  let [whole, alone] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  for (let repeat = 0; repeat < repeats; repeat += 1) {
    const run = (observe: (scene: Scene, now: Instant) => Observation): number => {
      const from = process.cpuUsage();
      for (let tick = 0; tick < ticks; tick += 1) {
        const now = instant(start + (tick % 10) * 100);
        for (const scene of all) scene.state = decide(scene.state, observe(scene, now), spec, now, formulas).state;
      }
      const { user, system } = process.cpuUsage(from);
      return ((user + system) * 1000) / (ticks * workloads);
    };
    whole = Math.min(whole, run(observationOf));
    const observations = new Map(all.map((scene) => [scene, observationOf(scene, instant(start))]));
    alone = Math.min(
      alone,
      run((scene, now) => observations.get(scene) ?? observationOf(scene, now)),
    );
  }
  return { whole, decide: alone };
};

const three = [
  { metric: 'concurrency', target: 100 },
  { metric: 'rps', target: 1000 },
  { metric: 'held', target: 10 },
] as const;
const formula = 'max(concurrency / 100, rps / 1000, held / 10)';
const { lookup } = await loadFormulas();
const rows: readonly (readonly [string, ScaleSpec, number])[] = ([60, 600] as const).flatMap((window) => {
  const stableWindow = millis(window * 1000);
  return [
    [`window ${String(window)} s`, specWith({ stableWindow }), 1],
    [`window ${String(window)} s, policy kpa`, specWith({ stableWindow }, { policy: 'kpa' }), 1],
    [`window ${String(window)} s, weighted-exponential`, specWith({ stableWindow, aggregation: 'weighted-exponential' }), 1],
    [`window ${String(window)} s, three metrics and a formula`, specWith({ stableWindow, metrics: three, formula }), 3],
  ] as const;
});
console.log(JSON.stringify(rows.map(([what, spec, metrics]) => ({ what, ...nanoseconds(spec, metrics, lookup) }))));
