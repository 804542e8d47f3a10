import type { Random } from '../../../src/core/index.ts';
import type { Contestant } from './contestant.ts';
import type { SimulatedPod } from './machine.ts';

/**
 * Kubernetes alone: nothing is added to the scheduler's scores, and the ReplicaSet controller takes pods in its own order (kubernetes v1.36,
 * pkg/controller/controller_utils.go, `ActivePodsWithRanks`): not ready ones, then those on nodes with the most of the same, then those that became ready
 * last, in steps of powers of two (KEP-2185), and among those by uid.
 */
export const stock = (now: () => number, random: Random): Contestant => {
  const ranks = new Map<SimulatedPod, number>();
  const nothing = (): void => undefined;
  return {
    machineChanged: nothing,
    machineGone: nothing,
    bound: (pod) => void ranks.set(pod, random()),
    ready: nothing,
    gone: (pod) => void ranks.delete(pod),
    scores: (_, candidates) => candidates.map(() => 0),
    leaving: (pods, surplus) => {
      const onNode = (pod: SimulatedPod): number => pods.filter(({ machine }) => machine === pod.machine).length;
      const age = ({ readyAt }: SimulatedPod): number => Math.floor(Math.log2(Math.max(1, now() - readyAt)));
      return pods
        .toSorted(
          (one, other) =>
            Number(one.machine !== undefined) - Number(other.machine !== undefined) ||
            Number(one.isReady) - Number(other.isReady) ||
            onNode(other) - onNode(one) ||
            (one.isReady ? age(one) - age(other) : 0) ||
            (ranks.get(one) ?? 0) - (ranks.get(other) ?? 0),
        )
        .slice(0, surplus);
    },
  };
};
