import { setImmediate as turn } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { millis } from '../../../src/core/index.ts';
import { until, web } from '../../support/gateway-rig.ts';
import { dialMute, frame, get, greeting, isGoaway, preface } from '../../support/http2-frames.ts';
import { ask, dialHttp2 } from '../../support/http2-rig.ts';
import { valuesOf } from '../../support/raw-message.ts';
import { eachRequest, namesRequest, okWith, startScene } from '../../support/scripted-origin.ts';

/** How a port for HTTP tells HTTP/2 by the first bytes of a connection (RFC 9113 §3.4), and nothing else by them. */

const isHeaders = (type: number): boolean => type === 1;
const isReset = (type: number): boolean => type === 3;

const inPieces = test.macro(async (t: ExecutionContext, size: number) => {
  const { rig, origin } = await startScene(t, namesRequest);
  const client = await dialMute(rig.port);
  t.teardown(() => client.socket.destroy());
  const bytes = Buffer.concat([greeting, get(1)]);
  for (let at = 0; at < bytes.length; at += size) {
    client.socket.write(bytes.subarray(at, at + size));
    await turn();
  }
  await until('answered', () => client.frames().some(isHeaders));
  t.deepEqual(
    origin.requests.map(({ startLine }) => startLine),
    ['GET / HTTP/1.1'],
  );
});
for (const size of [1, 7, 18, 23, 24, 1000]) test(`the preface comes in pieces of ${size}`, inPieces, size);

test('a request that names its host in Host alone is served as that; one that names none is malformed', async (t) => {
  const { rig, origin } = await startScene(t, namesRequest);
  const client = await dialMute(rig.port);
  t.teardown(() => client.socket.destroy());
  // GET / over http by the static table; `host: a` as a literal (RFC 7541 §6.2.2).
  const getRoot = [0x82, 0x86, 0x84];
  client.socket.write(Buffer.concat([greeting, frame('headers', 5, 1, Buffer.from(getRoot))]));
  await until('reset', () => client.frames().some(isReset));
  client.socket.write(frame('headers', 5, 3, Buffer.from([...getRoot, 0x0f, 0x17, 0x01, 0x61])));
  await until('answered', () => client.frames().some(isHeaders));
  t.deepEqual(
    origin.requests.map(({ fields }) => valuesOf(fields, 'host')),
    [['a']],
  );
});

test('a preface that ends otherwise ends the connection', async (t) => {
  const { rig, origin } = await startScene(t, namesRequest);
  const client = await dialMute(rig.port);
  client.socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\rX');
  await until('closed', client.closed);
  t.is(origin.received(), '');
});

for (const [what, bytes] of [
  ['a preface with a field', 'PRI * HTTP/2.0\r\nHost: a\r\n\r\nSM\r\n\r\n'],
  ['a preface in other case', 'pri * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  ['a preface for another version', 'PRI * HTTP/3.0\r\n\r\nSM\r\n\r\n'],
] as const)
  test(`${what} is no request`, async (t) => {
    const { dial, rig } = await startScene(t, namesRequest);
    const client = await dial();
    await client.send(bytes);
    t.regex(await client.rest(), /^HTTP\/1\.1 400 /);
    t.is(rig.gateway.counters.unrouted.get('malformed-request'), 1);
  });

test('behind a request of HTTP/1.1 the preface is no request either', async (t) => {
  const { dial, origin } = await startScene(t, namesRequest);
  const client = await dial();
  await client.send(`GET /first HTTP/1.1\r\nHost: a\r\n\r\n${preface.toString()}`);
  t.regex(await client.rest(), /^HTTP\/1\.1 200 [^]*GET \/firstHTTP\/1\.1 400 /);
  t.is(origin.requests.length, 1);
});

test('connections are counted once, whatever they speak, and those that end are gone', async (t) => {
  const { rig, dial } = await startScene(t, namesRequest);
  const [session, other] = [await dialHttp2(t, rig.port), await dial()];
  await until('both are counted', () => rig.gateway.counters.connections === 2);
  t.is((await ask(session)).status, 200);
  session.destroy();
  await until('one is left', () => rig.gateway.counters.connections === 1);
  other.finish();
  await until('none is left', () => rig.gateway.counters.connections === 0);
  t.pass();
});

test('a client that ends its side of the connection is gone, and so are its requests', async (t) => {
  const { rig, origin } = await startScene(
    t,
    eachRequest(() => undefined),
  );
  const client = await dialMute(rig.port);
  client.socket.write(Buffer.concat([greeting, get(1)]));
  await until('in the pod', () => origin.requests.length === 1);
  client.socket.end();
  await until('closed', client.closed);
  const counters = rig.gateway.counters.workloads.get(web)!;
  await until('nothing is in flight', () => counters.inFlight === 0);
  t.deepEqual([...counters.requests], [[499, 1]]);
});

test('a drain says GOAWAY on such a port too, and what is under way comes to its end', async (t) => {
  const { rig, origin } = await startScene(
    t,
    eachRequest((wire, { target }) => (target === '/slow' ? undefined : wire.send(okWith('fast')))),
  );
  const session = await dialHttp2(t, rig.port);
  const slow = ask(session, { ':path': '/slow' });
  await until('in the pod', () => origin.requests.length === 1);
  const goaway = new Promise((resolve) => session.once('goaway', resolve));
  const drained = rig.gateway.drain({ settle: millis(0), limit: millis(10_000) });
  await goaway;
  await origin.connections[0]?.send(okWith('last'));
  t.is((await slow).body, 'last');
  t.is(await drained, 0);
});

test('what a drain has no time for is reset', async (t) => {
  const { rig, origin } = await startScene(
    t,
    eachRequest((wire) => wire.send('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf')),
  );
  const session = await dialHttp2(t, rig.port);
  const answer = ask(session);
  await until('in the pod', () => origin.requests.length === 1);
  t.is(await rig.gateway.drain({ settle: millis(0), limit: millis(50) }), 1);
  t.not((await answer).code, 0);
});

test('a mute client of HTTP/2 is told GOAWAY at the end of a drain, and cut', async (t) => {
  const { rig } = await startScene(t, namesRequest);
  const client = await dialMute(rig.port);
  client.socket.write(greeting);
  await until('greeted', () => client.frames().length > 0);
  await rig.gateway.drain({ settle: millis(0), limit: millis(50) });
  await until('closed', client.closed);
  t.true(client.frames().some(isGoaway));
});
