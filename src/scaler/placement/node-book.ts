import type { Clock } from '../../core/index.ts';
import type { BoundPodView, NodeView, PodRequestsView, Snapshot } from '../../kube/index.ts';
import { BookNode, NodeFigures } from './book-node.ts';
import { ImageIndex } from './image-index.ts';
import { leavingOf } from './leaving.ts';
import { revisionId, RevisionPods, type RevisionId } from './revision-pods.ts';

/** A pod that is on its way to a node, as far as we know: its scheduler was told that the node suits best. */
export interface AssumedPod {
  readonly uid: string;
  readonly node: string;
  readonly requests: PodRequestsView;
  readonly revision: RevisionId | undefined;
}

export interface NodeBookPorts {
  readonly clock: Pick<Clock, 'monotonic'>;
  readonly nodes: Snapshot<NodeView>;
  readonly pods: Snapshot<BoundPodView>;
  /** A pod is on its node, whether it was assumed there or elsewhere. */
  readonly bound?: (pod: BoundPodView) => void;
  /** A pod is ready on its node, `ms` after it was bound there; undefined: that was not seen, or it is not the first time. */
  readonly started?: (pod: BoundPodView, ms: number | undefined) => void;
  readonly nodeGone?: (name: string) => void;
  /** How long a start takes on a node that is new here, as a multiple of the typical one; `learned` tells what it is later. */
  readonly slownessOf?: (name: string) => number | undefined;
}

/** A scheduler binds within a second or asks again. */
const assumedForMs = 30_000;
/** What is not ready after that long does not start, it waits for something, and is no burden while it does. */
const startingForMs = 10 * 60_000;
const mostAssumed = 10_000;

/**
 * The nodes of the cluster with what is on them and on its way to them, kept up to date from the watches of nodes and of bound pods: nothing here walks
 * the cluster when a pod is placed.
 */
export class NodeBook {
  readonly #ports: NodeBookPorts;
  readonly #figures = new NodeFigures();
  readonly #nodes = new Map<string, BookNode>();
  /** With how many nodes each has. Nodes have the same string here: of another one with the same text the scorer would wait for its memory, once for each node. */
  readonly #zones = new Map<string, { readonly zone: string; nodes: number }>();
  readonly #revisions = new RevisionPods();
  readonly #images: ImageIndex;
  /** Both oldest first. */
  readonly #assumed = new Map<string, AssumedPod & { readonly at: number }>();
  readonly #starting = new Map<string, { readonly node: BookNode; readonly at: number; readonly wasSeenBound: boolean }>();
  readonly #stops: (() => void)[];
  #isSynced = false;

  constructor(ports: NodeBookPorts) {
    this.#ports = ports;
    const { nodes, pods } = ports;
    this.#images = new ImageIndex(() => this.#nodes.values());
    this.#stops = [
      nodes.subscribe((event) => {
        if (event.type === 'set') this.#setNode(event.value, event.previous);
        else this.#dropNode(event.previous);
      }),
      pods.subscribe((event) => {
        this.#changePod(event.previous, event.type === 'set' ? event.value : undefined);
      }),
    ];
    for (const node of nodes.values()) this.#setNode(node, undefined);
    for (const pod of pods.values()) this.#changePod(undefined, pod);
    void Promise.all([nodes.synced, pods.synced]).then(() => {
      this.#isSynced = true;
    });
  }

  /** Both lists are in. */
  get isSynced(): boolean {
    return this.#isSynced;
  }

  /** What is expected and did not come is forgotten. Call it before reading. */
  expire(): void {
    const now = this.#ports.clock.monotonic();
    for (const [uid, { at }] of this.#assumed) {
      if (now - at < assumedForMs) break;
      this.release(uid);
    }
    for (const [uid, { at }] of this.#starting) {
      if (now - at < startingForMs) break;
      this.#stopsStarting(uid);
    }
  }

  node(name: string): BookNode | undefined {
    const node = this.#nodes.get(name);
    return node?.view === undefined ? undefined : node;
  }

  *values(): IterableIterator<BookNode> {
    for (const node of this.#nodes.values()) if (node.view !== undefined) yield node;
  }

  /** The pod as its node's watch shows it. */
  pod(namespace: string, name: string): BoundPodView | undefined {
    return this.#ports.pods.get(`${namespace}/${name}`);
  }

  /** Starts on that node are so slow now. */
  learned(name: string, slowness: number | undefined): void {
    const node = this.#nodes.get(name);
    if (node !== undefined) node.slowness = slowness;
  }

  isStarting(uid: string): boolean {
    return this.#starting.has(uid);
  }

  podsByNode(revision: RevisionId | undefined): ReadonlyMap<string, number> {
    return this.#revisions.byNode(revision);
  }

  /** By every zone that there is. */
  podsByZone(revision: RevisionId | undefined): Map<string, number> {
    const counts = new Map<string, number>();
    for (const zone of this.#zones.keys()) counts.set(zone, 0);
    for (const [name, count] of this.#revisions.byNode(revision)) {
      const zone = this.#nodes.get(name)?.zone;
      if (zone !== undefined) counts.set(zone, (counts.get(zone) ?? 0) + count);
    }
    return counts;
  }

  /** Counts the pod on its node until it is seen bound, or for 30 s. */
  assume(pod: AssumedPod, namespace: string, name: string): void {
    this.release(pod.uid);
    if (this.pod(namespace, name)?.uid === pod.uid) return;
    const [oldest] = this.#assumed.keys();
    if (this.#assumed.size >= mostAssumed && oldest !== undefined) this.release(oldest);
    this.#assumed.set(pod.uid, { ...pod, at: this.#ports.clock.monotonic() });
    this.#countAssumed(pod, 1);
  }

  /** The pod is not on its way any more: it is gone, or its scheduler asks anew. */
  release(uid: string): void {
    const assumed = this.#assumed.get(uid);
    if (assumed === undefined) return;
    this.#assumed.delete(uid);
    this.#countAssumed(assumed, -1);
  }

  close(): void {
    for (const stop of this.#stops) stop();
  }

  #countAssumed({ node: name, requests, revision }: AssumedPod, by: 1 | -1): void {
    const node = this.#nodeOf(name);
    node.requested.add(requests, by);
    node.starting += by;
    this.#revisions.add(revision, name, by);
    this.#tidy(node);
  }

  #setNode(view: NodeView, previous: NodeView | undefined): void {
    const node = this.#nodeOf(view.name);
    [node.view, node.leaving] = [view, leavingOf(view)];
    if (view.zone !== previous?.zone) {
      this.#countZone(previous?.zone, -1);
      this.#countZone(view.zone, 1);
    }
    node.zone = view.zone === undefined ? undefined : this.#zones.get(view.zone)?.zone;
    if (view.images !== previous?.images) this.#images.changed(node.slot, previous?.images ?? [], view.images);
  }

  #dropNode(previous: NodeView): void {
    const node = this.#nodes.get(previous.name);
    if (node === undefined) return;
    [node.view, node.leaving] = [undefined, undefined];
    this.#countZone(previous.zone, -1);
    this.#images.changed(node.slot, previous.images, []);
    this.#tidy(node);
    this.#ports.nodeGone?.(previous.name);
  }

  #changePod(previous: BoundPodView | undefined, pod: BoundPodView | undefined): void {
    const [was, is] = [isThere(previous) ? previous : undefined, isThere(pod) ? pod : undefined];
    const isCountedAlike = was?.nodeName === is?.nodeName && was?.requests === is?.requests && was?.deleting === is?.deleting;
    if (was !== undefined && !isCountedAlike) this.#countPod(was, -1);
    if (is === undefined) {
      if (was !== undefined) this.#stopsStarting(was.uid);
      return;
    }
    // Assumed no more, wherever it went.
    this.release(is.uid);
    if (!isCountedAlike) this.#countPod(is, 1);
    if (was === undefined) this.#ports.bound?.(is);
    if (isGettingReady(is)) this.#starts(is, was === undefined);
    else {
      const begun = this.#stopsStarting(is.uid);
      const isMeasured = begun?.wasSeenBound === true && !is.hasRestarted;
      if (is.ready && was?.ready !== true) this.#ports.started?.(is, isMeasured ? this.#ports.clock.monotonic() - begun.at : undefined);
    }
  }

  /**
   * A pod that ends still uses its node, but the one that is created for it is there already: as kube-scheduler's PodTopologySpread has it
   * (kubernetes/kubernetes#87621), it is none of those that the next pod is placed beside.
   */
  #countPod(pod: BoundPodView, by: 1 | -1): void {
    const node = this.#nodeOf(pod.nodeName);
    node.requested.add(pod.requests, by);
    if (!pod.deleting) this.#revisions.add(revisionId(pod), pod.nodeName, by);
    this.#tidy(node);
  }

  #starts(pod: BoundPodView, isNew: boolean): void {
    // A pod that was ready once, and is not now, does not start.
    if (!isNew || this.#starting.has(pod.uid)) return;
    const node = this.#nodeOf(pod.nodeName);
    node.starting += 1;
    this.#starting.set(pod.uid, { node, at: this.#ports.clock.monotonic(), wasSeenBound: this.#isSynced });
  }

  #stopsStarting(uid: string): { readonly at: number; readonly wasSeenBound: boolean } | undefined {
    const begun = this.#starting.get(uid);
    if (begun === undefined) return undefined;
    this.#starting.delete(uid);
    begun.node.starting -= 1;
    this.#tidy(begun.node);
    return begun;
  }

  #nodeOf(name: string): BookNode {
    const known = this.#nodes.get(name);
    if (known !== undefined) return known;
    const node = new BookNode(name, this.#figures, this.#images);
    node.slowness = this.#ports.slownessOf?.(name);
    this.#nodes.set(name, node);
    return node;
  }

  /** A node that is gone stays as long as pods are on it. */
  #tidy(node: BookNode): void {
    if (node.view !== undefined || node.requested.pods > 0 || node.starting > 0) return;
    if (this.#nodes.delete(node.name)) this.#figures.give(node.slot);
  }

  #countZone(zone: string | undefined, by: 1 | -1): void {
    if (zone === undefined) return;
    const known = this.#zones.get(zone) ?? { zone, nodes: 0 };
    this.#zones.set(zone, known);
    known.nodes += by;
    if (known.nodes <= 0) this.#zones.delete(zone);
  }
}

const isThere = (pod: BoundPodView | undefined): boolean => pod !== undefined && pod.nodeName !== '' && !pod.finished;
const isGettingReady = ({ ready, deleting, hasRestarted }: BoundPodView): boolean => !ready && !deleting && !hasRestarted;
