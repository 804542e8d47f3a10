import { pods, type Decision, type DecisionReason, type Evidence, type Instant, type MetricDemand, type Observation, type ScaleSpec } from '../core/index.ts';
import { applyBounds, boundsOf, type Bounds } from './bounds.ts';
import { applyBudget } from './budget-step.ts';
import { demandOf, type Demand } from './demand.ts';
import { formulaDemand } from './formula-demand.ts';
import { noFormulas, type FormulaLookup } from './formula.ts';
import { applyStops, guardMissing, noDataTimes, type Sources } from './guards.ts';
import { steadyFall, tolerance } from './hysteresis.ts';
import { latencyWish, learnLatency } from './latency-demand.ts';
import { withLatency, type LatencyMemory } from './latency-memory.ts';
import { capacityOf, panicOfWake, recommend, recommendRise, type WindowDemand } from './policy.ts';
import { keepForRecentLoad } from './recent-load.ts';
import { sharedAtZero, type DeciderState } from './state.ts';
import { Trail } from './trail.ts';
import { applyBacklog } from './wake.ts';
import { applyZeroWait, hasWork, wakeTimes } from './zero.ts';

export interface Decided {
  readonly decision: Decision;
  readonly state: DeciderState;
}

/** What is known of the load before any policy: the demand, or why there is none. */
interface Wanted {
  readonly demand: Demand;
  readonly windows: WindowDemand | undefined;
  readonly missing: DecisionReason;
  readonly formula?: Evidence['formula'];
}

const wantedBy = (observation: Observation, spec: ScaleSpec, latency: LatencyMemory | undefined, formulas: FormulaLookup): Wanted => {
  const demand = demandOf(observation, spec, latencyWish(latency, observation, spec));
  if (spec.scaling.formula === undefined) {
    const { stable, panic } = demand;
    return { demand, windows: stable === undefined || panic === undefined ? undefined : { stable, panic }, missing: 'no-data' };
  }
  const formula = formulaDemand(spec.scaling.formula, formulas, observation);
  if (formula === 'failed') return { demand, windows: undefined, missing: 'formula-failed' };
  if (formula === 'no-data') return { demand, windows: undefined, missing: 'no-data' };
  return { demand, windows: formula, missing: 'no-data', formula };
};

/** With a formula only what it reads matters. */
const sourcesOf = ({ demand, formula }: Wanted): Sources =>
  formula === undefined ? { readings: demand.demands.map(({ reading }) => reading), partial: demand.partial } : { readings: formula.readings, partial: false };

/** What the load would have to ask for to be beyond the tolerance of hysteresis; of a formula only the whole pods are known. */
const withinOf = ({ within }: Demand, windows: WindowDemand, spec: ScaleSpec): number =>
  spec.scaling.formula === undefined ? within : windows.stable / (1 - tolerance);

/** A trail that starts at the raw demand of the stable window and already tells which inputs the mends of `rouse` changed. */
const trailFrom = (wanted: Wanted, observation: Observation, spec: ScaleSpec): Trail => {
  const { demand, windows } = wanted;
  const { formula } = spec.scaling;
  const trail = new Trail(windows === undefined ? observation.replicas : (demand.stable ?? 0));
  trail.note('invalid-metric', demand.invalid, 0);
  if (windows === undefined) return trail;
  if (formula !== undefined) trail.move('formula', windows.stable, 'formula');
  else {
    trail.note('starting-capacity', Math.max(1, observation.ready), capacityOf(observation, spec));
    trail.note('idle-share', demand.stableBeforeMends, windows.stable);
  }
  return trail;
};

/** Everything after the policy, in the order of `decisionSteps`. Returns what was made of the budget. */
const settle = (trail: Trail, state: DeciderState, observation: Observation, spec: ScaleSpec, bounds: Bounds): Evidence['budget'] => {
  applyBounds(trail, observation, spec, bounds);
  const budget = applyBudget(trail, observation, spec);
  if (observation.override !== undefined) trail.move('override', observation.override, 'manual-override', observation.override);
  const wakes = observation.replicas === 0 && bounds.ceiling > 0 && budget?.limit !== 0;
  if (trail.count > 0 || !hasWork(observation)) return budget;
  if (wakes) applyBacklog(trail, state, observation, spec);
  else if (observation.replicas > 0) trail.move('work-in-flight', 1, 'work-in-flight', observation.inFlight + observation.held);
  return budget;
};

const excessBurstCapacity = (demand: Demand, observation: Observation, spec: ScaleSpec): number | undefined => {
  const { capacityMetric } = demand;
  const wanted = spec.scaling.targetBurstCapacity;
  if (capacityMetric === undefined) return undefined;
  if (wanted === 'unlimited') return -1;
  return wanted === 0 ? 0 : Math.floor(observation.ready * capacityMetric.total - wanted - capacityMetric.reading.panic);
};

/** Reasons that only say which way the load points: replaced by what came of it. */
const directions: readonly (DecisionReason | undefined)[] = [undefined, 'metric-rise', 'held-requests', 'formula'];

const holdReason = (trail: Trail, observation: Observation, missing: DecisionReason | undefined): DecisionReason => {
  if (missing !== undefined && directions.includes(trail.reason)) return missing;
  if (!directions.includes(trail.reason)) return trail.reason ?? 'steady';
  return observation.replicas === 0 ? 'idle' : 'steady';
};

const moveReason = (trail: Trail, observation: Observation, spec: ScaleSpec): DecisionReason => {
  const { replicas } = observation;
  if (replicas === 0 && observation.held > 0) return 'wake-request';
  if (!directions.includes(trail.reason) || trail.reason === 'held-requests') return trail.reason ?? 'steady';
  if (trail.count === 0) return 'idle';
  if (spec.scaling.formula !== undefined) return 'formula';
  return trail.count > replicas ? 'metric-rise' : 'metric-fall';
};

const withRules = (evidence: Evidence, formula: Evidence['formula'], budget: Evidence['budget']): Evidence => ({
  ...evidence,
  ...(formula === undefined ? {} : { formula }),
  ...(budget === undefined ? {} : { budget }),
});

interface Outcome {
  readonly wanted: Wanted;
  readonly asked: number | undefined;
  readonly panicking: boolean;
  readonly budget: Evidence['budget'];
}

const conclude = (trail: Trail, outcome: Outcome, observation: Observation, spec: ScaleSpec, now: Instant): Decision => {
  const { replicas, ready, starting, held, inFlight } = observation;
  const demands: readonly MetricDemand[] = outcome.wanted.demand.demands;
  const missing = outcome.wanted.windows === undefined ? outcome.wanted.missing : undefined;
  const { formula } = outcome.wanted;
  const plain: Evidence = { demands, steps: trail.steps, panicking: outcome.panicking, wanted: outcome.asked, replicas, ready, starting, held, inFlight };
  const evidence = formula === undefined && outcome.budget === undefined ? plain : withRules(plain, formula, outcome.budget);
  const spare = excessBurstCapacity(outcome.wanted.demand, observation, spec);
  const to = pods(trail.count);
  if (to === replicas) return { kind: 'hold', at: now, to, reason: holdReason(trail, observation, missing), evidence, excessBurstCapacity: spare };
  const kind = replicas === 0 ? 'wake' : to === 0 ? 'sleep' : 'scale';
  return { kind, at: now, from: replicas, to, reason: moveReason(trail, observation, spec), evidence, excessBurstCapacity: spare };
};

/**
 * One tick (every 2 s): what the workload should have, why, and what to remember. Pure; never throws. `formulas` finds compiled formulas
 * (`loadFormulas`); without it a spec with a formula holds.
 */
export const decide = (before: DeciderState, observation: Observation, spec: ScaleSpec, now: Instant, formulas: FormulaLookup = noFormulas): Decided => {
  const latency = learnLatency(before.latency, observation, spec, now);
  const wanted = wantedBy(observation, spec, latency, formulas);
  const trail = trailFrom(wanted, observation, spec);
  const awake = panicOfWake(before, wakeTimes(withLatency(before, latency), observation, now), observation, spec, now);
  let state = noDataTimes(awake, wanted.windows !== undefined, now);
  let panicking = state.panicSince !== undefined;
  if (wanted.windows !== undefined) {
    ({ state, panicking } = recommend(state, wanted.windows, observation, spec, now, trail));
    keepForRecentLoad(trail, wanted.windows.panic, observation, spec);
    state = steadyFall(trail, state, withinOf(wanted.demand, wanted.windows, spec), observation, spec, now);
  }
  const asked = wanted.windows === undefined ? undefined : trail.count;
  applyBacklog(trail, state, observation, spec);
  guardMissing(trail, state, sourcesOf(wanted), observation, spec, now);
  const budget = settle(trail, state, observation, spec, boundsOf(observation, spec, now));
  if (observation.override === undefined) state = applyZeroWait(trail, state, observation, spec, now);
  applyStops(trail, observation, spec);
  if (observation.replicas === 0) state = sharedAtZero(state);
  return { decision: conclude(trail, { wanted, asked, panicking, budget }, observation, spec, now), state };
};

/**
 * A poke: a request waits and nothing can take it. Decides at once with the limits of the last tick, may only raise, and remembers nothing but that it
 * panicked, so that many pokes between two ticks are no more than one.
 */
export const decidePoke = (state: DeciderState, observation: Observation, spec: ScaleSpec, now: Instant, formulas: FormulaLookup = noFormulas): Decided => {
  const wanted = wantedBy(observation, spec, state.latency, formulas);
  const trail = trailFrom(wanted, observation, spec);
  const after = wanted.windows === undefined ? state : recommendRise(state, wanted.windows, observation, spec, now, trail);
  const asked = wanted.windows === undefined ? undefined : trail.count;
  applyBacklog(trail, state, observation, spec);
  const budget = settle(trail, state, observation, spec, boundsOf(observation, spec, now));
  trail.move('raise-only', Math.max(trail.count, observation.replicas), 'steady');
  applyStops(trail, observation, spec);
  return { decision: conclude(trail, { wanted, asked, panicking: after.panicSince !== undefined, budget }, observation, spec, now), state: after };
};
