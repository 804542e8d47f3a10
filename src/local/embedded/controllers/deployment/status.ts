import type { Deployment, DeploymentCondition, DeploymentStatus } from 'kubernetes-types/apps/v1.d.ts';
import type { Stored } from '../objects.ts';
import { timeOf } from '../time.ts';
import { conditionOf, progressReason, withCondition, without, type NewCondition } from './conditions.ts';
import { actual, askedFor, available, maxUnavailable, ready, replicasOf, type RevisionSet } from './replica-counts.ts';

/** A deadline that can never be reached means none (HasProgressDeadline). */
export const deadlineOf = (deployment: Deployment): number | undefined => {
  const seconds = deployment.spec?.progressDeadlineSeconds;
  return seconds === undefined || seconds === 2 ** 31 - 1 ? undefined : seconds;
};

const availability = (deployment: Deployment, availableReplicas: number): NewCondition =>
  availableReplicas >= replicasOf(deployment) - maxUnavailable(deployment)
    ? { type: 'Available', status: 'True', reason: 'MinimumReplicasAvailable', message: 'Deployment has minimum availability.' }
    : { type: 'Available', status: 'False', reason: 'MinimumReplicasUnavailable', message: 'Deployment does not have minimum availability.' };

const nonZero = (counts: Readonly<Record<string, number>>): Readonly<Record<string, number>> =>
  Object.fromEntries(Object.entries(counts).filter(([, count]) => count !== 0));

/** Counts and the Available condition (calculateStatus of kubernetes `pkg/controller/deployment/sync.go`). */
export const countedStatus = (deployment: Stored<Deployment>, all: readonly RevisionSet[], newSet: RevisionSet | undefined, now: string): DeploymentStatus => {
  const availableReplicas = available(all);
  const collisionCount = deployment.status?.collisionCount;
  return {
    observedGeneration: deployment.metadata.generation ?? 0,
    ...nonZero({
      replicas: actual(all),
      updatedReplicas: newSet?.status?.replicas ?? 0,
      readyReplicas: ready(all),
      availableReplicas,
      unavailableReplicas: Math.max(0, askedFor(all) - availableReplicas),
    }),
    ...(collisionCount === undefined ? {} : { collisionCount }),
    conditions: withCondition(deployment.status?.conditions, availability(deployment, availableReplicas), now),
  };
};

export const isCompleteStatus = (deployment: Stored<Deployment>, status: DeploymentStatus): boolean => {
  const wanted = replicasOf(deployment);
  return (
    (status.updatedReplicas ?? 0) === wanted &&
    (status.replicas ?? 0) === wanted &&
    (status.availableReplicas ?? 0) === wanted &&
    (status.observedGeneration ?? 0) >= (deployment.metadata.generation ?? 0)
  );
};

const hasMoved = (before: DeploymentStatus, after: DeploymentStatus): boolean =>
  (after.updatedReplicas ?? 0) > (before.updatedReplicas ?? 0) ||
  (after.replicas ?? 0) - (after.updatedReplicas ?? 0) < (before.replicas ?? 0) - (before.updatedReplicas ?? 0) ||
  (after.readyReplicas ?? 0) > (before.readyReplicas ?? 0) ||
  (after.availableReplicas ?? 0) > (before.availableReplicas ?? 0);

const isTimedOut = (deployment: Deployment, current: DeploymentCondition | undefined, nowMs: number): boolean => {
  const deadline = deadlineOf(deployment);
  if (deadline === undefined || current === undefined || current.reason === progressReason.available) return false;
  return current.reason === progressReason.timedOut || timeOf(current.lastUpdateTime) + deadline * 1000 < nowMs;
};

/** The Progressing condition after `status` (syncRolloutStatus of kubernetes `pkg/controller/deployment/progress.go`). */
const progress = (
  deployment: Stored<Deployment>,
  status: DeploymentStatus,
  newSet: RevisionSet | undefined,
  now: string,
  nowMs: number,
): DeploymentCondition[] | undefined => {
  if (deadlineOf(deployment) === undefined) return without(status.conditions, 'Progressing');
  const current = conditionOf(status.conditions, 'Progressing');
  const wasDone = (status.replicas ?? 0) === (status.updatedReplicas ?? 0) && current?.reason === progressReason.available;
  if (wasDone) return status.conditions;
  const who = newSet === undefined ? `Deployment "${deployment.metadata.name}"` : `ReplicaSet "${newSet.metadata.name}"`;
  const say = (condition: NewCondition['status'], reason: string, what: string, refresh = false): DeploymentCondition[] =>
    withCondition(status.conditions, { type: 'Progressing', status: condition, reason, message: `${who} ${what}` }, now, refresh);
  if (isCompleteStatus(deployment, status)) return say('True', progressReason.available, 'has successfully progressed.');
  if (hasMoved(deployment.status ?? {}, status)) return say('True', progressReason.updated, 'is progressing.', true);
  if (isTimedOut(deployment, current, nowMs)) return say('False', progressReason.timedOut, 'has timed out progressing.');
  return status.conditions;
};

/** A failure to make pods, of the newest ReplicaSet or else of any (getReplicaFailures). */
const replicaFailure = (all: readonly RevisionSet[], newSet: RevisionSet | undefined): NewCondition | undefined => {
  for (const set of newSet === undefined ? all : [newSet, ...all]) {
    const failure = set.status?.conditions?.find(({ type }) => type === 'ReplicaFailure');
    if (failure === undefined) continue;
    return { type: 'ReplicaFailure', status: failure.status === 'True' ? 'True' : 'False', reason: failure.reason ?? '', message: failure.message ?? '' };
  }
  return undefined;
};

export const rolloutStatus = (
  deployment: Stored<Deployment>,
  all: readonly RevisionSet[],
  newSet: RevisionSet | undefined,
  now: string,
  nowMs: number,
): DeploymentStatus => {
  const counted = countedStatus(deployment, all, newSet, now);
  const conditions = progress(deployment, counted, newSet, now, nowMs);
  const failure = replicaFailure(all, newSet);
  return { ...counted, conditions: failure === undefined ? without(conditions, 'ReplicaFailure') : withCondition(conditions, failure, now) };
};

/** Milliseconds until a rollout that stands still passes its deadline; undefined if none can. */
export const untilDeadline = (deployment: Stored<Deployment>, status: DeploymentStatus, nowMs: number): number | undefined => {
  const deadline = deadlineOf(deployment);
  const current = conditionOf(status.conditions, 'Progressing');
  if (deadline === undefined || current === undefined || isCompleteStatus(deployment, status) || current.reason === progressReason.timedOut) return undefined;
  // One second more, since the condition's time has whole seconds.
  return Math.max(0, timeOf(current.lastUpdateTime) + deadline * 1000 - nowMs) + 1000;
};
