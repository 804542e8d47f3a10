import type { WorkloadKey } from '../core/index.ts';
import type { Decided, DeciderState } from '../decider/index.ts';
import type { WorkloadMetrics } from './ports.ts';
import type { WorkloadMemory } from './workload-memory.ts';
import type { WorkloadRecord } from './workload-record.ts';

/** Regular looks that a workload at rest is spared before the next one: half a minute, within which everything that is not told by itself is seen. */
const sparedLooks = 14;

/** Nothing but its own load, its user or its pods can change what is decided for it: not time, and not what others do. */
const isLeftAlone = ({ spec: { mode, adoptHpa, scaling } }: WorkloadRecord): boolean =>
  mode === 'enforce' && !adoptHpa && scaling.schedule.length === 0 && scaling.formula === undefined && scaling.fallback === undefined;

/**
 * A workload that sleeps, of which the last look changed nothing and the next one would not either, is at rest: its looks are spared until its load, its
 * object or its pods say something, so that a hundred thousand that sleep cost next to nothing. `hasBudget`: others decide along.
 */
export const restAfter = (record: WorkloadRecord, memory: WorkloadMemory, before: DeciderState, { decision, state }: Decided, hasBudget: boolean): void => {
  const sleeps = decision.kind === 'hold' && decision.to === 0 && decision.reason === 'idle' && record.view.specReplicas === 0;
  const isAtRest = sleeps && state === before && !hasBudget && memory.setUp !== 'running' && !memory.isUnusual && isLeftAlone(record);
  memory.sparedLooks = isAtRest ? sparedLooks : 0;
};

/** Whether this look is spared. A change of the object or its pods ends the rest (`Loop.changed`). */
export const isSpared = (key: WorkloadKey, memory: WorkloadMemory | undefined, metrics: Pick<WorkloadMetrics, 'isQuiet'>): boolean => {
  if (memory === undefined || memory.sparedLooks === 0 || !metrics.isQuiet(key)) return false;
  memory.sparedLooks -= 1;
  return true;
};
