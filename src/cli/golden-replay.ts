import { after, instant, millis, pods, seconds, type Instant, type MetricReading, type Observation, type ScaleSpec } from '../core/index.ts';
import { decide, initialState, type DeciderState } from '../decider/index.ts';
import { LoadWindow } from '../metrics/index.ts';
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

/** Runs one trace through our windows and `decide` under policy `kpa`. The state goes through JSON at each tick: it must be all there is. */
const runCase = (trace: GoldenCase, createdAt: number): readonly Mismatch[] => {
  let golden = trace.spec;
  let spec = scaleSpecOf(golden);
  let state: DeciderState = initialState(spec, pods(trace.initialReadyPods), momentOf(createdAt));
  const window = new LoadWindow(golden.stableWindowSeconds, golden.panicWindowSeconds);
  const mismatches: Mismatch[] = [];
  for (const tick of trace.ticks) {
    const now = momentOf(tick.at);
    for (const stat of tick.stats) window.record(momentOf(stat.at) / 1000, loadOf(stat, golden.metric));
    if (tick.specUpdate !== undefined) {
      golden = tick.specUpdate;
      spec = scaleSpecOf(golden);
      window.resize(golden.stableWindowSeconds, golden.panicWindowSeconds, now / 1000, 'zero');
    }
    const decided = decide(state, observationOf(readingAt(window, golden, now), tick.readyPods, golden.reachable), spec, now);
    state = JSON.parse(JSON.stringify(decided.state)) as DeciderState;
    mismatches.push(...compare(tick, gotFrom(decided.decision)));
  }
  return mismatches;
};

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
export const replayCase = (trace: GoldenCase, likely: number): Replayed => {
  let best: Replayed = { mismatches: runCase(trace, likely), createdAt: likely };
  if (trace.initialReadyPods <= 1) return best;
  for (const createdAt of creationMoments) {
    if (best.mismatches.length === 0) return best;
    const mismatches = runCase(trace, createdAt);
    if (mismatches.length < best.mismatches.length) best = { mismatches, createdAt };
  }
  return best;
};

const gotFrom = ({ evidence, excessBurstCapacity }: ReturnType<typeof decide>['decision']): GoldenWant => {
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
