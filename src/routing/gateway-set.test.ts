import test from 'ava';
import { instant, ManualClock, millis, type GatewayInfo } from '../core/index.ts';
import type { GatewayPodState } from './gateway-pods.ts';
import { GatewaySet } from './gateway-set.ts';

const gateway = (id: string, acknowledged: number, more: Partial<GatewayInfo> = {}): GatewayInfo => ({
  id,
  address: `10.0.0.${id}`,
  podName: `gateway-${id}`,
  podUid: `uid-${id}`,
  nodeName: undefined,
  zone: undefined,
  acknowledged,
  ...more,
});

const setOf = (...first: GatewayInfo[]) => {
  const clock = new ManualClock(instant(0));
  let connected = first;
  const states = new Map<string, GatewayPodState>();
  const set = new GatewaySet({
    pods: { stateOf: (uid) => (uid === undefined ? 'unknown' : (states.get(uid) ?? 'ready')) },
    publisher: { publish: () => 0, gateways: () => connected, sessions: () => connected, onGateways: () => () => undefined },
    clock,
    absence: millis(1000),
    firstAbsence: millis(10_000),
  });
  return {
    clock,
    set,
    states,
    become: (...next: GatewayInfo[]) => {
      connected = next;
      return set.update();
    },
  };
};
const choose = (set: GatewaySet, present: readonly string[] = [], revision = 5) => {
  const choice = set.choose(revision, [20000], new Map(present.map((address) => [address, `uid-${address.split('.').at(-1) ?? ''}`])));
  return { ...choice, addresses: [...choice.addresses.keys()].sort() };
};

test('only gateways that acknowledged the routes enter', (t) => {
  const { set } = setOf(gateway('1', 5), gateway('2', 4));
  t.deepEqual(choose(set), { addresses: ['10.0.0.1'], complete: false, any: true, reviewAt: undefined });
});

test('a gateway that is in and has not yet acknowledged a newer port stays in', (t) => {
  const { set } = setOf(gateway('1', 5), gateway('2', 4));
  t.deepEqual(choose(set, ['10.0.0.2']).addresses, ['10.0.0.1', '10.0.0.2']);
});

test('a gateway that cannot open the port never enters, and goes if it was in', (t) => {
  const { set } = setOf(gateway('1', 5), gateway('2', 5, { failedPorts: [20000] }));
  t.deepEqual(choose(set, ['10.0.0.2']).addresses, ['10.0.0.1']);
  t.deepEqual([...set.unusablePorts()], []);
});

test('a port that no gateway can open is unusable', (t) => {
  const { set } = setOf(gateway('1', 5, { failedPorts: [20000, 20001] }), gateway('2', 5, { failedPorts: [20001] }));
  t.deepEqual([...set.unusablePorts()], [20001]);
});

test('a gateway that was lost goes out after the grace, unless it is back', async (t) => {
  const { set, become, clock } = setOf(gateway('1', 5), gateway('2', 5));
  t.is(become(gateway('1', 5)), 'membership');
  const present = ['10.0.0.1', '10.0.0.2'];
  t.deepEqual(choose(set, present), { addresses: present, complete: true, any: true, reviewAt: 1000 });
  await clock.advance(millis(1000));
  t.deepEqual(choose(set, present).addresses, ['10.0.0.1']);
  become(gateway('1', 5), gateway('2', 5));
  t.deepEqual(choose(set, present).addresses, present);
});

test('a gateway that leaves goes out at once', (t) => {
  const { set, become } = setOf(gateway('1', 5), gateway('2', 5));
  set.leave(gateway('2', 5));
  become(gateway('1', 5));
  t.deepEqual(choose(set, ['10.0.0.1', '10.0.0.2']).addresses, ['10.0.0.1']);
});

test('the last address stays, dead or leaving: nothing better could be written', async (t) => {
  const { set, become, clock } = setOf(gateway('1', 5));
  set.leave(gateway('1', 5));
  become();
  await clock.advance(millis(60_000));
  t.deepEqual(choose(set, ['10.0.0.1']).addresses, ['10.0.0.1']);
});

test('a new leader gives gateways that it never saw time to find it', async (t) => {
  const { set, clock } = setOf(gateway('1', 5));
  t.deepEqual(choose(set, ['10.0.0.1', '10.0.0.9']).addresses, ['10.0.0.1', '10.0.0.9']);
  await clock.advance(millis(9999));
  t.deepEqual(choose(set, ['10.0.0.9']).addresses, ['10.0.0.1', '10.0.0.9']);
  await clock.advance(millis(1));
  t.deepEqual(choose(set, ['10.0.0.9']).addresses, ['10.0.0.1']);
});

test('an acknowledgement alone is no change of membership', (t) => {
  const { become } = setOf(gateway('1', 5));
  t.is(become(gateway('1', 6)), 'acknowledgement');
  t.is(become(gateway('1', 6), gateway('2', 0)), 'membership');
  t.is(become(gateway('1', 6, { failedPorts: [20000] }), gateway('2', 0)), 'membership');
});

test('a dual-stack gateway enters with both addresses', (t) => {
  const { set } = setOf(gateway('1', 5, { otherAddresses: ['fd00::1'] }));
  t.deepEqual(choose(set).addresses, ['10.0.0.1', 'fd00::1']);
});

test('a lost gateway whose pod is not ready goes out at once, where another serves', (t) => {
  for (const state of ['unready', 'gone'] as const) {
    const { set, become, states } = setOf(gateway('1', 5), gateway('2', 5));
    states.set('uid-2', state);
    t.deepEqual(choose(set, ['10.0.0.1', '10.0.0.2']).addresses, ['10.0.0.1', '10.0.0.2'], 'while it has its link its pod does not matter');
    become(gateway('1', 5));
    t.deepEqual(choose(set, ['10.0.0.1', '10.0.0.2']), { addresses: ['10.0.0.1'], complete: true, any: true, reviewAt: undefined });
  }
});

test('the last address goes when its pod is gone, and stays while it is only not ready', (t) => {
  const { set, become, states } = setOf(gateway('1', 5));
  become();
  states.set('uid-1', 'unready');
  t.deepEqual(choose(set, ['10.0.0.1']).addresses, ['10.0.0.1']);
  states.set('uid-1', 'gone');
  t.deepEqual(choose(set, ['10.0.0.1']).addresses, []);
});

test('a new leader takes out at once what a former one wrote of a pod that is gone', (t) => {
  const { set, states } = setOf(gateway('1', 5));
  states.set('uid-9', 'gone');
  t.deepEqual(choose(set, ['10.0.0.1', '10.0.0.9']).addresses, ['10.0.0.1']);
});

const worker = (id: string, of: string, acknowledged: number, more: Partial<GatewayInfo> = {}): GatewayInfo =>
  gateway(of, acknowledged, { id: `${of}-${id}`, worker: { gateway: `gw-${of}`, index: Number(id), ended: [] }, ...more });

test('the workers of a gateway are one endpoint, which serves a port once all of them do', (t) => {
  const { set, become } = setOf(worker('0', '1', 5), worker('1', '1', 4));
  t.deepEqual(choose(set), { addresses: [], complete: false, any: false, reviewAt: undefined });
  t.false(set.haveHeard(5));
  become(worker('0', '1', 5), worker('1', '1', 5));
  t.deepEqual(choose(set), { addresses: ['10.0.0.1'], complete: true, any: true, reviewAt: undefined });
  t.is(set.connected, 1);
  t.true(set.haveHeard(5));
});

test('a worker that comes, goes, or cannot be replaced moves no slice: the gateway stays where it is', (t) => {
  const { set, become } = setOf(worker('0', '1', 5), worker('1', '1', 5));
  t.is(become(worker('0', '1', 5)), 'acknowledgement');
  t.deepEqual(choose(set, ['10.0.0.1']).addresses, ['10.0.0.1']);
  t.is(become(worker('0', '1', 5), worker('2', '1', 0)), 'acknowledgement');
  t.deepEqual(choose(set, ['10.0.0.1']).addresses, ['10.0.0.1']);
});

test('a port that one worker cannot open is one that the gateway cannot open', (t) => {
  const { set, become } = setOf(worker('0', '1', 5), worker('1', '1', 5, { failedPorts: [20000] }));
  t.deepEqual([...set.unusablePorts()], [20000]);
  become(worker('0', '1', 5), worker('1', '1', 5, { failedPorts: [20000] }), gateway('2', 5));
  t.deepEqual(choose(set, ['10.0.0.1']).addresses, ['10.0.0.2']);
});

test('a gateway leaves when the last of its workers does', (t) => {
  const [first, second, other] = [worker('0', '1', 5), worker('1', '1', 5), gateway('2', 5)];
  const { set, become } = setOf(first, second, other);
  set.leave(first);
  become(second, other);
  t.deepEqual(choose(set, ['10.0.0.1', '10.0.0.2']).addresses, ['10.0.0.1', '10.0.0.2']);
  set.leave(second);
  become(other);
  t.deepEqual(choose(set, ['10.0.0.1', '10.0.0.2']).addresses, ['10.0.0.2']);
});
