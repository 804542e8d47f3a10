import type { Instant, Observation, ScaleSpec } from '../core/index.ts';
import { nextScheduleChange, scheduleAt, type ScheduleBounds } from './schedule.ts';
import type { Trail } from './trail.ts';

/** Kubernetes counts replicas in 32 bits. */
const mostReplicas = 2 ** 31 - 1;

/** The least and the most pods that a workload may have, and what the calendar adds to it. */
export interface Bounds {
  readonly floor: number;
  readonly ceiling: number;
  readonly schedule: ScheduleBounds;
}

/** Where a floor is above a ceiling the ceiling wins. */
export const boundsOf = (observation: Observation, spec: ScaleSpec, now: Instant): Bounds => {
  const schedule = scheduleAt(spec.scaling.schedule, now);
  const max = spec.scaling.max === 'unlimited' ? mostReplicas : spec.scaling.max;
  const reachable = observation.reachable !== false;
  return {
    floor: reachable ? Math.max(spec.scaling.min, schedule.min ?? 0) : 0,
    ceiling: Math.min(max, schedule.max ?? mostReplicas),
    schedule,
  };
};

/** Floor and ceiling as they will be from a moment on. */
export interface NextBounds {
  readonly at: Instant;
  readonly min: number;
  /** Left out: no ceiling. */
  readonly max?: number;
}

/** When the schedule changes next, and the bounds from then on, min-scale and max-scale included; undefined without a schedule. */
export const nextBounds = ({ scaling }: ScaleSpec, now: Instant): NextBounds | undefined => {
  const change = nextScheduleChange(scaling.schedule, now);
  if (change === undefined) return undefined;
  const max = Math.min(scaling.max === 'unlimited' ? mostReplicas : scaling.max, change.max ?? mostReplicas);
  const min = Math.min(Math.max(scaling.min, change.min ?? 0), max);
  return max === mostReplicas ? { at: change.at, min } : { at: change.at, min, max };
};

const initialFloor = (observation: Observation, spec: ScaleSpec): number => {
  if (observation.wasReady || observation.reachable === false) return 0;
  return spec.scaling.initial === 'live' ? observation.replicas : spec.scaling.initial;
};

/** Moves the trail into the bounds: initial-scale, min-scale, schedule, max-scale, in this order. */
export const applyBounds = (trail: Trail, observation: Observation, spec: ScaleSpec, { floor, ceiling, schedule }: Bounds): void => {
  const initial = initialFloor(observation, spec);
  trail.move('initial-scale', Math.max(trail.count, initial), 'initial-scale', initial);
  if (observation.reachable !== false) trail.move('min-scale', Math.max(trail.count, spec.scaling.min), 'min-scale', spec.scaling.min);
  trail.move('schedule', Math.max(trail.count, floor), 'schedule', floor);
  if (schedule.max !== undefined) trail.move('schedule', Math.min(trail.count, schedule.max), 'schedule', schedule.max);
  trail.move('max-scale', Math.min(trail.count, ceiling), 'max-scale', ceiling);
};
