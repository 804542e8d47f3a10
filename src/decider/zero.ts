import { between, millis, type Instant, type Observation, type ScaleSpec } from '../core/index.ts';
import { withState, type DeciderState } from './state.ts';
import type { Trail } from './trail.ts';

/** A wake that has not brought a ready pod is given up after this long without demand: Knative's default progress deadline and 30 s. */
const activationTimeout = millis(630_000);

/** Whether something would be lost if the last pod went now. */
export const hasWork = ({ inFlight, held }: Observation): boolean => inFlight > 0 || held > 0;

/** What follows from the observation alone: since when the workload is awake and was first ready. Times from the future (a clock set back) become now. */
export const wakeTimes = (state: DeciderState, observation: Observation, now: Instant): DeciderState => {
  const past = (at: Instant | undefined): Instant | undefined => (at !== undefined && at > now ? now : at);
  if (observation.replicas === 0)
    return withState(state, { rateBase: state.rateBase ?? 1, awakeSince: undefined, activeSince: undefined, idleSince: undefined });
  const active = past(state.activeSince);
  return withState(state, {
    awakeSince: past(state.awakeSince) ?? now,
    activeSince: observation.ready > 0 ? (active ?? now) : active,
    idleSince: past(state.idleSince),
  });
};

/** Why the last pod may not go yet. */
const reasonToWait = (
  state: DeciderState,
  observation: Observation,
  spec: ScaleSpec,
  now: Instant,
): 'just-woken' | 'idle-grace' | 'idle-retention' | undefined => {
  const { awakeSince = now, activeSince, idleSince = now } = state;
  const starting = activeSince === undefined && between(awakeSince, now) < activationTimeout;
  const justActive = activeSince !== undefined && between(activeSince, now) < spec.scaling.stableWindow;
  if (starting || justActive) return 'just-woken';
  if (!observation.holdReady) return 'idle-grace';
  const retention = observation.reachable === false ? 0 : spec.scaling.scaleToZeroPodRetention;
  return between(idleSince, now) < retention ? 'idle-retention' : undefined;
};

/**
 * The way to zero, after Knative's (pkg/reconciler/autoscaling/kpa/scaler.go): the last pod goes only after a stable window in which it was
 * active, once the path would hold the next request, and after the retention period. Moves a trail at zero back to the last pod.
 */
export const applyZeroWait = (trail: Trail, state: DeciderState, observation: Observation, spec: ScaleSpec, now: Instant): DeciderState => {
  if (trail.count > 0 || observation.replicas === 0) return withState(state, { idleSince: undefined });
  const idle = withState(state, { idleSince: state.idleSince ?? now });
  const reason = reasonToWait(idle, observation, spec, now);
  if (reason !== undefined) trail.move('zero-wait', idle.activeSince === undefined ? observation.replicas : 1, reason);
  return idle;
};
