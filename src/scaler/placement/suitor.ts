import type { PlacementHistory, PlacementNode, PlacementPod } from '../../decider/index.ts';
import type { PodRequestsView } from '../../kube/index.ts';
import type { WorkloadRecord } from '../workload-record.ts';
import type { NodeBook } from './node-book.ts';
import { poolOfNodes, poolOfPod, type PoolOf } from './pools.ts';
import type { StartHistory } from './start-history.ts';

/** What the cluster knows when a node is looked for. */
export interface Known {
  readonly book: Pick<NodeBook, 'node'>;
  readonly history: Pick<StartHistory, 'of'>;
}

/** A pod that looks for a node, or is asked whether it would come back to the one that it has. */
export interface Suitor {
  readonly record: Pick<WorkloadRecord, 'key' | 'spec'>;
  readonly revision: string | undefined;
  readonly requests: PodRequestsView;
  readonly images: readonly string[];
  /** Of a StatefulSet's pod: how many come before it. */
  readonly placeInSet: number | undefined;
  /** Other pods of its revision. */
  readonly podsByNode: ReadonlyMap<string, number>;
  readonly podsByZone: ReadonlyMap<string, number>;
  /** How many of those are on base nodes. Only called where there are pools. */
  readonly onBase: () => number;
}

export interface Suit {
  readonly pod: PlacementPod;
  readonly history: PlacementHistory;
}

/** How many of these pods are on base nodes. */
export const countOnBase = (book: Known['book'], poolOf: PoolOf, podsByNode: ReadonlyMap<string, number>): number => {
  let count = 0;
  for (const [name, pods] of podsByNode) {
    const node = book.node(name);
    if (node !== undefined && poolOf(node) === 'base') count += pods;
  }
  return count;
};

/**
 * Whether anything of a revision is known to be, or to have been, on a node: of most nodes there is not, and to find that out by their names waits for the
 * memory of each. Only of use for many nodes.
 */
const somethingOn = (book: Known['book'], ...names: readonly Iterable<string>[]): ((slot: number) => boolean) => {
  const slots = new Set<number>();
  for (const some of names)
    for (const name of some) {
      const node = book.node(name);
      if (node !== undefined) slots.add(node.slot);
    }
  return (slot) => slots.has(slot);
};

/** What `score` is asked with. */
export const suitOf = ({ book, history }: Known, suitor: Suitor): Suit => {
  const { record, revision = '', podsByNode, podsByZone, requests, images, placeInSet, onBase } = suitor;
  const { key, spec } = record;
  const { placement } = spec;
  const poolOf = poolOfNodes(placement);
  const own = history.of(key, revision);
  let isAt: ((slot: number) => boolean) | undefined;
  const isKnownOn = ({ slot }: PlacementNode): boolean => slot === undefined || (isAt ??= somethingOn(book, podsByNode.keys(), own.nodes()))(slot);
  return {
    pod: {
      policy: placement.policy,
      requests,
      images,
      pool: poolOfPod({ spec: placement, minScale: spec.scaling.min, placeInSet, onBase }),
      poolOf,
      podsOn: (node) => (isKnownOn(node) ? podsByNode.get(node.name) : 0),
      podsByZone,
    },
    history: {
      // One that runs there, or is about to, brings the image; one that did has, unless the node says otherwise.
      hasRun: (node) => isKnownOn(node) && (podsByNode.has(node.name) || (own.hasRun(node.name) && book.node(node.name)?.view?.namesAllImages !== true)),
      slowness: (node) => (isKnownOn(node) ? own.slowness(node.name) : undefined) ?? node.slowness,
      pull: () => own.pull(),
    },
  };
};
