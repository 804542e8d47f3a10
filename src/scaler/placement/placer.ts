import { workloadKey, type Clock } from '../../core/index.ts';
import { placementScorer, type PlacementNode, type PlacementScorer } from '../../decider/index.ts';
import { nodeView, podImages, podRequests, podRevision, type KubeObject, type OwnerView } from '../../kube/index.ts';
import type { WorkloadRegistry } from '../registry.ts';
import type { WorkloadRecord } from '../workload-record.ts';
import { BookNode } from './book-node.ts';
import { leavingOf } from './leaving.ts';
import type { NodeBook } from './node-book.ts';
import type { PlacedPods } from './placed-pods.ts';
import { placeInSet, poolOfNodes } from './pools.ts';
import { revisionId } from './revision-pods.ts';
import type { StartHistory } from './start-history.ts';
import { countOnBase, suitOf, type Suit } from './suitor.ts';
import { workloadOfPod } from './workload-of-pod.ts';

/** The pod that a scheduler asks about. */
export interface PodToPlace {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  /** Its controller. */
  readonly owner: OwnerView | undefined;
  readonly templateHash: string | undefined;
  readonly object: KubeObject;
}

/** The Node that the scheduler sent along, for one that we have not seen yet. */
export type SentNode = (name: string) => KubeObject | undefined;

/** For each of the names: the node that was found under it, so that it need not be looked up when the name comes again. */
export type FoundBefore = readonly { found?: object | undefined }[];

/** One answer in the making, from one look at the cluster. Each call is about a part of the nodes. */
export interface Placement {
  /** From 0 to 10; undefined: no such node is known. */
  scores(names: readonly string[], sent: SentNode, before?: FoundBefore): readonly (number | undefined)[];
  /** Whether it is of the pod's pool; true where that does not matter. */
  inPool(names: readonly string[], sent: SentNode, before?: FoundBefore): readonly (boolean | undefined)[];
  /** These have the highest score: the pod is on its way to one of them. */
  answered(best: readonly string[]): void;
}

/** As `src/webhooks` declares it, in more words: neither folder may import the other, and the compiler compares both where `src/cli` puts them together. */
export interface Placer {
  placementOf(pod: PodToPlace): Placement | 'not-ours' | 'off' | 'not-synced';
}

export interface PlacerParts {
  readonly clock: Pick<Clock, 'now'>;
  readonly registry: Pick<WorkloadRegistry, 'get'>;
  readonly book: NodeBook;
  readonly history: StartHistory;
  readonly placed: PlacedPods;
}

/** The best one and the three after it. */
const mostRemembered = 4;

/** Which node suits a pod of a workload best. Finds the workload with one look-up; everything it needs is in memory. */
export const createPlacer = (parts: PlacerParts): Placer => ({
  placementOf: (pod) => {
    const revision = pod.templateHash ?? podRevision(pod.object);
    const ref = workloadOfPod(pod.namespace, pod.owner, revision);
    const record = ref === undefined ? undefined : parts.registry.get(workloadKey(ref));
    if (record?.phase !== 'onboarded') return 'not-ours';
    // Under `mode: observe` nothing of the workload changes.
    if (record.spec.placement.policy === 'off' || record.spec.mode === 'observe') return 'off';
    return parts.book.isSynced ? new PodPlacement(parts, record, pod, revision) : 'not-synced';
  },
});

class PodPlacement implements Placement {
  readonly #parts: PlacerParts;
  readonly #record: WorkloadRecord;
  readonly #pod: PodToPlace;
  readonly #revision: string | undefined;
  readonly #suit: Suit;
  /** The best so far, the best of them first; of equals the first one. */
  readonly #best: { readonly node: PlacementNode; readonly score: number }[] = [];
  readonly #scorer: PlacementScorer;
  #nodes = 0;

  constructor(parts: PlacerParts, record: WorkloadRecord, pod: PodToPlace, revision: string | undefined) {
    const { book } = parts;
    [this.#parts, this.#record, this.#pod, this.#revision] = [parts, record, pod, revision];
    book.expire();
    // Whoever asks again has not been bound.
    book.release(pod.uid);
    const id = revisionId({ owner: pod.owner, revision });
    const podsByNode = book.podsByNode(id);
    this.#suit = suitOf(parts, {
      record,
      revision,
      requests: podRequests(pod.object),
      images: podImages(pod.object),
      placeInSet: record.ref.resource === 'statefulsets.apps' ? placeInSet(pod.name, record.view.firstOrdinal) : undefined,
      podsByNode,
      podsByZone: book.podsByZone(id),
      onBase: () => countOnBase(book, poolOfNodes(record.spec.placement), podsByNode),
    });
    this.#scorer = placementScorer(this.#suit.pod, this.#suit.history);
  }

  scores(names: readonly string[], sent: SentNode, before?: FoundBefore): readonly (number | undefined)[] {
    return this.#nodesOf(names, sent, before).map((node) => {
      if (node === undefined) return undefined;
      const score = this.#scorer.scoreOf(node);
      this.#nodes += 1;
      this.#remember(node, score);
      return score;
    });
  }

  inPool(names: readonly string[], sent: SentNode, before?: FoundBefore): readonly (boolean | undefined)[] {
    const { pod } = this.#suit;
    return this.#nodesOf(names, sent, before).map((node) => (node === undefined ? undefined : pod.pool === undefined || pod.poolOf(node) === pod.pool));
  }

  answered(best: readonly string[]): void {
    const { clock, book, placed } = this.#parts;
    const [name] = best;
    const chosen = this.#best.find(({ node }) => node.name === name);
    if (chosen === undefined) return;
    const { uid, namespace, name: pod, owner } = this.#pod;
    const { policy, pool, requests } = this.#suit.pod;
    placed.note(this.#record.key, {
      at: clock.now(),
      pod,
      uid,
      policy,
      pool,
      ...this.#scorer.reasonsOf(chosen.node),
      nodes: this.#nodes,
      next: this.#best.filter((each) => each !== chosen).map(({ node: { name: node, leaving }, score }) => ({ node, score, leaving })),
      boundTo: undefined,
    });
    book.assume({ uid, node: chosen.node.name, requests, revision: revisionId({ owner, revision: this.#revision }) }, namespace, pod);
  }

  /** All of them before any is judged: it waits for memory, and short turns of a loop wait for several at once. */
  #nodesOf(names: readonly string[], sent: SentNode, before: FoundBefore | undefined): readonly (PlacementNode | undefined)[] {
    return names.map((name, index) => {
      const place = before?.[index];
      // One that has left the book has no view, and never gets one again: a node that comes later under its name is another one.
      if (place?.found instanceof BookNode && place.found.view !== undefined) return place.found;
      const known = this.#parts.book.node(name);
      if (place !== undefined) place.found = known;
      return known ?? this.#unseen(name, sent);
    });
  }

  #unseen(name: string, sent: SentNode): PlacementNode | undefined {
    const object = sent(name);
    return object === undefined ? undefined : unseenNode(object, this.#parts.history.slowness(name));
  }

  #remember(node: PlacementNode, score: number): void {
    const worst = this.#best.at(-1);
    if (worst !== undefined && this.#best.length >= mostRemembered && score <= worst.score) return;
    const place = this.#best.findIndex((each) => each.score < score);
    this.#best.splice(place === -1 ? this.#best.length : place, 0, { node, score });
    this.#best.length = Math.min(this.#best.length, mostRemembered);
  }
}

/** A node that the watch has not brought yet: nothing that we know of is on it. */
const unseenNode = (object: KubeObject, slowness: number | undefined): PlacementNode => {
  const { name, zone, labels, allocatable, images, ...rest } = nodeView(object);
  return {
    name,
    zone,
    labels,
    allocatable,
    images: new Set(images),
    leaving: leavingOf(rest),
    requested: { cpu: 0, memory: 0, pods: 0 },
    starting: 0,
    slowness,
  };
};
