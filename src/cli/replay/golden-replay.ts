import { after, instant, millis, pods, seconds, type Decision, type Instant, type MetricReading, type Observation, type ScaleSpec } from '../../core/index.ts';
import { decide, initialState, type DeciderState } from '../../decider/index.ts';
import { LoadWindow } from '../../metrics/index.ts';
import type { GoldenCase, GoldenSpec, GoldenStat, GoldenTick, GoldenWant } from './golden-trace.ts';

/** One figure that came out differently. */
export interface Mismatch {
  readonly tick: number;
  readonly field: keyof GoldenWant;
  readonly want: number | boolean;
  readonly got: number | boolean;
}

/** A multiple of 60 s, as the trace format asks; which one does not matter. */
const base = instant(1_700_000_040_000);
const momentOf = (at: number): Instant => after(base, millis(Math.round(at * 1000)));

/** Averages are told to about fifteen digits; the powers of two mathematics libraries may differ in the last. */
const tolerance = 1e-12;
const isClose = (want: number, got: number): boolean => Math.abs(want - got) <= tolerance * Math.max(1, Math.abs(want));

/** A share of `total` that gives exactly `target` when multiplied again: division rounds, so its neighbours are tried. */
const utilizationOf = ({ targetValue, totalValue }: GoldenSpec): number => {
  const share = targetValue / totalValue;
  return [share, share * (1 + Number.EPSILON), share * (1 - Number.EPSILON)].find((near) => totalValue * near === targetValue) ?? share;
};

/** The spec of a trace as a user's spec that adds nothing to the algorithm: no bounds, no schedule, no wait at zero. */
const scaleSpecOf = (golden: GoldenSpec): ScaleSpec => ({
  mode: 'enforce',
  path: 'gateway',
  services: 'all',
  pause: 'none',
  adoptHpa: false,
  manualOverride: millis(0),
  policy: 'kpa',
  scaling: {
    min: pods(0),
    max: 'unlimited',
    initial: pods(0),
    activation: pods(golden.activationScale),
    metrics: [{ metric: golden.metric, target: golden.totalValue }],
    targetUtilization: utilizationOf(golden),
    containerConcurrency: 'unlimited',
    targetBurstCapacity: golden.targetBurstCapacity < 0 ? 'unlimited' : golden.targetBurstCapacity,
    stableWindow: seconds(golden.stableWindowSeconds),
    panicWindowShare: golden.panicWindowSeconds / golden.stableWindowSeconds,
    panicThreshold: golden.panicThreshold,
    aggregation: golden.aggregation,
    maxScaleUpRate: golden.maxScaleUpRate,
    maxScaleDownRate: golden.maxScaleDownRate,
    scaleDownDelay: seconds(golden.scaleDownDelaySeconds),
    scaleToZeroGracePeriod: seconds(30),
    scaleToZeroPodRetention: millis(0),
    schedule: [],
    formula: undefined,
    fallback: undefined,
  },
  traffic: {
    protocol: 'auto',
    holdQueueDepth: 0,
    holdTimeout: 'never-hold',
    waitingPage: false,
    requestTimeout: 'off',
    responseStartTimeout: 'off',
    idleTimeout: 'off',
    ignoreRequests: [],
  },
  placement: { policy: 'off', baseReplicas: undefined, baseNodes: undefined, burstNodes: undefined },
});

const loadOf = (stat: GoldenStat, metric: GoldenSpec['metric']): number =>
  metric === 'concurrency' ? stat.averageConcurrency - stat.averageProxiedConcurrency : stat.requestCount - stat.proxiedRequestCount;

const readingAt = (window: LoadWindow, golden: GoldenSpec, now: Instant): MetricReading => {
  const averages = window.averages(now / 1000, golden.aggregation);
  if (averages === undefined && golden.targetBurstCapacity >= 0) return { metric: golden.metric, kind: 'no-data', age: undefined };
  // With its activator always in the path Knative has nothing to scrape, and takes silence for zero.
  return { metric: golden.metric, kind: 'value', stable: averages?.stable ?? 0, panic: averages?.panic ?? 0, age: millis(0) };
};

const observationOf = (reading: MetricReading, readyPods: number, reachable: boolean): Observation => ({
  metrics: [reading],
  replicas: pods(readyPods),
  ready: pods(readyPods),
  starting: pods(0),
  terminating: pods(0),
  held: 0,
  inFlight: 0,
  warm: true,
  absentGateways: 0,
  holdReady: true,
  wasReady: true,
  reachable,
  override: undefined,
});

const compare = (tick: GoldenTick, got: GoldenWant): readonly Mismatch[] => {
  const { want } = tick;
  const differ: (keyof GoldenWant)[] = [];
  if (want.valid !== got.valid) differ.push('valid');
  for (const field of ['desiredPodCount', 'excessBurstCapacity'] as const) if (want[field] !== got[field]) differ.push(field);
  for (const field of ['observedStable', 'observedPanic'] as const) if (!isClose(want[field], got[field])) differ.push(field);
  return differ.map((field) => ({ tick: tick.at, field, want: want[field], got: got[field] }));
};

const invalid: GoldenWant = { valid: false, desiredPodCount: 0, excessBurstCapacity: 0, observedStable: 0, observedPanic: 0 };

/** All that one tick leaves for the next. */
export interface Memory {
  readonly state: DeciderState;
  readonly window: LoadWindow;
}

/** The state goes through JSON at each tick: it must be all there is. */
const throughJson = ({ state, window }: Memory): Memory => ({ state: JSON.parse(JSON.stringify(state)) as DeciderState, window });

/** Brings the window to where it is when `tick` decides; gives the spec that is in force then. */
const advance = (window: LoadWindow, tick: GoldenTick, before: GoldenSpec): GoldenSpec => {
  for (const stat of tick.stats) window.record(momentOf(stat.at) / 1000, loadOf(stat, before.metric));
  const after = tick.specUpdate ?? before;
  if (tick.specUpdate !== undefined) window.resize(after.stableWindowSeconds, after.panicWindowSeconds, momentOf(tick.at) / 1000, 'zero');
  return after;
};

const windowOf = (spec: GoldenSpec): LoadWindow => new LoadWindow(spec.stableWindowSeconds, spec.panicWindowSeconds);

/** The window after the first `count` ticks, made anew from what they recorded. */
export const windowAfter = ({ spec, ticks }: GoldenCase, count: number): LoadWindow => {
  const window = windowOf(spec);
  ticks.slice(0, count).reduce((golden, tick) => advance(window, tick, golden), spec);
  return window;
};

/**
 * Runs one trace through our windows and `decide` under policy `kpa`. `carry` stands for what happens to the memory after each tick, told with
 * how many ticks there have been: a restart, a snapshot that is restored.
 */
export function* decisionsOf(
  trace: GoldenCase,
  createdAt: number,
  carry: (memory: Memory, ticks: number) => Memory = throughJson,
): Generator<readonly [GoldenTick, Decision]> {
  let golden = trace.spec;
  let spec = scaleSpecOf(golden);
  let memory: Memory = { state: initialState(spec, pods(trace.initialReadyPods), momentOf(createdAt)), window: windowOf(golden) };
  for (const [index, tick] of trace.ticks.entries()) {
    const now = momentOf(tick.at);
    golden = advance(memory.window, tick, golden);
    if (tick.specUpdate !== undefined) spec = scaleSpecOf(golden);
    const { decision, state } = decide(memory.state, observationOf(readingAt(memory.window, golden, now), tick.readyPods, golden.reachable), spec, now);
    memory = carry({ state, window: memory.window }, index + 1);
    yield [tick, decision];
  }
}

const runCase = (trace: GoldenCase, createdAt: number, carry?: (memory: Memory, ticks: number) => Memory): readonly Mismatch[] =>
  [...decisionsOf(trace, createdAt, carry)].flatMap(([tick, decision]) => compare(tick, gotFrom(decision)));

/** Creation moments that differ in what follows: a tick is two seconds. */
const creationMoments: readonly number[] = Array.from({ length: 30 }, (_, index) => index * 2);

export interface Replayed {
  readonly mismatches: readonly Mismatch[];
  /** Seconds after the base at which Knative's autoscaler is taken to have been created. */
  readonly createdAt: number;
}

/**
 * Replays one trace and tells every figure that differs. A trace has one unknown: Knative stamps the panic in which it starts with several
 * ready pods by the recorder's own clock (`time.Now()` in pkg/autoscaler/scaling/autoscaler.go), which then was anywhere in the minute that
 * begins at the base. It is taken from `likely` (another trace of the file) if that fits, else it is the moment that fits best.
 */
export const replayCase = (trace: GoldenCase, likely: number, carry?: (memory: Memory, ticks: number) => Memory): Replayed => {
  let best: Replayed = { mismatches: runCase(trace, likely, carry), createdAt: likely };
  if (trace.initialReadyPods <= 1) return best;
  for (const createdAt of creationMoments) {
    if (best.mismatches.length === 0) return best;
    const mismatches = runCase(trace, createdAt, carry);
    if (mismatches.length < best.mismatches.length) best = { mismatches, createdAt };
  }
  return best;
};

const gotFrom = ({ evidence, excessBurstCapacity }: Decision): GoldenWant => {
  const reading = evidence.demands[0]?.reading;
  if (evidence.wanted === undefined || reading?.kind !== 'value') return invalid;
  return {
    valid: true,
    desiredPodCount: evidence.wanted,
    excessBurstCapacity: excessBurstCapacity ?? 0,
    observedStable: reading.stable,
    observedPanic: reading.panic,
  };
};
