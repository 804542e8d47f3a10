import type { Deployment, ReplicaSet } from 'kubernetes-types/apps/v1.d.ts';
import type { Stored } from '../objects.ts';
import { timeOf } from '../time.ts';

export type RevisionSet = Stored<ReplicaSet>;

/** A size that a ReplicaSet is to get. */
export interface Resize {
  readonly set: RevisionSet;
  readonly replicas: number;
}

export const replicasOf = (object: { readonly spec?: { readonly replicas?: number } }): number => object.spec?.replicas ?? 1;
export const askedFor = (sets: readonly ReplicaSet[]): number => sets.reduce((sum, set) => sum + replicasOf(set), 0);
export const actual = (sets: readonly ReplicaSet[]): number => sets.reduce((sum, set) => sum + (set.status?.replicas ?? 0), 0);
export const ready = (sets: readonly ReplicaSet[]): number => sets.reduce((sum, set) => sum + (set.status?.readyReplicas ?? 0), 0);
export const available = (sets: readonly ReplicaSet[]): number => sets.reduce((sum, set) => sum + (set.status?.availableReplicas ?? 0), 0);
export const withReplicas = (sets: readonly RevisionSet[]): readonly RevisionSet[] => sets.filter((set) => replicasOf(set) > 0);

/** Oldest first; of the same second by name. */
export const byCreation = (left: RevisionSet, right: RevisionSet): number => {
  const order = timeOf(left.metadata.creationTimestamp) - timeOf(right.metadata.creationTimestamp);
  return order === 0 ? (left.metadata.name < right.metadata.name ? -1 : 1) : order;
};

const share = (value: number | string | undefined, total: number, round: (value: number) => number): number => {
  if (typeof value === 'number') return value;
  const percent = /^(\d+)%$/.exec(value ?? '25%')?.[1];
  return percent === undefined ? 0 : round((Number(percent) * total) / 100);
};

const mostReplicas = 2 ** 31 - 1;

export const isRolling = (deployment: Deployment): boolean => deployment.spec?.strategy?.type !== 'Recreate';

/** Surge rounds up, unavailable rounds down; where both come out as 0 one pod may be unavailable, or nothing could ever move (ResolveFenceposts). */
const fenceposts = (deployment: Deployment): { readonly surge: number; readonly unavailable: number } => {
  const total = replicasOf(deployment);
  const rolling = deployment.spec?.strategy?.rollingUpdate;
  // All sizes together stay an int32, or clients written in Go could not read them.
  const surge = Math.min(share(rolling?.maxSurge, total, Math.ceil), Math.max(0, mostReplicas - total));
  const unavailable = share(rolling?.maxUnavailable, total, Math.floor);
  return surge === 0 && unavailable === 0 ? { surge, unavailable: 1 } : { surge, unavailable };
};

export const maxSurge = (deployment: Deployment): number => (isRolling(deployment) ? fenceposts(deployment).surge : 0);

export const maxUnavailable = (deployment: Deployment): number => {
  const total = replicasOf(deployment);
  return isRolling(deployment) && total > 0 ? Math.min(fenceposts(deployment).unavailable, total) : 0;
};
