import { between, type Instant, type Observation, type ScaleSpec } from '../core/index.ts';
import type { DeciderState } from './state.ts';
import type { Trail } from './trail.ts';

/** How far below a pod's share the load has to be before the pod goes at once: the tolerance of the HorizontalPodAutoscaler. */
export const tolerance = 0.1;

/**
 * A load that sits where one pod more begins would move the count with each little change. Under `rouse` a fall waits while a load that is larger by
 * the tolerance, which would ask for `within` pods, would need what is there; for a stable window at most, and a load that needs it meanwhile starts
 * the wait afresh. Never delays a rise, a fall beyond the tolerance, or the way to zero.
 */
export const steadyFall = (trail: Trail, state: DeciderState, within: number, observation: Observation, spec: ScaleSpec, now: Instant): DeciderState => {
  const { replicas } = observation;
  const settled: DeciderState = state.fall === undefined ? state : { ...state, fall: undefined };
  if (spec.policy === 'kpa' || observation.reachable === false || trail.count === 0 || trail.count >= replicas) return settled;
  const since = state.fall === undefined || state.fall.since > now ? now : state.fall.since;
  if (within <= replicas - 1 || between(since, now) >= spec.scaling.stableWindow) return settled;
  const to = trail.count;
  trail.move('hysteresis', replicas, 'hysteresis', replicas);
  return { ...state, fall: { since, to } };
};
