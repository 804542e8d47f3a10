import { instant, millis, pods, seconds, type MetricReading, type Observation, type ScaleSpec, type ScalingSpec } from '../../src/core/index.ts';

/** The moment that decisions in tests start from: a multiple of 60 s. */
export const start = instant(1_700_000_040_000);
export const at = (secondsLater: number): typeof start => instant(start + secondsLater * 1000);

const scaling: ScalingSpec = {
  min: pods(0),
  max: 'unlimited',
  initial: 'live',
  activation: pods(1),
  metrics: [{ metric: 'concurrency', target: 100 }],
  targetUtilization: 0.7,
  containerConcurrency: 'unlimited',
  targetBurstCapacity: 211,
  stableWindow: seconds(60),
  panicWindowShare: 0.1,
  panicThreshold: 2,
  aggregation: 'linear',
  maxScaleUpRate: 1000,
  maxScaleDownRate: 2,
  scaleDownDelay: millis(0),
  scaleToZeroGracePeriod: seconds(30),
  scaleToZeroPodRetention: millis(0),
  schedule: [],
  formula: undefined,
  fallback: undefined,
};

/** A spec with every default, and what a test wants otherwise. */
export const specWith = (changed: Partial<ScalingSpec> = {}, whole: Partial<Omit<ScaleSpec, 'scaling'>> = {}): ScaleSpec => ({
  mode: 'enforce',
  path: 'gateway',
  services: 'all',
  pause: 'none',
  adoptHpa: false,
  manualOverride: seconds(600),
  policy: 'rouse',
  traffic: {
    protocol: 'auto',
    holdQueueDepth: 1000,
    holdTimeout: seconds(60),
    waitingPage: false,
    requestTimeout: 'off',
    responseStartTimeout: seconds(300),
    idleTimeout: 'off',
    ignoreRequests: [],
  },
  placement: { policy: 'warm', baseReplicas: undefined, baseNodes: undefined, burstNodes: undefined },
  ...whole,
  scaling: { ...scaling, ...changed },
});

export const concurrencyOf = (stable: number, panic = stable): MetricReading => ({ metric: 'concurrency', kind: 'value', stable, panic, age: millis(500) });
export const noConcurrency: MetricReading = { metric: 'concurrency', kind: 'no-data', age: undefined };

interface Seen extends Partial<Omit<Observation, 'replicas' | 'ready' | 'starting'>> {
  readonly ready?: number;
  readonly starting?: number;
  readonly replicas?: number;
}

/** A warm workload without load; `replicas` are the ready and the starting pods unless said otherwise. */
export const observed = ({ ready = 1, starting = 0, replicas = ready + starting, ...rest }: Seen = {}): Observation => ({
  metrics: [concurrencyOf(0)],
  replicas: pods(replicas),
  ready: pods(ready),
  starting: pods(starting),
  terminating: pods(0),
  held: 0,
  inFlight: 0,
  warm: true,
  absentGateways: 0,
  holdReady: true,
  wasReady: true,
  override: undefined,
  ...rest,
});
