import { createServer, type AddressInfo, type Socket } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { dialMute, frame, get, greeting, isGoaway, isPing, reset, type MuteClient } from '../../../test/support/http2-frames.ts';
import { until } from '../../../test/support/gateway-rig.ts';
import { Heard } from '../../../test/support/http2-engine.ts';
import { ClientSession, type SessionOwner } from './client-session.ts';
import { noneSensitive } from './engine/sensitive.ts';
import type { Stream } from './engine/stream.ts';

interface Scene {
  readonly client: MuteClient;
  readonly session: ClientSession;
  /** Our end of the connection. */
  readonly socket: Socket;
  /** How often the owner has heard that it is closed. */
  readonly reports: () => number;
  readonly streams: readonly Stream[];
  /** What was heard of each. */
  readonly heard: readonly Heard[];
  /** Seconds go by. */
  readonly seconds: (count: number) => void;
}

const start = async (t: ExecutionContext): Promise<Scene> => {
  let [sweeps, reports] = [0, 0];
  const streams: Stream[] = [];
  const heard: Heard[] = [];
  const owner: SessionOwner = {
    get sweeps() {
      return sweeps;
    },
    closing: false,
    request: (_client, stream) => {
      const one = new Heard();
      stream.listener = one;
      streams.push(stream);
      heard.push(one);
    },
    closed: () => void (reports += 1),
  };
  const sessions: { readonly session: ClientSession; readonly socket: Socket }[] = [];
  const server = createServer((socket) => sessions.push({ session: new ClientSession(owner, socket, '127.0.0.1', 'http'), socket }));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  const client = await dialMute((server.address() as AddressInfo).port);
  t.teardown(() => client.socket.destroy());
  await until('accepted', () => sessions.length === 1);
  const { session, socket } = sessions[0]!;
  const seconds = (count: number): void => {
    for (let n = 0; n < count; n += 1) {
      sweeps += 1;
      session.sweep();
    }
  };
  return { client, session, socket, reports: () => reports, streams, heard, seconds };
};

const answer = (stream: Stream): void => stream.headers([':status', '200'], noneSensitive, true);

test('a connection that does not greet is closed after 10 s', async (t) => {
  const { client, seconds } = await start(t);
  seconds(10);
  t.false(client.closed());
  seconds(1);
  await until('closed', client.closed);
  t.pass();
});

test('an idle connection is told GOAWAY after 5 minutes, and ends', async (t) => {
  const { client, seconds } = await start(t);
  client.socket.write(greeting);
  // SETTINGS, and the word that its own have come.
  await until('greeted', () => client.frames().filter((type) => type === 4).length === 2);
  seconds(300);
  t.false(client.frames().some(isGoaway));
  seconds(1);
  await until('goodbye', () => client.frames().some(isGoaway));
  // It does not answer the PING that would say that it has heard so.
  seconds(2);
  await until('closed', client.closed);
});

test('a client with a stream that is silent is asked for a sign of life, and cut where it gives none', async (t) => {
  const { client, streams, heard, seconds } = await start(t);
  client.socket.write(Buffer.concat([greeting, get(1, false)]));
  await until('its request is here', () => streams.length === 1);
  seconds(31);
  await until('asked', () => client.frames().some(isPing));
  seconds(19);
  t.false(client.closed());
  seconds(2);
  await until('cut', client.closed);
  t.deepEqual(heard[0]?.endings, [{ how: 'lost', code: 8 }]);
});

test('a client that says anything at all is not cut', async (t) => {
  const { client, streams, seconds } = await start(t);
  client.socket.write(Buffer.concat([greeting, get(1, false)]));
  await until('its request is here', () => streams.length === 1);
  for (let n = 1; n <= 4; n += 1) {
    seconds(31);
    client.socket.write(get(2 * n + 1, false));
    await until('another request is here', () => streams.length === n + 1);
  }
  t.false(client.closed());
});

test('after a goodbye a connection ends with its last stream', async (t) => {
  const { client, session, streams, seconds } = await start(t);
  client.socket.write(Buffer.concat([greeting, get(1)]));
  await until('its request is here', () => streams.length === 1);
  session.goodbye();
  await until('told', () => client.frames().some(isGoaway));
  t.false(client.closed());
  answer(streams[0]!);
  seconds(2);
  await until('ended', client.closed);
  t.pass();
});

test('a goodbye refuses nothing that was on its way: the last stream is said a round trip later (RFC 9113 §6.8)', async (t) => {
  const { client, session, streams } = await start(t);
  client.socket.write(Buffer.concat([greeting, get(1)]));
  await until('its request is here', () => streams.length === 1);
  session.goodbye();
  session.goodbye();
  await until('told', () => client.frames().some(isPing));
  t.deepEqual(client.lastStreams(), [2 ** 31 - 1]);
  // Sent before it had heard of that, and then the answer to the PING.
  client.socket.write(Buffer.concat([get(3), frame('ping', 1, 0, client.pinged())]));
  await until('the real one is told', () => client.lastStreams().length === 2);
  t.is(client.lastStreams()[1], 3);
  t.is(streams.length, 2);
  for (const stream of streams) answer(stream);
  await until('ended', client.closed);
  t.is(client.frames().filter((type) => type === 3).length, 0, 'nothing was refused');
});

test('a connection that its client leaves while an answer is handed over is closed once', async (t) => {
  const { client, socket, reports, streams } = await start(t);
  client.socket.write(Buffer.concat([greeting, get(1)]));
  await until('its request is here', () => streams.length === 1);
  const stream = streams[0]!;
  client.socket.write(frame('goaway', 0, 0, Buffer.alloc(8)));
  // Between the socket's end and the moment when the session hears of it.
  socket.prependOnceListener('close', () => answer(stream));
  client.socket.destroy();
  await until('closed', () => reports() > 0);
  await new Promise((resolve) => setImmediate(resolve));
  t.is(reports(), 1);
});

test('a client that takes a request back with NO_ERROR and hangs up leaves nothing behind, though an answer was being written', async (t) => {
  const { client, reports, streams, heard } = await start(t);
  client.socket.write(Buffer.concat([greeting, get(1, false)]));
  await until('its request is here', () => streams.length === 1);
  const stream = streams[0]!;
  stream.headers([':status', '200'], noneSensitive, false);
  stream.data(Buffer.alloc(200_000), 0, 200_000, false);
  client.socket.write(Buffer.concat([reset(1, 0), frame('goaway', 0, 0, Buffer.alloc(8))]));
  await until('it is gone', () => stream.isClosed);
  client.socket.destroy();
  await until('closed', () => reports() === 1);
  t.deepEqual(heard[0]?.endings, [{ how: 'reset-by-peer', code: 0 }]);
});

const openHead = frame('headers', 1, 5, Buffer.from([0x82]));
const more = frame('continuation', 0, 5);
for (const [what, first, then] of [
  ['its frame breaks off', get(5).subarray(0, 12), undefined],
  ['even the head of its frame does', get(5).subarray(0, 3), undefined],
  ['its frame is whole and says that more comes', openHead, undefined],
  ['more comes, and never the end', openHead, more],
] as const)
  test(`the head of a request that is not whole 10 s after its first byte ends the connection: ${what}`, async (t) => {
    const { client, streams, seconds, socket } = await start(t);
    client.socket.write(Buffer.concat([greeting, get(3, false)]));
    await until('a request has come', () => streams.length === 1);
    let sent = greeting.length + get(3, false).length;
    const send = async (bytes: Buffer | undefined): Promise<void> => {
      if (bytes === undefined) return;
      client.socket.write(bytes);
      sent += bytes.length;
      await until('it has come', () => socket.bytesRead === sent);
    };
    await send(first);
    for (let second = 0; second < 10; second += 1) {
      seconds(1);
      if (second > 0) await send(then);
    }
    t.false(client.closed());
    seconds(2);
    await until('goodbye', () => client.frames().some(isGoaway));
    await until('closed', client.closed);
    t.is(streams.length, 1);
  });

test('heads that come slowly one behind the other, each in time, end nothing; nor does a body that stands still in the middle of a frame', async (t) => {
  const { client, streams, seconds, socket } = await start(t);
  client.socket.write(greeting);
  let sent = greeting.length;
  const send = async (bytes: Buffer): Promise<void> => {
    client.socket.write(bytes);
    sent += bytes.length;
    await until('it has come', () => socket.bytesRead === sent);
  };
  for (let id = 1; id < 9; id += 2) {
    const head = get(id, id < 7);
    await send(head.subarray(0, 10));
    seconds(8);
    await send(head.subarray(10));
  }
  t.is(streams.length, 4);
  await send(frame('data', 0, 7, Buffer.alloc(100)).subarray(0, 50));
  seconds(25);
  t.false(client.frames().some(isGoaway));
});
