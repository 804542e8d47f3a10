import test from 'ava';
import fc from 'fast-check';
import type { MessageLength } from './message-body.ts';
import { ResponseHead, type AnswerEnding } from './response-head.ts';

const date = 'Thu, 01 Jan 2026 00:00:00 GMT';
const plain: AnswerEnding = { chunked: false, connection: undefined, date };

const read = (text: string): ResponseHead => {
  const head = ResponseHead.read(text);
  if (head === undefined) throw new Error(`no head: ${JSON.stringify(text)}`);
  return head;
};
const withFields = (fields: string, statusLine = 'HTTP/1.1 200 OK'): ResponseHead => read(`${statusLine}\r\n${fields}\r\n`);

const refused = test.macro({
  exec: (t, text: string) => t.is(ResponseHead.read(text), undefined),
  title: (_given, text: string) => `no head of an answer: ${JSON.stringify(text)}`,
});
test(refused, '\r\n\r\n');
test(refused, '\r\nHTTP/1.1 200 OK\r\n\r\n');
test(refused, 'HTTP/2.0 200 OK\r\n\r\n');
test(refused, 'HTTP/1.2 200 OK\r\n\r\n');
test(refused, 'http/1.1 200 OK\r\n\r\n');
test(refused, 'HTTP/1.1200 OK\r\n\r\n');
test(refused, 'HTTP/1.1  200 OK\r\n\r\n');
test(refused, 'HTTP/1.1 20 OK\r\n\r\n');
test(refused, 'HTTP/1.1 2000 OK\r\n\r\n');
test(refused, 'HTTP/1.1 099 OK\r\n\r\n');
test(refused, 'HTTP/1.1 20x OK\r\n\r\n');
test(refused, 'HTTP/1.1 200OK\r\n\r\n');
test(refused, 'HTTP/1.1 200 O\0K\r\n\r\n');
test(refused, 'HTTP/1.1 200 OK\rX\r\n\r\n');
test(refused, 'HTTP/1.1 200 OK\n\r\n\r\n');
test(refused, 'HTTP/1.1 200 OK\r\nX : 1\r\n\r\n');
test(refused, 'HTTP/1.1 200 OK\r\nX: 1\r\n folded\r\n\r\n');
test(refused, 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\n');
test(refused, 'HTTP/1.1 200 OK\r\nContent-Length: 3, 3\r\n\r\n');
test(refused, 'HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\n');
test(refused, 'HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n');
test(refused, 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n');
test(refused, 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\t\r\n\r\n');
test(refused, 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n');
test(refused, 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n');
test(refused, 'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
test(refused, 'HTTP/1.0 100 Continue\r\n\r\n');
test(refused, 'HTTP/1.0 101 Switching Protocols\r\nUpgrade: x\r\n\r\n');

const length = test.macro({
  exec: (t, text: string, expected: MessageLength) => t.is(read(text).length, expected),
  title: (_given, text: string, expected: MessageLength) => `the body is ${expected} long: ${JSON.stringify(text)}`,
});
test(length, 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n', 3);
test(length, 'HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\n', 3);
test(length, 'HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n', 'chunked');
test(length, 'HTTP/1.1 200 OK\r\n\r\n', 'until-close');
test(length, 'HTTP/1.1 204 No Content\r\nContent-Length: 3\r\n\r\n', 0);
test(length, 'HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n', 0);
test(length, 'HTTP/1.1 304 Not Modified\r\nContent-Length: 3\r\n\r\n', 0);
test(length, 'HTTP/1.1 103 Early Hints\r\n\r\n', 0);
test(length, 'HTTP/1.1 101 Switching Protocols\r\n\r\n', 0);

const status = test.macro({
  exec: (t, statusLine: string, expected: number) => {
    const head = withFields('', statusLine);
    t.is(head.status, expected);
    t.true(head.forClient(plain).startsWith(`${statusLine.replace('HTTP/1.0', 'HTTP/1.1')}\r\nDate: `));
  },
  title: (_given, statusLine: string) => `goes on as it came: ${JSON.stringify(statusLine)}`,
});
test(status, 'HTTP/1.1 200 OK', 200);
test(status, 'HTTP/1.1 404 ', 404);
test(status, 'HTTP/1.1 404', 404);
test(status, 'HTTP/1.0 299 Quite\tall right \xfc', 299);
test(status, 'HTTP/1.1 999 ?', 999);

const keepsAlive = test.macro({
  exec: (t, statusLine: string, fields: string, expected: boolean) => t.is(withFields(fields, statusLine).keepsAlive, expected),
  title: (_given, statusLine: string, fields: string, expected: boolean) =>
    `the pod ${expected ? 'goes on with' : 'ends'} the connection after ${JSON.stringify(`${statusLine} ${fields}`)}`,
});
test(keepsAlive, 'HTTP/1.1 200 OK', '', true);
test(keepsAlive, 'HTTP/1.1 200 OK', 'Connection: x, Close\r\n', false);
test(keepsAlive, 'HTTP/1.1 200 OK', 'Connection: keep-alive\r\nconnection: close\r\n', false);
test(keepsAlive, 'HTTP/1.0 200 OK', '', false);
test(keepsAlive, 'HTTP/1.0 200 OK', 'Connection: Keep-Alive\r\n', true);
test(keepsAlive, 'HTTP/1.0 200 OK', 'Connection: keep-alive, close\r\n', false);

test('for how long the pod keeps an idle connection is known where it says so', (t) => {
  const seconds = (value: string) => withFields(`Keep-Alive: ${value}\r\n`).keepAliveSeconds;
  t.is(seconds('timeout=5'), 5);
  t.is(seconds('max=100, Timeout=72'), 72);
  for (const value of ['', 'timeout', 'timeout=', 'timeout=x', 'timeout=-1', 'xtimeout=5', 'timeout=12345678']) t.is(seconds(value), undefined, value);
  t.is(withFields('').keepAliveSeconds, undefined);
});

test('the protocol that a pod changes to is told, and its 101 goes on with it', (t) => {
  const head = withFields('Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: x\r\nContent-Length: 0\r\n', 'HTTP/1.1 101 Switching Protocols');
  t.is(head.upgrade, 'websocket');
  t.is(head.forSwitched('websocket'), 'HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
});

const forClient = test.macro({
  exec: (t, fields: string, ending: AnswerEnding, passed: string) => t.is(withFields(fields).forClient(ending), `HTTP/1.1 200 OK\r\n${passed}\r\n`),
  title: (given, fields: string) => `${given ?? ''}: ${JSON.stringify(fields)}`,
});
const dated = `Date: ${date}\r\n`;
test('goes on as it came', forClient, 'Server:x \r\nDATE: then\r\nServer: y\r\n', plain, 'Server:x \r\nDATE: then\r\nServer: y\r\n');
test('without a Date it is given one', forClient, 'Server: x\r\n', plain, `Server: x\r\n${dated}`);
test('a Date that Connection names is no Date', forClient, 'Connection: date\r\nDate: then\r\n', plain, dated);
test(
  'what ends at the gateway is left out, wherever it stands',
  forClient,
  'Connection: x-b\r\nA: 1\r\nKeep-Alive: timeout=1\r\nX-B: 2\r\nProxy-Authenticate: Basic\r\nB: 3\r\nC: 4\r\nUpgrade: h2c\r\nTE: x\r\n',
  plain,
  `A: 1\r\nB: 3\r\nC: 4\r\n${dated}`,
);
test(
  'the length cannot be named away',
  forClient,
  'Content-Length: 3\r\nConnection: content-length, X-A\r\nx-a: 1\r\n',
  plain,
  `Content-Length: 3\r\n${dated}`,
);
test(
  'in chunks, with what is said of trailers',
  forClient,
  'Transfer-Encoding: chunked\r\nTrailer: X-Sum\r\n',
  { chunked: true, connection: 'close', date },
  `Trailer: X-Sum\r\n${dated}Connection: close\r\nTransfer-Encoding: chunked\r\n`,
);
test(
  'without chunks there are no trailers',
  forClient,
  'Trailer: X-Sum\r\n',
  { chunked: false, connection: 'keep-alive', date },
  `${dated}Connection: keep-alive\r\n`,
);

test('an answer that has no body says nothing of its length, save for 304', (t) => {
  const printed = (statusLine: string) => withFields('Content-Length: 3\r\n', statusLine).forClient({ ...plain, date });
  t.notRegex(printed('HTTP/1.1 204 No Content'), /content-length/i);
  t.notRegex(printed('HTTP/1.1 103 Early Hints'), /content-length|date/i);
  t.regex(printed('HTTP/1.1 304 Not Modified'), /Content-Length: 3\r\n/);
});

test('whatever a pod answers, what passes keeps its bytes and its order, and reading what was printed gives the same answer', (t) => {
  const field = fc.tuple(
    fc.constantFrom('X-A', 'x-b', 'Set-Cookie', 'Server', 'Connection', 'Keep-Alive', 'Upgrade', 'Proxy-Authenticate', 'Trailer'),
    fc.constantFrom('', ' ', '\t'),
    fc.constantFrom('', '1', 'x-a', 'close, X-B', 'timeout=5', 'a\tb \xff'),
    fc.constantFrom('', ' \t'),
  );
  const framing = fc.constantFrom('', 'Content-Length: 12\r\n', 'Transfer-Encoding: chunked\r\n');
  fc.assert(
    fc.property(fc.array(field, { maxLength: 12 }), framing, fc.boolean(), (fields, framed, close) => {
      const lines = fields.map((parts) => `${parts[0]}:${parts.slice(1).join('')}\r\n`);
      const head = withFields(`${lines.join('')}${framed}`);
      const chunked = head.length === 'chunked';
      const named = fields.filter(([name]) => name === 'Connection').flatMap(([, , value]) => value.toLowerCase().split(/, */));
      const passed = fields.flatMap(([name], index) => {
        const passes = /^(?:x-|set|ser)/i.test(name) ? !named.includes(name.toLowerCase()) : name === 'Trailer' && chunked;
        return passes ? [lines[index] ?? ''] : [];
      });
      const printed = head.forClient({ chunked, connection: close ? 'close' : undefined, date });
      const told = `${dated}${close ? 'Connection: close\r\n' : ''}${chunked ? 'Transfer-Encoding: chunked\r\n' : ''}`;
      t.is(printed, `HTTP/1.1 200 OK\r\n${passed.join('')}${framed.startsWith('C') ? framed : ''}${told}\r\n`);
      const again = read(printed);
      t.deepEqual([again.status, again.length, again.keepsAlive], [200, head.length, !close]);
      t.is(again.forClient({ chunked, connection: close ? 'close' : undefined, date }), printed);
    }),
    { numRuns: 1000 },
  );
});

test('whatever comes as a head, reading it ends, and what is printed of it is a head', (t) => {
  const parts = fc.constantFrom(
    'HTTP/1.1 200 OK\r\n',
    'HTTP/1.0 304',
    ' ',
    '1',
    '\r\n',
    '\r',
    '\n',
    '\0',
    'X: 1\r\n',
    'Content-Length: 1\r\n',
    'Connection: x\r\n',
    ':',
    '\xff',
  );
  fc.assert(
    fc.property(fc.array(parts, { maxLength: 8 }), (pieces) => {
      const head = ResponseHead.read(`${pieces.join('')}\r\n\r\n`);
      if (head !== undefined) t.not(ResponseHead.read(head.forClient(plain)), undefined);
    }),
    { numRuns: 2000 },
  );
  t.pass();
});
