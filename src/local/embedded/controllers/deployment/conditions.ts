import type { DeploymentCondition } from 'kubernetes-types/apps/v1.d.ts';

export const progressReason = {
  created: 'NewReplicaSetCreated',
  found: 'FoundNewReplicaSet',
  createFailed: 'ReplicaSetCreateError',
  updated: 'ReplicaSetUpdated',
  available: 'NewReplicaSetAvailable',
  timedOut: 'ProgressDeadlineExceeded',
  paused: 'DeploymentPaused',
  resumed: 'DeploymentResumed',
} as const;

type Conditions = readonly DeploymentCondition[] | undefined;

export const conditionOf = (conditions: Conditions, type: string): DeploymentCondition | undefined => conditions?.find((condition) => condition.type === type);

export const without = (conditions: Conditions, type: string): DeploymentCondition[] => (conditions ?? []).filter((condition) => condition.type !== type);

export interface NewCondition {
  readonly type: 'Available' | 'Progressing' | 'ReplicaFailure';
  readonly status: 'True' | 'False' | 'Unknown';
  readonly reason: string;
  readonly message: string;
}

/**
 * Sets a condition. Same status and reason: it stays as it is; same status: the time of transition stays (SetDeploymentCondition).
 * `refresh` writes it anew although status and reason are the same: a rollout that moves on starts its deadline again.
 */
export const withCondition = (conditions: Conditions, next: NewCondition, now: string, refresh = false): DeploymentCondition[] => {
  const before = conditionOf(conditions, next.type);
  if (!refresh && before?.status === next.status && before.reason === next.reason) return [...(conditions ?? [])];
  const since = before?.status === next.status ? (before.lastTransitionTime ?? now) : now;
  return [...without(conditions, next.type), { ...next, lastUpdateTime: now, lastTransitionTime: since }];
};
