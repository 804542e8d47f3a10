import { between, millis, seconds, type Instant, type Millis } from '../core/index.ts';
import { scheduleAt } from '../decider/index.ts';
import type { WakeFailure } from './wake-diagnosis.ts';
import type { WorkloadMemory } from './workload-memory.ts';
import type { WorkloadRecord } from './workload-record.ts';

/** How long a request is told at once that the last wake was refused; the first one after it tries again. Doubles with each refusal in a row. */
const firstRefusedFor = millis(250);
const refusedFor = seconds(5);
const longestPause = seconds(300);
/** Refusals that lie apart by more than this are not in a row. */
export const refusalsForgotten: Millis = seconds(60);

/**
 * Until when a refused wake is not tried again: a quota may be raised at any moment, and whoever raised it sends a request. Without a waiting request,
 * the load average of the past minute tries less and less often.
 */
export const pauseAfterRefusal = (memory: Pick<WorkloadMemory, 'refusedWakes'>, poked: boolean): Millis => {
  const before = Math.max(0, memory.refusedWakes - 1);
  return millis(poked ? Math.min(refusedFor, firstRefusedFor * 2 ** before) : Math.min(longestPause, refusedFor * 2 ** before));
};

export const isPausedAfterRefusal = (memory: WorkloadMemory, poked: boolean, now: Instant): boolean =>
  memory.refusedAt !== undefined && between(memory.refusedAt, now) < pauseAfterRefusal(memory, poked) && between(memory.refusedAt, now) >= 0;

/** Why a workload at zero could not leave it if a request came now. */
export const zeroFailure = ({ spec }: WorkloadRecord, memory: WorkloadMemory, last: WakeFailure | undefined, now: Instant): WakeFailure | undefined => {
  if (spec.mode === 'observe') return undefined;
  if (spec.pause === 'both' || spec.pause === 'up') return { reason: 'paused', message: `rouse.dev/pause is ${spec.pause === 'both' ? 'true' : 'up'}` };
  if (spec.scaling.max === 0 || scheduleAt(spec.scaling.schedule, now).max === 0)
    return { reason: 'max-scale', message: 'a schedule allows no pod at this time' };
  return last?.reason === 'quota' && isPausedAfterRefusal(memory, true, now) ? last : undefined;
};
