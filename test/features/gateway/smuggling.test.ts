import test, { type ExecutionContext } from 'ava';
import { closes, readAnswer, valuesOf } from '../../support/raw-message.ts';
import { namesRequest, startScene } from '../../support/scripted-origin.ts';

const behind = 'GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n';

/** Refused in words, the connection ended, nothing at the pod; and what stands behind is never taken for a request. */
const refused = test.macro({
  exec: async (t: ExecutionContext, request: string, how: 'at once' | 'byte by byte') => {
    const { origin, rig, dial } = await startScene(t, namesRequest);
    const client = await dial();
    if (how === 'at once') await client.send(request + behind);
    else
      for (const byte of request + behind) {
        if (client.received !== '') break;
        await client.sendApart([byte]);
      }
    const answer = await readAnswer(client);
    t.true((answer.status >= 400 && answer.status < 500) || answer.status === 501 || answer.status === 505, String(answer.status));
    t.true(closes(answer), JSON.stringify(answer));
    t.is(await client.rest(), '');
    t.is(origin.received(), '');
    t.is(rig.gateway.counters.unrouted.get('malformed-request'), 1);
  },
  title: (_given, request: string, how: string) => `refused ${how}: ${JSON.stringify(request).slice(1, -1).replaceAll(' ', '␣')}`,
});

const head = (...lines: readonly string[]): string => `POST /up HTTP/1.1\r\nHost: a\r\n${lines.map((line) => `${line}\r\n`).join('')}\r\n`;
const chunks = '5\r\nhello\r\n0\r\n\r\n';
const get = (line: string): string => `GET / HTTP/1.1\r\nHost: a\r\n${line}\r\n\r\n`;

const twoLengths = [
  `${head('Content-Length: 5', 'Transfer-Encoding: chunked')}${chunks}`,
  `${head('Transfer-Encoding: chunked', 'Content-Length: 5')}${chunks}`,
  `${head('Transfer-Encoding: chunked', 'Content-Length: 0')}${chunks}`,
  `${head('Content-Length: 15', 'Transfer-Encoding: xchunked')}${chunks}`,
  `${head('Transfer-Encoding: identity', 'Content-Length: 15')}${chunks}`,
  `${head('Content-Length: 5', 'Content-Length: 5')}hello`,
  `${head('Content-Length: 5', 'content-length: 5')}hello`,
  `${head('Content-Length: 5', 'Content-Length: 6')}hello!`,
  `${head('Content-Length: 0', 'X-Between: 1', 'Content-Length: 5')}hello`,
];
const noLengths = [
  ...['5, 5', '5,5', '5 5', '+5', '-5', '-0', '0x5', '5.0', '5e0', '"5"', '5;', '5,', ',5', '', '5\x0b', '\x0c5', '\xa05', 'five'],
  ...['9'.repeat(30), '18446744073709551621', '5\0'],
].map((length) => `${head(`Content-Length: ${length}`)}hello`);
const codings = [
  ...[
    'xchunked',
    'chunkedx',
    'chunked \t',
    'chunke',
    'identity',
    'gzip',
    '',
    '"chunked"',
    "'chunked'",
    'chunked;q=1',
    'chunked chunked',
    'chunked, chunked',
    'chunked,chunked',
  ],
  ...['chunked, identity', 'identity, chunked', 'chunked, gzip', 'gzip, chunked', '\x0bchunked', '\x0cchunked', 'chunked\x0b', 'chunked\0', '\0chunked'],
  ...['\xa0chunked', 'chun ked', 'chunked\r', '\r chunked', 'cow, chunked', '\xffchunked'],
].map((coding) => `${head(`Transfer-Encoding: ${coding}`)}${chunks}`);
const codingLines = [
  `${head('Transfer-Encoding: chunked', 'Transfer-Encoding: chunked')}${chunks}`,
  `${head('Transfer-Encoding: chunked', 'Transfer-Encoding: identity')}${chunks}`,
  `${head('Transfer-Encoding: identity', 'Transfer-Encoding: chunked')}${chunks}`,
  `${head('Transfer-Encoding: x', 'transfer-encoding: chunked')}${chunks}`,
  `${head('Transfer-Encoding : chunked')}${chunks}`,
  `${head('Transfer-Encoding\t: chunked')}${chunks}`,
  `${head('Transfer-Encoding\x0b: chunked')}${chunks}`,
  `${head('Transfer-Encoding\0: chunked')}${chunks}`,
  `${head(' Transfer-Encoding: chunked')}${chunks}`,
  `${head('X: 1', ' Transfer-Encoding: chunked')}${chunks}`,
  `${head('X: 1\n Transfer-Encoding: chunked')}${chunks}`,
  `${head('X: 1\nTransfer-Encoding: chunked')}${chunks}`,
  `${head('X: 1\rTransfer-Encoding: chunked')}${chunks}`,
  `${head('Transfer-Encoding:', ' chunked')}${chunks}`,
  `${head('Transfer-Encoding:', '\tchunked')}${chunks}`,
  `${head('Transfer-Encoding: chunked', ' , identity')}${chunks}`,
  `${head('Content-Length : 5')}hello`,
  `${head('Content-Length\t: 5')}hello`,
  `${head('Content-Length:', ' 5')}hello`,
  `${head('X: 1\nContent-Length: 5')}hello`,
  `POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${chunks}`,
  `POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\nhello`,
];
const lineEnds = [
  'GET / HTTP/1.1\nHost: a\r\n\r\n',
  'GET / HTTP/1.1\r\nHost: a\n\r\n',
  'GET / HTTP/1.1\r\nHost: a\nX: 1\r\n\r\n',
  'GET / HTTP/1.1\r\nHost: a\r\n\n',
  'GET / HTTP/1.1\nHost: a\n\n',
  '\nGET / HTTP/1.1\r\nHost: a\r\n\r\n',
  'GET / HTTP/1.1\rHost: a\r\n\r\n',
  'GET / HTTP/1.1\r\nHost: a\rX: 1\r\n\r\n',
  'GET / HTTP/1.1\r\nHost: a\r\r\n\r\n',
  'GET / HTTP/1.1\r\nHost: a\r\n\rX: 1\r\n\r\n',
  '\rGET / HTTP/1.1\r\nHost: a\r\n\r\n',
  'GET / HTTP/1.1\r\r\nHost: a\r\n\r\n',
];
const fieldLines = [
  ...[
    'X: a\0b',
    'X\0: a',
    'X: \0',
    '\0',
    'X: a\rb',
    ': 1',
    ' : 1',
    'no colon',
    'X',
    'X Y: 1',
    'X : 1',
    'X\t: 1',
    '(X): 1',
    'X,Y: 1',
    'X/Y: 1',
    '"X": 1',
    'X[0]: 1',
  ],
  ...[
    'X{}: 1',
    'X@Y: 1',
    'X=Y: 1',
    'X?: 1',
    'X\\: 1',
    'X\x7f: 1',
    'X\x01: 1',
    '\xe4: 1',
    'X\xff: 1',
    'X: 1\r\n folded',
    'X: 1\r\n\tfolded',
    'X: 1\r\n \r\nY: 2',
  ],
].map(get);
const hosts = [
  'GET / HTTP/1.1\r\n\r\n',
  'GET / HTTP/1.1\r\nX: 1\r\n\r\n',
  'GET http://a/ HTTP/1.1\r\n\r\n',
  'GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n',
  'GET / HTTP/1.1\r\nHost: a\r\nhost: b\r\n\r\n',
  'GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n',
  ...['a b', 'a, b', 'a,b, c d', 'a/b', 'a@b', 'a:b', 'a?b', 'a#b', 'a\\b', '[a', '[::1]x', 'http://a', '\xe4', 'a\0'].map(
    (host) => `GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`,
  ),
  'GET / HTTP/1.1\r\n Host: a\r\n\r\n',
  'GET / HTTP/1.1\r\nHost : a\r\n\r\n',
];
const requestLines = [
  ...[
    'GET / HTTP/1.2',
    'GET / HTTP/2.0',
    'GET / HTTP/0.9',
    'GET / HTTP/1.10',
    'GET / HTTP/01.1',
    'GET / HTTP/1.',
    'GET / HTTP/1',
    'GET / HTTP/11',
    'GET / HTTP',
  ],
  ...[
    'GET / http/1.1',
    'GET / Http/1.1',
    'GET / HTTPS/1.1',
    'GET / HTP/1.1',
    'GET / HTTP/1.1 ',
    'GET / HTTP/1.1 x',
    'GET / HTTP/1.1\t',
    'GET / HTTP/1,1',
    'GET / HTTP 1.1',
  ],
  ...[
    'GET  / HTTP/1.1',
    'GET /  HTTP/1.1',
    'GET\t/ HTTP/1.1',
    'GET /\tHTTP/1.1',
    ' GET / HTTP/1.1',
    '\tGET / HTTP/1.1',
    'GET HTTP/1.1',
    'GET/ HTTP/1.1',
    'GET',
    '/ HTTP/1.1',
    ' / HTTP/1.1',
  ],
  ...['G(T / HTTP/1.1', 'G\0T / HTTP/1.1', 'GET: / HTTP/1.1', '\xe4GET / HTTP/1.1', '"GET" / HTTP/1.1', 'HTTP/1.1 200 OK'],
  ...['/a b', '/\0', '/\x01', '/\x1f', '/\x7f', '/\t', '/\x0b', '/\r', '/\x80', '/\xe4', '/\xff', '/?\xe4', '/#', '/a#b', '/?#', 'nonsense', '?a', '*', ''].map(
    (target) => `GET ${target} HTTP/1.1`,
  ),
  ...['http://', 'http:///', 'http:/a', 'http://u@a/', 'http://u:p@a/', 'http://[a/', 'http://a:b/', 'http://a/#b', 'http://a\\b/', 'ftp://a/', 'a:80'].map(
    (target) => `GET ${target} HTTP/1.1`,
  ),
  'OPTIONS * HTTP/1.1',
  'CONNECT a:443 HTTP/1.1',
  'CONNECT /a HTTP/1.1',
].map((line) => `${line}\r\nHost: a\r\n\r\n`);
const noHeads = ['GET /\r\n', 'GET / \r\n', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n'];

for (const request of [...twoLengths, ...noLengths, ...codings, ...codingLines, ...lineEnds, ...fieldLines, ...hosts, ...requestLines, ...noHeads]) {
  test(refused, request, 'at once');
  test(refused, request, 'byte by byte');
}

test('a list of codings with empty members is read as chunked, or refused', async (t) => {
  for (const coding of ['chunked,', ', chunked', 'chunked, ,']) {
    const { origin, dial } = await startScene(t, namesRequest);
    const client = await dial();
    await client.send(`${head(`Transfer-Encoding: ${coding}`)}${chunks}${behind}`);
    const answer = await readAnswer(client);
    if (answer.status === 200) t.is(origin.requests[0]?.body, 'hello', coding);
    else {
      t.true([400, 501].includes(answer.status) && closes(answer), coding);
      t.is(origin.received(), '');
      t.is(await client.rest(), '');
    }
  }
});

test('what only looks wrong reaches the pod as it was sent', async (t) => {
  const { origin, dial } = await startScene(t, namesRequest);
  const fields = [
    ['X-Obs-Text', '\x80\xe4\xff "\xc3\xa4"'],
    ["!#$%&'*+-.^_`|~09AZaz", 'every character of a token'],
    ['X-Empty', ''],
    ['x-empty', ''],
    ['X-Inside', 'a \t b:c;d=",\\"'],
    ['X-Content-Length', '7'],
    ['Content_Length', '7'],
    ['Transfer-Encodin', 'chunked'],
    ['0', '0'],
    ['X-Long', 'x'.repeat(20_000)],
  ] as const;
  const client = await dial();
  await client.send(`GET / HTTP/1.1\r\nHost: a\r\n${fields.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`);
  t.is((await readAnswer(client)).status, 200);
  const names = new Set<string>(fields.map(([name]) => name));
  t.deepEqual(
    origin.requests[0]?.fields.filter(([name]) => names.has(name)),
    fields as readonly (readonly [string, string])[],
  );
});

test('white space around a value is no part of it', async (t) => {
  const { origin, dial } = await startScene(t, namesRequest);
  const client = await dial();
  await client.send('GET / HTTP/1.1\r\nHost:\t a \t\r\nX-Tight:1\r\nX-Loose: \t 2 \t \r\nX-Blank:  \t\r\n\r\n');
  t.is((await readAnswer(client)).status, 200);
  const { fields = [] } = origin.requests[0] ?? {};
  t.deepEqual(
    ['host', 'x-tight', 'x-loose', 'x-blank'].map((name) => valuesOf(fields, name)),
    [['a'], ['1'], ['2'], ['']],
  );
});

test('an empty line before a request is passed over, the first time and between requests', async (t) => {
  const { origin, dial } = await startScene(t, namesRequest);
  const client = await dial();
  await client.send('\r\nGET /1 HTTP/1.1\r\nHost: a\r\n\r\n');
  t.is((await readAnswer(client)).body, 'GET /1');
  await client.send('\r\nPOST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx\r\nGET /3 HTTP/1.1\r\nHost: a\r\n\r\n');
  t.is((await readAnswer(client)).body, 'POST /2');
  t.is((await readAnswer(client)).body, 'GET /3');
  await client.sendApart('\r\nGET /4 HTTP/1.1\r\nHost: a\r\n\r\n');
  t.is((await readAnswer(client)).body, 'GET /4');
  t.is(origin.requests.length, 4);
});

test('500 fields in one head all reach the pod, in order', async (t) => {
  const { origin, dial } = await startScene(t, namesRequest);
  const client = await dial();
  const names = Array.from({ length: 500 }, (_, index) => `X-${index}`);
  await client.send(`GET / HTTP/1.1\r\nHost: a\r\n${names.map((name) => `${name}: 1\r\n`).join('')}\r\n`);
  t.is((await readAnswer(client)).status, 200);
  t.deepEqual(
    origin.requests[0]?.fields.map(([name]) => name).filter((name) => /^X-\d/.test(name)),
    names,
  );
});

test('a method that nobody knows is the affair of the pod, in the case in which it was sent', async (t) => {
  const { origin, dial } = await startScene(t, namesRequest);
  for (const method of ['PURGE', 'PROPFIND', 'FROBNICATE', 'get', 'M-SEARCH', "!#$%&'*+.^_`|~"]) {
    const client = await dial();
    await client.send(`${method} /x HTTP/1.1\r\nHost: a\r\n\r\n`);
    t.is((await readAnswer(client)).body, `${method} /x`);
  }
  t.is(origin.requests.length, 6);
});
