import test, { type ExecutionContext } from 'ava';
import { compileAccessLog } from '../../../src/gateway/index.ts';
import { podAt, until, web } from '../../support/gateway-rig.ts';
import { closes, readAnswer, valuesOf } from '../../support/raw-message.ts';
import { namesRequest, startScene, startScriptedOrigin, eachRequest, okWith, type Scene } from '../../support/scripted-origin.ts';
import { certificateFor, dialTls, follow, startRelay, temporaryDirectory, writePair } from '../../support/tls-rig.ts';
import { dial } from '../../support/wire.ts';

const host = 'web.default.localhost';
const get = `GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`;
const from = (address: string): string =>
  `PROXY TCP${address.includes(':') ? 6 : 4} ${address} ${address.includes(':') ? '::1' : '198.51.100.2'} 12345 443\r\n`;
const signature = '\r\n\r\n\0\r\nQUIT\n';

const startProxiedScene = async (
  t: ExecutionContext,
  options: Parameters<typeof startScene>[3] = {},
): Promise<Scene & { readonly shared: number; readonly tls: number }> => {
  const directory = await temporaryDirectory(t);
  await writePair(directory, '', await certificateFor(host));
  const { certificates } = await follow(t, directory);
  const scene = await startScene(t, namesRequest, {}, { proxyProtocol: true, tls: { port: 0, certificates }, ...options });
  return { ...scene, shared: scene.rig.gateway.sharedPort ?? 0, tls: scene.rig.gateway.tlsPort ?? 0 };
};
const forwardedFor = ({ origin }: Scene): readonly (readonly string[])[] => origin.requests.map(({ fields }) => valuesOf(fields, 'x-forwarded-for'));

test('the client that the header names is the one in X-Forwarded-For, for every request of the connection', async (t) => {
  const scene = await startProxiedScene(t);
  const client = await dial(t, scene.shared);
  await client.send(`${from('192.0.2.1')}${get}${get}`);
  for (let count = 0; count < 2; count += 1) t.is((await readAnswer(client)).body, 'GET /');
  const other = await dial(t, scene.shared);
  await other.sendApart(`${signature}\x21\x11\x00\x0c\xc6\x33\x64\x07\x7f\x00\x00\x01\x00\x01\x00\x02${get}`);
  t.is((await readAnswer(other)).body, 'GET /');
  t.deepEqual(forwardedFor(scene), [['192.0.2.1'], ['192.0.2.1'], ['198.51.100.7']]);
});

const splits: Readonly<Record<string, (header: Buffer, hello: Buffer) => readonly Buffer[]>> = {
  'apart from the first bytes of the handshake': (header, hello) => [header, hello],
  'together with them': (header, hello) => [Buffer.concat([header, hello])],
  'with some of them': (header, hello) => [header.subarray(0, 9), Buffer.concat([header.subarray(9), hello.subarray(0, 50)]), hello.subarray(50)],
  'byte by byte': (header, hello) => [...Buffer.concat([header, hello])].map((byte) => Buffer.from([byte])),
};
for (const [how, split] of Object.entries(splits))
  test(`the header comes before TLS, ${how}`, async (t) => {
    const scene = await startProxiedScene(t);
    for (const address of ['192.0.2.1', '2001:db8::7']) {
      const relay = await startRelay(t, scene.tls, (hello) => split(Buffer.from(from(address)), hello));
      const client = await dialTls(t, relay.port);
      await client.send(get);
      t.is((await readAnswer(client)).body, 'GET /');
    }
    t.deepEqual(forwardedFor(scene), [['192.0.2.1'], ['2001:db8::7']]);
    t.deepEqual(valuesOf(scene.origin.requests[0]?.fields ?? [], 'x-forwarded-proto'), ['https']);
  });

test('the access log and traces have the client that the header names, and how it came', async (t) => {
  const lines: string[] = [];
  const traced: (readonly [string, string])[] = [];
  const print = compileAccessLog('{"client":"%client_address%","path":"%path%"}');
  if (!print.ok || print.value === undefined) return t.fail();
  const scene = await startProxiedScene(t, {
    accessLog: { print: print.value, out: { write: (text) => lines.push(text), writableLength: 0 } },
    tracer: {
      begin: (_request, { clientAddress, scheme }) => {
        traced.push([clientAddress, scheme]);
        const nothing = (): void => undefined;
        return { fields: new Map(), held: nothing, picking: nothing, given: nothing, unreachable: nothing, again: nothing, ended: nothing };
      },
    },
  });
  const plain = await dial(t, scene.shared);
  await plain.send(`${from('192.0.2.1')}${get}`);
  await readAnswer(plain);
  const relay = await startRelay(t, scene.tls, (hello) => [Buffer.from(from('192.0.2.2')), hello]);
  const secure = await dialTls(t, relay.port);
  await secure.send(get);
  await readAnswer(secure);
  t.deepEqual(traced, [
    ['192.0.2.1', 'http'],
    ['192.0.2.2', 'https'],
  ]);
  await until('written', () => lines.join('').split('\n').length === 3);
  t.is(lines.join(''), '{"client":"192.0.2.1","path":"/"}\n{"client":"192.0.2.2","path":"/"}\n');
});

test('where the balancer speaks for itself, its own address counts', async (t) => {
  const scene = await startProxiedScene(t);
  for (const header of ['PROXY UNKNOWN\r\n', `${signature}\x20\x00\x00\x00`]) {
    const client = await dial(t, scene.shared);
    await client.send(`${header}${get}`);
    t.is((await readAnswer(client)).status, 200);
  }
  t.deepEqual(forwardedFor(scene), [['127.0.0.1'], ['127.0.0.1']]);
});

test('without the header a connection is closed unread, with and without TLS; a second header is no request', async (t) => {
  const scene = await startProxiedScene(t);
  for (const port of [scene.shared, scene.tls]) {
    const client = await dial(t, port);
    await client.send(get);
    t.is(await client.rest(), '');
  }
  await t.throwsAsync(dialTls(t, scene.tls));
  const twice = await dial(t, scene.shared);
  await twice.send(`${from('192.0.2.1')}${from('192.0.2.2')}${get}`);
  const answer = await readAnswer(twice);
  t.is(answer.status, 400);
  t.true(closes(answer));
  t.deepEqual(scene.origin.requests, []);
  t.is(scene.rig.gateway.counters.rejectedConnections.get('proxy-header-invalid'), 3);
});

test('a port of a workload’s own wants no header, and takes none', async (t) => {
  const scene = await startProxiedScene(t);
  const client = await scene.dial();
  await client.send(get);
  t.is((await readAnswer(client)).status, 200);
  const other = await scene.dial();
  await other.send(`${from('192.0.2.1')}${get}`);
  t.is((await readAnswer(other)).status, 400);
});

test('ClientIP affinity goes by the client that the header names', async (t) => {
  const pods = await Promise.all([1, 2, 3].map(() => startScriptedOrigin(eachRequest((wire) => wire.send(okWith(''))))));
  t.teardown(() => Promise.all(pods.map((pod) => pod.die())));
  const scene = await startProxiedScene(t);
  // Clients are spread by the ids of pods: with those of ports that happen to be free all eight may fall to one.
  await scene.rig.route({ pods: pods.map(({ port }, index) => podAt(port, { id: `pod-${index}` })), sessionAffinity: 'client-ip' });
  await until('pods are there', () => scene.rig.gateway.counters.workloads.has(web));
  const served = new Map<string, Set<number>>();
  for (let round = 0; round < 4; round += 1)
    for (let last = 1; last <= 8; last += 1) {
      const address = `192.0.2.${last}`;
      const before = pods.map(({ requests }) => requests.length);
      const client = await dial(t, scene.shared);
      await client.send(`${from(address)}${get}`);
      t.is((await readAnswer(client)).status, 200);
      const pod = pods.findIndex(({ requests }, index) => requests.length > (before[index] ?? 0));
      served.set(address, (served.get(address) ?? new Set()).add(pod));
    }
  for (const [address, its] of served) t.is(its.size, 1, address);
  t.true(new Set([...served.values()].flatMap((its) => [...its])).size > 1);
});
