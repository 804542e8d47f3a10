import type { Observation, ScaleSpec } from '../core/index.ts';
import type { Trail } from './trail.ts';

/**
 * The stable window is behind a load that rises, and when a panic ends in the middle of a rise Knative takes pods that the newest seconds need. Under `rouse` a fall ends
 * where the panic window's demand, `recent`, begins: what is needed now stays. Never raises.
 */
export const keepForRecentLoad = (trail: Trail, recent: number, observation: Observation, spec: ScaleSpec): void => {
  if (spec.policy === 'kpa' || observation.reachable === false) return;
  trail.move('recent-load', Math.max(trail.count, Math.min(recent, observation.replicas)), 'recent-load', recent);
};
