import { pods, type Pods } from '../core/index.ts';
import type { PodView } from '../kube/index.ts';

export interface PodCounts {
  readonly ready: Pods;
  /** Created, neither ready nor terminating nor finished. */
  readonly starting: Pods;
  readonly terminating: Pods;
}

export const noPodCounts: PodCounts = { ready: pods(0), starting: pods(0), terminating: pods(0) };

/** With so many ready pods and no others, workloads share their counts. */
const settledCounts: readonly PodCounts[] = Array.from({ length: 32 }, (_, ready) => ({ ready: pods(ready), starting: pods(0), terminating: pods(0) }));

export const isFinished = ({ phase }: PodView): boolean => phase === 'Succeeded' || phase === 'Failed';

export const countPods = (all: Iterable<PodView>): PodCounts => {
  let [ready, starting, terminating] = [0, 0, 0];
  for (const pod of all) {
    if (isFinished(pod)) continue;
    if (pod.deleting) terminating += 1;
    else if (pod.ready) ready += 1;
    else starting += 1;
  }
  const settled = starting + terminating === 0 ? settledCounts[ready] : undefined;
  return settled ?? { ready: pods(ready), starting: pods(starting), terminating: pods(terminating) };
};
