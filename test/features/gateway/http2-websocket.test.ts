import { createHash } from 'node:crypto';
import type { ClientHttp2Session, ClientHttp2Stream, OutgoingHttpHeaders } from 'node:http2';
import test, { type ExecutionContext } from 'ava';
import { WebSocket, WebSocketServer } from 'ws';
import { frameOf, FrameReader } from '../../bench/gateway/websocket-frames.ts';
import { parseJson, podAt, until, web } from '../../support/gateway-rig.ts';
import { answerOf, ask, startHttp2Scene, type Answer } from '../../support/http2-rig.ts';
import { readHead, valuesOf, without, type Field } from '../../support/raw-message.ts';
import { okWith, type Script } from '../../support/scripted-origin.ts';
import { skippingClock } from '../../support/skipping-clock.ts';
import { startTranslatedScene } from '../../support/translated-scene.ts';
import type { Wire } from '../../support/wire.ts';

/** WebSocket over HTTP/2 (RFC 8441): a stream that becomes a connection. */

const connectFields = (path = '/chat', more: OutgoingHttpHeaders = {}): OutgoingHttpHeaders => ({
  ':method': 'CONNECT',
  ':protocol': 'websocket',
  ':path': path,
  'sec-websocket-version': '13',
  ...more,
});

interface Opened {
  readonly stream: ClientHttp2Stream;
  readonly end: Promise<Answer>;
}

const open = (session: ClientHttp2Session, fields = connectFields()): Opened => {
  const stream = session.request(fields, { endStream: false, waitForTrailers: true });
  return { stream, end: answerOf(stream) };
};

const acceptOf = (key: string): string => createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');

/** A pod that changes to WebSocket and leaves the rest to `then`. */
const changes =
  (then: (wire: Wire, fields: readonly Field[]) => Promise<void>, head = ''): Script =>
  async (wire) => {
    const { fields } = await readHead(wire);
    const accept = acceptOf(valuesOf(fields, 'sec-websocket-key')[0] ?? '');
    await wire.send(`HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n${head}\r\n`);
    await then(wire, fields);
  };

const echo: Script = changes(async (wire) => {
  for (;;) await wire.send(await wire.take(4));
});

test('a port of HTTP announces extended CONNECT, and a stream becomes a WebSocket to a pod of HTTP/1.1', async (t) => {
  let seen: readonly Field[] = [];
  const { session, origin, counted } = await startTranslatedScene(
    t,
    changes(async (wire, fields) => {
      seen = fields;
      await wire.send('hello');
      t.is(await wire.take(4), 'ping');
      await wire.send('pong');
      await wire.rest();
      wire.finish();
    }, 'Sec-WebSocket-Protocol: chat\r\n'),
  );
  t.true(session.remoteSettings.enableConnectProtocol);
  const { stream, end } = open(
    session,
    connectFields('/chat?room=1', { 'sec-websocket-protocol': 'chat, talk', origin: 'http://a', 'sec-websocket-key': 'mine' }),
  );
  stream.write('ping');
  let got = '';
  stream.on('data', (chunk: Buffer) => (got += chunk.toString()));
  await until('all is there', () => got === 'hellopong');
  stream.end();
  const { status, headers, code } = await end;
  t.deepEqual([status, code], [200, 0]);
  t.is(headers['sec-websocket-protocol'], 'chat');
  t.deepEqual(
    ['sec-websocket-accept', 'upgrade', 'connection'].map((name) => headers[name]),
    [undefined, undefined, undefined],
  );
  t.is(origin.received().split('\r\n')[0], 'GET /chat?room=1 HTTP/1.1');
  const [key] = valuesOf(seen, 'sec-websocket-key');
  t.is(Buffer.from(key ?? '', 'base64').length, 16);
  t.deepEqual(
    without(seen, 'host', 'sec-websocket-key', 'x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-host')
      .map(([name, value]) => `${name.toLowerCase()}: ${value}`)
      .sort(),
    ['connection: Upgrade', 'origin: http://a', 'sec-websocket-protocol: chat, talk', 'sec-websocket-version: 13', 'upgrade: websocket'],
  );
  t.deepEqual(await counted(), [[200, 1]]);
});

test('it is held at zero, and counts as in flight until it is closed', async (t) => {
  const { session, rig, origin, counted } = await startTranslatedScene(t, echo, { pods: [] });
  const { stream, end } = open(session);
  await until('held', () => rig.pokes.length === 1);
  await rig.route({ pods: [podAt(origin.port)] });
  let got = '';
  stream.on('data', (chunk: Buffer) => (got += chunk.toString()));
  stream.write('abcd');
  await until('echoed', () => got === 'abcd');
  const counters = rig.gateway.counters.workloads.get(web)!;
  t.is(counters.inFlight, 1);
  await until('reported', () => rig.reports.some(({ inFlight }) => inFlight === 1));
  t.is(counters.inFlight, 1);
  t.is(rig.firstBytes.length, 1);
  stream.end();
  t.is((await end).code, 0);
  t.deepEqual(await counted(), [[200, 1]]);
});

test('resets are mapped each way: RST_STREAM to RST, and RST to CANCEL', async (t) => {
  const { session, origin, counted } = await startTranslatedScene(t, echo);
  const [one, other] = [open(session, connectFields('/1')), open(session, connectFields('/2'))];
  await until('both are open', () => origin.connections.length === 2);
  for (const { stream } of [one, other]) stream.write('abcd');
  await until('both are echoed', () => origin.connections.every(({ received }) => received.endsWith('abcd')));
  const [first, second] = origin.connections[0]?.received.startsWith('GET /1') === true ? origin.connections : [...origin.connections].reverse();
  one.stream.close(8);
  await until('the pod is told', () => first?.failure === 'ECONNRESET');
  second?.reset();
  t.is((await other.end).code, 8);
  await one.end;
  t.deepEqual(await counted(), [[200, 2]]);
});

test('a WebSocket that the pod refuses is answered as the pod says', async (t) => {
  const { session, origin, counted } = await startTranslatedScene(t, async (wire) => {
    await readHead(wire);
    await wire.send('HTTP/1.1 403 No\r\nContent-Length: 2\r\nX-Why: b\r\n\r\nno');
    await readHead(wire);
    await wire.send(okWith('next'));
  });
  const { status, body, headers, code } = await open(session).end;
  t.deepEqual([status, body, headers['x-why'], code], [403, 'no', 'b', 0]);
  t.is((await ask(session)).body, 'next');
  t.is(origin.connections.length, 1, 'the connection to the pod goes on');
  t.deepEqual(await counted(), [
    [200, 1],
    [403, 1],
  ]);
});

for (const [what, answer] of [
  ['passes over the offer', okWith('page')],
  ['changes to something else', 'HTTP/1.1 101 Go\r\nConnection: Upgrade\r\nUpgrade: chat\r\n\r\n'],
  [
    'does not prove that it means this request',
    'HTTP/1.1 101 Go\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n',
  ],
  ['proves nothing', 'HTTP/1.1 101 Go\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'],
] as const)
  test(`a pod that ${what} is no pod of WebSocket: 502`, async (t) => {
    const { session, counted } = await startTranslatedScene(t, async (wire) => {
      await readHead(wire);
      await wire.send(answer);
    });
    const { status, body, code } = await open(session).end;
    t.deepEqual([status, code], [502, 0]);
    t.like(parseJson(body), { code: 'upstream-reset', detail: 'the pod does not speak WebSocket here' });
    t.deepEqual(await counted(), [[502, 1]]);
  });

for (const [what, fields, status] of [
  ['plain CONNECT', { ':method': 'CONNECT', ':authority': 'a:443' }, 400],
  ['another :protocol', { ...connectFields(), ':protocol': 'connect-udp' }, 501],
] as const)
  test(`${what} is refused`, async (t) => {
    const { session, origin } = await startTranslatedScene(t, echo);
    const answer = await open(session, fields).end;
    t.is(answer.status, status);
    t.is(origin.received(), '');
  });

test('a silence too long ends it', async (t) => {
  const clock = skippingClock();
  const idle = await startTranslatedScene(t, echo, { idleTimeoutMs: 60_000 }, { clock });
  const { stream, end } = open(idle.session);
  stream.once('response', () => clock.skip(60_000));
  t.is((await end).code, 2);
  t.deepEqual(await idle.counted(), [[200, 1]]);
});

/** A client of WebSocket whose connection is a stream: `ws` speaks to it over a pair of sockets. */
const throughStream = (
  t: ExecutionContext,
  session: ClientHttp2Session,
  path: string,
): { readonly say: (text: string) => void; readonly heard: readonly string[]; readonly end: Promise<Answer> } => {
  const { stream, end } = open(session, connectFields(path));
  const heard: string[] = [];
  const reader = new FrameReader((payload) => heard.push(payload.toString()));
  stream.on('data', (chunk: Buffer) => reader.read(chunk)).on('end', () => stream.end());
  t.teardown(() => stream.destroy());
  return { say: (text) => stream.write(frameOf(Buffer.from(text), Buffer.from([1, 2, 3, 4]))), heard, end };
};

test('a server of WebSocket (ws) takes it for one of its own, beside one that came over HTTP/1.1', async (t) => {
  const sockets = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  sockets.on('connection', (socket) => socket.on('message', (data: Buffer, binary) => socket.send(`<${data.toString()}>`, { binary })));
  await new Promise((resolve) => sockets.on('listening', resolve));
  t.teardown(() => {
    for (const socket of sockets.clients) socket.terminate();
    sockets.close();
  });
  const address = sockets.address();
  const { session, rig, counted } = await startTranslatedScene(t, echo);
  await rig.route({ pods: [podAt(typeof address === 'object' && address !== null ? address.port : 0)] });
  const { say, heard, end } = throughStream(t, session, '/ws');
  say('one');
  say('two');
  await until('echoed', () => heard.length === 2);
  t.deepEqual(heard, ['<one>', '<two>']);
  const old = new WebSocket(`ws://127.0.0.1:${rig.port}/old`);
  const came = new Promise((resolve) => old.once('message', (data: Buffer) => resolve(data.toString())));
  old.on('open', () => old.send('three'));
  t.is(await came, '<three>');
  old.terminate();
  for (const socket of sockets.clients) socket.terminate();
  t.is((await end).status, 200);
  t.deepEqual(await counted(), [
    [101, 1],
    [200, 1],
  ]);
});

test('to a pod of HTTP/2 it goes on as it is, where the pod has announced it', async (t) => {
  const { session, origin, rig } = await startHttp2Scene(
    t,
    (stream) => {
      stream.respond({ ':status': 200, 'sec-websocket-protocol': 'chat' });
      stream.pipe(stream);
    },
    {},
    { settings: { enableConnectProtocol: true } },
  );
  const { stream, end } = open(session, connectFields('/chat', { 'sec-websocket-protocol': 'chat' }));
  let got = '';
  stream.on('data', (chunk: Buffer) => (got += chunk.toString()));
  stream.write('abcd');
  await until('echoed', () => got === 'abcd');
  const counters = rig.gateway.counters.workloads.get(web)!;
  t.is(counters.inFlight, 1);
  stream.end('last');
  const { status, body, headers, code } = await end;
  t.deepEqual([status, body, headers['sec-websocket-protocol'], code], [200, 'abcdlast', 'chat', 0]);
  const [seen] = origin.requests;
  t.deepEqual([seen?.headers[':method'], seen?.headers[':protocol'], seen?.headers[':path']], ['CONNECT', 'websocket', '/chat']);
  await until('ended', () => counters.inFlight === 0);
  t.deepEqual([...counters.requests], [[200, 1]]);
});

test('a pod of HTTP/2 that has not announced it gets none: 502', async (t) => {
  const { session, origin } = await startHttp2Scene(t, (stream) => stream.respond({ ':status': 200 }, { endStream: true }));
  const { status, body } = await open(session).end;
  t.is(status, 502);
  t.like(parseJson(body), { code: 'upstream-reset', detail: 'the pod does not speak WebSocket here' });
  t.is(origin.requests.length, 0);
});
