import type { PlacementSpec } from '../../core/index.ts';
import type { PlacementNode, Pool } from '../../decider/index.ts';
import { parseLabelSelector } from '../../kube/index.ts';
import { selectsPod } from '../pods-of.ts';

/** Which pool a node is of; undefined: of none, or there are no pools. */
export type PoolOf = (node: Pick<PlacementNode, 'labels' | 'slot'>) => Pool | undefined;

const mostKept = 1_000;
const kept = new Map<string, PoolOf>();

const selecting = (text: string | undefined): ((labels: PlacementNode['labels']) => boolean) | undefined => {
  const selector = text === undefined ? undefined : parseLabelSelector(text);
  return selector === undefined ? undefined : (labels) => selectsPod(selector, labels);
};

const poolBy = (isBase: boolean | undefined, isBurst: boolean | undefined): Pool | undefined => {
  if (isBase === true || (isBase === undefined && isBurst === false)) return 'base';
  return isBurst === false ? undefined : 'burst';
};

const makePoolOf = ({ baseNodes, burstNodes }: PlacementSpec): PoolOf => {
  const [isBase, isBurst] = [selecting(baseNodes), selecting(burstNodes)];
  if (isBase === undefined && isBurst === undefined) return () => undefined;
  // The labels of a node are the same object until they change, and are asked about for every pod.
  const seen: (PlacementNode['labels'] | undefined)[] = [];
  const pools: (Pool | undefined)[] = [];
  return ({ labels, slot }) => {
    if (slot === undefined) return poolBy(isBase?.(labels), isBurst?.(labels));
    if (seen[slot] !== labels) [seen[slot], pools[slot]] = [labels, poolBy(isBase?.(labels), isBurst?.(labels))];
    return pools[slot];
  };
};

/** The pools of a workload. Where one selector is given, every other node is of the other pool; a node that both select is a base node. */
export const poolOfNodes = (spec: PlacementSpec): PoolOf => {
  const key = JSON.stringify([spec.baseNodes, spec.burstNodes]);
  let known = kept.get(key);
  if (known === undefined) {
    if (kept.size >= mostKept) kept.clear();
    kept.set(key, (known = makePoolOf(spec)));
  }
  return known;
};

/** How many pods of a StatefulSet come before the one of this name: of `web-3` three, where they are numbered from 0. */
export const placeInSet = (name: string, firstOrdinal: number): number => Number(/-(\d+)$/.exec(name)?.[1] ?? firstOrdinal) - firstOrdinal;

interface PodInPools {
  readonly spec: PlacementSpec;
  /** The floor of the workload: so many pods are always there. */
  readonly minScale: number;
  /** Of a StatefulSet's pod: how many come before it. */
  readonly placeInSet: number | undefined;
  /** Pods of the same revision on base nodes, without this one. */
  readonly onBase: () => number;
}

/**
 * Which pool a pod belongs to: a StatefulSet's by its ordinal, any other to the base while fewer than `base-replicas` of its revision are there (of its
 * revision, so that the last pods of an old one do not keep those of a new one away). Without `base-replicas` it is as many as `min-scale`, and the first one
 * of a workload that may sleep: whoever names stable nodes wants something there, and a pod that is alone is the one that should not be taken away.
 */
export const poolOfPod = ({ spec, minScale, placeInSet, onBase }: PodInPools): Pool | undefined => {
  if (spec.baseNodes === undefined && spec.burstNodes === undefined) return undefined;
  const wanted = spec.baseReplicas ?? Math.max(1, minScale);
  return (placeInSet ?? onBase()) < wanted ? 'base' : 'burst';
};
