import { annotation, type Logger } from '../core/index.ts';
import { resources, type KubeClient, type PodView } from '../kube/index.ts';

/** Pods marked before one scale-in; more would hold it up longer than they help. */
const mostMarked = 100;
const largestCost = 2_147_483_647;

export interface Mark {
  readonly pod: PodView;
  /** Requests in flight; undefined takes the mark away. */
  readonly cost: number | undefined;
}

/** Which pods need another mark than they have, busiest first: unmarked and zero are the same to the ReplicaSet controller. */
export const marksNeeded = (pods: Iterable<PodView>, inFlightByPod: ReadonlyMap<string, number>): readonly Mark[] => {
  const marks: { pod: PodView; cost: number }[] = [];
  for (const pod of pods) {
    if (pod.deleting) continue;
    const cost = Math.min(largestCost, Math.round(inFlightByPod.get(pod.uid) ?? 0));
    if (String(cost) !== (pod.annotations[annotation.podDeletionCost] ?? '0')) marks.push({ pod, cost });
  }
  return marks.sort((a, b) => b.cost - a.cost).slice(0, mostMarked);
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
