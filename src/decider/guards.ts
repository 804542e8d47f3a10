import { between, isResourceMetric, seconds, type Instant, type MetricReading, type Observation, type ScaleSpec } from '../core/index.ts';
import { withState, type DeciderState } from './state.ts';
import type { Trail } from './trail.ts';

/** A metric whose newest sample is older than five ticks may be wrong by now. */
const staleAfter = seconds(10);
/** The metrics API has a new sample every 15 to 60 s, and is read every 15. */
const resourceStaleAfter = seconds(90);

const isStale = (reading: MetricReading): boolean =>
  reading.kind === 'value' && reading.age > (isResourceMetric(reading.metric) ? resourceStaleAfter : staleAfter);

/** What the count was made of. */
export interface Sources {
  readonly readings: readonly MetricReading[];
  /** One of them has no value while another has. */
  readonly partial: boolean;
}

/** Since when nothing at all has been known; a clock that was set back starts it afresh. */
export const noDataTimes = (state: DeciderState, known: boolean, now: Instant): DeciderState => {
  if (known) return withState(state, { noDataSince: undefined });
  const since = state.noDataSince;
  return withState(state, { noDataSince: since === undefined || since > now ? now : since });
};

/** Missing is not zero: without some of the data, or before a whole window of it, the count may rise and not fall. (Without any it starts at what there is.) */
export const guardMissing = (trail: Trail, state: DeciderState, sources: Sources, observation: Observation, spec: ScaleSpec, now: Instant): void => {
  const keep = Math.max(trail.count, observation.replicas);
  if (sources.partial) trail.move('missing-data', keep, 'no-data');
  if (spec.policy === 'rouse' && sources.readings.some(isStale)) trail.move('stale-metric', keep, 'no-data');
  const { fallback } = spec.scaling;
  if (fallback !== undefined && state.noDataSince !== undefined && between(state.noDataSince, now) >= fallback.after)
    trail.move('fallback', Math.max(trail.count, fallback.replicas), 'fallback', fallback.replicas);
  if (!observation.warm) trail.move('warm-up', keep, 'warming-up');
  if (observation.absentGateways > 0) trail.move('absent-gateway', keep, 'reports-missing', observation.absentGateways);
};

/** What the user has said stops the count last: pause, then mode observe. */
export const applyStops = (trail: Trail, observation: Observation, spec: ScaleSpec): void => {
  const { replicas } = observation;
  if (spec.pause === 'both' || spec.pause === 'up') trail.move('pause', Math.min(trail.count, replicas), 'paused');
  if (spec.pause === 'both' || spec.pause === 'down') trail.move('pause', Math.max(trail.count, replicas), 'paused');
  if (spec.mode === 'observe') trail.move('observe', replicas, 'observe');
};
