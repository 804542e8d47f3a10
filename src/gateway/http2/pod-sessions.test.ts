import { createServer, type AddressInfo, type Socket } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { freePort, podAt, until } from '../../../test/support/gateway-rig.ts';
import { Heard, requestFields } from '../../../test/support/http2-engine.ts';
import { startHttp2Origin, type Handler, type Http2Origin } from '../../../test/support/http2-rig.ts';
import { setting, settingsFrame } from '../../../test/support/http2-wire.ts';
import { instant, ManualClock, millis } from '../../core/index.ts';
import type { PodConnectionCounts } from '../counters.ts';
import { Pod } from '../pod.ts';
import { RevisionFigures } from '../revision-figures.ts';
import { settingIds } from './engine/codes.ts';
import { noneSensitive } from './engine/sensitive.ts';
import type { Stream } from './engine/stream.ts';
import type { PodSession } from './pod-session.ts';
import { createPodSessions, type PodSessions, type StreamTaker } from './pod-sessions.ts';

const noConnections = (): PodConnectionCounts => ({ open: 0, idle: 0, opened: 0 });

/** Who takes a stream, and remembers what became of it. */
class Taker implements StreamTaker {
  session: PodSession | undefined;
  readonly heard = new Heard();
  stream: Stream | undefined;
  problem: string | undefined;
  away = false;
  tunnels = false;

  opened(session: PodSession): void {
    this.session = session;
    this.tunnels = session.takesTunnels;
    this.stream = session.request(requestFields(), noneSensitive, true, this.heard);
  }

  unreachable(problem: string): void {
    this.problem = problem;
  }

  turnedAway(): void {
    this.away = true;
  }
}

interface Scene {
  readonly clock: ManualClock;
  readonly sessions: PodSessions;
  readonly pod: Pod;
  /** A stream to the pod, now or later. */
  readonly take: () => Taker;
}

const sceneAt = (t: ExecutionContext, port: number): Scene => {
  const clock = new ManualClock(instant(0));
  const sessions = createPodSessions(clock);
  t.teardown(() => sessions.close());
  const pod = new Pod(podAt(port), new RevisionFigures('r1'), noConnections());
  const take = (): Taker => {
    const taker = new Taker();
    sessions.of(pod, port).take(taker);
    return taker;
  };
  return { clock, sessions, pod, take };
};

const start = async (t: ExecutionContext, handler: Handler): Promise<Scene & { readonly origin: Http2Origin }> => {
  const origin = await startHttp2Origin(handler, { settings: { maxConcurrentStreams: 3 } });
  t.teardown(origin.die);
  return { ...sceneAt(t, origin.port), origin };
};

const answers: Handler = (stream) => stream.respond({ ':status': 200 }, { endStream: true });

test('those who come while the first connection is made share it', async (t) => {
  const { origin, take } = await start(t, answers);
  const takers = [take(), take(), take()];
  await until('all have a stream', () => takers.every(({ stream }) => stream !== undefined));
  t.is(new Set(takers.map(({ session }) => session)).size, 1);
  t.is(origin.sessions.length, 1);
});

test('more streams than the pod takes in a connection go over another one, and wait for nobody', async (t) => {
  const { origin, take } = await start(t, () => undefined);
  const takers = Array.from({ length: 7 }, take);
  await until('all are in the pod', () => origin.requests.length === 7);
  t.is(origin.sessions.length, 3);
  t.true(takers.every(({ problem }) => problem === undefined));
});

test('who leaves while waiting is given no stream', async (t) => {
  const { origin, sessions, pod, take } = await start(t, answers);
  const gone = take();
  const stays = take();
  sessions.of(pod, origin.port).leave(gone);
  await until('the other one has a stream', () => stays.stream !== undefined);
  t.is(gone.stream, undefined);
});

test('where there is no connection, all who wait are told', async (t) => {
  const { take } = sceneAt(t, await freePort());
  const takers = [take(), take()];
  await until('told', () => takers.every(({ problem }) => problem !== undefined));
  t.regex(takers[0]?.problem ?? '', /ECONNREFUSED/);
});

test('a pod that accepts and says nothing is given a second, and then what it may take is assumed', async (t) => {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => sockets.add(socket.on('error', () => undefined)));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  const { clock, take } = sceneAt(t, (server.address() as AddressInfo).port);
  const taker = take();
  await until('greeted', () => [...sockets].some(({ bytesRead, readableLength }) => bytesRead + readableLength > 0));
  await clock.advance(millis(999));
  t.is(taker.stream, undefined);
  await clock.advance(millis(1));
  await until('it has a stream', () => taker.stream !== undefined);
  t.is(taker.problem, undefined);
});

test('SETTINGS that have come while the gateway stood still are read before they are called late', async (t) => {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket.on('error', () => undefined));
    // From a timer, as the clock's own are, behind which what has come is read.
    const late = (): void => {
      socket.write(settingsFrame(setting(settingIds.enableConnectProtocol, 1)));
      void clock.advance(millis(1));
    };
    socket.once('data', () => void clock.advance(millis(999)).then(() => setTimeout(late)));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  const { port } = server.address() as AddressInfo;
  const { clock, sessions, pod, take } = sceneAt(t, port);
  // The sweeps of its connections come at another moment.
  sessions.of(pod, port);
  await clock.advance(millis(1));
  const taker = take();
  await until('it has a stream', () => taker.stream !== undefined);
  t.true(taker.tunnels);
});

test('a connection that is idle for a minute is closed; one with a stream is not', async (t) => {
  const { clock, origin, take } = await start(t, (stream, _headers, index) => {
    if (index !== 1) stream.respond({ ':status': 200 }, { endStream: true });
  });
  const first = take();
  await until('it has a stream', () => first.stream !== undefined);
  await until('it is answered', () => first.heard.endings.length === 1);
  const second = take();
  t.is(second.session, first.session);
  await until('it is in the pod', () => origin.requests.length === 2);
  await clock.advance(millis(120_000));
  t.false(first.session?.ending);
  origin.requests[1]?.stream.respond({ ':status': 200 }, { endStream: true });
  await until('it is answered', () => second.heard.endings.length === 1);
  await clock.advance(millis(59_000));
  t.false(first.session?.ending);
  await clock.advance(millis(6000));
  t.true(first.session?.ending);
  await until('the pod sees it', () => origin.sessions.every(({ destroyed }) => destroyed));
});

test('a pod that is forgotten: what is under way runs to its end, then the connection does', async (t) => {
  const { origin, sessions, pod, take } = await start(t, () => undefined);
  const taker = take();
  await until('it is in the pod', () => origin.requests.length === 1);
  sessions.forget(pod);
  t.true(taker.session?.ending);
  origin.requests[0]?.stream.respond({ ':status': 201 }, { endStream: true });
  await until('it is answered', () => taker.heard.endings.length === 1);
  t.is(taker.heard.heads[0]?.status, 201);
  await until('the connection has ended', () => origin.sessions.every(({ destroyed }) => destroyed));
});

test('an address that is none is said at once', (t) => {
  const { sessions } = sceneAt(t, 1);
  const pod = new Pod(podAt(1, { address: 'not an address' }), new RevisionFigures('r1'), noConnections());
  t.throws(() => sessions.of(pod, 1).take(new Taker()));
});

test('who waits for a connection to a pod that takes nothing new is told, and none is made; what is in it goes on', async (t) => {
  const { origin, sessions, pod, take } = await start(t, () => undefined);
  const under = take();
  await until('it is in the pod', () => origin.requests.length === 1);
  const waiting = Array.from({ length: 5 }, take);
  const left = waiting.filter(({ session }) => session === undefined);
  t.true(left.length > 0);
  for (const pool of sessions.to(pod)) pool.turnAway();
  t.true(left.every(({ away, problem }) => away && problem === undefined));
  t.is(pod.connections.open, 1);
  origin.requests[0]?.stream.respond({ ':status': 201 }, { endStream: true });
  await until('it is answered', () => under.heard.endings.length === 1);
  t.true(left.every(({ session }) => session === undefined));
  t.is(origin.sessions.length, 1);
});
