import test from 'ava';
import { MemoryApi } from '../../../test/support/memory-kube-client.ts';
import { ManualClock, seconds, silentLogger, type WorkloadKey } from '../../core/index.ts';
import { SnapshotStore, type BoundPodView, type NodeView, type PodView } from '../../kube/index.ts';
import { boundOf, nodeOf, recordOf, toPlace } from '../testing/placed-cluster.ts';
import { hello, podOf, start } from '../testing/views.ts';
import type { WorkloadRecord } from '../workload-record.ts';
import { createPlacement, type WorkloadPlacement } from './placement.ts';

/** Everything that placement hears of a cluster with the workload `hello`, wired as in a controller. */
class Wired {
  readonly clock = new ManualClock(start);
  readonly #fail = (problem: unknown): void => {
    throw problem;
  };
  readonly nodes = new SnapshotStore<NodeView>(this.#fail);
  readonly bound = new SnapshotStore<BoundPodView>(this.#fail);
  readonly pods = new SnapshotStore<PodView>(this.#fail);
  readonly placement: WorkloadPlacement;
  #record: WorkloadRecord | undefined;
  readonly #listeners = new Set<(key: WorkloadKey) => void>();
  #version = 0;

  constructor(api: MemoryApi, annotations: Readonly<Record<string, string>> = {}) {
    this.#record = recordOf(annotations);
    const registry = {
      get: (key: WorkloadKey) => (key === hello ? this.#record : undefined),
      subscribe: (listener: (key: WorkloadKey) => void) => {
        this.#listeners.add(listener);
        return () => this.#listeners.delete(listener);
      },
    };
    const { clock, nodes, bound, pods } = this;
    this.placement = createPlacement({ clock, logger: silentLogger, client: api.client(), registry, nodes, boundPods: bound, pods });
    this.#put(nodes, nodeOf('n1'), nodeOf('n2'));
    for (const store of [nodes, bound]) store.markSynced();
  }

  #put<T extends NodeView | BoundPodView | PodView>(store: SnapshotStore<T>, ...views: readonly T[]): void {
    for (const view of views) {
      const namespace = 'namespace' in view ? view.namespace : '';
      store.set({ namespace, name: view.name, uid: view.uid, resourceVersion: String((this.#version += 1)), value: view });
    }
  }

  putNode(node: NodeView): void {
    this.#put(this.nodes, node);
  }

  putBound(pod: BoundPodView): void {
    this.#put(this.bound, pod);
  }

  putPending(name: string): void {
    this.#put(this.pods, podOf({ namespace: 'default', name, uid: `uid-${name}`, nodeName: undefined }));
  }

  putRefused(name: string, nodeName: string): void {
    this.#put(this.pods, podOf({ namespace: 'default', name, uid: `uid-${name}`, nodeName, phase: 'Failed' }));
  }

  /** What n1 and n2 are worth to a pod of this name. Asks as the extender does: it is on its way to the better one then, of equal ones to n1. */
  ask(name: string): readonly number[] {
    const placement = this.placement.placer.placementOf(toPlace(name));
    if (typeof placement === 'string') throw new Error(placement);
    const names = ['n1', 'n2'];
    const scores = placement.scores(names, () => undefined).map((score) => score ?? -1);
    placement.answered(names.filter((_, index) => scores[index] === Math.max(...scores)));
    return scores;
  }

  /** The workload is gone. */
  offBoard(): void {
    this.#record = undefined;
    for (const listener of this.#listeners) listener(hello);
  }

  get listeners(): number {
    return this.#listeners.size;
  }
}

const wired = async (api = new MemoryApi(), annotations: Readonly<Record<string, string>> = {}): Promise<Wired> => {
  const all = new Wired(api, annotations);
  await all.placement.read(AbortSignal.timeout(1000));
  return all;
};

const isBetter = ([one = -1, other = -1]: readonly number[]): boolean => other > one;

test('where a workload has started is known from its pods, is written by the leader, and read by the next process', async (t) => {
  const api = new MemoryApi();
  const first = await wired(api);
  const term = new AbortController();
  const leading = first.placement.lead(term.signal);
  first.putBound(boundOf('a', 'n2', { ready: false }));
  await first.clock.advance(seconds(2));
  first.putBound(boundOf('a', 'n2'));
  first.bound.delete('default', 'a');
  t.true(isBetter(first.ask('b')));
  await first.clock.advance(seconds(300));
  term.abort();
  await leading;
  t.true(isBetter((await wired(api)).ask('c')));
  t.false(isBetter((await wired()).ask('c')), 'with nothing to read both are worth the same');
});

test('a pod that went before it was on a node is on its way to nowhere', async (t) => {
  const all = await wired(new MemoryApi(), { 'rouse.dev/base-nodes': 'capacity!=spot', 'rouse.dev/base-replicas': '1' });
  all.putNode(nodeOf('n2', { labels: { capacity: 'spot' } }));
  all.putPending('a');
  t.false(isBetter(all.ask('a')));
  t.true(isBetter(all.ask('b')), 'the base pod is on its way');
  all.pods.delete('default', 'a');
  t.false(isBetter(all.ask('c')), 'another takes its place');
});

test('a pod that its node refused, as another scheduler was quicker, is no base pod: the one that is made in its place is', async (t) => {
  // As the kubelet does (pkg/kubelet/lifecycle/predicate.go); the watch of bound pods shows it for a moment, or never.
  for (const isSeenBound of [true, false]) {
    const all = await wired(new MemoryApi(), { 'rouse.dev/base-nodes': 'capacity!=spot', 'rouse.dev/base-replicas': '1' });
    all.putNode(nodeOf('n2', { labels: { capacity: 'spot' } }));
    t.false(isBetter(all.ask('a')));
    if (isSeenBound) all.putBound(boundOf('a', 'n1', { ready: false }));
    all.putRefused('a', 'n1');
    if (isSeenBound) all.bound.delete('default', 'a');
    t.false(isBetter(all.ask('b')), 'the base is where it belongs');
    t.true(isBetter(all.ask('c')), 'and the next one is not');
  }
});

test('what was told of a pod is shown with where it went, until the workload is gone', async (t) => {
  const all = await wired();
  all.ask('a');
  t.like(all.placement.placed(hello)[0], { pod: 'a', node: 'n1', boundTo: undefined, nodes: 2 });
  all.putBound(boundOf('a', 'n2'));
  t.like(all.placement.placed(hello)[0], { pod: 'a', node: 'n1', boundTo: 'n2' });
  all.offBoard();
  t.deepEqual(all.placement.placed(hello), []);
  t.is(all.placement.placer.placementOf(toPlace('b')), 'not-ours');
});

test('what was learned of a node goes with the node', async (t) => {
  const all = await wired();
  all.putBound(boundOf('a', 'n2'));
  all.bound.delete('default', 'a');
  t.true(isBetter(all.ask('b')));
  all.putBound(boundOf('b', 'n2'));
  all.bound.delete('default', 'b');
  all.nodes.delete('', 'n2');
  all.putNode(nodeOf('n2'));
  t.false(isBetter(all.ask('c')));
});

test('a closed one hears of nothing any more', async (t) => {
  const all = await wired();
  t.is(all.listeners, 1);
  all.ask('a');
  all.placement.close();
  t.is(all.listeners, 0);
  all.putBound(boundOf('a', 'n2'));
  t.is(all.placement.placed(hello)[0]?.boundTo, undefined);
});
