import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import type { ConnectionOptions, TLSSocket } from 'node:tls';
import test, { type ExecutionContext } from 'ava';
import type { KeyedCertificate } from '../../../src/certificates/index.ts';
import { millis, silentLogger, systemClock, type Clock } from '../../../src/core/index.ts';
import { podAt, startRig, until, web } from '../../support/gateway-rig.ts';
import { closes, readAnswer, readHead, readRequest, valuesOf } from '../../support/raw-message.ts';
import { eachRequest, namesRequest, okWith, startScene, type Scene, type Script } from '../../support/scripted-origin.ts';
import { certificateFor, dialTls, follow, startRelay, temporaryDirectory, writePair } from '../../support/tls-rig.ts';
import { dial, WireEnded, type Wire } from '../../support/wire.ts';

const host = 'web.default.localhost';
const get = `GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`;
const post = `POST / HTTP/1.1\r\nHost: ${host}\r\n`;

interface TlsScene extends Scene {
  readonly port: number;
  readonly dialTls: (options?: ConnectionOptions) => Promise<Wire & { readonly socket: TLSSocket }>;
  readonly counted: () => readonly (readonly [number, number])[];
  readonly rejected: () => Readonly<Record<string, number>>;
}

/** A pod behind the shared port over TLS, with a certificate of its own name and one for clients without a name. */
const startTlsScene = async (t: ExecutionContext, script: Script, names: readonly string[] = [host]): Promise<TlsScene> => {
  const directory = await temporaryDirectory(t);
  await writePair(directory, 'web', await certificateFor(...names));
  const { certificates } = await follow(t, directory);
  const scene = await startScene(t, script, {}, { tls: { port: 0, certificates } });
  const port = scene.rig.gateway.tlsPort ?? 0;
  return {
    ...scene,
    port,
    dialTls: (options) => dialTls(t, port, options),
    counted: () => [...(scene.rig.gateway.counters.workloads.get(web)?.requests ?? [])],
    rejected: () => Object.fromEntries(scene.rig.gateway.counters.rejectedConnections),
  };
};
const inFlight = ({ rig }: Scene): number => rig.gateway.counters.workloads.get(web)?.inFlight ?? 0;

/** Its looks at files come one right after the other. */
const lookingOften: Clock = { ...systemClock, sleep: (delay, signal) => systemClock.sleep(millis(Math.min(delay, 10)), signal) };

/** Everything is the test's. */
const byHand: Script = () => Promise.resolve();

test('a request over TLS goes to the workload of its host, and the pod is told that it came by https', async (t) => {
  const { origin, dialTls, counted } = await startTlsScene(t, namesRequest);
  const client = await dialTls();
  t.is(client.socket.getProtocol(), 'TLSv1.3');
  t.is(client.socket.alpnProtocol, 'http/1.1');
  await client.send(`GET /a?b HTTP/1.1\r\nHost: ${host}\r\nX-Forwarded-Proto: http\r\nX-Forwarded-For: 9.9.9.9\r\n\r\n`);
  t.is((await readAnswer(client)).body, 'GET /a?b');
  const fields = origin.requests[0]?.fields ?? [];
  t.deepEqual(valuesOf(fields, 'x-forwarded-proto'), ['https']);
  t.deepEqual(valuesOf(fields, 'x-forwarded-for'), ['127.0.0.1']);
  t.deepEqual(valuesOf(fields, 'x-forwarded-host'), [host]);
  t.deepEqual(counted(), [[200, 1]]);
});

test('requests in a pipeline, a body in chunks with trailers and HEAD come through as without TLS, over one connection', async (t) => {
  const { origin, dialTls } = await startTlsScene(t, namesRequest);
  const client = await dialTls();
  await client.sendApart(
    `${get}${post}Transfer-Encoding: chunked\r\nTrailer: X\r\n\r\n5\r\nhello\r\n0\r\nX: 1\r\n\r\nHEAD /h HTTP/1.1\r\nHost: ${host}\r\n\r\n`,
  );
  t.is((await readAnswer(client)).body, 'GET /');
  t.is((await readAnswer(client)).body, 'POST /');
  t.is((await readAnswer(client, 'HEAD')).status, 200);
  t.deepEqual(
    origin.requests.map(({ method, body, trailers }) => [method, body, trailers]),
    [
      ['GET', '', []],
      ['POST', 'hello', [['X', '1']]],
      ['HEAD', '', []],
    ],
  );
});

test('what is no HTTP inside TLS is 400 and the end of the connection', async (t) => {
  const { dialTls } = await startTlsScene(t, namesRequest);
  const client = await dialTls();
  await client.send('GET / HTTP/1.1\nHost: a\n\n');
  const answer = await readAnswer(client);
  t.is(answer.status, 400);
  t.true(closes(answer));
  t.is(await client.rest(), '');
  t.is(client.failure, undefined);
});

test('a host that no workload has is 404 whatever name the handshake gave, and Host decides where both differ', async (t) => {
  const { dialTls } = await startTlsScene(t, namesRequest, [host, 'other.example']);
  const client = await dialTls({ servername: 'other.example' });
  await client.send(`GET / HTTP/1.1\r\nHost: other.example\r\n\r\n${get}`);
  t.is((await readAnswer(client)).status, 404);
  t.is((await readAnswer(client)).body, 'GET /');
});

for (const framing of ['with a length', 'in chunks', 'up to its end'] as const) {
  const head = { 'with a length': 'Content-Length: 8\r\n', 'in chunks': 'Transfer-Encoding: chunked\r\n', 'up to its end': '' }[framing];
  const half = framing === 'in chunks' ? '4\r\nhalf\r\n' : 'half';
  const rest = framing === 'in chunks' ? '4\r\nhalf\r\n0\r\n\r\n' : 'half';

  test(`over TLS, a client that has ended its side still gets the rest of an answer ${framing}, and a clean end`, async (t) => {
    const { origin, dialTls, counted } = await startTlsScene(t, byHand);
    const client = await dialTls();
    await client.send(get);
    const pod = await origin.connection(0);
    await readRequest(pod);
    await pod.send(`HTTP/1.1 200 OK\r\n${head}\r\n${half}`);
    await until('begun', () => client.received.includes('half'));
    client.finish();
    await pod.sendApart(rest);
    if (head === '') pod.finish();
    t.is((await readAnswer(client)).body, 'halfhalf');
    t.is(await client.rest(), '');
    t.is(client.failure, undefined);
    t.deepEqual(counted(), [[200, 1]]);
  });

  test(`over TLS, a pod that breaks off in the middle of an answer ${framing} is seen to break off`, async (t) => {
    const scene = await startTlsScene(t, byHand);
    const client = await scene.dialTls();
    // For HTTP/1.0 the end of the connection is the end of the answer, so that breaking off is a reset.
    await client.send(head === '' ? get.replace('HTTP/1.1', 'HTTP/1.0') : get);
    const pod = await scene.origin.connection(0);
    await readRequest(pod);
    await pod.send(`HTTP/1.1 200 OK\r\n${head}\r\n${half}`);
    await until('begun', () => client.received.includes('half'));
    pod.reset();
    if (head !== '') await t.throwsAsync(readAnswer(client), { instanceOf: WireEnded });
    else {
      await until('broken off', () => client.ended);
      t.is(client.failure, 'ECONNRESET');
    }
    await until('over', () => inFlight(scene) === 0);
    t.deepEqual(scene.counted(), [[200, 1]]);
  });
}

for (const how of ['finish', 'reset'] as const)
  test(`over TLS, a client that leaves before its answer (${how}) ends its request at the pod and counts as 499`, async (t) => {
    const scene = await startTlsScene(t, byHand);
    const client = await scene.dialTls();
    await client.send(get);
    const pod = await scene.origin.connection(0);
    await readRequest(pod);
    if (how === 'finish') client.finish();
    else client.socket.destroy();
    await pod.rest();
    await until('over', () => inFlight(scene) === 0);
    t.deepEqual(scene.counted(), [[499, 1]]);
  });

test('over TLS, an early answer to an upload of 5 MB arrives whole', async (t) => {
  const tooMuch = 'x'.repeat(10_000);
  const { dialTls, counted } = await startTlsScene(t, async (wire) => {
    await readHead(wire);
    await wire.take(1000);
    await wire.send(`HTTP/1.1 413 Too Much\r\nContent-Length: ${tooMuch.length}\r\n\r\n${tooMuch}`);
  });
  const client = await dialTls();
  const body = 'y'.repeat(5_000_000);
  const sent = client.send(`${post}Content-Length: ${body.length}\r\n\r\n${body}`);
  const answer = await readAnswer(client);
  t.is(answer.status, 413);
  t.true(answer.body === tooMuch);
  await sent;
  t.deepEqual(counted(), [[413, 1]]);
});

test('over TLS, whoever is slow holds the other side back: a client that does not read stops the pod, a pod that does not read stops the client', async (t) => {
  const most = 100_000_000;
  const piece = 'z'.repeat(100_000);
  /** Writes until nothing more is taken. */
  const pour = async (wire: Wire): Promise<number> => {
    let written = 0;
    while (written < most) {
      written += piece.length;
      if (wire.socket.write(piece)) continue;
      const drained = await Promise.race([once(wire.socket, 'drain').then(() => true), new Promise((resolve) => setTimeout(() => resolve(false), 400))]);
      if (drained === false) break;
    }
    return written;
  };
  const scene = await startTlsScene(t, byHand);
  const [download, upload] = [await scene.dialTls(), await scene.dialTls()];
  await download.send(get);
  const pod = await scene.origin.connection(0);
  await readRequest(pod);
  download.socket.pause();
  await pod.send(`HTTP/1.1 200 OK\r\nContent-Length: ${most}\r\n\r\n`);
  t.true((await pour(pod)) < most);
  await upload.send(`${post}Content-Length: ${most}\r\n\r\n`);
  const second = await scene.origin.connection(1);
  await readHead(second);
  second.socket.pause();
  t.true((await pour(upload)) < most);
});

test('over TLS, after 101 the two connections are joined: bytes, half-close and breaking off go both ways', async (t) => {
  const scene = await startTlsScene(t, async (wire) => {
    await readHead(wire);
    await wire.send('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nhello');
    await wire.until('ping');
    await wire.send('pong');
    await wire.rest();
    await wire.send('late');
    wire.finish();
  });
  const upgrade = `GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n`;
  const client = await scene.dialTls();
  await client.send(`${upgrade}pi`);
  t.is((await readAnswer(client)).status, 101);
  t.is(await client.take(5), 'hello');
  await client.send('ng');
  t.is(await client.until('pong'), 'pong');
  t.is(inFlight(scene), 1);
  client.finish();
  t.is(await client.rest(), 'late');
  t.is(client.failure, undefined);
  await until('over', () => inFlight(scene) === 0);

  const other = await scene.dialTls();
  await other.send(upgrade);
  await other.until('hello');
  (await scene.origin.connection(1)).reset();
  await other.rest();
  t.is(other.failure, 'ECONNRESET');
  await until('over', () => inFlight(scene) === 0);
  t.deepEqual(scene.counted(), [[101, 2]]);
});

test('a client that speaks HTTP without TLS is told so', async (t) => {
  const { port, rejected } = await startTlsScene(t, namesRequest);
  const client = await dial(t, port);
  await client.send(get);
  const answer = await readAnswer(client);
  t.is(answer.status, 400);
  t.true(closes(answer));
  t.regex(answer.body, /this port speaks HTTPS/);
  await client.rest();
  t.deepEqual(rejected(), { 'plain-http': 1 });
});

test('garbage, a protocol of before 2008 and a client that offers other protocols alone are refused; whoever leaves without a word is not counted', async (t) => {
  const { port, rejected, rig, dialTls } = await startTlsScene(t, namesRequest);
  const silent = await dial(t, port);
  silent.finish();
  t.is(await silent.rest(), '');
  t.deepEqual(rejected(), {});
  const client = await dial(t, port);
  await client.send('\0garbage\r\n\r\n'.repeat(100));
  await client.rest();
  await t.throwsAsync(dialTls({ minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' }), { message: /alert protocol version/ });
  await t.throwsAsync(dialTls({ ALPNProtocols: ['spdy/3', 'http/1.0'] }), { message: /no application protocol/ });
  await until('counted', () => rejected()['tls-handshake-failed'] === 3);
  await until('nothing is left open', () => rig.gateway.counters.connections === 0);
  t.is(new Map(Object.entries(rejected())).size, 1);
});

test('without a certificate for it a name is refused as unrecognized', async (t) => {
  const { dialTls, rejected } = await startTlsScene(t, namesRequest);
  await t.throwsAsync(dialTls({ servername: 'other.example' }), { code: 'ERR_SSL_TLSV1_UNRECOGNIZED_NAME' });
  await until('counted', () => rejected()['tls-unrecognized-name'] === 1);
  // No name at all.
  await t.throwsAsync(dialTls({ servername: '' }), { message: /handshake failure/ });
});

test('a drain ends each connection over TLS with its answer and close_notify, and one in its handshake soon', async (t) => {
  const directory = await temporaryDirectory(t);
  await writePair(directory, '', await certificateFor(host));
  const { certificates } = await follow(t, directory);
  const scene = await startScene(t, byHand, {}, { tls: { port: 0, certificates } });
  const port = scene.rig.gateway.tlsPort ?? 0;
  const [busy, idle, silent] = [await dialTls(t, port), await dialTls(t, port), connect(port, '127.0.0.1')];
  t.teardown(() => silent.destroy());
  await once(silent, 'connect');
  await idle.send(get);
  const first = await scene.origin.connection(0);
  await readRequest(first);
  await first.send(okWith('first'));
  t.false(closes(await readAnswer(idle)));
  await busy.send(get);
  await until('on its way', () => inFlight(scene) === 1);
  const drained = scene.rig.gateway.drain({ settle: millis(0), limit: millis(10_000) });
  t.is(await idle.rest(), '');
  await readRequest(first);
  await first.send(okWith('second'));
  const answer = await readAnswer(busy);
  t.is(answer.body, 'second');
  t.true(closes(answer));
  t.is(await busy.rest(), '');
  t.deepEqual([busy.failure, idle.failure], [undefined, undefined]);
  t.is(await drained, 0);
});

test('the end of a connection is told by close_notify, so that it cannot be taken for a cut', async (t) => {
  const { port, rejected } = await startTlsScene(t, namesRequest);
  const relay = await startRelay(t, port);
  // In TLS 1.2 the type of a record is there to be seen: 21 is an alert, and an answer that ends the connection is followed by no other.
  const client = await dialTls(t, relay.port, { maxVersion: 'TLSv1.2' });
  await client.send(get.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n'));
  t.true(closes(await readAnswer(client)));
  t.is(await client.rest(), '');
  const types: number[] = [];
  const bytes = relay.cameBack();
  for (let at = 0; at < bytes.length; at += 5 + bytes.readUInt16BE(at + 3)) types.push(bytes[at] ?? 0);
  t.deepEqual([types.at(-1), types.filter((type) => type === 21).length], [21, 1]);
  t.deepEqual(rejected(), {});
});

test('what TLS costs in memory is counted for a request that is held', async (t) => {
  const { rig, dial: dialOwn, dialTls } = await startTlsScene(t, namesRequest);
  await rig.route({ pods: [] });
  const figures = rig.gateway.counters.workloads.get(web);
  const own = await dialOwn();
  await own.send(get);
  await until('held', () => figures?.held === 1);
  const plain = figures?.heldBytes ?? 0;
  const client = await dialTls();
  await client.send(get);
  await until('held, too', () => figures?.held === 2);
  t.is((figures?.heldBytes ?? 0) - plain, plain + 3 * 16 * 1024);
});

test('a certificate that is replaced is served to whoever comes next; connections that are open go on, and a broken pair changes nothing', async (t) => {
  const directory = await temporaryDirectory(t);
  const [before, later] = [await certificateFor(host), await certificateFor(host)];
  await writePair(directory, '', before);
  const logged: unknown[] = [];
  const { certificates } = await follow(t, directory, {
    clock: lookingOften,
    logger: { ...silentLogger, error: (_message, fields) => logged.push(fields?.problem) },
  });
  const scene = await startScene(t, namesRequest, {}, { tls: { port: 0, certificates } });
  const port = scene.rig.gateway.tlsPort ?? 0;
  const served = async (options: ConnectionOptions = {}): Promise<string> => {
    const client = await dialTls(t, port, options);
    const { raw } = client.socket.getPeerCertificate();
    await client.send(get);
    t.is((await readAnswer(client)).body, 'GET /');
    return new X509Certificate(raw).toString();
  };
  /** With its name, and without, when the default is served. */
  const bothAre = async (pair: KeyedCertificate): Promise<void> => {
    for (const options of [{}, { servername: '', checkServerIdentity: () => undefined }])
      t.is(await served(options), new X509Certificate(pair.certificatePem).toString());
  };
  const open = await dialTls(t, port);
  await bothAre(before);
  const first = certificates.fallback;
  await writePair(directory, '', later);
  await until('read anew', () => certificates.fallback !== first);
  // Two files cannot be replaced at once: a look between them finds a pair that is none.
  logged.length = 0;
  await bothAre(later);
  await writeFile(join(directory, 'tls.key'), 'nonsense');
  await until('told', () => logged.length > 0);
  t.regex(String(logged[0]), /tls\.key holds no private key/);
  await bothAre(later);
  await open.send(get);
  t.is((await readAnswer(open)).body, 'GET /');
});

test('a client that resumes its session needs no certificate again', async (t) => {
  const { dialTls } = await startTlsScene(
    t,
    eachRequest((wire) => wire.send(okWith('hello'))),
  );
  const client = await dialTls();
  const session = once(client.socket, 'session') as Promise<[Buffer]>;
  await client.send(get);
  t.is((await readAnswer(client)).body, 'hello');
  const again = await dialTls({ session: (await session)[0] });
  t.true(again.socket.isSessionReused());
  await again.send(get);
  t.is((await readAnswer(again)).body, 'hello');
});

test('a gateway without a shared port in clear text serves TLS', async (t) => {
  const directory = await temporaryDirectory(t);
  await writePair(directory, '', await certificateFor(host));
  const { certificates } = await follow(t, directory);
  const rig = await startRig({ pods: [podAt(1)] }, { tls: { port: 0, certificates } });
  t.teardown(rig.stop);
  const client = await dialTls(t, rig.gateway.tlsPort ?? 0, { servername: 'none.example', checkServerIdentity: () => undefined });
  await client.send('GET / HTTP/1.1\r\nHost: none.example\r\n\r\n');
  t.is((await readAnswer(client)).status, 404);
});
