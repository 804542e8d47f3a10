import { annotation, type Logger } from '../core/index.ts';
import { resources, type KubeClient, type PodView } from '../kube/index.ts';
import type { ByRemoval } from './placement/removal-order.ts';
import { isFinished } from './pod-counts.ts';

/** Pods marked before one scale-in; more would hold it up longer than they help. */
const mostMarked = 100;
const largestCost = 2_147_483_647;

export interface Mark {
  readonly pod: PodView;
  /** Requests in flight; undefined takes the mark away. */
  readonly cost: number | undefined;
}

/** Below every pod that is not to go. */
const costOfLeaving = -1;

const revisionOf = ({ labels }: PodView): string | undefined => labels['pod-template-hash'];
const ordinalOf = ({ name }: PodView): number => Number(/-(\d+)$/.exec(name)?.[1] ?? 0);

/**
 * The pods that will go when the count falls to `to`. Of a Deployment with one ReplicaSet: first those that are not ready, as its controller does whatever we
 * say (kubernetes/pkg/controller/controller_utils.go, ActivePodsWithRanks), then the idlest, of equally idle ones those that `byRemoval` puts first, and the
 * youngest of them first; marks make it so. Of a StatefulSet: the highest ordinals. In the middle of a rollout, and of other kinds, nobody can tell: then none.
 */
export const leavingPods = (
  resource: string,
  pods: Iterable<PodView>,
  inFlightByPod: ReadonlyMap<string, number>,
  to: number,
  byRemoval: ByRemoval = () => 0,
): readonly PodView[] => {
  const active = [...pods].filter((pod) => !pod.deleting && !isFinished(pod));
  const surplus = active.length - to;
  if (surplus <= 0) return [];
  if (to === 0) return active;
  if (resource === 'statefulsets.apps') return active.sort((a, b) => ordinalOf(b) - ordinalOf(a)).slice(0, surplus);
  if (resource !== 'deployments.apps' || new Set(active.map(revisionOf)).size > 1) return [];
  const load = ({ uid }: PodView): number => inFlightByPod.get(uid) ?? 0;
  return active.sort((a, b) => Number(a.ready) - Number(b.ready) || load(a) - load(b) || byRemoval(a, b) || b.createdAt - a.createdAt).slice(0, surplus);
};

/** Which pods need another mark than they have, `leaving` first, then the busiest: unmarked and zero are the same to the ReplicaSet controller. */
export const marksNeeded = (pods: Iterable<PodView>, inFlightByPod: ReadonlyMap<string, number>, leaving: readonly PodView[] = []): readonly Mark[] => {
  const marks: { pod: PodView; cost: number }[] = [];
  for (const pod of pods) {
    if (pod.deleting) continue;
    const cost = leaving.includes(pod) ? costOfLeaving : Math.min(largestCost, Math.round(inFlightByPod.get(pod.uid) ?? 0));
    if (String(cost) !== (pod.annotations[annotation.podDeletionCost] ?? '0')) marks.push({ pod, cost });
  }
  return marks.sort((a, b) => Number(b.cost < 0) - Number(a.cost < 0) || b.cost - a.cost).slice(0, mostMarked);
};

/**
 * Writes `controller.kubernetes.io/pod-deletion-cost`, so that the ReplicaSet controller takes idle pods first. Best effort: a pod that cannot be
 * marked is gone or will be, and a scale-in must not wait for it.
 */
export const markPods = async (client: Pick<KubeClient, 'mergePatch'>, marks: readonly Mark[], logger: Logger, signal: AbortSignal): Promise<void> => {
  const outcomes = await Promise.allSettled(
    marks.map(({ pod, cost }) =>
      client.mergePatch(
        resources.pods,
        { namespace: pod.namespace, name: pod.name },
        { metadata: { annotations: { [annotation.podDeletionCost]: cost === undefined ? null : String(cost) } } },
        signal,
      ),
    ),
  );
  const failures = outcomes.filter((outcome) => outcome.status === 'rejected' || !outcome.value.ok).length;
  if (failures > 0) logger.debug('some pods could not be marked before a scale-in', { failures, pods: marks.length });
};
