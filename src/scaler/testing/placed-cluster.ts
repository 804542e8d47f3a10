import { ManualClock, type WorkloadKey } from '../../core/index.ts';
import { parseSpec } from '../../core/spec/index.ts';
import { SnapshotStore, type BoundPodView, type KubeObject, type NodeView, type PodView } from '../../kube/index.ts';
import { NodeBook, type NodeBookPorts } from '../placement/node-book.ts';
import { PlacedPods } from '../placement/placed-pods.ts';
import { createPlacer, type Placement, type PodToPlace } from '../placement/placer.ts';
import { createRemovalOrder } from '../placement/removal-order.ts';
import { StartHistory } from '../placement/start-history.ts';
import type { WorkloadRecord } from '../workload-record.ts';
import { hello, podOf, start, viewOf } from './views.ts';

const fail = (problem: unknown): void => {
  throw problem;
};

export const nodeOf = (name: string, more: Partial<NodeView> = {}): NodeView => ({
  name,
  uid: `uid-${name}`,
  labels: {},
  zone: undefined,
  taints: [],
  unschedulable: false,
  deleting: false,
  allocatable: { cpu: 4, memory: 16e9, pods: 110 },
  images: [],
  namesAllImages: false,
  ...more,
});

export const owner = { kind: 'ReplicaSet', name: 'hello-5d9c', uid: 'rs-1' };
const requests = { cpu: 0.5, memory: 1e9 };

export const boundOf = (name: string, nodeName: string, more: Partial<BoundPodView> = {}): BoundPodView => ({
  namespace: 'default',
  name,
  uid: `uid-${name}`,
  owner,
  revision: '5d9c',
  nodeName,
  requests,
  ready: true,
  hasRestarted: false,
  deleting: false,
  finished: false,
  ...more,
});

export const toPlace = (name: string, more: Partial<PodToPlace> = {}): PodToPlace => ({
  uid: `uid-${name}`,
  namespace: 'default',
  name,
  owner,
  templateHash: '5d9c',
  object: { spec: { containers: [{ name: 'app', image: 'app:1', resources: { requests: { cpu: '500m', memory: '1000000000' } } }] } } as KubeObject,
  ...more,
});

/** Deployment `hello` as it is onboarded with these annotations. */
export const recordOf = (annotations: Readonly<Record<string, string>> = {}, more: Partial<WorkloadRecord> = {}): WorkloadRecord => {
  const view = viewOf({ annotations: { 'rouse.dev/enabled': 'true', ...annotations } });
  const parsed = parseSpec({ workload: view.annotations });
  if (!parsed.ok) throw new Error(parsed.problem.map(({ message }) => message).join(' '));
  const ref = { resource: 'deployments.apps', namespace: 'default', name: 'hello' };
  return { key: hello, ref, view, spec: parsed.value.spec, problems: [], warnings: [], state: undefined, phase: 'onboarded', ...more };
};

/** Nodes, the pods on them, and one workload. */
export class PlacedCluster {
  readonly clock = new ManualClock(start);
  readonly nodes = new SnapshotStore<NodeView>(fail);
  readonly pods = new SnapshotStore<BoundPodView>(fail);
  readonly history = new StartHistory((node, slowness) => {
    this.book.learned(node, slowness);
  });
  readonly placed = new PlacedPods();
  readonly starts: (readonly [string, number])[] = [];
  readonly book: NodeBook;
  record: WorkloadRecord;
  #version = 0;

  constructor(record = recordOf(), more: Partial<NodeBookPorts> = {}) {
    this.record = record;
    this.book = new NodeBook({
      clock: this.clock,
      nodes: this.nodes,
      pods: this.pods,
      bound: ({ uid, nodeName }) => {
        this.placed.bound(uid, nodeName);
      },
      started: ({ name, owner: of, revision = '', nodeName }, ms) => {
        if (ms !== undefined) this.starts.push([name, ms]);
        if (of?.uid === owner.uid) this.history.record({ workload: hello, revision, node: nodeName, ms });
      },
      nodeGone: (name) => {
        this.history.nodeGone(name);
      },
      slownessOf: (name) => this.history.slowness(name),
      ...more,
    });
  }

  /** Both lists are in. */
  async synced(): Promise<this> {
    for (const store of [this.nodes, this.pods]) store.markSynced();
    await this.clock.advance(0 as never);
    return this;
  }

  putNode(...views: readonly NodeView[]): void {
    for (const view of views) this.nodes.set({ namespace: '', name: view.name, uid: view.uid, resourceVersion: String((this.#version += 1)), value: view });
  }

  putPod(...views: readonly BoundPodView[]): void {
    for (const view of views)
      this.pods.set({ namespace: view.namespace, name: view.name, uid: view.uid, resourceVersion: String((this.#version += 1)), value: view });
  }

  dropPod(name: string): void {
    this.pods.delete('default', name);
  }

  get #registry(): { get(key: WorkloadKey): WorkloadRecord | undefined } {
    return { get: (key) => (key === this.record.key ? this.record : undefined) };
  }

  ask(pod: PodToPlace): ReturnType<ReturnType<typeof createPlacer>['placementOf']> {
    const { clock, book, history, placed } = this;
    return createPlacer({ clock, registry: this.#registry, book, history, placed }).placementOf(pod);
  }

  placementOf(pod: PodToPlace): Placement {
    const placement = this.ask(pod);
    if (typeof placement === 'string') throw new Error(placement);
    return placement;
  }

  /** Asks as the extender does; the best nodes. */
  place(pod: PodToPlace, names: readonly string[] = [...this.nodes.values()].map(({ name }) => name)): readonly string[] {
    const placement = this.placementOf(pod);
    const scores = placement.scores(names, () => undefined);
    const most = Math.max(...scores.map((each) => each ?? 0));
    const best = names.filter((_, index) => scores[index] === most);
    placement.answered(best);
    return best;
  }

  /** The pods of the workload as the scaler's own watch shows them, the oldest first. */
  workloadPods(): readonly PodView[] {
    return [...this.pods.values()]
      .filter(({ owner: each }) => each?.uid === owner.uid)
      .map(({ name, uid, nodeName, ready }, index) => podOf({ name, uid, nodeName, ready, createdAt: start + index, labels: { 'pod-template-hash': '5d9c' } }));
  }

  get removal(): ReturnType<ReturnType<typeof createRemovalOrder>> {
    return createRemovalOrder({ book: this.book, history: this.history })(this.record, this.workloadPods());
  }
}
