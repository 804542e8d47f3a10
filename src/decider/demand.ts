import type { MetricDemand, MetricReading, MetricTarget, Observation, ScaleSpec } from '../core/index.ts';
import type { LatencyWish } from './latency-memory.ts';
import { tolerance } from './hysteresis.ts';
import { Highest, leastOfResource } from './resource-demand.ts';

/** No target is smaller: nothing is ever divided by zero. */
const leastTarget = 0.01;

/** What the metrics ask for. */
export interface Demand {
  readonly demands: readonly MetricDemand[];
  /** Highest over all metrics, rounded up; undefined where no metric has a value. */
  readonly stable: number | undefined;
  readonly panic: number | undefined;
  /** What a load would ask for of which this one is the least within the tolerance of hysteresis; unrounded. */
  readonly within: number;
  /** `stable` as it would be without the mends of `rouse`. */
  readonly stableBeforeMends: number;
  /** Readings that were not finite numbers from zero on. */
  readonly invalid: number;
  /** A metric has no value while another has. */
  readonly partial: boolean;
  /** The reading and whole target of the metric that spare capacity is told from. */
  readonly capacityMetric: { readonly reading: MetricReading & { readonly kind: 'value' }; readonly total: number } | undefined;
}

/** Target per pod before utilization; a limit on concurrency caps it, as in Knative (pkg/reconciler/autoscaling/resources/target.go). */
export const wholeTarget = (target: MetricTarget, spec: ScaleSpec): number => {
  const limit = spec.scaling.containerConcurrency;
  const capped = target.metric === 'concurrency' && limit !== 'unlimited' ? Math.min(target.target, limit) : target.target;
  return Math.max(leastTarget, capped);
};

/** Metrics whose target is where to scale, as it is for a HorizontalPodAutoscaler: no share of it is taken. */
const scalesAtTarget: ReadonlySet<MetricTarget['metric']> = new Set(['latency', 'cpu', 'memory']);

/** The target per pod after utilization. */
export const perPodTarget = (target: MetricTarget, spec: ScaleSpec): number => {
  const total = wholeTarget(target, spec);
  return scalesAtTarget.has(target.metric) ? total : utilizedTarget(total, spec);
};

/** Target per pod after utilization. */
const utilizedTarget = (total: number, spec: ScaleSpec): number => Math.max(leastTarget, total * spec.scaling.targetUtilization);

/**
 * Pods for a load, unrounded. The utilization leaves room for more requests; under `rouse` less room than one whole request is none, as it can take no
 * request: with a limit of one request per pod the first request asks for one pod, not for two (knative/serving issue 8682).
 */
const podsForLoad = (load: number, wanted: MetricTarget, spec: ScaleSpec): number => {
  const target = perPodTarget(wanted, spec);
  const counted = wanted.metric === 'concurrency' || wanted.metric === 'held';
  if (spec.policy === 'kpa' || !counted) return load / target;
  const total = wholeTarget(wanted, spec);
  return Math.min(load / target, (load + Math.floor(roundOff(load * (total / target - 1)))) / total);
};

/** 0.7 × 30 is 20.999999999999996: without this a whole request of room would be rounded down to none. */
const roundOff = (value: number): number => Math.round(value * 1e9) / 1e9;

/** Up to the next pod. Under `rouse` a millionth of a pod beyond the first is noise of the averages. */
const roundUp = (count: number, spec: ScaleSpec): number =>
  Math.ceil(spec.policy === 'kpa' || count <= 1 || count > 1e9 ? count : Math.round(count * 1e6) / 1e6);

const finite = (value: number): boolean => Number.isFinite(value) && value >= 0;

const readingOf = (readings: readonly MetricReading[], metric: MetricReading['metric']): MetricReading | undefined => {
  for (const reading of readings) if (reading.metric === metric) return reading;
  return undefined;
};

/** A reading that arithmetic can be done on. */
const isSound = (reading: MetricReading): boolean => reading.kind === 'no-data' || (finite(reading.stable) && finite(reading.panic));

/** What a metric asks for, unrounded; undefined where it has no value. */
const podsFor = (reading: MetricReading, wanted: MetricTarget, spec: ScaleSpec, latency: LatencyWish | undefined): LatencyWish | undefined => {
  if (reading.metric === 'latency') return reading.kind === 'value' || reading.nothing === true ? latency : undefined;
  if (reading.kind === 'no-data') return undefined;
  return { stablePods: podsForLoad(reading.stable, wanted, spec), panicPods: podsForLoad(reading.panic, wanted, spec) };
};

/** Pods, unrounded, that a load of a tenth more would need: less of a fall than that is within the tolerance. */
const podsWithin = (reading: MetricReading, wanted: MetricTarget, spec: ScaleSpec, { stablePods }: LatencyWish): number =>
  reading.kind === 'value' && reading.metric !== 'latency' ? podsForLoad(reading.stable / (1 - tolerance), wanted, spec) : stablePods / (1 - tolerance);

/** Turns the readings of the metrics that the spec names into pods; the highest wins. */
export const demandOf = (observation: Observation, spec: ScaleSpec, latency: LatencyWish | undefined): Demand => {
  // Of its length from the start: one that is pushed to keeps room for sixteen more.
  const demands = new Array<MetricDemand>(spec.scaling.metrics.length);
  let index = 0;
  const stable = new Highest();
  const panic = new Highest();
  const beforeMends = new Highest();
  let within = 0;
  let missing = 0;
  let capacityMetric: Demand['capacityMetric'];
  let invalid = 0;
  for (const wanted of spec.scaling.metrics) {
    const { metric } = wanted;
    const found = readingOf(observation.metrics, metric);
    const sound = found !== undefined && isSound(found);
    if (found !== undefined && !sound) invalid += 1;
    const reading: MetricReading = sound ? found : { metric, kind: 'no-data', age: undefined };
    const asked = podsFor(reading, wanted, spec, latency);
    demands[index] = { reading, target: perPodTarget(wanted, spec), stablePods: asked?.stablePods ?? 0, panicPods: asked?.panicPods ?? 0 };
    index += 1;
    if (asked === undefined) {
      missing += 1;
      continue;
    }
    const count = leastOfResource(metric, roundUp(asked.stablePods, spec), observation);
    stable.add(metric, count);
    panic.add(metric, leastOfResource(metric, roundUp(asked.panicPods, spec), observation));
    within = Math.max(within, podsWithin(reading, wanted, spec, asked));
    const isMended = !scalesAtTarget.has(metric) && reading.kind === 'value';
    const total = wholeTarget(wanted, spec);
    const plain = utilizedTarget(total, spec);
    beforeMends.add(metric, isMended ? Math.ceil(reading.stable / plain) : count);
    if (isMended && (capacityMetric === undefined || metric === 'concurrency')) capacityMetric = { reading, total };
  }
  return {
    demands,
    stable: stable.count,
    panic: panic.count,
    within,
    stableBeforeMends: beforeMends.count ?? 0,
    invalid,
    partial: missing > 0 && missing < demands.length,
    capacityMetric,
  };
};
