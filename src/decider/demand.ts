import type { MetricDemand, MetricReading, MetricTarget, Observation, ScaleSpec } from '../core/index.ts';
import type { LatencyWish } from './latency-memory.ts';
import { Highest, leastOfResource } from './resource-demand.ts';

/** No target is smaller: nothing is ever divided by zero. */
const leastTarget = 0.01;

/** What the metrics ask for. */
export interface Demand {
  readonly demands: readonly MetricDemand[];
  /** Highest over all metrics, rounded up; undefined where no metric has a value. */
  readonly stable: number | undefined;
  readonly panic: number | undefined;
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

/** The target per pod that a metric is measured against, in the policy of the spec. */
export const perPodTarget = (target: MetricTarget, spec: ScaleSpec): number => {
  const total = wholeTarget(target, spec);
  if (scalesAtTarget.has(target.metric)) return total;
  return spec.policy === 'kpa' ? utilizedTarget(total, spec) : wholeRequestTarget(target, total, spec);
};

/** Target per pod after utilization. */
const utilizedTarget = (total: number, spec: ScaleSpec): number => Math.max(leastTarget, total * spec.scaling.targetUtilization);

/**
 * Target per pod under `rouse`: a headroom of less than one whole request can take no request, so it is not held free. With a limit of one
 * request per pod the first request asks for one pod, not for two (knative/serving issue 8682).
 */
const wholeRequestTarget = (target: MetricTarget, total: number, spec: ScaleSpec): number => {
  const utilized = utilizedTarget(total, spec);
  const counted = target.metric === 'concurrency' || target.metric === 'held';
  return counted ? Math.min(total, Math.ceil(roundOff(utilized))) : utilized;
};

/** 0.7 × 30 is 20.999999999999996: without this a target would be rounded to the wrong request. */
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
const podsFor = (reading: MetricReading, target: number, latency: LatencyWish | undefined): LatencyWish | undefined => {
  if (reading.metric === 'latency') return reading.kind === 'value' || reading.nothing === true ? latency : undefined;
  return reading.kind === 'value' ? { stablePods: reading.stable / target, panicPods: reading.panic / target } : undefined;
};

/** Turns the readings of the metrics that the spec names into pods; the highest wins. */
export const demandOf = (observation: Observation, spec: ScaleSpec, latency: LatencyWish | undefined): Demand => {
  // Of its length from the start: one that is pushed to keeps room for sixteen more.
  const demands = new Array<MetricDemand>(spec.scaling.metrics.length);
  let index = 0;
  const stable = new Highest();
  const panic = new Highest();
  const beforeMends = new Highest();
  let missing = 0;
  let capacityMetric: Demand['capacityMetric'];
  let invalid = 0;
  for (const wanted of spec.scaling.metrics) {
    const { metric } = wanted;
    const found = readingOf(observation.metrics, metric);
    const sound = found !== undefined && isSound(found);
    if (found !== undefined && !sound) invalid += 1;
    const reading: MetricReading = sound ? found : { metric, kind: 'no-data', age: undefined };
    const target = perPodTarget(wanted, spec);
    const asked = podsFor(reading, target, latency);
    demands[index] = { reading, target, stablePods: asked?.stablePods ?? 0, panicPods: asked?.panicPods ?? 0 };
    index += 1;
    if (asked === undefined) {
      missing += 1;
      continue;
    }
    const count = leastOfResource(metric, roundUp(asked.stablePods, spec), observation);
    stable.add(metric, count);
    panic.add(metric, leastOfResource(metric, roundUp(asked.panicPods, spec), observation));
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
    stableBeforeMends: beforeMends.count ?? 0,
    invalid,
    partial: missing > 0 && missing < demands.length,
    capacityMetric,
  };
};
