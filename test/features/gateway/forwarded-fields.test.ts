import test, { type ExecutionContext } from 'ava';
import { readAnswer, readAnswers, valuesOf, without, type Field } from '../../support/raw-message.ts';
import { eachRequest, namesRequest, okWith, startScene } from '../../support/scripted-origin.ts';
import { dial as dialPort } from '../../support/wire.ts';

/** `name: value` for each line. */
const parse = (lines: readonly string[]): readonly Field[] =>
  lines.map((line) => {
    const [, name = '', value = ''] = /^([^:]+): ?(.*)$/.exec(line) ?? [];
    return [name, value];
  });
const ours = ['connection', 'keep-alive', 'x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-host', 'host', 'date'] as const;

/** The framing is the gateway's own affair, so that only its content counts, not where it stands. */
const framing = ['content-length', 'transfer-encoding'] as const;

interface Fields {
  /** What is sent … */
  readonly given: readonly string[];
  /** … and what of it comes out on the other side, in this order; without the framing. */
  readonly passed: readonly string[];
}

const towardsPod = test.macro({
  exec: async (t: ExecutionContext, { given, passed }: Fields, body?: string) => {
    const { origin, dial } = await startScene(t, namesRequest);
    const client = await dial();
    await client.send(`POST / HTTP/1.1\r\nHost: a.example\r\n${given.map((line) => `${line}\r\n`).join('')}\r\n${body ?? ''}`);
    t.is((await readAnswer(client)).status, 200);
    const [request] = origin.requests;
    t.deepEqual(without(request?.fields ?? [], ...ours, ...framing), parse(passed));
    t.deepEqual(valuesOf(request?.fields ?? [], 'host'), ['a.example']);
    for (const name of framing) t.deepEqual(valuesOf(request?.fields ?? [], name), valuesOf(parse(given), name));
    t.is(request?.body, body === undefined ? '' : 'hello');
  },
  title: (_given, { given }: Fields, _body?: string) => `towards the pod: ${JSON.stringify(given)}`,
});
const towardsClient = test.macro({
  exec: async (t: ExecutionContext, { given, passed }: Fields, body?: string) => {
    const { dial } = await startScene(
      t,
      eachRequest((wire) => wire.send(`HTTP/1.1 200 OK\r\n${given.map((line) => `${line}\r\n`).join('')}\r\n${body ?? ''}`)),
    );
    const client = await dial();
    await client.send('GET / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nConnection: TE\r\n\r\n');
    const got = await readAnswer(client);
    t.deepEqual(without(got.fields, 'date', 'connection', 'keep-alive', ...framing), parse(passed));
    t.is(got.body, body === undefined ? '' : 'hello');
  },
  title: (_given, { given }: Fields, _body?: string) => `towards the client: ${JSON.stringify(given)}`,
});

const zero = 'Content-Length: 0';
const both: readonly Fields[] = [
  { given: ['X-B: 1', 'x-a: 2', 'X-b: 3', 'X-B: 1', zero], passed: ['X-B: 1', 'x-a: 2', 'X-b: 3', 'X-B: 1'] },
  { given: [zero, 'Connection: x-one', 'X-One: 1', 'X-Two: 2'], passed: ['X-Two: 2'] },
  { given: [zero, 'X-One: 1', 'X-Two: 2', 'x-ONE: 3', 'CONNECTION: X-oNe'], passed: ['X-Two: 2'] },
  { given: [zero, 'Connection: x-one,,\tX-Two ,', 'X-One: 1', 'X-Two: 2', 'X-Three: 3', 'Connection: x-three'], passed: [] },
  { given: [zero, 'Connection: X-On', 'X-One: 1'], passed: ['X-One: 1'] },
  { given: [zero, 'Keep-Alive: timeout=1', 'Proxy-Connection: keep-alive', 'X: 1'], passed: ['X: 1'] },
  { given: [zero, 'Upgrade: h2c', 'X: 1'], passed: ['X: 1'] },
  { given: [zero, 'Connection: Upgrade', 'Upgrade: h2c', 'X: 1'], passed: ['X: 1'] },
];
for (const fields of both) {
  test(towardsPod, fields);
  test(towardsClient, fields);
}
test(towardsPod, { given: [zero, 'Proxy-Authorization: Basic eDp4', 'Authorization: Basic eDp4', 'X: 1'], passed: ['Authorization: Basic eDp4', 'X: 1'] });
test(towardsPod, { given: [zero, 'Connection: HTTP2-Settings', 'HTTP2-Settings: AAA', 'X: 1'], passed: ['X: 1'] });
test(towardsPod, { given: [zero, 'TE: gzip;q=0.5, trailers', 'X: 1'], passed: ['TE: trailers', 'X: 1'] });
test(towardsPod, { given: [zero, 'TE: gzip', 'X: 1'], passed: ['X: 1'] });
test(towardsPod, {
  given: [zero, 'Cookie: a=1; b=2', 'cookie: c=3', 'User-Agent: x/1 (y; z)', 'Accept: */*'],
  passed: ['Cookie: a=1; b=2', 'cookie: c=3', 'User-Agent: x/1 (y; z)', 'Accept: */*'],
});
test(towardsPod, { given: ['Connection: content-length, host', 'Content-Length: 5'], passed: [] }, 'hello');
test(towardsPod, { given: ['Content-Length: 5', 'Connection: Host', 'Connection: Content-Length, Transfer-Encoding, close'], passed: [] }, 'hello');
test(towardsPod, { given: ['Connection: transfer-encoding, host', 'Transfer-Encoding: chunked'], passed: [] }, '5\r\nhello\r\n0\r\n\r\n');
test(towardsClient, { given: [zero, 'Proxy-Authenticate: Basic', 'WWW-Authenticate: Basic', 'X: 1'], passed: ['WWW-Authenticate: Basic', 'X: 1'] });
test(towardsClient, { given: ['Connection: content-length, x-one', 'X-One: 1', 'Content-Length: 5'], passed: [] }, 'hello');
test(towardsClient, { given: ['Connection: transfer-encoding, close', 'Transfer-Encoding: chunked', 'X: 1'], passed: ['X: 1'] }, '5\r\nhello\r\n0\r\n\r\n');
test(towardsClient, {
  given: ['Set-Cookie: a=1, b', 'X: \xe4', zero, 'set-cookie: b=2', 'Vary: a', 'Vary: b'],
  passed: ['Set-Cookie: a=1, b', 'X: \xe4', 'set-cookie: b=2', 'Vary: a', 'Vary: b'],
});

interface Forwarding {
  readonly given: readonly string[];
  readonly for: string;
  readonly proto?: readonly string[];
  readonly host?: readonly string[];
  /** What else of it reaches the pod. */
  readonly kept?: readonly string[];
}

const forwarding = (port: 'own' | 'shared') =>
  test.macro({
    exec: async (t: ExecutionContext, want: Forwarding) => {
      const { origin, rig } = await startScene(t, namesRequest);
      const client = await dialPort(t, port === 'own' ? rig.port : rig.gateway.sharedPort!);
      await client.send(`GET / HTTP/1.1\r\nHost: web.default.localhost\r\n${want.given.map((line) => `${line}\r\n`).join('')}\r\n`);
      t.is((await readAnswer(client)).status, 200);
      const fields = origin.requests[0]?.fields ?? [];
      t.is(valuesOf(fields, 'x-forwarded-for').join(', '), want.for);
      t.deepEqual(valuesOf(fields, 'x-forwarded-proto'), want.proto ?? ['http']);
      t.deepEqual(valuesOf(fields, 'x-forwarded-host'), want.host ?? ['web.default.localhost']);
      t.deepEqual(without(fields, ...ours), parse(want.kept ?? []));
    },
    title: (_given, { given }: Forwarding) => `on ${port === 'own' ? "the workload's own port" : 'the shared port'}: ${JSON.stringify(given)}`,
  });
const own = forwarding('own');
const shared = forwarding('shared');

test(own, { given: [], for: '127.0.0.1' });
test(own, { given: ['X-Forwarded-For: 9.9.9.9'], for: '9.9.9.9, 127.0.0.1' });
test(own, { given: ['x-forwarded-for: 9.9.9.9, 8.8.8.8', 'X-FORWARDED-FOR: 7.7.7.7'], for: '9.9.9.9, 8.8.8.8, 7.7.7.7, 127.0.0.1' });
test(own, { given: ['X-Forwarded-Proto: https', 'X-Forwarded-Host: b'], for: '127.0.0.1', proto: ['https'], host: ['b'] });
test(own, { given: ['x-forwarded-PROTO: https', 'x-forwarded-HOST: b'], for: '127.0.0.1', proto: ['https'], host: ['b'] });
const others = ['X-Forwarded-Port: 8443', 'Forwarded: for=9.9.9.9;proto=https', 'X-Real-Ip: 9.9.9.9', 'X_Forwarded_For: 9.9.9.9'];
test(own, { given: others, for: '127.0.0.1', kept: others });
test(own, { given: ['Connection: x-forwarded-for, X-Forwarded-Proto, x-forwarded-host'], for: '127.0.0.1' });
// What a proxy in front has said its client could wipe out otherwise.
test(own, { given: ['Connection: x-forwarded-for', 'X-Forwarded-For: 9.9.9.9'], for: '9.9.9.9, 127.0.0.1' });
test(own, {
  given: ['Connection: x-forwarded-proto, X-Forwarded-Host', 'X-Forwarded-Proto: https', 'X-Forwarded-Host: b'],
  for: '127.0.0.1',
  proto: ['https'],
  host: ['b'],
});

const spoofed = [
  'For: 9.9.9.9',
  'Proto: https',
  'Host: evil',
  'Port: 1',
  'Server: evil',
  'Prefix: /evil',
  'Ssl: on',
  'Scheme: https',
  'By: evil',
  'Made-Up: 1',
];
test(shared, { given: [], for: '127.0.0.1' });
test(shared, { given: ['X-Forwarded-For: 9.9.9.9', 'x-forwarded-for: 8.8.8.8'], for: '127.0.0.1' });
test(shared, { given: spoofed.map((line) => `X-Forwarded-${line}`), for: '127.0.0.1' });
test(shared, { given: [...spoofed.map((line) => `x-FORWARDED-${line}`), 'X: 1'], for: '127.0.0.1', kept: ['X: 1'] });
test(shared, { given: ['Forwarded: for=9.9.9.9', 'forwarded: host=evil', 'X-Real-Ip: 9.9.9.9', 'X-REAL-IP: 9.9.9.9'], for: '127.0.0.1' });
test(shared, {
  given: ['X_Forwarded_For: 9.9.9.9', 'X-Forwarded_For: 9.9.9.9', 'X_Forwarded-For: 9.9.9.9', 'x_forwarded_proto: https', 'X_Forwarded_Host: evil'],
  for: '127.0.0.1',
});
test(shared, { given: ['X_Real_Ip: 9.9.9.9', 'X-Real_Ip: 9.9.9.9', 'x_real-ip: 9.9.9.9', 'X_Forwarded_Made_Up: 1'], for: '127.0.0.1' });
test(shared, { given: ['Connection: x-forwarded-for, x-forwarded-proto', 'X-Forwarded-For: 9.9.9.9'], for: '127.0.0.1' });

test('on the shared port trailers are no way around this', async (t) => {
  const { origin, rig } = await startScene(t, namesRequest);
  const client = await dialPort(t, rig.gateway.sharedPort!);
  await client.send(
    'POST / HTTP/1.1\r\nHost: web.default.localhost\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-Forwarded-For: 9.9.9.9\r\nForwarded: for=9.9.9.9\r\nx_real_ip: 9.9.9.9\r\n\r\n',
  );
  t.is((await readAnswer(client)).status, 200);
  t.deepEqual(origin.requests[0]?.trailers, []);
});

test('the fields of one request are not those of the next on the same connection', async (t) => {
  const { origin, dial } = await startScene(t, namesRequest);
  const client = await dial();
  await client.send('GET / HTTP/1.1\r\nHost: a\r\nX-One: 1\r\nX-Forwarded-For: 9.9.9.9\r\nConnection: x-two\r\n\r\n');
  await client.send('GET / HTTP/1.1\r\nHost: b\r\nX-Two: 2\r\n\r\n');
  await readAnswers(client, ['GET', 'GET']);
  const { fields = [] } = origin.requests[1] ?? {};
  t.deepEqual(without(fields, ...ours), [['X-Two', '2']]);
  t.deepEqual(valuesOf(fields, 'host'), ['b']);
  t.deepEqual(valuesOf(fields, 'x-forwarded-for'), ['127.0.0.1']);
});

test('a small answer is passed on with what the pod says of it and nothing of the request', async (t) => {
  const { dial } = await startScene(
    t,
    eachRequest((wire) => wire.send(okWith('ok', 'Server: pod\r\n'))),
  );
  const client = await dial();
  await client.send('GET / HTTP/1.1\r\nHost: a\r\nCookie: secret\r\n\r\n');
  const got = await readAnswer(client);
  t.deepEqual(without(got.fields, 'date', 'connection', 'keep-alive'), [
    ['Server', 'pod'],
    ['Content-Length', '2'],
  ]);
});
