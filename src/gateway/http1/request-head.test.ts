import test from 'ava';
import fc from 'fast-check';
import type { MessageLength } from './message-body.ts';
import { Head } from './request-head.ts';

const head = (fields: readonly (readonly [string, string])[], requestLine = 'GET / HTTP/1.1'): Head => {
  const read = Head.read(`${requestLine}\r\n${fields.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`);
  if (!read.ok) throw new Error(read.problem.detail);
  return read.value;
};
/** Names, in lower case, of the field lines of a printed head. */
const namesIn = (printed: string): readonly string[] =>
  printed
    .split('\r\n')
    .slice(1, -2)
    .map((line) => line.slice(0, line.indexOf(':')).toLowerCase());
const hopByHop = ['connection', 'keep-alive', 'proxy-authorization', 'upgrade', 'trailer', 'expect'];
const names = fc.constantFrom(
  'X-A',
  'x-b',
  'Cookie',
  'Connection',
  'Keep-Alive',
  'TE',
  'Upgrade',
  'Proxy-Authorization',
  'Trailer',
  'X-Forwarded-For',
  'Forwarded',
);
const values = fc.constantFrom('x-a', 'close, x-b', 'trailers', '100-continue', '7', 'websocket', '');

test('whatever a client sends, no hop-by-hop header and nothing that Connection names reaches a pod, and Host always does', (t) => {
  fc.assert(
    fc.property(fc.array(fc.tuple(names, values), { maxLength: 12 }), fc.boolean(), (headers, edge) => {
      const sent = namesIn(head([['Host', 'a.example'], ...headers, ['Expect', '100-continue']]).forUpstream('1.2.3.4', edge, ''));
      const named = headers.filter(([name]) => name === 'Connection').flatMap(([, value]) => value.split(',').map((token) => token.trim()));
      return (
        sent.every((name) => !hopByHop.includes(name)) &&
        sent.every((name) => !named.includes(name)) &&
        sent.filter((name) => name === 'host').length === 1 &&
        sent.filter((name) => name === 'x-forwarded-for').length === 1 &&
        (!edge || !sent.includes('forwarded'))
      );
    }),
  );
  t.pass();
});

test('a host is compared without port, case and final dot', (t) => {
  for (const [given, host] of [
    ['Web.Default.localhost:8080', 'web.default.localhost'],
    ['web.', 'web'],
    ['web.:80', 'web'],
    ['[::1]:8080', '[::1]'],
    ['[::1]', '[::1]'],
    ['', ''],
  ] as const)
    t.is(head([['Host', given]]).host, host);
});

const readText = (text: string): Head => {
  const read = Head.read(text);
  if (!read.ok) throw new Error(`${read.problem.status} ${read.problem.detail}: ${JSON.stringify(text)}`);
  return read.value;
};

const refused = test.macro({
  exec: (t, text: string, status: number) => {
    const read = Head.read(text);
    t.is(read.ok ? 200 : read.problem.status, status);
  },
  title: (_given, text: string, status: number) => `refused with ${status}: ${JSON.stringify(text)}`,
});
const host = 'Host: a\r\n\r\n';
test(refused, '\r\n\r\n', 400);
test(refused, `\r\n\r\nGET / HTTP/1.1\r\n${host}`, 400);
test(refused, ` GET / HTTP/1.1\r\n${host}`, 400);
test(refused, `GET\t/ HTTP/1.1\r\n${host}`, 400);
test(refused, `G"T / HTTP/1.1\r\n${host}`, 400);
test(refused, `GET  / HTTP/1.1\r\n${host}`, 400);
test(refused, `GET /\tHTTP/1.1\r\n${host}`, 400);
test(refused, `GET / a HTTP/1.1\r\n${host}`, 400);
test(refused, `GET /#a HTTP/1.1\r\n${host}`, 400);
test(refused, `GET /\xe4 HTTP/1.1\r\n${host}`, 400);
test(refused, `GET /\0 HTTP/1.1\r\n${host}`, 400);
test(refused, `GET /\r\n${host}`, 400);
test(refused, `GET / HTTP/1.1 \r\n${host}`, 400);
test(refused, `GET /x  HTTP/1.1\r\n${host}`, 400);
test(refused, `GET / HTTP/1.10\r\n${host}`, 400);
test(refused, `GET / HTTP/1.2\r\n${host}`, 400);
test(refused, `GET / HTTP/0.9\r\n${host}`, 400);
test(refused, `GET / http/1.1\r\n${host}`, 400);
test(refused, `GET / HTTP/1.1\n${host}`, 400);
test(refused, `GET / HTTP/1.1\r${host}`, 400);
test(refused, `CONNECT a:1 HTTP/1.1\r\n${host}`, 400);
test(refused, `CONNECT /a HTTP/1.1\r\n${host}`, 400);
test(refused, `OPTIONS * HTTP/1.1\r\n${host}`, 501);
test(refused, `GET a HTTP/1.1\r\n${host}`, 400);
test(refused, `GET ?a HTTP/1.1\r\n${host}`, 400);
test(refused, `GET ftp://a/ HTTP/1.1\r\n${host}`, 400);
test(refused, `GET http:///a HTTP/1.1\r\n${host}`, 400);
test(refused, `GET http://b@a/ HTTP/1.1\r\n${host}`, 400);
test(refused, `GET http://[a/ HTTP/1.1\r\n${host}`, 400);
test(refused, 'GET / HTTP/1.1\r\n\r\n', 400);
test(refused, 'GET http://a/ HTTP/1.1\r\n\r\n', 400);
test(refused, 'GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n', 400);
test(refused, 'GET / HTTP/1.1\r\nHost : a\r\n\r\n', 400);
test(refused, 'GET / HTTP/1.1\r\nHost: a b\r\n\r\n', 400);
test(refused, `GET / HTTP/1.1\r\nExpect: gold\r\n${host}`, 417);
test(refused, `POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n${host}`, 400);
test(refused, `POST / HTTP/1.1\r\nContent-Length: 1, 1\r\n${host}`, 400);
test(refused, `POST / HTTP/1.1\r\nContent-Length:\r\n${host}`, 400);
test(refused, `POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n${host}`, 400);
test(refused, `POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 0\r\n${host}`, 400);
test(refused, `POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n${host}`, 501);
test(refused, `POST / HTTP/1.1\r\nTransfer-Encoding: chunked, chunked\r\n${host}`, 501);
test(refused, `POST / HTTP/1.1\r\nTransfer-Encoding: chunked\t\r\n${host}`, 501);
test(refused, `POST / HTTP/1.1\r\nTransfer-Encoding: chunked \r\n${host}`, 501);
test(refused, `POST / HTTP/1.1\r\nTransfer-Encoding: identity\r\n${host}`, 501);
test(refused, `POST / HTTP/1.1\r\nTransfer-Encoding: "chunked"\r\n${host}`, 501);
test(refused, `POST / HTTP/1.1\r\nTransfer-Encoding: \x0bchunked\r\n${host}`, 400);
test(refused, `POST / HTTP/1.1\r\nTransfer-Encoding:\r\n${host}`, 501);
test(refused, `POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n${host}`, 400);

const target = test.macro({
  exec: (t, requestLine: string, path: string, authority: string | undefined, forwarded: string) => {
    const read = readText(`${requestLine}\r\n${requestLine.endsWith('1.0') ? '' : 'Host: a\r\n'}\r\n`);
    t.is(read.path, path);
    t.is(read.authority, authority);
    t.is(read.host, authority === undefined ? '' : 'a');
    t.true(read.forUpstream('1.2.3.4', false, 'pod:8080').startsWith(`${forwarded}\r\nX-Forwarded-For: `));
  },
  title: (_given, requestLine: string) => `the path and the authority of ${requestLine}`,
});
test(target, 'GET / HTTP/1.1', '/', 'a', 'GET / HTTP/1.1\r\nHost: a');
test(target, 'get //a/../b?c=%zz|"{ HTTP/1.1', '//a/../b?c=%zz|"{', 'a', 'get //a/../b?c=%zz|"{ HTTP/1.1\r\nHost: a');
test(target, 'M-SEARCH / HTTP/1.0', '/', undefined, 'M-SEARCH / HTTP/1.1\r\nHost: pod:8080');
test(target, 'GET http://A.:81 HTTP/1.1', '/', 'A.:81', 'GET / HTTP/1.1\r\nHost: A.:81');
test(target, 'GET HTTPS://a/b HTTP/1.1', '/b', 'a', 'GET /b HTTP/1.1\r\nHost: a');
test(target, 'GET http://a?b HTTP/1.0', '/?b', 'a', 'GET /?b HTTP/1.1\r\nHost: a');

test('an empty line before the request line is passed over', (t) => {
  t.is(readText(`\r\nGET /a HTTP/1.1\r\n${host}`).path, '/a');
});

const authority = test.macro({
  exec: (t, given: string, is: boolean) => t.is(Head.read(`GET / HTTP/1.1\r\nHost: ${given}\r\n\r\n`).ok, is),
  title: (_given, given: string, is: boolean) => `${is ? 'an' : 'no'} authority: ${JSON.stringify(given)}`,
});
for (const given of ['', 'a', 'a-b_c.example.', 'A:', 'a:80', '10.0.0.1:8080', '[::1]', '[fe80::1%25eth0]:80', "!$&'()*+,;=%41"]) test(authority, given, true);
for (const given of ['a:b', 'a:1:2', 'a/b', 'a@b', 'a?b', '[', '[]', '[::1', '::1', '[::1]a', 'a b', 'a\tb', '"a"', '\xe4', '<a>', 'a\\b'])
  test(authority, given, false);

const length = test.macro({
  exec: (t, fields: string, expected: MessageLength) => {
    const read = readText(`POST / HTTP/1.1\r\n${fields}${host}`);
    t.is(read.length, expected);
    t.is(read.hasBody, expected !== 0);
  },
  title: (_given, fields: string, expected: MessageLength) => `the body is ${expected} long: ${JSON.stringify(fields)}`,
});
test(length, '', 0);
test(length, 'Content-Length: 0\r\n', 0);
test(length, 'content-length:\t12 \r\n', 12);
test(length, 'Transfer-Encoding: CHUNKED\r\n', 'chunked');

const keepsAlive = test.macro({
  exec: (t, version: string, fields: string, expected: boolean) => t.is(readText(`GET / HTTP/${version}\r\n${fields}${host}`).keepsAlive, expected),
  title: (_given, version: string, fields: string, expected: boolean) =>
    `a client of HTTP/${version} ${expected ? 'goes on' : 'ends'} after ${JSON.stringify(fields)}`,
});
test(keepsAlive, '1.1', '', true);
test(keepsAlive, '1.1', 'Connection: x\r\nConnection: Close\r\n', false);
test(keepsAlive, '1.0', '', false);
test(keepsAlive, '1.0', 'Connection: Keep-Alive\r\n', true);
test(keepsAlive, '1.0', 'Connection: keep-alive, close\r\n', false);

const upgrade = test.macro({
  exec: (t, text: string, expected: string | undefined) => {
    const read = readText(text);
    t.is(read.upgrade, expected);
    t.is(/upgrade/i.exec(read.forUpstream('1.2.3.4', true, ''))?.[0] !== undefined, expected !== undefined);
  },
  title: (_given, text: string, expected: string | undefined) => `${expected === undefined ? 'no offer' : 'an offer'} to upgrade: ${JSON.stringify(text)}`,
});
const offer = 'Connection: x, Upgrade\r\nUpgrade: websocket\r\n';
test(upgrade, `GET / HTTP/1.1\r\n${offer}${host}`, 'websocket');
test(upgrade, `GET / HTTP/1.1\r\nUpgrade: websocket\r\n${host}`, undefined);
test(upgrade, `GET / HTTP/1.1\r\nConnection: upgrade\r\n${host}`, undefined);
test(upgrade, `GET / HTTP/1.1\r\nConnection: upgrade\r\nUpgrade:\r\n${host}`, undefined);
test(upgrade, `GET / HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: H2C\r\n${host}`, undefined);
test(upgrade, `GET / HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: h2\r\n${host}`, undefined);
test(upgrade, `POST / HTTP/1.1\r\n${offer}${host}`, undefined);
test(upgrade, `GET / HTTP/1.0\r\n${offer}${host}`, undefined);
test(upgrade, `GET / HTTP/1.1\r\nContent-Length: 1\r\n${offer}${host}`, undefined);
test(upgrade, `GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n${offer}${host}`, undefined);

test('only a client of HTTP/1.1 with a body waits for 100 Continue', (t) => {
  t.true(readText(`PUT / HTTP/1.1\r\nExpect: 100-Continue\r\nContent-Length: 1\r\n${host}`).expectsContinue);
  t.false(readText(`PUT / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n${host}`).expectsContinue);
  t.false(readText(`PUT / HTTP/1.1\r\n${host}`).expectsContinue);
});

test('a header is found by its name in lower case, the first of several', (t) => {
  const read = head([
    ['Host', 'a'],
    ['X-A', '1'],
    ['x-a', '2'],
    ['User-Agent', 'curl'],
  ]);
  t.is(read.header('x-a'), '1');
  t.is(read.header('x-b'), undefined);
  t.true(read.hasHeader('x-a'));
  t.false(read.hasHeader('x-'));
  t.is(read.userAgent, 'curl');
});

const forUpstream = test.macro({
  exec: (t, edge: boolean, fields: string, passed: string) =>
    t.is(readText(`GET / HTTP/1.1\r\n${fields}Host: a\r\n\r\n`).forUpstream('1.2.3.4', edge, ''), `GET / HTTP/1.1\r\n${passed}\r\n`),
  title: (given, edge: boolean, fields: string) => `${given ?? ''}${edge ? ', at the edge' : ''}: ${JSON.stringify(fields)}`,
});
const told = 'X-Forwarded-For: 1.2.3.4\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: a\r\n';
for (const edge of [false, true]) {
  test('goes on as it came', forUpstream, edge, 'Accept:\t*/* \r\nA: 1\r\na: \xff\r\n', `Accept:\t*/* \r\nA: 1\r\na: \xff\r\nHost: a\r\n${told}`);
  test(
    'trailers are asked for, and no other coding',
    forUpstream,
    edge,
    'A: 1\r\ntE: gzip, Trailers\r\nB: 2\r\n',
    `A: 1\r\ntE: trailers\r\nB: 2\r\nHost: a\r\n${told}`,
  );
  test('another coding is not asked for', forUpstream, edge, 'TE: gzip\r\n', `Host: a\r\n${told}`);
  test('what Connection names ends here', forUpstream, edge, 'A: 1\r\nB: 2\r\nConnection: b, close\r\n', `A: 1\r\nHost: a\r\n${told}`);
  test(
    'what the pod needs to read it cannot be named away',
    forUpstream,
    edge,
    'Connection: host, content-length\r\nContent-Length: 0\r\n',
    `Content-Length: 0\r\nHost: a\r\n${told}`,
  );
  test('Trailer needs chunks', forUpstream, edge, 'Trailer: x\r\n', `Host: a\r\n${told}`);
  test(
    'chunks are said anew',
    forUpstream,
    edge,
    'transfer-encoding: CHUNKED\r\nTrailer: x\r\n',
    `Trailer: x\r\nHost: a\r\n${told}Transfer-Encoding: chunked\r\n`,
  );
}
const forwarding = 'X-Forwarded-Host: h\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Port: 1\r\nForwarded: for=x\r\nX-Real-IP: y\r\n';
test('the peer is appended', forUpstream, false, 'X-Forwarded-For: 9\r\nx-forwarded-for: 8\r\n', `Host: a\r\n${told.replace('1.2.3.4', '9, 8, 1.2.3.4')}`);
test('what a proxy in front said holds', forUpstream, false, forwarding, `${forwarding}Host: a\r\nX-Forwarded-For: 1.2.3.4\r\n`);
test('what anyone said before does not hold', forUpstream, true, `X-Forwarded-For: 9\r\n${forwarding}${forwarding.replaceAll('-', '_')}`, `Host: a\r\n${told}`);

test('whatever comes as a head, reading it ends, and what is printed of it is a head with the same path, length and authority', (t) => {
  const parts = fc.constantFrom(
    'GET / HTTP/1.1\r\n',
    'POST ',
    '/a',
    'http://b',
    ' ',
    'HTTP/1.0\r\n',
    '\r\n',
    '\r',
    '\n',
    '\0',
    'Host: a\r\n',
    'Content-Length: 1\r\n',
    'Transfer-Encoding: chunked\r\n',
    'Connection: x\r\n',
    ':',
    '\xff',
  );
  fc.assert(
    fc.property(fc.array(parts, { maxLength: 10 }), fc.boolean(), (pieces, edge) => {
      const read = Head.read(`${pieces.join('')}Host: a\r\n\r\n`);
      if (!read.ok) return;
      const again = readText(read.value.forUpstream('1.2.3.4', edge, 'pod'));
      t.deepEqual(
        [again.method, again.path, again.length, again.authority, again.minorVersion],
        [read.value.method, read.value.path, read.value.length, read.value.authority ?? 'pod', 1],
      );
    }),
    { numRuns: 5000 },
  );
  t.pass();
});

test('fields that are given in the place of the client’s go on instead of them, or nothing does', (t) => {
  const sent = head([
    ['Host', 'a'],
    ['Traceparent', 'old'],
    ['Tracestate', 'old'],
    ['X', 'stays'],
  ]).forUpstream(
    '1.2.3.4',
    false,
    '',
    new Map([
      ['traceparent', 'new'],
      ['tracestate', undefined],
    ]),
  );
  t.true(sent.includes('X: stays\r\n'));
  t.true(sent.includes('traceparent: new\r\n'));
  t.notRegex(sent, /old|tracestate/i);
});

test('what a request is told from: its host without port, its protocol, whether a body follows, what it costs in memory', (t) => {
  const with1 = head(
    [
      ['Host', 'A.example:8080'],
      ['Content-Length', '3'],
      ['X', '1'],
      ['x', '2'],
    ],
    'POST / HTTP/1.1',
  );
  t.deepEqual([with1.host, with1.protocol, with1.hasBody, with1.hasHeader('x'), with1.hasHeader('y')], ['a.example', 'HTTP/1.1', true, true, false]);
  t.deepEqual(with1.headers('x'), ['1', '2']);
  t.true(with1.bytes > 60 && with1.bytes < 10_000);
  const old = head([], 'GET / HTTP/1.0');
  t.deepEqual([old.host, old.protocol, old.hasBody], ['', 'HTTP/1.0', false]);
});
