import type { ReplicaSet, ReplicaSetCondition, ReplicaSetStatus } from 'kubernetes-types/apps/v1.d.ts';
import type { Pod } from 'kubernetes-types/core/v1.d.ts';
import { isAvailable, isReady } from '../pod-facts.ts';

/** What went wrong while pods were made or removed. */
export interface ReplicaFailure {
  readonly reason: 'FailedCreate' | 'FailedDelete';
  readonly message: string;
}

const failureType = 'ReplicaFailure';

/** A condition that is there already stays as it was first written (SetCondition in kubernetes `pkg/controller/replicaset`). */
const conditionsOf = (set: ReplicaSet, failure: ReplicaFailure | undefined, now: string): ReplicaSetCondition[] => {
  const before = set.status?.conditions ?? [];
  const others = before.filter((condition) => condition.type !== failureType);
  if (failure === undefined) return others;
  const known = before.find((condition) => condition.type === failureType);
  if (known !== undefined) return before;
  return [...others, { type: failureType, status: 'True', reason: failure.reason, message: failure.message, lastTransitionTime: now }];
};

export const replicaSetStatus = (
  set: ReplicaSet,
  active: readonly Pod[],
  failure: ReplicaFailure | undefined,
  now: string,
  nowMs: number,
): ReplicaSetStatus => {
  const labels = Object.entries(set.spec?.template?.metadata?.labels ?? {});
  const fullyLabeled = active.filter((pod) => labels.every(([key, value]) => pod.metadata?.labels?.[key] === value)).length;
  const ready = active.filter(isReady).length;
  const available = active.filter((pod) => isAvailable(pod, set.spec?.minReadySeconds ?? 0, nowMs)).length;
  const conditions = conditionsOf(set, failure, now);
  return {
    replicas: active.length,
    ...(fullyLabeled === 0 ? {} : { fullyLabeledReplicas: fullyLabeled }),
    ...(ready === 0 ? {} : { readyReplicas: ready }),
    ...(available === 0 ? {} : { availableReplicas: available }),
    observedGeneration: set.metadata?.generation ?? 0,
    ...(conditions.length === 0 ? {} : { conditions }),
  };
};
