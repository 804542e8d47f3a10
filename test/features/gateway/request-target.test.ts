import test, { type ExecutionContext } from 'ava';
import { readAnswer, valuesOf } from '../../support/raw-message.ts';
import { namesRequest, startScene } from '../../support/scripted-origin.ts';
import { dial as dialPort } from '../../support/wire.ts';

const kept = test.macro({
  exec: async (t: ExecutionContext, target: string) => {
    const { origin, dial } = await startScene(t, namesRequest);
    const client = await dial();
    await client.send(`GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`);
    t.is((await readAnswer(client)).body, `GET ${target}`);
    t.is(origin.requests[0]?.startLine, `GET ${target} HTTP/1.1`);
  },
  title: (_given, target: string) => `reaches the pod byte by byte as it was sent: ${target.slice(0, 60)}`,
});
for (const target of [
  ...[
    '/',
    '//',
    '//a//b',
    '///',
    '/a/../b',
    '/../../b',
    '/./a/.',
    '/a/',
    '/%2e%2e/%2F',
    '/%2E%2E%2f',
    '/%00',
    '/%zz',
    '/%',
    '/?',
    '/??',
    '/?a?b',
    '/?a=b&a=c',
    '/?%23',
  ],
  ...[
    '/a;b=c',
    '/;',
    '/a|b',
    '/{x}',
    '/a"b',
    '/a\\b',
    '/a^b',
    '/a`b',
    '/<a>',
    '/[a]',
    "/!$&'()*+,;=:@-._~",
    '/a:b@c',
    '/http://b/',
    '/*',
    '/?http://b',
    '/~',
    '/+',
    '/a%20b',
    '/A/a/%41',
  ],
  `/${'a'.repeat(20_000)}`,
  `/?${'a=b&'.repeat(5_000)}`,
])
  test(kept, target);

const absolute = test.macro({
  exec: async (t: ExecutionContext, target: string, authority: string, path: string) => {
    const { origin, dial } = await startScene(t, namesRequest);
    const client = await dial();
    await client.send(`GET ${target} HTTP/1.1\r\nHost: beside.example\r\n\r\n`);
    t.is((await readAnswer(client)).body, `GET ${path}`);
    const { fields = [] } = origin.requests[0] ?? {};
    t.deepEqual(valuesOf(fields, 'host'), [authority]);
    t.deepEqual(valuesOf(fields, 'x-forwarded-host'), [authority]);
  },
  title: (_given, target: string, authority: string, path: string) => `${target} is ${path} at ${authority}, whatever Host says`,
});
test(absolute, 'http://a.example/p?q', 'a.example', '/p?q');
test(absolute, 'http://a.example:81/p', 'a.example:81', '/p');
test(absolute, 'HTTP://a.example/p', 'a.example', '/p');
test(absolute, 'https://a.example/p', 'a.example', '/p');
test(absolute, 'http://a.example', 'a.example', '/');
test(absolute, 'http://a.example/', 'a.example', '/');
test(absolute, 'http://a.example?q', 'a.example', '/?q');
test(absolute, 'http://a.example//p/../q', 'a.example', '//p/../q');
test(absolute, 'http://[::1]:81/p', '[::1]:81', '/p');

test('on the shared port the authority of an absolute target says whose request it is', async (t) => {
  const { origin, rig } = await startScene(t, namesRequest);
  const client = await dialPort(t, rig.gateway.sharedPort!);
  await client.send('GET http://web.default.localhost/p HTTP/1.1\r\nHost: other.localhost\r\n\r\n');
  t.is((await readAnswer(client)).body, 'GET /p');
  await client.send('GET http://other.localhost/p HTTP/1.1\r\nHost: web.default.localhost\r\n\r\n');
  t.is((await readAnswer(client)).status, 404);
  t.is(origin.requests.length, 1);
});

test('on the shared port a host is the same in any case, with a port and with a final dot, and reaches the pod as it was sent', async (t) => {
  const { origin, rig } = await startScene(t, namesRequest);
  const client = await dialPort(t, rig.gateway.sharedPort!);
  const hosts = ['web.default.localhost', 'WEB.Default.LocalHost', 'web.default.localhost.', 'web.default.localhost:80', 'Web.default.localhost.:8080'];
  for (const host of hosts) {
    await client.send(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
    t.is((await readAnswer(client)).status, 200, host);
  }
  t.deepEqual(
    origin.requests.map(({ fields }) => valuesOf(fields, 'host')),
    hosts.map((host) => [host]),
  );
});
