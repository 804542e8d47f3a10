import type { Deployment, ReplicaSet } from 'kubernetes-types/apps/v1.d.ts';
import { annotatedDesired, annotatedMax } from './revision.ts';
import {
  askedFor,
  available,
  byCreation,
  isRolling,
  maxSurge,
  maxUnavailable,
  replicasOf,
  withReplicas,
  type Resize,
  type RevisionSet,
} from './replica-counts.ts';

/** How large the newest ReplicaSet may be now (NewRSNewReplicas of kubernetes `pkg/controller/deployment/util`). `all` includes it if it exists. */
export const newSetSize = (deployment: Deployment, all: readonly ReplicaSet[], newReplicas: number): number => {
  const wanted = replicasOf(deployment);
  if (!isRolling(deployment)) return wanted;
  const room = wanted + maxSurge(deployment) - askedFor(all);
  return room <= 0 ? newReplicas : newReplicas + Math.min(room, wanted - newReplicas);
};

/** The next size of the newest ReplicaSet in a rolling update; undefined if it stays. */
export const growNewSet = (deployment: Deployment, newSet: RevisionSet, all: readonly RevisionSet[]): Resize | undefined => {
  const replicas = replicasOf(newSet) > replicasOf(deployment) ? replicasOf(deployment) : newSetSize(deployment, all, replicasOf(newSet));
  return replicas === replicasOf(newSet) ? undefined : { set: newSet, replicas };
};

/** Takes up to `most` from the sets, oldest first, each by at most what `spare` says of it. */
const takeFrom = (sets: readonly RevisionSet[], most: number, sizes: Map<RevisionSet, number>, spare: (set: RevisionSet, size: number) => number): number => {
  let taken = 0;
  for (const set of sets) {
    const size = sizes.get(set) ?? 0;
    const share = Math.min(most - taken, spare(set, size));
    if (share <= 0) continue;
    sizes.set(set, size - share);
    taken += share;
  }
  return taken;
};

/** What old ReplicaSets give up in a rolling update: first pods that are not available anyway, then as many as availability allows (reconcileOldReplicaSets). */
export const shrinkOldSets = (deployment: Deployment, oldSets: readonly RevisionSet[], newSet: RevisionSet): readonly Resize[] => {
  const all = [...oldSets, newSet];
  const least = replicasOf(deployment) - maxUnavailable(deployment);
  const newUnavailable = replicasOf(newSet) - (newSet.status?.availableReplicas ?? 0);
  const mostDown = askedFor(all) - least - newUnavailable;
  if (askedFor(oldSets) === 0 || mostDown <= 0) return [];
  const inOrder = oldSets.toSorted(byCreation);
  const sizes = new Map(inOrder.map((set) => [set, replicasOf(set)]));
  takeFrom(inOrder, mostDown, sizes, (set, size) => size - (set.status?.availableReplicas ?? 0));
  takeFrom(inOrder, available(all) - least, sizes, (_set, size) => size);
  return inOrder.map((set) => ({ set, replicas: sizes.get(set) ?? 0 })).filter(({ set, replicas }) => replicas !== replicasOf(set));
};

/** The one set that simply takes the whole count: the only one with pods, or with none at all the newest (FindActiveOrLatest). */
const onlyOne = (newSet: RevisionSet | undefined, oldSets: readonly RevisionSet[]): RevisionSet | undefined => {
  const active = withReplicas(newSet === undefined ? oldSets : [...oldSets, newSet]);
  if (active.length > 1) return undefined;
  return active[0] ?? newSet ?? oldSets.toSorted(byCreation).at(-1);
};

const isSaturated = (deployment: Deployment, set: RevisionSet | undefined): boolean =>
  set !== undefined &&
  annotatedDesired(set) === replicasOf(deployment) &&
  replicasOf(set) === replicasOf(deployment) &&
  set.status?.availableReplicas === replicasOf(deployment);

/** By how much a set should change when the whole changes (getReplicaSetFraction). */
const fraction = (deployment: Deployment, set: RevisionSet): number => {
  if (replicasOf(deployment) === 0) return -replicasOf(set);
  const before = annotatedMax(set) ?? deployment.status?.replicas ?? 0;
  if (before === 0) return 0;
  return Math.round((replicasOf(set) * (replicasOf(deployment) + maxSurge(deployment))) / before) - replicasOf(set);
};

/** Spreads a change of size in the middle of a rollout over the sets with pods, in proportion; what rounding leaves goes to the largest. */
const proportional = (deployment: Deployment, active: readonly RevisionSet[]): readonly Resize[] => {
  const allowed = replicasOf(deployment) > 0 ? replicasOf(deployment) + maxSurge(deployment) : 0;
  const change = allowed - askedFor(active);
  const newerFirst = change > 0 ? -1 : 1;
  const bySize = active.toSorted((left, right) => replicasOf(right) - replicasOf(left) || newerFirst * byCreation(left, right));
  let added = 0;
  const sizes = bySize.map((set) => {
    const left = change - added;
    const part = left === 0 ? 0 : change > 0 ? Math.min(fraction(deployment, set), left) : Math.max(fraction(deployment, set), left);
    added += part;
    return { set, replicas: replicasOf(set) + part };
  });
  return sizes.map(({ set, replicas }, index) => ({ set, replicas: Math.max(0, index === 0 ? replicas + change - added : replicas) }));
};

/** Sizes after the Deployment's count has changed, without any progress of a rollout (`scale` of kubernetes `pkg/controller/deployment/sync.go`). */
export const scaleSets = (deployment: Deployment, newSet: RevisionSet | undefined, oldSets: readonly RevisionSet[]): readonly Resize[] => {
  const single = onlyOne(newSet, oldSets);
  if (single !== undefined) return [{ set: single, replicas: replicasOf(deployment) }];
  if (isSaturated(deployment, newSet)) return withReplicas(oldSets).map((set) => ({ set, replicas: 0 }));
  const active = withReplicas(newSet === undefined ? oldSets : [...oldSets, newSet]);
  return isRolling(deployment) ? proportional(deployment, active) : [];
};

/** True if the count was changed since the sets were last sized. */
export const isScaling = (deployment: Deployment, sets: readonly RevisionSet[]): boolean =>
  withReplicas(sets).some((set) => {
    const desired = annotatedDesired(set);
    return desired !== undefined && desired !== replicasOf(deployment);
  });
