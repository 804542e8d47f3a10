import type { ClientHttp2Session } from 'node:http2';
import test, { type ExecutionContext } from 'ava';
import type { GatewaySettings } from '../../../src/core/index.ts';
import { compileAccessLog } from '../../../src/gateway/index.ts';
import { podAt, startSharedRig, until, type SharedRig } from '../../support/gateway-rig.ts';
import { ask, dialHttp2, startHttp2Origin } from '../../support/http2-rig.ts';
import { readAnswer, valuesOf, type Field } from '../../support/raw-message.ts';
import { eachRequest, namesRequest, okWith, startScene, startScriptedOrigin, type ScriptedOrigin } from '../../support/scripted-origin.ts';
import { certificateFor, dialTls, follow, temporaryDirectory, writePair } from '../../support/tls-rig.ts';
import { dial } from '../../support/wire.ts';

/** On the shared ports the gateway is the edge, but not before those whom the operator trusts. Here every peer is 127.0.0.1. */

const host = 'web.default.localhost';
const head = (...fields: readonly string[]): string => `GET / HTTP/1.1\r\n${['Host: web.default.localhost', ...fields].join('\r\n')}\r\n\r\n`;
const told = ['X-Forwarded-For: 9.9.9.9', 'X-Forwarded-Proto: https', 'X-Forwarded-Host: shop.example', 'X-Forwarded-Port: 8443', 'Forwarded: for=9.9.9.9'];
const all = [...told, 'X-Real-Ip: 9.9.9.9', 'X_Forwarded_For: 8.8.8.8'];
const ours = new Set(['x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-host']);

/** The fields that say where a request comes from, without those that every pod gets; and these. */
const forwarding = (fields: readonly Field[]): readonly (readonly string[])[] => [
  fields.filter(([name]) => !ours.has(name.toLowerCase()) && /forwarded|real/i.test(name)).map(([name, value]) => `${name}: ${value}`),
  ...[...ours].map((name) => valuesOf(fields, name)),
];
const believed = [all.slice(3), ['9.9.9.9, 127.0.0.1'], ['https'], ['shop.example']];
const replaced = [[], ['127.0.0.1'], ['http'], [host]];

const settings = (trustedProxies: readonly string[], accessLog: GatewaySettings['accessLog'] = 'off'): Parameters<SharedRig['gateway']['apply']>[0] => ({
  revision: 99,
  full: false,
  upsert: [],
  remove: [],
  settings: { trustedProxies, accessLog },
});

for (const [cidrs, trusted] of [
  [['127.0.0.1/32'], true],
  [['10.0.0.0/8', 'fd00::/8', '126.0.0.0/7'], true],
  [['::ffff:127.0.0.0/104'], true],
  [['10.0.0.0/8', '128.0.0.0/1', '::/0'], false],
  [['127.0.0.0/31'], true],
  [['127.0.0.2/31'], false],
] as const)
  test(`over HTTP/1.1 a peer ${trusted ? 'in' : 'outside'} ${cidrs.join()} is ${trusted ? 'believed' : 'not believed'}`, async (t) => {
    const { origin, rig } = await startScene(t, namesRequest, {}, { trustedProxies: cidrs });
    const client = await dial(t, rig.gateway.sharedPort!);
    await client.send(head(...all));
    t.is((await readAnswer(client)).status, 200);
    t.deepEqual(forwarding(origin.requests[0]!.fields), trusted ? believed : replaced);
  });

test('byte for byte what a pod gets from behind a trusted proxy, and what is absent is set', async (t) => {
  let received = '';
  const { origin, rig } = await startScene(
    t,
    eachRequest((wire) => {
      received = origin.received();
      return wire.send(okWith('ok'));
    }),
    {},
    { trustedProxies: ['127.0.0.0/8'] },
  );
  const client = await dial(t, rig.gateway.sharedPort!);
  await client.send(head('x-forwarded-for: 9.9.9.9,8.8.8.8', 'A: 1', 'X-FORWARDED-FOR:7.7.7.7', 'x-real-IP:  9.9.9.9'));
  await readAnswer(client);
  t.is(
    received,
    `GET / HTTP/1.1\r\nHost: ${host}\r\nA: 1\r\nx-real-IP:  9.9.9.9\r\nX-Forwarded-For: 9.9.9.9,8.8.8.8, 7.7.7.7, 127.0.0.1\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: ${host}\r\n\r\n`,
  );
});

test('the operator’s list counts from the next request on, also on open connections; it never reaches ports of workloads’ own', async (t) => {
  const { origin, rig, dial: dialOwn } = await startScene(t, namesRequest);
  const [client, own] = [await dial(t, rig.gateway.sharedPort!), await dialOwn()];
  const next = async (wire: typeof client): Promise<readonly (readonly string[])[]> => {
    await wire.send(head(...all));
    await readAnswer(wire);
    return forwarding(origin.requests.at(-1)!.fields);
  };
  t.deepEqual(await next(client), replaced);
  for (const [cidrs, expected] of [
    [['127.0.0.0/8'], believed],
    [['127.0.0.0/8', '10.0.0.0/8'], believed],
    [['10.0.0.0/8'], replaced],
    [[], replaced],
  ] as const) {
    await rig.gateway.apply(settings(cidrs));
    t.deepEqual(await next(client), expected, cidrs.join());
    t.deepEqual(await next(own), believed, 'its own port');
  }
  await rig.gateway.apply(settings(['127.0.0.0/8']));
  await rig.gateway.apply({ ...settings([]), settings: undefined });
  t.deepEqual(await next(client), believed, 'a change that says nothing of them leaves them');
  await rig.route({});
  t.deepEqual(await next(client), believed);
});

test('routes that say everything and nothing of settings, as an older controller’s, leave nobody trusted; a list of the gateway’s own stands', async (t) => {
  for (const options of [{}, { trustedProxies: ['127.0.0.0/8'] }]) {
    const { origin, rig } = await startScene(t, namesRequest, { listeners: [] }, options);
    const { gateway } = rig;
    const client = await dial(t, gateway.sharedPort!);
    const ask = async (): Promise<unknown> => {
      await client.send(head(...all));
      await readAnswer(client);
      return forwarding(origin.requests.at(-1)!.fields);
    };
    await gateway.apply(settings('trustedProxies' in options ? ['10.0.0.0/8'] : ['127.0.0.0/8']));
    t.deepEqual(await ask(), believed);
    await gateway.apply({ revision: 100, full: true, upsert: [], remove: [] });
    await rig.route({ pods: [podAt(origin.port)] });
    t.deepEqual(await ask(), 'trustedProxies' in options ? believed : replaced);
  }
});

test('with the PROXY protocol the peer is whom the header names', async (t) => {
  const { origin, rig } = await startScene(t, namesRequest, {}, { proxyProtocol: true, trustedProxies: ['192.0.2.0/24', '2001:db8::/32'] });
  const from = async (header: string): Promise<readonly (readonly string[])[]> => {
    const client = await dial(t, rig.gateway.sharedPort!);
    await client.send(`${header}\r\n${head(...all)}`);
    await readAnswer(client);
    return forwarding(origin.requests.at(-1)!.fields);
  };
  const by = ([others = [], , ...rest]: readonly (readonly string[])[], address: string): readonly (readonly string[])[] => [others, [address], ...rest];
  t.deepEqual(await from('PROXY TCP4 192.0.2.7 127.0.0.1 1 2'), by(believed, '9.9.9.9, 192.0.2.7'));
  t.deepEqual(await from('PROXY TCP6 2001:db8::7 ::1 1 2'), by(believed, '9.9.9.9, 2001:db8::7'));
  t.deepEqual(await from('PROXY TCP4 192.0.3.7 127.0.0.1 1 2'), by(replaced, '192.0.3.7'));
  t.deepEqual(await from('PROXY UNKNOWN'), replaced);
});

test('over TLS it is the same, and what a proxy leaves out is said of the connection to it', async (t) => {
  const directory = await temporaryDirectory(t);
  await writePair(directory, '', await certificateFor(host));
  const { certificates } = await follow(t, directory);
  const { origin, rig } = await startScene(t, namesRequest, {}, { tls: { port: 0, certificates }, trustedProxies: ['127.0.0.0/8'] });
  const client = await dialTls(t, rig.gateway.tlsPort!);
  await client.send(head('X-Forwarded-For: 9.9.9.9') + head('X-Forwarded-Proto: http'));
  await readAnswer(client);
  await readAnswer(client);
  t.deepEqual(
    origin.requests.map(({ fields }) => forwarding(fields)),
    [
      [[], ['9.9.9.9, 127.0.0.1'], ['https'], [host]],
      [[], ['127.0.0.1'], ['http'], [host]],
    ],
  );
});

interface Http2Scene {
  readonly rig: SharedRig;
  readonly session: ClientHttp2Session;
  readonly http1: ScriptedOrigin;
  /** What pods of each protocol were told. */
  readonly ask: (fields: Readonly<Record<string, string>>) => Promise<readonly (readonly (readonly string[])[])[]>;
}

const startHttp2 = async (t: ExecutionContext, options: Parameters<typeof startSharedRig>[1]): Promise<Http2Scene> => {
  const http1 = await startScriptedOrigin(namesRequest);
  const h2c = await startHttp2Origin((stream) => {
    stream.respond({ ':status': 200 });
    stream.end();
  });
  const rig = await startSharedRig(
    [
      { listeners: [], hosts: [{ host: 'old.example', protocol: 'http1', target: 'http' }], pods: [podAt(http1.port)] },
      { listeners: [], hosts: [{ host: 'new.example', protocol: 'h2c', target: 'http' }], pods: [podAt(h2c.port)] },
    ],
    options,
  );
  t.teardown(() => Promise.all([rig.stop(), http1.die(), h2c.die()]));
  const session = await dialHttp2(t, rig.gateway.sharedPort!);
  return {
    rig,
    session,
    http1,
    ask: async (fields) => {
      for (const authority of ['old.example', 'new.example']) t.is((await ask(session, { ...fields, ':authority': authority })).status, 200);
      const { raw } = h2c.requests.at(-1)!;
      const pairs = raw.flatMap((name, at): Field[] => (at % 2 === 0 ? [[name, raw[at + 1] ?? '']] : []));
      return [forwarding(http1.requests.at(-1)!.fields), forwarding(pairs)];
    },
  };
};

test('over HTTP/2 a trusted peer is believed, any other is not, stream by stream', async (t) => {
  const scene = await startHttp2(t, {});
  const fields = Object.fromEntries(all.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(' ') + 1)]));
  const lower = believed.map((values, index) => (index === 0 ? values.map((line) => line.replace(/^[^:]+/, (name) => name.toLowerCase())) : values));
  const edge = (name: string): readonly (readonly string[])[] => [[], ['127.0.0.1'], ['http'], [name]];
  t.deepEqual(await scene.ask(fields), [edge('old.example'), edge('new.example')]);
  await scene.rig.gateway.apply(settings(['127.0.0.0/8']));
  t.deepEqual(await scene.ask(fields), [lower, lower]);
  await scene.rig.gateway.apply(settings([]));
  t.deepEqual(await scene.ask(fields), [edge('old.example'), edge('new.example')]);
});

const clients: readonly (readonly [hops: readonly string[], client: string])[] = [
  [[], '127.0.0.1'],
  [['9.9.9.9'], '9.9.9.9'],
  [['6.6.6.6, 9.9.9.9'], '9.9.9.9'],
  [['6.6.6.6', '9.9.9.9,10.1.2.3 , 10.0.0.1'], '9.9.9.9'],
  [['10.1.2.3, 10.0.0.1'], '10.1.2.3'],
  [['9.9.9.9, unknown, 10.0.0.1'], '10.0.0.1'],
  [['nonsense'], '127.0.0.1'],
  [[''], '127.0.0.1'],
  [['6.6.6.6, 9.9.9.9:4711'], '9.9.9.9'],
  [['6.6.6.6, [2001:db8::1]:4711, fd00::1'], '2001:db8::1'],
  [['6.6.6.6, ::ffff:9.9.9.9, ::ffff:10.0.0.1'], '9.9.9.9'],
];
test('the client in the access log is the last hop that is no trusted proxy, over both versions, and for hosts that nobody serves', async (t) => {
  const lines: string[] = [];
  const print = compileAccessLog('{"c":"%client_address%"}');
  const out = { write: (text: string) => lines.push(...text.trim().split('\n')), writableLength: 0 };
  if (!print.ok || print.value === undefined) throw new Error('a template');
  const scene = await startHttp2(t, { accessLog: { print: print.value, out }, trustedProxies: ['127.0.0.0/8', '10.0.0.0/8', 'fd00::/8'] });
  const client = await dial(t, scene.rig.gateway.sharedPort!);
  for (const [hops, expected] of clients)
    for (const name of ['old.example', 'nobody.example']) {
      lines.length = 0;
      await client.send(`GET / HTTP/1.1\r\nHost: ${name}\r\n${hops.map((hop) => `X-Forwarded-For: ${hop}\r\n`).join('')}\r\n`);
      await readAnswer(client);
      await ask(scene.session, [':authority', name, ':path', '/', ...hops.flatMap((hop) => ['x-forwarded-for', hop])]);
      await until('both are told', () => lines.length === 2);
      t.deepEqual(lines, [`{"c":"${expected}"}`, `{"c":"${expected}"}`], `${name} ${hops.join(' | ')}`);
    }
});

test('sessionAffinity goes by that client, and not by the proxy that all have in common', async (t) => {
  const pods = [await startScriptedOrigin(namesRequest), await startScriptedOrigin(namesRequest), await startScriptedOrigin(namesRequest)];
  t.teardown(() => Promise.all(pods.map((pod) => pod.die())));
  const scene = await startScene(
    t,
    namesRequest,
    // Clients are spread by the ids of pods: not by ports, that happen to be free.
    { sessionAffinity: 'client-ip', pods: pods.map(({ port }, index) => podAt(port, { id: `pod-${index}` })) },
    { trustedProxies: ['127.0.0.0/8'] },
  );
  const client = await dial(t, scene.rig.gateway.sharedPort!);
  const used = new Set<string>();
  for (let address = 1; address <= 12; address += 1) {
    const before = pods.map(({ requests }) => requests.length);
    for (let time = 0; time < 3; time += 1) {
      await client.send(head(`X-Forwarded-For: 9.9.9.${address}`));
      t.is((await readAnswer(client)).status, 200);
    }
    const by = pods.map(({ requests }, index) => requests.length - before[index]!);
    t.deepEqual([...by].sort(), [0, 0, 3]);
    used.add(by.join());
  }
  t.true(used.size > 1);
});

test('the operator switches the access log on and off, where the gateway has none of its own', async (t) => {
  for (const asSet of [true, false]) {
    const lines: string[] = [];
    const print = compileAccessLog('{"c":"%path%"}');
    const out = { write: (text: string) => lines.push(text), writableLength: 0 };
    if (!print.ok || print.value === undefined) throw new Error('a template');
    const { rig } = await startScene(t, namesRequest, {}, { accessLog: { print: print.value, out, asSet } });
    const client = await dial(t, rig.gateway.sharedPort!);
    let requests = 0;
    for (const on of ['off', 'json', 'off', 'json'] as const) {
      await rig.gateway.apply(settings([], on));
      for (const name of [host, 'nobody.example']) {
        await client.send(`GET / HTTP/1.1\r\nHost: ${name}\r\n\r\n`);
        await readAnswer(client);
      }
      if (!asSet || on === 'json') requests += 2;
      await until('told', () => lines.join('').split('\n').length - 1 >= requests);
      t.is(rig.gateway.counters.accessLog.written, requests);
    }
  }
});
