import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { WebSocket, WebSocketServer } from 'ws';
import { jsonLogger, millis, protocols, systemClock, systemRandom, wakeFailures, type Report, type RouteSnapshot } from '../core/index.ts';
import { until } from '../../test/support/until.ts';
import { helloHeader, linkPath } from './handshake.ts';
import { createLinkClient, createLinkServer, readDownMessage, readUpMessage, type LinkClient, type LinkServer } from './index.ts';
import { linkVersions, type DownMessage, type UpMessage } from './messages.ts';

/**
 * A controller and a gateway of neighbouring versions work both ways. The older side is a recorded session of its release in `test/data`, word for word:
 * played against today's other side, which has to understand it and to say everything that it knew.
 */

interface Line {
  readonly from?: 'gateway' | 'controller';
  readonly hello?: unknown;
  readonly message?: unknown;
  readonly vocabulary?: Readonly<Record<'protocols' | 'podStates' | 'probes' | 'wakeFailures' | 'sessionAffinities', readonly string[]>>;
}

const recorded = readFileSync(join(import.meta.dirname, '..', '..', 'test', 'data', 'link-v1.jsonl'), 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as Line);
const said = (from: 'gateway' | 'controller'): readonly string[] =>
  recorded.flatMap((line) => (line.from === from && line.message !== undefined ? [JSON.stringify(line.message)] : []));
const down = (text: string): DownMessage => {
  const read = readDownMessage(text);
  if (!read.ok) throw new Error(read.problem);
  return read.value;
};
const up = (text: string): UpMessage => {
  const read = readUpMessage(text);
  if (!read.ok) throw new Error(read.problem);
  return read.value;
};
const snapshots = (): readonly RouteSnapshot[] =>
  said('controller')
    .map(down)
    .flatMap((message) => (message.type === 'routes' ? [message.snapshot] : []));
const reports = (): readonly Report[] =>
  said('gateway')
    .map(up)
    .flatMap((message) => (message.type === 'report' ? [message.report] : []));

/** Whether everything in `old` is in `now`: what the older side reads is there and the same; what it does not know may be there too. */
const covers = (now: unknown, old: unknown): boolean => {
  if (Array.isArray(old)) return Array.isArray(now) && now.length === old.length && old.every((item, index) => covers(now[index], item));
  if (typeof old !== 'object' || old === null) return now === old;
  if (typeof now !== 'object' || now === null) return false;
  const fields = new Map<string, unknown>(Object.entries(now));
  // How long a report has waited is a fact of the machine.
  return Object.entries(old).every(([name, value]) => (name === 'ageMs' ? typeof fields.get(name) === 'number' : covers(fields.get(name), value)));
};

interface Server {
  readonly link: LinkServer;
  readonly url: string;
  readonly heard: { readonly reports: unknown[]; readonly pokes: unknown[]; readonly firstBytes: unknown[]; readonly changes: string[] };
  readonly logged: string[];
}

const startServer = async (t: ExecutionContext, versions?: readonly number[]): Promise<Server> => {
  const heard = { reports: [] as unknown[], pokes: [] as unknown[], firstBytes: [] as unknown[], changes: [] as string[] };
  const logged: string[] = [];
  const link = createLinkServer({
    clock: systemClock,
    logger: jsonLogger((line) => logged.push(line), systemClock, 'warn'),
    authenticate: (_token, claim) =>
      Promise.resolve({ address: claim.address ?? '', podName: claim.podName, podUid: 'uid', nodeName: claim.nodeName, zone: claim.zone }),
    listener: {
      report: (_gateway, report) => heard.reports.push(report),
      poke: (_gateway, poke) => heard.pokes.push(poke),
      firstByte: (_gateway, firstByte) => heard.firstBytes.push(firstByte),
      joined: ({ id }) => heard.changes.push(`joined ${id}`),
      gone: ({ id }, how) => heard.changes.push(`${how} ${id}`),
    },
    ...(versions === undefined ? {} : { versions }),
  });
  const server = createServer();
  link.attach(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    link.close();
    server.closeAllConnections();
    server.close();
  });
  return { link, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, heard, logged };
};

test('a gateway of version 1, word for word as it spoke then, is served by the controller of today', async (t) => {
  const { link, url, heard } = await startServer(t);
  link.lead(3);
  const [full, change] = snapshots();
  if (full === undefined || change === undefined) throw new Error('the recording has no routes');
  const hello = JSON.stringify(recorded.find((line) => line.hello !== undefined)?.hello);
  const socket = new WebSocket(`${url.replace('http', 'ws')}${linkPath}`, { headers: { [helloHeader]: Buffer.from(hello).toString('base64url') } });
  t.teardown(() => socket.terminate());
  const received: string[] = [];
  socket.on('message', (data: Buffer) => received.push(data.toString()));
  // Nothing that it knows: it passes over it.
  link.set({ trustedProxies: ['10.0.0.0/8'], accessLog: 'json' });
  link.publish(full);
  await until('the first routes are there', () => received.length === 2);
  const words = [...said('gateway')];
  const say = (type: string): void => {
    const at = words.findIndex((word) => word.includes(`"type":"${type}"`));
    socket.send(words.splice(at, 1)[0] ?? '');
  };
  for (const type of ['ack', 'poke', 'firstByte', 'report']) say(type);
  await until('the first routes are acknowledged', () => link.gateways()[0]?.acknowledged === 1);
  link.publish(change);
  await until('the change is there', () => received.length === 3);
  say('ack');
  await until('the change is acknowledged', () => link.gateways()[0]?.acknowledged === 2);
  t.is(link.gateways()[0]?.id, 'gateway-0-1f3a5b7c');
  t.deepEqual(link.gateways()[0]?.failedPorts, [], 'of the newest acknowledgement');
  say('leaving');
  await until('it is released', () => received.length === 4);
  say('left');
  await until('all is heard', () => heard.reports.length === 1 && heard.pokes.length === 1 && heard.firstBytes.length === 1);
  socket.close();
  await until('it left', () => heard.changes.length === 2);
  t.deepEqual(heard.changes, ['joined gateway-0-1f3a5b7c', 'left gateway-0-1f3a5b7c']);
  t.true(covers(heard.reports, reports()));
  for (const [index, old] of said('controller').entries())
    t.true(covers(JSON.parse(received[index] ?? '{}'), JSON.parse(old)), `what it knew is in ${received[index] ?? 'nothing'}`);
});

/** The recorded controller; what the gateway said to it. */
const recordedController = async (t: ExecutionContext): Promise<{ readonly url: string; readonly heard: readonly string[]; say(type: string): void }> => {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', path: linkPath });
  await new Promise((resolve) => server.once('listening', resolve));
  const heard: string[] = [];
  const words = [...said('controller')];
  let peer: WebSocket | undefined;
  server.on('connection', (socket) => {
    peer = socket;
    socket.on('message', (data: Buffer) => heard.push(data.toString()));
    socket.send(words.shift() ?? '');
    socket.send(words.shift() ?? '');
  });
  t.teardown(() => {
    peer?.terminate();
    server.close();
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    heard,
    say: (type) => {
      const at = words.findIndex((word) => word.includes(`"type":"${type}"`));
      peer?.send(words.splice(at, 1)[0] ?? '');
    },
  };
};

const startClient = (t: ExecutionContext, url: string, versions?: readonly number[]) => {
  const applied: RouteSnapshot[] = [];
  const logged: string[] = [];
  const problems = said('gateway')
    .map(up)
    .flatMap((message) => (message.type === 'ack' ? [message.problems] : []));
  const client: LinkClient = createLinkClient({
    controllers: [{ url }],
    token: () => Promise.resolve('token'),
    claim: { id: 'gw-1', address: '127.0.0.1', podName: undefined, nodeName: undefined, zone: undefined },
    clock: systemClock,
    random: systemRandom,
    logger: jsonLogger((line) => logged.push(line), systemClock, 'warn'),
    apply: (snapshot) => {
      applied.push(snapshot);
      return Promise.resolve(problems[applied.length - 1] ?? []);
    },
    ...(versions === undefined ? {} : { versions }),
  });
  const stop = new AbortController();
  const running = client.run(stop.signal);
  const end = async (): Promise<void> => {
    stop.abort();
    await running;
  };
  t.teardown(end);
  return { client, applied, logged, end };
};

test('a controller of version 1, word for word as it spoke then, is understood by the gateway of today', async (t) => {
  const controller = await recordedController(t);
  const { client, applied, end } = startClient(t, controller.url);
  await until('linked, and the first routes are acknowledged', () => client.connected() === 1 && controller.heard.length === 1);
  for (const message of said('gateway').map(up)) {
    if (message.type === 'poke') client.poke(message.poke);
    if (message.type === 'firstByte') client.firstByte(message.firstByte);
    if (message.type === 'report') client.report(message.report.workloads, message.report.intervalMs);
  }
  controller.say('routes');
  await until('the change is acknowledged', () => controller.heard.length === 5);
  const leaving = client.leave(millis(5000));
  await until('it wants to leave', () => controller.heard.length === 6);
  controller.say('released');
  await leaving;
  await end();
  await until('it left', () => controller.heard.length === 7);
  t.deepEqual(applied, [...snapshots()]);
  const old = said('gateway').map((text) => JSON.parse(text) as unknown);
  t.true(
    covers(
      controller.heard.map((text) => JSON.parse(text) as unknown),
      old,
    ),
    `what it knew is in ${controller.heard.join('\n')}`,
  );
});

test('nothing that is said in version 1 has a name that version 1 did not have', (t) => {
  const { vocabulary } = recorded.find((line) => line.vocabulary !== undefined) ?? {};
  t.deepEqual([...protocols], vocabulary?.protocols, 'a new protocol needs a new version of the link, and a substitute for gateways of the one before');
  t.deepEqual(Object.keys(wakeFailures), vocabulary?.wakeFailures, 'so does a new reason of a failed wake');
});

test('the neighbour of either side is served in the older one’s version; one further away is refused, and both say why', async (t) => {
  const [mine = 0] = linkVersions;
  const { url, logged, heard } = await startServer(t);
  const next = startClient(t, url, [mine + 1, mine]);
  await until('a gateway that is one ahead is served', () => next.client.connected() === 1);
  t.deepEqual(heard.changes, ['joined gw-1']);
  await next.end();
  t.deepEqual(logged, []);
  const far = startClient(t, url, [mine + 2, mine + 1]);
  await until('both have said why', () => logged.length > 0 && far.logged.length > 0);
  t.regex(logged[0] ?? '', new RegExp(`speaks versions ${mine} of the link, the gateway ${mine + 2}, ${mine + 1}`));
  t.regex(
    far.logged[0] ?? '',
    new RegExp(`a controller refuses the link.*426 this controller speaks versions ${mine} of the link, the gateway ${mine + 2}, ${mine + 1}`),
  );
  t.is(far.client.connected(), 0);
  await systemClock.sleep(millis(400), new AbortController().signal);
  t.is(far.logged.length, 1, 'once, however often it is tried');
  await far.end();

  const ahead = await startServer(t, [mine + 1, mine]);
  const old = startClient(t, ahead.url);
  await until('a gateway that is one behind is served', () => old.client.connected() === 1);
  const away = await startServer(t, [mine + 2, mine + 1]);
  const older = startClient(t, away.url);
  await until('one that is two behind is refused', () => older.logged.length > 0);
  t.is(older.client.connected(), 0);
});

test('a gateway of version 1 says nothing of permits, which is not the same as having none in use; one of today always says what it has', async (t) => {
  t.deepEqual(
    said('gateway')
      .map(up)
      .flatMap((message) => (message.type === 'ack' ? [message.permitsInUse] : [])),
    [undefined, undefined],
  );
  const controller = await recordedController(t);
  startClient(t, controller.url);
  await until('the first routes are acknowledged', () => controller.heard.length === 1);
  t.deepEqual((JSON.parse(controller.heard[0] ?? '{}') as { permitsInUse?: unknown }).permitsInUse, {});
});
