import type { Pod } from 'kubernetes-types/core/v1.d.ts';
import { annotation } from '../../../../core/index.ts';
import { isReady, readySince, restartsOf } from '../pod-facts.ts';
import { timeOf } from '../time.ts';

/** A pod that may be deleted, and how many active pods of the same Deployment share its node. */
export interface Candidate<P extends Pod = Pod> {
  readonly pod: P;
  readonly sharing: number;
}

const phaseRank: Readonly<Record<string, number>> = { Pending: 0, Unknown: 1, Running: 2 };

/** A value that is no 32-bit integer counts as 0 (GetDeletionCostFromPodAnnotations). */
const deletionCost = (pod: Pod): number => {
  const text = pod.metadata?.annotations?.[annotation.podDeletionCost];
  if (text === undefined || !/^(0|-?[1-9]\d*)$/.test(text)) return 0;
  const cost = Number(text);
  return cost >= -(2 ** 31) && cost < 2 ** 31 ? cost : 0;
};

/** Ages are compared by powers of two of nanoseconds, so that of pods of about the same age a random one goes (KEP-2185). */
const ageRank = (since: number, now: number): number => (now > since ? Math.floor(Math.log2((now - since) * 1e6)) : -1);

/** Younger first; of the same age class the smaller uid. 0 only if both moments are the same. */
const byAge = (left: number, right: number, leftUid: string, rightUid: string, now: number): number => {
  if (left === right) return 0;
  const rank = ageRank(left, now) - ageRank(right, now);
  return rank === 0 ? (leftUid < rightUid ? -1 : 1) : rank;
};

const uidOf = (pod: Pod): string => pod.metadata?.uid ?? '';

/** The order of deletion, first to go first: ActivePodsWithRanks of kubernetes `pkg/controller/controller_utils.go`. */
export const deletionOrder =
  (now: number) =>
  ({ pod: left, sharing: leftSharing }: Candidate, { pod: right, sharing: rightSharing }: Candidate): number => {
    const steps = [
      (): number => Number(left.spec?.nodeName !== undefined) - Number(right.spec?.nodeName !== undefined),
      (): number => (phaseRank[left.status?.phase ?? 'Pending'] ?? 0) - (phaseRank[right.status?.phase ?? 'Pending'] ?? 0),
      (): number => Number(isReady(left)) - Number(isReady(right)),
      (): number => deletionCost(left) - deletionCost(right),
      (): number => rightSharing - leftSharing,
      (): number => (isReady(left) && isReady(right) ? byAge(readySince(left), readySince(right), uidOf(left), uidOf(right), now) : 0),
      (): number => restartsOf(right) - restartsOf(left),
      (): number => byAge(timeOf(left.metadata?.creationTimestamp), timeOf(right.metadata?.creationTimestamp), uidOf(left), uidOf(right), now),
    ];
    for (const step of steps) {
      const order = step();
      if (order !== 0) return order;
    }
    return 0;
  };

/** The `count` pods of `active` that go. `related`: active pods of every ReplicaSet of the same Deployment. */
export const podsToDelete = <P extends Pod>(active: readonly P[], related: readonly Pod[], count: number, now: number): readonly P[] => {
  if (count >= active.length) return active;
  const onNode = new Map<string, number>();
  for (const { spec } of related) if (spec?.nodeName !== undefined) onNode.set(spec.nodeName, (onNode.get(spec.nodeName) ?? 0) + 1);
  return active
    .map((pod): Candidate<P> => ({ pod, sharing: onNode.get(pod.spec?.nodeName ?? '') ?? 0 }))
    .toSorted(deletionOrder(now))
    .slice(0, count)
    .map(({ pod }) => pod);
};
