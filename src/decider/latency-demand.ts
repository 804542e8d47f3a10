import { between, type Instant, type MetricReading, type Observation, type ScaleSpec } from '../core/index.ts';
import { perPodTarget } from './demand.ts';
import type { LatencyMemory, LatencyWish } from './latency-memory.ts';

/** Knative's target of concurrency, where the workload has none of its own. */
const defaultConcurrency = 100;
/** Below this share of what concurrency would put on the pods a slow answer is not for want of pods. */
const busy = 0.5;
const mostGrowth = 2;
/** A pod is never taken for good for less than this share of its target of concurrency. */
const leastShare = 1 / 4;
/** With a p95 below this share of the target a pod is tried with a little more, once a window. */
const wellWithin = 0.5;
const recovery = 1.1;

/** Requests in flight per pod at which `concurrency` would scale, whether or not it is among the metrics. */
const concurrencyPerPod = (spec: ScaleSpec): number => {
  const { metrics, containerConcurrency } = spec.scaling;
  const own = metrics.find(({ metric }) => metric === 'concurrency');
  const target = containerConcurrency === 'unlimited' ? defaultConcurrency : containerConcurrency;
  return perPodTarget(own ?? { metric: 'concurrency', target }, spec);
};

const latencyTarget = (spec: ScaleSpec): number | undefined => spec.scaling.metrics.find(({ metric }) => metric === 'latency')?.target;

const isSound = (value: number): boolean => Number.isFinite(value) && value >= 0;

type Value = MetricReading & { readonly kind: 'value' };

/** A reading that arithmetic can be done on. */
const valueOf = (observation: Observation, metric: MetricReading['metric']): Value | undefined => {
  const found = observation.metrics.find((reading) => reading.metric === metric);
  return found?.kind === 'value' && isSound(found.stable) && isSound(found.panic) ? found : undefined;
};

/**
 * A target on the 95th percentile cannot run away. While the p95 is over it and the pods are busy (over half of what concurrency would put on them) it asks, once a
 * stable window, for pods × min(2, p95/target); the requests in flight per pod that this comes to are remembered as what a pod can take, never less than a quarter
 * of the target of concurrency. Well within the target (p95 under half of it) a pod is given a tenth more, once a window, until concurrency decides alone again.
 */
export const learnLatency = (before: LatencyMemory | undefined, observation: Observation, spec: ScaleSpec, now: Instant): LatencyMemory | undefined => {
  const target = latencyTarget(spec);
  if (target === undefined || observation.replicas === 0) return undefined;
  // A clock that was set back must not put off the next change by more than a window.
  const memory = before !== undefined && before.changedAt > now ? { ...before, changedAt: now } : before;
  if (memory !== undefined && between(memory.changedAt, now) < spec.scaling.stableWindow) return memory;
  const [p95, load] = [valueOf(observation, 'latency'), valueOf(observation, 'concurrency')];
  if (p95 === undefined || load === undefined) return memory;
  const perPod = concurrencyPerPod(spec);
  const known = memory?.perPod ?? perPod;
  const ratio = p95.stable / target;
  const capacity = Math.max(observation.ready, observation.replicas);
  // The load that made them slow: while it rises, the mean over the whole window is less than what the pods have.
  const inFlight = Math.max(load.stable, load.panic);
  if (ratio > 1 && observation.ready > 0 && inFlight / (capacity * perPod) > busy) {
    const asked = capacity * Math.min(mostGrowth, ratio);
    return { changedAt: now, perPod: Math.min(known, Math.max(perPod * leastShare, inFlight / asked)) };
  }
  if (ratio >= wellWithin) return memory;
  const more = known * recovery;
  return more >= perPod ? undefined : { changedAt: now, perPod: more };
};

/**
 * What latency asks for: pods that take what was learnt of them, so that as load comes and goes they do, no faster than those of `concurrency`. Undefined where
 * latency does not drive the workload or nothing is known of its load; that no request has ended is no reason to ask for nothing.
 */
export const latencyWish = (memory: LatencyMemory | undefined, observation: Observation, spec: ScaleSpec): LatencyWish | undefined => {
  if (latencyTarget(spec) === undefined) return undefined;
  const load = valueOf(observation, 'concurrency');
  if (load === undefined) return undefined;
  const perPod = concurrencyPerPod(spec);
  // The spec may have changed since.
  const takes = Math.max(perPod * leastShare, Math.min(perPod, memory?.perPod ?? perPod));
  return { stablePods: load.stable / takes, panicPods: load.panic / takes };
};
