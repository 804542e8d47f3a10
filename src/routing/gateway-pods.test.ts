import test from 'ava';
import type { GatewayInfo } from '../core/index.ts';
import type { PodView, Snapshot, SnapshotEvent } from '../kube/index.ts';
import { aPod } from '../../test/support/views.ts';
import { GatewayPods, LostGateways } from './gateway-pods.ts';

const gateway = (id: string, more: Partial<GatewayInfo> = {}): GatewayInfo => ({
  id,
  address: '10.0.0.1',
  podName: 'gateway-1',
  podUid: 'uid-1',
  nodeName: undefined,
  zone: undefined,
  acknowledged: 0,
  ...more,
});

const pod = (uid: string, more: Partial<PodView> = {}): PodView =>
  aPod(`gateway-${uid}`, { namespace: 'rouse-system', uid, labels: {}, podIPs: ['10.0.0.1'], containers: [], ...more });

const podsOf = (...first: PodView[]) => {
  const listeners = new Set<(event: SnapshotEvent<PodView>) => void>();
  const pods = new Map(first.map((each) => [`rouse-system/${each.name}`, each]));
  const snapshot: Snapshot<PodView> = {
    synced: Promise.resolve(),
    get size() {
      return pods.size;
    },
    get: (key) => pods.get(key),
    values: () => pods.values(),
    inNamespace: () => pods.values(),
    subscribe: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
  const tell = (event: SnapshotEvent<PodView>): void => {
    for (const listener of listeners) listener(event);
  };
  return {
    snapshot,
    set: (value: PodView) => {
      const key = `rouse-system/${value.name}`;
      const previous = pods.get(key);
      pods.set(key, value);
      tell({ type: 'set', key, value, previous });
    },
    delete: (uid: string) => {
      const key = `rouse-system/gateway-${uid}`;
      const previous = pods.get(key);
      pods.delete(key);
      if (previous !== undefined) tell({ type: 'delete', key, previous });
    },
  };
};

const watched = async (...first: PodView[]) => {
  const cluster = podsOf(...first);
  const pods = new GatewayPods(cluster.snapshot);
  const before = pods.stateOf('uid-1');
  await cluster.snapshot.synced;
  await Promise.resolve();
  const ended: string[] = [];
  return { ...cluster, pods, before, ended, lost: new LostGateways(pods, ({ id }) => ended.push(id)) };
};

test('a pod is ready, not ready, gone, or nothing is known of it', async (t) => {
  const { pods, before, set } = await watched(pod('uid-1'));
  t.is(before, 'unknown', 'before the first list is in, an absence means nothing');
  t.deepEqual([pods.stateOf('uid-1'), pods.stateOf('uid-2'), pods.stateOf(undefined)], ['ready', 'gone', 'unknown']);
  for (const [change, state] of [
    [{ ready: false }, 'unready'],
    [{ deleting: true }, 'unready'],
    [{ phase: 'Failed' }, 'gone'],
  ] as const) {
    set(pod('uid-1', change));
    t.is(pods.stateOf('uid-1'), state);
  }
  t.is(new GatewayPods(undefined).stateOf('uid-1'), 'unknown', 'outside a cluster');
});

test('a lost gateway has ended when its pod is gone or finished, and not while it is only not ready', async (t) => {
  const { set, delete: remove, ended, lost } = await watched(pod('uid-1'), pod('uid-2'));
  lost.lost(gateway('a'));
  lost.lost(gateway('b', { podUid: 'uid-2' }));
  set(pod('uid-1', { ready: false }));
  set(pod('uid-2', { ready: false, deleting: true }));
  t.deepEqual(ended, []);
  remove('uid-1');
  t.deepEqual(ended, ['a']);
  set(pod('uid-2', { phase: 'Failed' }));
  t.deepEqual(ended, ['a', 'b']);
  lost.lost(gateway('c'));
  t.deepEqual(ended, ['a', 'b', 'c'], 'the link may end after the pod');
});

test('a gateway that is back was not dead; one that links anew from the same pod, or at the same address outside a cluster, follows one that was', async (t) => {
  const { ended, lost } = await watched(pod('uid-1'));
  lost.lost(gateway('a'));
  lost.joined(gateway('a'));
  lost.joined(gateway('z', { podUid: 'uid-9' }));
  t.deepEqual(ended, []);
  lost.lost(gateway('a'));
  lost.joined(gateway('b'));
  t.deepEqual(ended, ['a']);
  const outside = { podUid: undefined, podName: undefined };
  lost.lost(gateway('c', outside));
  lost.joined(gateway('d', { ...outside, address: '10.0.0.2' }));
  t.deepEqual(ended, ['a']);
  lost.joined(gateway('e', outside));
  t.deepEqual(ended, ['a', 'c']);
});

const worker = (id: string, ended: readonly string[] = [], of = 'gw-1'): GatewayInfo => gateway(id, { worker: { gateway: of, index: 0, ended } });

test('a worker that has lost its link is not dead because another one of its gateway comes, unless that one says so', (t) => {
  const ended: string[] = [];
  const lost = new LostGateways(new GatewayPods(undefined), ({ id }) => ended.push(id));
  lost.lost(worker('a'));
  lost.lost(worker('b'));
  lost.joined(worker('c'));
  t.deepEqual(ended, []);
  lost.joined(worker('d', ['a']));
  t.deepEqual(ended, ['a']);
});

test('a gateway that is started again in its pod ends every worker of the one before; of another pod nobody can say who has ended', (t) => {
  const ended: string[] = [];
  const lost = new LostGateways(new GatewayPods(undefined), ({ id }) => ended.push(id));
  lost.lost(worker('a'));
  lost.lost(worker('b'));
  lost.joined(gateway('e', { podUid: 'uid-2', worker: { gateway: 'gw-2', index: 0, ended: ['a'] } }));
  t.deepEqual(ended, []);
  lost.joined(worker('c', [], 'gw-9'));
  t.deepEqual(ended, ['a', 'b']);
});
