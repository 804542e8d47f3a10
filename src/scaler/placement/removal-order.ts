import { score } from '../../decider/index.ts';
import { imageName, type BoundPodView, type PodView } from '../../kube/index.ts';
import type { WorkloadRecord } from '../workload-record.ts';
import type { BookNode } from './book-node.ts';
import type { NodeBook } from './node-book.ts';
import { poolOfNodes, type PoolOf } from './pools.ts';
import { revisionId, type RevisionId } from './revision-pods.ts';
import { countOnBase, suitOf, type Known } from './suitor.ts';

/** Compares equally idle pods of a workload: below 0 where the first is to go before the other. */
export type ByRemoval = (one: PodView, other: PodView) => number;

/** For pods of one revision: in the middle of a rollout nobody can tell which go. Undefined: placement has no say in it. */
export type RemovalOrder = (record: WorkloadRecord, pods: Iterable<PodView>) => ByRemoval | undefined;

/** How well a pod stands where it is. */
interface Standing {
  readonly isLeaving: boolean;
  /** On a node that is not a base node, where the workload has such. */
  readonly isBurst: boolean;
  /** What its node would be worth to it if it were not there yet, nor those of its node that go before it; at least as much as to each of those. */
  readonly score: number;
  /** What the node is worth at least when all of them have gone: of equals the one goes first that may be emptied. */
  readonly emptied: number;
}

/** Nothing is known against it. */
const unknown: Standing = { isLeaving: false, isBurst: false, score: 10, emptied: 10 };

type KnownBook = Known & { readonly book: NodeBook };

/** A pod that is on a node, as both watches show it. */
interface Seated {
  readonly pod: PodView;
  readonly bound: BoundPodView;
}

const imagesOf = ({ containers, initContainers = [] }: PodView): readonly string[] => [
  ...new Set([...initContainers, ...containers].map(({ image }) => imageName(image))),
];

/** How many pods of one revision are where; changed while its pods are judged. */
class Seats {
  readonly podsByNode: Map<string, number>;
  readonly podsByZone: Map<string, number>;
  onBase: number;
  readonly #poolOf: PoolOf;

  constructor(book: NodeBook, id: RevisionId | undefined, poolOf: PoolOf) {
    this.podsByNode = new Map(book.podsByNode(id));
    this.podsByZone = book.podsByZone(id);
    this.onBase = countOnBase(book, poolOf, this.podsByNode);
    this.#poolOf = poolOf;
  }

  move(node: BookNode, by: number): void {
    const onNode = (this.podsByNode.get(node.name) ?? 0) + by;
    if (onNode > 0) this.podsByNode.set(node.name, onNode);
    else this.podsByNode.delete(node.name);
    if (node.zone !== undefined) this.podsByZone.set(node.zone, (this.podsByZone.get(node.zone) ?? 0) + by);
    if (this.#poolOf(node) === 'base') this.onBase += by;
  }
}

/** The pods of one revision on one node, in the order in which they go: each is judged as if it and those before it were not there. */
const standingsOn = (known: KnownBook, record: WorkloadRecord, node: BookNode, seated: readonly Seated[], seats: Seats): readonly Standing[] => {
  const { book } = known;
  const { placement } = record.spec;
  const hasPools = placement.baseNodes !== undefined || placement.burstNodes !== undefined;
  const about = { isLeaving: node.leaving !== undefined, isBurst: hasPools && poolOfNodes(placement)(node) !== 'base' };
  let { cpu, memory, pods } = node.requested;
  let { starting } = node;
  let [best, emptied] = [0, unknown.score];
  const standings = seated.map(({ pod, bound }) => {
    [cpu, memory, pods] = [cpu - bound.requests.cpu, memory - bound.requests.memory, pods - 1];
    if (book.isStarting(bound.uid)) starting -= 1;
    seats.move(node, -1);
    const suit = suitOf(known, {
      record,
      revision: bound.revision,
      requests: bound.requests,
      images: imagesOf(pod),
      placeInSet: undefined,
      podsByNode: seats.podsByNode,
      podsByZone: seats.podsByZone,
      onBase: () => seats.onBase,
    });
    // Without its slot: few nodes are asked about, and what is known of them changes with each pod.
    const { name, zone, allocatable, labels, images, leaving, slowness } = node;
    const without = { name, zone, allocatable, labels, images, leaving, slowness, starting, requested: { cpu, memory, pods } };
    const worth = score(suit.pod, [without], suit.history)[0]?.score ?? unknown.score;
    [best, emptied] = [Math.max(best, worth), Math.min(emptied, worth)];
    return best;
  });
  seats.move(node, seated.length);
  return standings.map((each) => ({ ...about, score: each, emptied }));
};

/** By pod uid; pods that are not seen on a node, or that end, are not in it. */
export const standingsOf = (known: KnownBook, record: WorkloadRecord, pods: Iterable<PodView>): ReadonlyMap<string, Standing> => {
  const { book } = known;
  const byNode = new Map<BookNode, Seated[]>();
  let seats: Seats | undefined;
  for (const pod of pods) {
    const bound = book.pod(pod.namespace, pod.name);
    const node = bound?.uid === pod.uid ? book.node(bound.nodeName) : undefined;
    // One that ends goes in any case, and is counted no more.
    if (bound === undefined || bound.deleting || node === undefined) continue;
    seats ??= new Seats(book, revisionId(bound), poolOfNodes(record.spec.placement));
    const seated = byNode.get(node);
    if (seated === undefined) byNode.set(node, [{ pod, bound }]);
    else seated.push({ pod, bound });
  }
  const found = new Map<string, Standing>();
  if (seats === undefined) return found;
  for (const [node, seated] of byNode) {
    seated.sort((one, other) => other.pod.createdAt - one.pod.createdAt);
    for (const [index, standing] of standingsOn(known, record, node, seated, seats).entries()) found.set(seated[index]?.pod.uid ?? '', standing);
  }
  return found;
};

/**
 * Which of equally idle pods goes first: one whose node is leaving, then one that is not on a base node, then the one whose node suits it least, by the same
 * score as places new pods: with `pack` that is on the emptiest node, with `spread` on the one with the most of its revision. Because it is the same score, a
 * pod that is created anew in the place of the first to go never comes to a node that suits it less, as long as the nodes stay as they are: scaling in and out
 * again does not work against itself. Of StatefulSets the ordinals decide, and nothing here.
 */
export const createRemovalOrder =
  (known: KnownBook): RemovalOrder =>
  (record, pods) => {
    if (record.spec.placement.policy === 'off' || record.ref.resource !== 'deployments.apps' || !known.book.isSynced) return undefined;
    known.book.expire();
    const standings = standingsOf(known, record, pods);
    return (one, other) => {
      const [first, second] = [standings.get(one.uid) ?? unknown, standings.get(other.uid) ?? unknown];
      return (
        Number(second.isLeaving) - Number(first.isLeaving) ||
        Number(second.isBurst) - Number(first.isBurst) ||
        first.score - second.score ||
        first.emptied - second.emptied
      );
    };
  };
