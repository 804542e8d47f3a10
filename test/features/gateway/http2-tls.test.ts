import { connect, constants, type ClientHttp2Session } from 'node:http2';
import { connect as connectTls, type ConnectionOptions, type TLSSocket } from 'node:tls';
import test, { type ExecutionContext } from 'ava';
import { millis, silentLogger, systemClock, type Clock } from '../../../src/core/index.ts';
import { podAt, startSharedRig, until, web, type SharedRig } from '../../support/gateway-rig.ts';
import { answerOf, ask, bodyOf, grpcHeaders, startHttp2Origin, type Http2Origin } from '../../support/http2-rig.ts';
import { readAnswer, valuesOf } from '../../support/raw-message.ts';
import { eachRequest, okWith, startScriptedOrigin, type ScriptedOrigin } from '../../support/scripted-origin.ts';
import { caPem, certificateFor, dialTls, follow, temporaryDirectory, writePair } from '../../support/tls-rig.ts';

/** HTTP/2 over TLS: agreed upon by ALPN (RFC 9113 §3.2), on the one port that has TLS. */

interface Scene {
  readonly rig: SharedRig;
  readonly port: number;
  readonly http1: ScriptedOrigin;
  readonly h2c: Http2Origin;
  readonly dial: (options?: ConnectionOptions) => Promise<ClientHttp2Session>;
}

const start = async (t: ExecutionContext, clock: Clock = systemClock): Promise<Scene> => {
  const directory = await temporaryDirectory(t);
  await writePair(directory, '', await certificateFor('old.example', 'new.example', 'web.default.localhost'));
  const { certificates } = await follow(t, directory, { logger: silentLogger });
  const http1 = await startScriptedOrigin(eachRequest((wire, { body }) => wire.send(okWith(`http1 ${body}`))));
  const h2c = await startHttp2Origin((stream, headers) => {
    void bodyOf(stream).then((body) => {
      if (headers[':path'] === '/never') return;
      stream.respond({ ':status': 200 }, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
      stream.end(`h2c ${body}`);
    }, () => undefined); // prettier-ignore
  });
  const rig = await startSharedRig(
    [
      { listeners: [], hosts: [{ host: 'old.example', protocol: 'http1', target: 'http' }], pods: [podAt(http1.port)] },
      { listeners: [], hosts: [{ host: 'new.example', protocol: 'h2c', target: 'http' }], pods: [podAt(h2c.port)] },
    ],
    { tls: { port: 0, certificates }, clock },
  );
  t.teardown(() => Promise.all([rig.stop(), http1.die(), h2c.die()]));
  const port = rig.gateway.tlsPort!;
  const dial = async (options: ConnectionOptions = {}): Promise<ClientHttp2Session> => {
    const session = connect('https://old.example', {
      createConnection: () => connectTls({ host: '127.0.0.1', port, servername: 'old.example', ca: caPem, ALPNProtocols: ['h2', 'http/1.1'], ...options }),
    });
    session.on('error', () => undefined);
    t.teardown(() => session.destroy());
    await new Promise((resolve) => session.once('remoteSettings', resolve));
    return session;
  };
  return { rig, port, http1, h2c, dial };
};
const inFlight = ({ rig }: Scene, of: number): number => rig.gateway.counters.workloads.get(rig.workloads[of]!.key)?.inFlight ?? 0;

for (const version of ['TLSv1.2', 'TLSv1.3'] as const)
  test(`over ${version} node:http2 is served, one connection for hosts of every protocol, and pods are told that it came by https`, async (t) => {
    const scene = await start(t);
    const session = await scene.dial({ minVersion: version, maxVersion: version });
    t.is((session.socket as TLSSocket).alpnProtocol, 'h2');
    const body = 'x'.repeat(300_000);
    const [old, plain, call] = await Promise.all([
      ask(session, { ':authority': 'old.example', ':method': 'POST', 'x-forwarded-for': '9.9.9.9', 'x-forwarded-proto': 'http' }, body),
      ask(session, { ':authority': 'new.example' }),
      ask(session, { ...grpcHeaders(), ':authority': 'new.example', 'x-forwarded-proto': 'http' }, body),
    ]);
    t.deepEqual([old.status, plain.status, call.status], [200, 200, 200]);
    t.true(old.body === `http1 ${body}` && plain.body === 'h2c ' && call.body === `h2c ${body}`);
    t.is(call.trailers?.['grpc-status'], '0');
    const { fields } = scene.http1.requests[0]!;
    t.deepEqual([valuesOf(fields, 'x-forwarded-proto'), valuesOf(fields, 'x-forwarded-for')], [['https'], ['127.0.0.1']]);
    t.deepEqual(scene.h2c.requests.map(({ headers }) => headers['x-forwarded-proto']), ['https', 'https']); // prettier-ignore
    t.deepEqual([...scene.rig.gateway.counters.workloads.get(web)!.requests], [[200, 1]]);
    t.is(scene.rig.gateway.counters.connections, 1);
    session.close();
    await until('nothing is left open', () => scene.rig.gateway.counters.connections === 0);
  });

for (const [offered, agreed] of [
  [['h2', 'http/1.1'], 'h2'],
  [['http/1.1', 'h2'], 'h2'],
  [['h2'], 'h2'],
  [['http/1.1'], 'http/1.1'],
  [['spdy/3', 'http/1.1'], 'http/1.1'],
  [[], false],
] as const)
  test(`of ${offered.join() || 'nothing'}, ${String(agreed)} is chosen`, async (t) => {
    const { port, rig } = await start(t);
    const client = await dialTls(t, port, { ALPNProtocols: [...offered] });
    t.is(client.socket.alpnProtocol, agreed);
    if (agreed === 'h2') return;
    await client.send('GET / HTTP/1.1\r\nHost: old.example\r\n\r\n');
    t.is((await readAnswer(client)).body, 'http1 ');
    t.is(rig.gateway.counters.rejectedConnections.size, 0);
  });

test('who offers nothing may still speak HTTP/2 with prior knowledge', async (t) => {
  const { dial } = await start(t);
  const session = await dial({ ALPNProtocols: [] });
  t.is((await ask(session, { ':authority': 'old.example' })).body, 'http1 ');
});

test('who has agreed upon HTTP/2 and speaks HTTP/1.1 is not served: GOAWAY, and the end', async (t) => {
  const { port, http1, rig } = await start(t);
  const client = await dialTls(t, port, { ALPNProtocols: ['h2'] });
  await client.send('GET / HTTP/1.1\r\nHost: old.example\r\n\r\n');
  const frames = Buffer.from(await client.rest(), 'latin1');
  client.finish();
  const types: number[] = [];
  for (let at = 0; at < frames.length; at += 9 + frames.readUIntBE(at, 3)) types.push(frames[at + 3] ?? -1);
  t.is(types.at(-1), 7);
  t.is(http1.connections.length, 0);
  await until('nothing is left open', () => rig.gateway.counters.connections === 0);
});

test('a drain says GOAWAY over TLS, and what is under way runs to its end', async (t) => {
  const scene = await start(t);
  const session = await scene.dial();
  const upload = session.request({ ':authority': 'new.example', ':method': 'POST' });
  const answer = answerOf(upload);
  await until('under way', () => scene.h2c.requests.length === 1);
  const goaway = new Promise((resolve) => session.once('goaway', resolve));
  const drained = scene.rig.gateway.drain({ settle: millis(0), limit: millis(10_000) });
  t.is(await goaway, constants.NGHTTP2_NO_ERROR);
  upload.end('late');
  t.is((await answer).body, 'h2c late');
  t.is(await drained, 0);
});

test('a client that takes its request back, or is gone, ends it at the pod', async (t) => {
  const scene = await start(t);
  const session = await scene.dial();
  for (const [before, leaves] of ['takes it back', 'is gone'].entries()) {
    const stream = session.request({ ':authority': 'new.example', ':path': '/never' });
    stream.on('error', () => undefined);
    await until('at the pod', () => scene.h2c.requests.length === before + 1);
    t.is(inFlight(scene, 1), 1);
    if (leaves === 'is gone') session.destroy();
    else stream.close(constants.NGHTTP2_CANCEL);
    await until('over', () => inFlight(scene, 1) === 0);
    await until('at the pod, too', () => scene.h2c.requests.at(-1)?.closedWith() !== undefined);
  }
});

/** A second of the sweeps is 40 ms. */
const hasty: Clock = { ...systemClock, every: (period, task) => systemClock.every(millis(period / 25), task) };

test('a client that says nothing after the handshake is closed in the end; one that has a request, and answers when it is asked, is not', async (t) => {
  const scene = await start(t, hasty);
  const [silent, session] = [await dialTls(t, scene.port, { ALPNProtocols: ['h2'] }), await scene.dial()];
  let pings = 0;
  session.on('ping', () => (pings += 1));
  session.request({ ':authority': 'new.example', ':path': '/never' }).on('error', () => undefined);
  await silent.rest();
  await until('asked twice', () => pings === 2);
  t.false(session.destroyed);
  t.is(inFlight(scene, 1), 1);
});
