import test from 'ava';
import type { GatewayInfo } from '../core/index.ts';
import type { GatewayPodState } from './gateway-pods.ts';
import { unheard } from './unheard.ts';

const session = (podUid: string | undefined, address: string, more: Partial<GatewayInfo> = {}): GatewayInfo => ({
  id: address,
  address,
  podName: podUid,
  podUid,
  nodeName: undefined,
  zone: undefined,
  acknowledged: 0,
  ...more,
});
const podsOf = (states: Readonly<Record<string, GatewayPodState>>, synced = true) => ({
  synced,
  present: () => Object.keys(states),
  stateOf: (uid: string | undefined) => states[uid ?? ''] ?? 'unknown',
});

test('a gateway whose pod serves and has no link is there for certain; one whose pod is not ready may be', (t) => {
  const sessions = [session('a', '10.0.0.1')];
  t.is(unheard({ sessions, pods: podsOf({ a: 'ready' }), addresses: ['10.0.0.1'] }), 'no');
  t.is(unheard({ sessions, pods: podsOf({ a: 'ready', b: 'ready' }), addresses: [] }), 'certain');
  t.is(unheard({ sessions, pods: podsOf({ a: 'ready', b: 'unready' }), addresses: [] }), 'likely');
  t.is(unheard({ sessions, pods: podsOf({}, false), addresses: [] }), 'certain', 'before the first list is in');
});

test('outside a cluster the only trace of a gateway is that a Service points at it', (t) => {
  const sessions = [session(undefined, '127.0.0.2', { otherAddresses: ['::2'] })];
  t.is(unheard({ sessions, pods: podsOf({}), addresses: ['127.0.0.2', '::2'] }), 'no');
  t.is(unheard({ sessions, pods: podsOf({}), addresses: ['127.0.0.2', '127.0.0.3'] }), 'likely');
});

test('of a gateway of several workers each has to be heard', (t) => {
  const worker = (index: number): GatewayInfo => session('a', '10.0.0.1', { id: String(index), worker: { gateway: 'a', index, workers: 2, ended: [] } });
  t.is(unheard({ sessions: [worker(0)], pods: podsOf({ a: 'ready' }), addresses: [] }), 'likely');
  t.is(unheard({ sessions: [worker(0), worker(1)], pods: podsOf({ a: 'ready' }), addresses: [] }), 'no');
});
