import type { Observation, ScaleSpec } from '../core/index.ts';
import { wholeTarget } from './demand.ts';
import { capacityOf } from './policy.ts';
import type { DeciderState } from './state.ts';
import type { Trail } from './trail.ts';

/** Requests that one pod is to take at once: its hard limit, or the target; Infinity where neither is known. */
const requestsPerPod = (spec: ScaleSpec): number => {
  const counted = spec.scaling.metrics.filter(({ metric }) => metric === 'concurrency' || metric === 'held').map((target) => wholeTarget(target, spec));
  const limit = spec.scaling.containerConcurrency === 'unlimited' ? Number.POSITIVE_INFINITY : spec.scaling.containerConcurrency;
  return Math.min(limit, ...counted);
};

/** Pods that the held requests need before any pod is ready: at least one, at least activation-scale. */
export const wakeTarget = (observation: Pick<Observation, 'held'>, spec: ScaleSpec): number =>
  Math.max(1, spec.scaling.activation, Math.ceil(observation.held / requestsPerPod(spec)));

/** While nothing is ready, the held requests say what is needed better than any average. Never more than the rate limit allows, but at least activation-scale. */
export const applyBacklog = (trail: Trail, state: DeciderState, observation: Observation, spec: ScaleSpec): void => {
  if (!(observation.held > 0) || observation.ready > 0) return;
  const base = state.rateBase ?? capacityOf(observation, spec);
  const need = Math.min(wakeTarget(observation, spec), Math.max(spec.scaling.activation, Math.ceil(spec.scaling.maxScaleUpRate * base)));
  trail.move('held-backlog', Math.max(trail.count, need), 'held-requests', observation.held);
};
