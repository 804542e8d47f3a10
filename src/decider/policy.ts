import { after, between, type Instant, type Observation, type ScaleSpec } from '../core/index.ts';
import { recordDelayed } from './delay-window.ts';
import { withState, type DeciderState } from './state.ts';
import type { Trail } from './trail.ts';

/** Pods asked for over each window, rounded up. */
export interface WindowDemand {
  readonly stable: number;
  readonly panic: number;
}

export interface Recommendation {
  readonly state: DeciderState;
  readonly panicking: boolean;
}

/**
 * Pods that the rate limits and the panic ratio are relative to. Knative counts ready pods only, so that while pods start each tick sees the
 * same shortage again and panics again; `rouse` counts what has been asked for already as capacity. What a rollout starts beyond that is not: one that never gets
 * ready would hold the last pod for ever.
 */
export const capacityOf = (observation: Observation, spec: ScaleSpec): number => {
  const ready = Math.max(1, observation.ready);
  return spec.policy === 'kpa' ? ready : Math.max(ready, observation.replicas);
};

const clamp = (value: number, low: number, high: number): number => Math.min(Math.max(value, low), high);

interface Limits {
  readonly up: number;
  readonly down: number;
}

const limitsOf = (base: number, observation: Observation, spec: ScaleSpec): Limits => ({
  up: Math.ceil(spec.scaling.maxScaleUpRate * base),
  down: observation.reachable === false ? 0 : Math.floor(base / spec.scaling.maxScaleDownRate),
});

/** Rate limits first, then activation-scale, which may exceed them. */
const limited = (raw: number, { up, down }: Limits, activation: number): number => {
  const count = clamp(raw, down, up);
  return activation > 1 && raw > 0 ? Math.max(count, activation) : count;
};

interface Panic {
  readonly since: Instant | undefined;
  readonly peak: number;
}

/**
 * Whether panic demand reaches the threshold. Under `rouse` starting pods count, so that a shortage that they will end is not another panic; a
 * demand beyond all that was asked for is one if it reaches the threshold by the pods that are ready, by what the stable window asks for, or
 * without the pods that hysteresis keeps; unless no pod has been ready since the wake or requests were held before within the panic
 * window: then their wait makes it large. (Those held only now count from the next tick on, so that one more of them never gives fewer pods.)
 */
const isOver = (state: DeciderState, { stable, panic }: WindowDemand, base: number, observation: Observation, spec: ScaleSpec, now: Instant): boolean => {
  const { panicThreshold, panicWindowShare, stableWindow } = spec.scaling;
  if (panic / base >= panicThreshold) return true;
  if (spec.policy === 'kpa' || panic <= base) return false;
  const ago = state.heldAt === undefined ? Number.NaN : between(state.heldAt, now);
  const waited = state.activeSince === undefined || (ago >= 0 && ago <= stableWindow * panicWindowShare);
  return !waited && panic / Math.max(1, Math.min(observation.ready, stable, state.fall?.to ?? stable)) >= panicThreshold;
};

/** Panic begins or goes on where raw panic demand is `over` the threshold, and ends when that was more than a stable window ago. */
const panicAfter = (state: DeciderState, over: boolean, spec: ScaleSpec, now: Instant): Panic => {
  if (over) return { since: now, peak: state.panicPeak };
  if (state.panicSince === undefined) return { since: undefined, peak: 0 };
  // A clock that was set back must not make panic last longer than a window; Knative has no such guard.
  const since = spec.policy === 'rouse' && state.panicSince > now ? now : state.panicSince;
  return after(since, spec.scaling.stableWindow) < now ? { since: undefined, peak: 0 } : { since, peak: state.panicPeak };
};

/** Writes the rate and activation steps that led from `raw` to the trail's count. */
const traceLimits = (trail: Trail, raw: number, limits: Limits, activation: number): void => {
  if (raw > limits.up) trail.move('rate-up', limits.up, 'rate-limited', limits.up);
  if (raw < limits.down) trail.move('rate-down', limits.down, 'rate-limited', limits.down);
  trail.move('activation', limited(raw, limits, activation), 'metric-rise', activation);
};

/** Undefined once it is more than a stable window ago: what decides nothing any more is not kept for ever. */
const recent = (at: Instant | undefined, { scaling }: ScaleSpec, now: Instant): Instant | undefined =>
  at !== undefined && at <= now && between(at, now) <= scaling.stableWindow ? at : undefined;

/**
 * Knative's algorithm (pkg/autoscaler/scaling/autoscaler.go): rate limits, activation scale, panic, delay window. Moves the trail from the
 * raw stable demand to the count that is asked for.
 */
export const recommend = (state: DeciderState, demand: WindowDemand, observation: Observation, spec: ScaleSpec, now: Instant, trail: Trail): Recommendation => {
  const base = capacityOf(observation, spec);
  const limits = limitsOf(base, observation, spec);
  const activation = spec.scaling.activation;
  traceLimits(trail, demand.stable, limits, activation);
  const panic = panicAfter(state, isOver(state, demand, base, observation, spec, now), spec, now);
  const panicking = panic.since !== undefined;
  if (panicking) trail.move('panic', Math.max(trail.count, limited(demand.panic, limits, activation)), 'panic');
  const peak = panicking ? Math.max(panic.peak, trail.count) : 0;
  if (panicking) trail.move('panic-peak', peak, 'panic');
  const delay = observation.reachable === false ? state.delay : recordDelayed(state.delay, trail.count, now, spec.scaling.scaleDownDelay);
  const highest = observation.reachable === false ? undefined : delay[0]?.count;
  if (highest !== undefined) trail.move('delay-window', highest, 'scale-down-delay', highest);
  const heldAt = observation.held > 0 ? now : recent(state.heldAt, spec, now);
  return { panicking, state: withState(state, { panicSince: panic.since, panicPeak: peak, delay, rateBase: base, heldAt }) };
};

/**
 * The rise that a poke may ask for: the same limits as the last tick, so that many pokes between two ticks are no more than one. The panic window counts only where
 * it would on a tick. Under `rouse` that it did is remembered: the next tick finds the capacity that it asked for, sees no shortage, and would take the rise back. Of a wake
 * `panicOfWake` does that.
 */
export const recommendRise = (
  state: DeciderState,
  demand: WindowDemand,
  observation: Observation,
  spec: ScaleSpec,
  now: Instant,
  trail: Trail,
): DeciderState => {
  const base = state.rateBase ?? capacityOf(observation, spec);
  const limits = limitsOf(base, observation, spec);
  const activation = spec.scaling.activation;
  traceLimits(trail, demand.stable, limits, activation);
  const begins = isOver(state, demand, capacityOf(observation, spec), observation, spec, now);
  if (!begins && state.panicSince === undefined) return state;
  trail.move('panic', Math.max(trail.count, state.panicPeak, limited(demand.panic, limits, activation)), 'panic');
  return begins && observation.ready > 0 && spec.policy === 'rouse' ? { ...state, panicSince: now, panicPeak: trail.count } : state;
};

/**
 * Under `rouse` a wake to several pods is the one panic of its burst: the count is held for a window from there, as after any burst, and
 * not once more from each tick on which pods are still starting. A count that was set by hand is no burst.
 */
export const panicOfWake = (before: DeciderState, state: DeciderState, observation: Observation, spec: ScaleSpec, now: Instant): DeciderState => {
  const justWoken = before.rateBase !== undefined && before.awakeSince === undefined && observation.replicas > 1 && observation.override === undefined;
  return spec.policy === 'rouse' && justWoken ? { ...state, panicSince: now, panicPeak: Math.max(state.panicPeak, observation.replicas) } : state;
};
