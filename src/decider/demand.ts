import type { MetricDemand, MetricReading, MetricTarget, Observation, ScaleSpec } from '../core/index.ts';

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

/** A reading that arithmetic can be done on; anything else is no data. */
const trusted = (reading: MetricReading): MetricReading =>
  reading.kind === 'no-data' || (finite(reading.stable) && finite(reading.panic)) ? reading : { metric: reading.metric, kind: 'no-data', age: undefined };

/** Turns the readings of the metrics that the spec names into pods; the highest wins. */
export const demandOf = (observation: Observation, spec: ScaleSpec): Demand => {
  const demands: MetricDemand[] = [];
  let stable: number | undefined;
  let panic: number | undefined;
  let stableBeforeMends = 0;
  let capacityMetric: Demand['capacityMetric'];
  for (const wanted of spec.scaling.metrics) {
    const found = observation.metrics.find((reading) => reading.metric === wanted.metric);
    const reading: MetricReading = found === undefined ? { metric: wanted.metric, kind: 'no-data', age: undefined } : trusted(found);
    const total = wholeTarget(wanted, spec);
    const plain = utilizedTarget(total, spec);
    const target = spec.policy === 'kpa' ? plain : wholeRequestTarget(wanted, total, spec);
    if (reading.kind === 'no-data') {
      demands.push({ reading, target, stablePods: 0, panicPods: 0 });
      continue;
    }
    demands.push({ reading, target, stablePods: reading.stable / target, panicPods: reading.panic / target });
    stable = Math.max(stable ?? 0, roundUp(reading.stable / target, spec));
    panic = Math.max(panic ?? 0, roundUp(reading.panic / target, spec));
    stableBeforeMends = Math.max(stableBeforeMends, Math.ceil(reading.stable / plain));
    if (capacityMetric === undefined || wanted.metric === 'concurrency') capacityMetric = { reading, total };
  }
  const values = demands.filter(({ reading }) => reading.kind === 'value').length;
  // A list that was pushed to keeps room for sixteen more.
  return { demands: demands.slice(), stable, panic, stableBeforeMends, partial: values > 0 && values < demands.length, capacityMetric };
};
