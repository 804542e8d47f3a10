import type { MetricDemand, MetricReading, MetricTarget, Observation, ScaleSpec } from '../core/index.ts';

/** No target is smaller: nothing is ever divided by zero. */
const leastTarget = 0.01;

/** What the metrics ask for. */
export interface Demand {
  readonly demands: readonly MetricDemand[];
  /** Highest over all metrics, rounded up; undefined where no metric has a value. */
  readonly stable: number | undefined;
  readonly panic: number | undefined;
  /** The two as they would be without the mends of `rouse`. */
  readonly stableBeforeMends: number;
  readonly panicBeforeMends: number;
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

/** A reading that arithmetic can be done on. */
const isSound = (reading: MetricReading): boolean => reading.kind === 'no-data' || (finite(reading.stable) && finite(reading.panic));

/** Turns the readings of the metrics that the spec names into pods; the highest wins. */
export const demandOf = (observation: Observation, spec: ScaleSpec): Demand => {
  const demands: MetricDemand[] = [];
  let stable: number | undefined;
  let panic: number | undefined;
  let stableBeforeMends = 0;
  let panicBeforeMends = 0;
  let capacityMetric: Demand['capacityMetric'];
  let invalid = 0;
  for (const wanted of spec.scaling.metrics) {
    const found = observation.metrics.find((reading) => reading.metric === wanted.metric);
    const sound = found !== undefined && isSound(found);
    if (found !== undefined && !sound) invalid += 1;
    const reading: MetricReading = sound ? found : { metric: wanted.metric, kind: 'no-data', age: undefined };
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
    panicBeforeMends = Math.max(panicBeforeMends, Math.ceil(reading.panic / plain));
    if (capacityMetric === undefined || wanted.metric === 'concurrency') capacityMetric = { reading, total };
  }
  const values = demands.filter(({ reading }) => reading.kind === 'value').length;
  return { demands, stable, panic, stableBeforeMends, panicBeforeMends, invalid, partial: values > 0 && values < demands.length, capacityMetric };
};
