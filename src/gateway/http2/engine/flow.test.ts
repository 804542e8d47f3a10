import { once } from 'node:events';
import { connect, constants } from 'node:http2';
import test from 'ava';
import { dialEngine, requestFields, send, startEngineServer, type EngineRequest } from '../../../../test/support/http2-engine.ts';
import {
  dataFrame,
  dialWire,
  headersFrame,
  hello,
  rawFrame,
  setting,
  settingsFrame,
  startWireServer,
  word,
  type WireEnd,
} from '../../../../test/support/http2-wire.ts';
import { until } from '../../../../test/support/until.ts';
import { errors, flags, settingIds, types } from './codes.ts';
import { noneSensitive } from './sensitive.ts';

/** Windows, turns, and the end of connections. */

const post = requestFields('/', 'POST');
const ok = [':status', '200'];
const dataOf = (wire: WireEnd, stream: number): number =>
  wire.frames().reduce((sum, frame) => sum + (frame.type === types.data && frame.stream === stream ? frame.payload.length : 0), 0);
const pong = (wire: WireEnd): Promise<unknown> => {
  const before = wire.frames().filter(({ type }) => type === types.ping).length;
  wire.socket.write(rawFrame(types.ping, 0, 0, Buffer.alloc(8)));
  return until('PONG', () => wire.frames().filter(({ type }) => type === types.ping).length > before);
};

/** Answers with so many bytes. */
const giving =
  (bytes: number) =>
  ({ stream }: EngineRequest): void => {
    stream.headers(ok, noneSensitive, false);
    send(stream, Buffer.alloc(bytes), true);
  };

test('no more is sent than the window of the stream takes, and it may shrink below zero', async (t) => {
  const server = await startEngineServer(t, giving(100));
  const wire = await dialWire(t, server.port);
  wire.socket.write(Buffer.concat([hello, settingsFrame(setting(settingIds.initialWindowSize, 10)), headersFrame(1, post, true)]));
  await until('ten', () => dataOf(wire, 1) === 10);
  wire.socket.write(settingsFrame(setting(settingIds.initialWindowSize, 4)));
  await pong(wire);
  wire.socket.write(rawFrame(types.windowUpdate, 0, 1, word(6)));
  await pong(wire);
  t.is(dataOf(wire, 1), 10);
  wire.socket.write(rawFrame(types.windowUpdate, 0, 1, word(1)));
  await until('one more', () => dataOf(wire, 1) === 11);
  wire.socket.write(settingsFrame(setting(settingIds.initialWindowSize, 1000)));
  await until('all', () => dataOf(wire, 1) === 100);
  t.deepEqual(server.requests[0]?.heard.endings, [{ how: 'whole', code: 0 }]);
});

test('the window of the connection is shared in turns, a frame each', async (t) => {
  const server = await startEngineServer(t, giving(60_000));
  const wire = await dialWire(t, server.port);
  const window = settingsFrame(setting(settingIds.initialWindowSize, 1_000_000));
  wire.socket.write(Buffer.concat([hello, window, headersFrame(1, post, true), headersFrame(3, post, true), headersFrame(5, post, true)]));
  await until('the first window', () => dataOf(wire, 1) + dataOf(wire, 3) + dataOf(wire, 5) === 65_535);
  for (let n = 0; n < 3; n += 1) wire.socket.write(rawFrame(types.windowUpdate, 0, 0, word(16_384)));
  await pong(wire);
  // The first had nobody beside it when it began.
  t.true(dataOf(wire, 3) >= 16_384 && dataOf(wire, 5) >= 16_384, `${dataOf(wire, 3)} ${dataOf(wire, 5)}`);
  wire.socket.write(rawFrame(types.windowUpdate, 0, 0, word(1_000_000)));
  await until('all', () => dataOf(wire, 1) === 60_000 && dataOf(wire, 3) === 60_000 && dataOf(wire, 5) === 60_000);
});

test('windows of one byte', async (t) => {
  const server = await startEngineServer(t, giving(40));
  const wire = await dialWire(t, server.port);
  wire.socket.write(Buffer.concat([hello, settingsFrame(setting(settingIds.initialWindowSize, 1)), headersFrame(1, post, true)]));
  for (let n = 1; n <= 40; n += 1) {
    await until('a byte', () => dataOf(wire, 1) === n);
    if (n < 40) wire.socket.write(rawFrame(types.windowUpdate, 0, 1, word(1)));
  }
  t.is(wire.frames().findLast(({ type }) => type === types.data)?.flags, flags.endStream);
});

test('a sender that nobody reads stops at the window of its stream, and the others go on', async (t) => {
  const server = await startEngineServer(t, ({ stream, fields, heard }) => {
    if (fields.includes('/stalled')) heard.onData = () => undefined;
    else
      heard.onData = (_stream, _bytes, from, to, end) => {
        stream.consumed(to - from);
        if (end) giving(3)({ stream, fields, heard, end });
      };
  });
  const session = connect(`http://127.0.0.1:${server.port}`);
  t.teardown(() => session.destroy());
  const stalled = session.request({ ':method': 'POST', ':path': '/stalled' });
  stalled.on('error', () => undefined);
  stalled.write(Buffer.alloc(2_000_000));
  await until('it stalls', () => server.requests[0]?.heard.body.length === 128 * 1024);
  const other = session.request({ ':method': 'POST', ':path': '/' });
  other.end(Buffer.alloc(2_000_000));
  const [headers] = (await once(other, 'response')) as [Record<string, unknown>];
  t.is(headers[':status'], 200);
  t.is(server.requests[1]?.heard.body.length, 2_000_000);
  t.is(server.requests[0]?.heard.body.length, 128 * 1024);
  server.requests[0]?.stream.consumed(128 * 1024);
  await until('it goes on', () => server.requests[0]?.heard.body.length === 256 * 1024);
});

test('who sends more than the window takes is cut, by stream or connection', async (t) => {
  const server = await startEngineServer(t, ({ heard }) => (heard.onData = () => undefined), { streamWindow: 65_535, connectionWindow: 150_000 });
  const wire = await dialWire(t, server.port);
  wire.socket.write(Buffer.concat([hello, headersFrame(1, post, false), ...Array.from({ length: 5 }, () => dataFrame(1, 16_384))]));
  await until('reset', () => wire.reset(1) === errors.flowControlError);
  t.is(server.requests[0]?.heard.body.length, 49_152);
  t.deepEqual(server.requests[0]?.heard.endings, [{ how: 'reset', code: errors.flowControlError }]);
});

test('a stream that is paused keeps what comes, and gives it in order when it goes on', async (t) => {
  const server = await startEngineServer(t, ({ stream }) => stream.pause());
  const wire = await dialWire(t, server.port);
  wire.socket.write(Buffer.concat([hello, headersFrame(1, post, false), dataFrame(1, 'ab'), dataFrame(1, 'c'), headersFrame(1, ['x', 'y'], true)]));
  await pong(wire);
  const { stream, heard } = server.requests[0]!;
  t.is(heard.body.length, 0);
  t.is(stream.heldBytes, 3);
  heard.onTrailers = () => giving(1)(server.requests[0]!);
  stream.resume();
  t.is(heard.body.toString(), 'abc');
  t.deepEqual(heard.trailing, ['x', 'y']);
  t.deepEqual(heard.endings, [{ how: 'whole', code: 0 }]);
});

test('a stream that was answered while paused ends when all has been heard, or when it is dropped', async (t) => {
  const server = await startEngineServer(t, ({ stream }) => stream.pause());
  const wire = await dialWire(t, server.port);
  const asked = (id: number): Buffer => Buffer.concat([headersFrame(id, post, false), dataFrame(id, 'ab', true)]);
  wire.socket.write(Buffer.concat([hello, asked(1), asked(3)]));
  await pong(wire);
  const [one, other] = server.requests;
  giving(1)(one!);
  giving(1)(other!);
  t.is(server.connections[0]?.open, 0);
  t.deepEqual([one?.heard.endings, other?.heard.endings], [[], []]);
  one?.stream.resume();
  t.is(one?.heard.body.toString(), 'ab');
  t.deepEqual(one?.heard.endings, [{ how: 'whole', code: 0 }]);
  other?.stream.reset(errors.cancel);
  t.deepEqual(other?.heard.endings, [{ how: 'reset', code: errors.cancel }]);
});

test('what is on its way to a stream that we have reset is no error, and is read for its compression', async (t) => {
  const server = await startEngineServer(t, ({ stream, fields }) => {
    if (fields.includes('/reset')) stream.reset(errors.cancel);
    else giving(1)({ stream } as EngineRequest);
  });
  const wire = await dialWire(t, server.port);
  wire.socket.write(Buffer.concat([hello, headersFrame(1, requestFields('/reset', 'POST'), false)]));
  await until('reset', () => wire.reset(1) === errors.cancel);
  const late = rawFrame(types.headers, flags.endHeaders | flags.endStream, 1, '40 01 78 01 79');
  wire.socket.write(Buffer.concat([dataFrame(1, 1000), late, rawFrame(types.reset, 0, 1, word(8)), rawFrame(types.headers, 5, 3, '82 86 84 0101 61 be')]));
  await until('answered', () => dataOf(wire, 3) === 1);
  t.deepEqual(server.requests[1]?.fields.slice(-2), ['x', 'y']);
  t.is(wire.goaway(), undefined);
});

test('more streams than allowed are refused, and the others go on', async (t) => {
  const server = await startEngineServer(t, () => undefined, { maxConcurrentStreams: 2 });
  const wire = await dialWire(t, server.port);
  wire.socket.write(Buffer.concat([hello, headersFrame(1, post, false), headersFrame(3, post, false), headersFrame(5, post, false)]));
  await until('refused', () => wire.reset(5) === errors.refusedStream);
  t.is(server.requests.length, 2);
  giving(1)(server.requests[0]!);
  wire.socket.write(Buffer.concat([dataFrame(1, 'x', true), headersFrame(7, post, false)]));
  await until('another one', () => server.requests.length === 3);
});

test('goodbye comes in two steps, refuses nothing that is on its way, and ends with the last stream', async (t) => {
  const server = await startEngineServer(t, () => undefined);
  const wire = await dialWire(t, server.port);
  wire.socket.write(Buffer.concat([hello, headersFrame(1, post, true)]));
  await until('asked', () => server.requests.length === 1);
  server.connections[0]?.goodbye();
  const goaways = (): number[] => wire.frames().flatMap(({ type, payload }) => (type === types.goaway ? [payload.readUInt32BE(0)] : []));
  await until('told', () => wire.frames().some(({ type }) => type === types.ping));
  t.deepEqual(goaways(), [2 ** 31 - 1]);
  wire.socket.write(Buffer.concat([headersFrame(3, post, true), rawFrame(types.ping, 1, 0, Buffer.alloc(8)), headersFrame(5, post, true)]));
  await until('told which', () => goaways().length === 2);
  t.is(goaways()[1], 3);
  await pong(wire);
  t.is(server.requests.length, 2);
  for (const request of server.requests) giving(3)(request);
  await until('closed', wire.closed);
  t.is(dataOf(wire, 1) + dataOf(wire, 3), 6);
  await until('closed here as well', () => server.closed() === 1);
});

test('a client that does not answer hears after a second which stream was the last', async (t) => {
  const server = await startEngineServer(t, () => undefined);
  const wire = await dialWire(t, server.port);
  wire.socket.write(hello);
  await pong(wire);
  server.connections[0]?.goodbye();
  server.connections[0]?.sweep();
  server.connections[0]?.sweep();
  await until('closed', wire.closed);
  t.pass();
});

test('streams above the last that a server has looked at may be sent again; the others come to their end, and so does the connection', async (t) => {
  const server = await startWireServer(t);
  const [client, wire] = await Promise.all([dialEngine(t, server.port), server.next()]);
  const [one, other] = [client.ask(requestFields(), true), client.ask(requestFields(), true)];
  await until('asked', () => wire.frames().filter(({ type }) => type === types.headers).length === 2);
  wire.socket.write(rawFrame(types.goaway, 0, 0, Buffer.concat([word(1), word(0)])));
  await until('told', () => other.endings.length > 0);
  t.deepEqual(other.endings, [{ how: 'unsent', code: errors.refusedStream }]);
  t.deepEqual(one.endings, []);
  t.is(client.connection.room, 0);
  wire.socket.write(headersFrame(1, ok, true));
  await until('closed', () => client.closed() === 1);
  t.deepEqual(one.endings, [{ how: 'whole', code: 0 }]);
});

test('a connection that is cut ends all of its streams, once', async (t) => {
  const server = await startEngineServer(t, ({ stream }) => stream.headers(ok, noneSensitive, false));
  const client = await dialEngine(t, server.port);
  const heard = [1, 2, 3].map(() => client.ask(post, false));
  await until('answered', () => heard.every(({ heads }) => heads.length === 1));
  client.connection.destroy();
  await until('heard', () => server.closed() === 1);
  for (const { endings } of [...heard, ...server.requests.map((request) => request.heard)]) t.deepEqual(endings, [{ how: 'lost', code: errors.cancel }]);
  t.is(client.closed(), 1);
});

test('who asks and asks and reads nothing is not read either, until he does', async (t) => {
  const server = await startEngineServer(t, ({ stream }) => stream.headers([...ok, 'a', 'x'.repeat(20_000)], noneSensitive, true));
  const wire = await dialWire(t, server.port);
  wire.socket.pause();
  wire.socket.write(hello);
  const isPaused = (): boolean => server.sockets[0]?.isPaused() === true;
  let asked = 0;
  for (; asked < 1000 && !isPaused(); asked += 20) {
    wire.socket.write(Buffer.concat(Array.from({ length: 20 }, (_, at) => headersFrame(2 * (asked + at) + 1, post, true))));
    await until('looked at', () => isPaused() || server.requests.length === asked + 20);
  }
  t.true(isPaused());
  wire.socket.resume();
  await until('all are answered', () => server.requests.length === asked && !isPaused());
  t.is(server.connections[0]?.open, 0);
});

test('a client of node:http2 hears of resets, trailers and heads as they are', async (t) => {
  const server = await startEngineServer(t, ({ stream, fields }) => {
    if (fields.includes('/reset')) return stream.reset(errors.enhanceYourCalm);
    stream.headers([':status', '103', 'link', '</a>'], noneSensitive, false);
    stream.headers([...ok, 'a', 'b', 'a', 'c', 'long', 'x'.repeat(30_000)], noneSensitive, false);
    send(stream, Buffer.from('hello'), false);
    stream.trailers(['grpc-status', '0', 'grpc-message', ''], noneSensitive);
  });
  const session = connect(`http://127.0.0.1:${server.port}`);
  t.teardown(() => session.destroy());
  const stream = session.request({ ':path': '/' });
  const heard: unknown[] = [];
  stream.on('headers', ({ ':status': status }) => heard.push(status)).on('response', (_headers, _flags, raw: string[]) => heard.push(raw.slice(0, 6)));
  stream.on('data', (chunk: Buffer) => heard.push(chunk.toString())).on('trailers', (_headers: unknown, _flags: number, raw: string[]) => heard.push(raw));
  await once(stream, 'close');
  t.deepEqual(heard, [103, [...ok, 'a', 'b', 'a', 'c'], 'hello', ['grpc-status', '0', 'grpc-message', '']]);
  const reset = session.request({ ':path': '/reset' });
  reset.on('error', () => undefined);
  await new Promise((resolve) => reset.once('close', resolve));
  t.is(reset.rstCode, constants.NGHTTP2_ENHANCE_YOUR_CALM);
});
