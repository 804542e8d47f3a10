import type { Pod, PodCondition } from 'kubernetes-types/core/v1.d.ts';
import { timeOf } from './time.ts';

export const podCondition = (pod: Pod, type: string): PodCondition | undefined => pod.status?.conditions?.find((condition) => condition.type === type);

export const isReady = (pod: Pod): boolean => podCondition(pod, 'Ready')?.status === 'True';

export const isTerminal = (pod: Pod): boolean => pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';

/** Counts as a replica: neither at its end nor being deleted. */
export const isActive = (pod: Pod): boolean => !isTerminal(pod) && pod.metadata?.deletionTimestamp === undefined;

/** When the pod became ready; 0 if it is not, or does not say. */
export const readySince = (pod: Pod): number => (isReady(pod) ? timeOf(podCondition(pod, 'Ready')?.lastTransitionTime) : 0);

/** Ready for `minReadySeconds` without a break. */
export const isAvailable = (pod: Pod, minReadySeconds: number, now: number): boolean =>
  isReady(pod) && (minReadySeconds === 0 || (readySince(pod) > 0 && readySince(pod) + minReadySeconds * 1000 <= now));

export const restartsOf = (pod: Pod): number => Math.max(0, ...(pod.status?.containerStatuses ?? []).map((container) => container.restartCount));
