import test, { type ExecutionContext } from 'ava';
import { flags, types } from '../../../src/gateway/http2/engine/index.ts';
import { podAt, until, web, type Rig } from '../../support/gateway-rig.ts';
import { startHttp2Rig } from '../../support/http2-rig.ts';
import { dataFrame, dialWire, headersFrame, hello, startWireServer, type WireEnd } from '../../support/http2-wire.ts';
import { readHead } from '../../support/raw-message.ts';
import { startScene, type Scene } from '../../support/scripted-origin.ts';
import type { Wire } from '../../support/wire.ts';

/** A pod that answers before it has read the upload, and closes: the answer is the client's, whole, though writing to the pod fails meanwhile (RFC 9112 §9.6, RFC 9110 §10.1.1). */

/** More than a write of text: it goes on in the turn in which it comes. */
const upload = 'y'.repeat(300_000);
const post = `POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 5000000\r\n\r\n${'y'.repeat(1000)}`;
const why = 'x'.repeat(10_000);
const date = 'Date: Thu, 01 Jan 2026 00:00:00 GMT';

interface Early {
  readonly status: number;
  readonly sent: string;
  readonly received: string;
}

const withLength: Early = {
  status: 413,
  sent: `HTTP/1.1 413 Too Much\r\n${date}\r\nContent-Length: ${why.length}\r\n\r\n${why}`,
  received: `HTTP/1.1 413 Too Much\r\n${date}\r\nContent-Length: ${why.length}\r\nConnection: close\r\n\r\n${why}`,
};
const chunks = `${why.length.toString(16)}\r\n${why}\r\n0\r\n\r\n`;
const inChunks: Early = {
  status: 200,
  sent: `HTTP/1.1 200 OK\r\n${date}\r\nTransfer-Encoding: chunked\r\n\r\n${chunks}`,
  received: `HTTP/1.1 200 OK\r\n${date}\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n${chunks}`,
};
const byClose = `HTTP/1.1 403 No\r\n${date}\r\n\r\n${why}`;

/** How the pod ends the connection, right behind its answer. */
type End = (wire: Wire) => void;
const withBytesUnread: End = (wire) => void wire.socket.destroy();
const byReset: End = (wire) => wire.reset();

const countedBy = async (rig: Rig): Promise<readonly (readonly [number, number])[]> => {
  const counters = rig.gateway.counters.workloads.get(web)!;
  await until('over', () => counters.inFlight === 0);
  return [...counters.requests];
};

/** Answers in the middle of an upload. `client`: writes more of it in the same turn, ahead of the answer, so that the gateway writes to the connection before it has heard what came over it. */
const answersEarly = (t: ExecutionContext, answer: string, end: End, client: { more: () => void }): Promise<Scene> =>
  startScene(t, async (wire) => {
    await readHead(wire);
    await wire.take(1000);
    wire.socket.pause();
    client.more();
    wire.socket.write(answer, 'latin1');
    end(wire);
  });

const rounds = 10;

const passesOn = test.macro({
  title: (what) => `${what} comes to a client in the middle of its upload, byte for byte, and the client is told that nobody reads the rest`,
  exec: async (t, { status, sent, received }: Early, end: End) => {
    const now = { more: (): void => undefined };
    const { rig, dial } = await answersEarly(t, sent, end, now);
    for (let round = 0; round < rounds; round += 1) {
      const client = await dial();
      now.more = () => void client.socket.write(upload);
      await client.send(post);
      const got = await client.rest();
      t.true(got === received, got.slice(0, 300));
    }
    t.deepEqual(await countedBy(rig), [[status, rounds]]);
  },
});
test('a 413 with a length, of a pod that closes with bytes unread,', passesOn, withLength, withBytesUnread);
test('a 413 with a length, of a pod that resets the connection,', passesOn, withLength, byReset);
test('a 200 in chunks, of a pod that closes with bytes unread,', passesOn, inChunks, withBytesUnread);
test('a 200 in chunks, of a pod that resets the connection,', passesOn, inChunks, byReset);

test('an answer that only the end of its connection would end is cut for the client where that is a reset', async (t) => {
  const now = { more: (): void => undefined };
  const { rig, dial } = await answersEarly(t, byClose, byReset, now);
  for (let round = 0; round < rounds; round += 1) {
    const client = await dial();
    now.more = () => void client.socket.write(upload);
    await client.send(post);
    const got = await client.rest();
    t.true(got === '' || got.startsWith('HTTP/1.1 403 No\r\n'), got.slice(0, 100));
    t.false(got.endsWith('0\r\n\r\n'));
  }
  t.deepEqual(await countedBy(rig), [[403, rounds]]);
});

test('a pod that breaks an upload off without an answer is still told of by 502', async (t) => {
  const now = { more: (): void => undefined };
  const { rig, dial } = await answersEarly(t, '', byReset, now);
  const client = await dial();
  now.more = () => void client.socket.write(upload);
  await client.send(post);
  t.regex(await client.rest(), /^HTTP\/1\.1 502 Bad Gateway\r\n.*\r\nConnection: close\r\n/s);
  t.deepEqual(await countedBy(rig), [[502, 1]]);
});

/** What a client of HTTP/2 has heard on its stream, in order. */
const heardOn = (client: WireEnd, stream: number): readonly string[] => {
  const heard: string[] = [];
  let body = '';
  for (const frame of client.frames()) {
    if (frame.stream !== stream || frame.type === types.windowUpdate) continue;
    if (frame.type === types.data) body += frame.payload.toString('latin1');
    else heard.push(frame.type === types.reset ? `reset ${frame.payload.readUInt32BE(0)}` : 'headers');
    if ((frame.flags & flags.endStream) !== 0) heard.push(body === why ? 'all of the answer' : `an answer of ${body.length} bytes`);
  }
  return heard;
};

const requestFields = [':method', 'POST', ':scheme', 'http', ':path', '/upload', ':authority', 'a'];
const someFrames = Buffer.concat([1, 2, 3, 4].map(() => dataFrame(1, 16_000)));

/** A client that is in the middle of an upload, of which `more` writes some. */
const uploading = async (t: ExecutionContext, rig: Rig): Promise<{ readonly client: WireEnd; readonly more: () => void }> => {
  const client = await dialWire(t, rig.port);
  client.socket.write(Buffer.concat([hello, headersFrame(1, requestFields, false), dataFrame(1, 1000)]));
  return { client, more: () => void client.socket.write(someFrames) };
};

const whole = ['headers', 'all of the answer', 'reset 0'];

test('the same to a client of HTTP/2, from a pod of HTTP/1.1: the answer, whole, and RST_STREAM NO_ERROR', async (t) => {
  const now = { more: (): void => undefined };
  const { rig } = await startScene(t, async (wire) => {
    await readHead(wire);
    await wire.until('3e8\r\n');
    wire.socket.pause();
    now.more();
    wire.socket.write(withLength.sent, 'latin1');
    wire.reset();
  });
  for (let round = 0; round < rounds; round += 1) {
    const { client, more } = await uploading(t, rig);
    now.more = more;
    await until('the end of the stream', () => client.reset(1) !== undefined);
    t.deepEqual(heardOn(client, 1), whole);
  }
  t.deepEqual(await countedBy(rig), [[413, rounds]]);
});

test('the same to a client of HTTP/2, from a pod of HTTP/2 that ends its connection with the answer', async (t) => {
  const server = await startWireServer(t);
  const rig = await startHttp2Rig(t, { pods: [podAt(server.port)] });
  for (let round = 0; round < rounds; round += 1) {
    const { client, more } = await uploading(t, rig);
    const pod = await server.next();
    await until('the upload', () => pod.frames().some(({ type }) => type === types.data));
    pod.socket.pause();
    more();
    const stream = pod.frames().find(({ type }) => type === types.headers)!.stream;
    pod.socket.write(Buffer.concat([headersFrame(stream, [':status', '413', 'content-length', String(why.length)], false), dataFrame(stream, why, true)]));
    pod.socket.resetAndDestroy();
    await until('the end of the stream', () => client.reset(1) !== undefined);
    t.deepEqual(heardOn(client, 1), whole);
  }
  t.deepEqual(await countedBy(rig), [[413, rounds]]);
});
