import test, { type ExecutionContext } from 'ava';
import { until } from '../../support/gateway-rig.ts';
import { readAnswer, readAnswers, readHead, valuesOf, without, type Field } from '../../support/raw-message.ts';
import { eachRequest, okWith, startScene, type Script } from '../../support/scripted-origin.ts';

const get = (path: string, more = ''): string => `GET ${path} HTTP/1.1\r\nHost: a\r\n${more}\r\n`;

/** The first request is answered with exactly this; each further one with its own target. */
const first = (answer: string, then: 'go on' | 'end' = 'go on'): Script =>
  eachRequest(async (wire, { target, method }) => {
    if (target !== '/first') return wire.send(okWith(method === 'HEAD' ? '' : target));
    await wire.send(answer);
    if (then === 'end') wire.finish();
  });

/** What the gateway says for itself, and the framing, which is its own affair as long as the content is the same. */
const endToEnd = (fields: readonly Field[]): readonly Field[] => without(fields, 'date', 'connection', 'keep-alive', 'transfer-encoding');

interface Passed {
  readonly status?: number;
  readonly phrase?: string;
  readonly fields?: readonly Field[];
  readonly body?: string;
  readonly trailers?: readonly Field[];
  readonly method?: string;
  readonly then?: 'go on' | 'end';
}

/** What a pod answers comes to the client as it was; and the next request on the same connection has its own answer. */
const passed = test.macro({
  exec: async (t: ExecutionContext, answer: string, want: Passed) => {
    const { dial } = await startScene(t, first(answer, want.then));
    const client = await dial();
    const method = want.method ?? 'GET';
    await client.send(`${method} /first HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nConnection: TE\r\n\r\n`);
    const got = await readAnswer(client, method);
    t.is(got.status, want.status ?? 200);
    t.is(got.phrase, want.phrase ?? 'OK');
    if (want.fields !== undefined) t.deepEqual(endToEnd(got.fields), want.fields);
    t.is(got.body, want.body ?? '');
    t.deepEqual(got.trailers, want.trailers ?? []);
    if (got.framing === 'close') return;
    await client.send(get('/second'));
    t.is((await readAnswer(client)).body, '/second');
    t.is(client.unread, '');
  },
  title: (_given, answer: string, { method = 'GET', then }: Passed) =>
    `an answer to ${method}${then === 'end' ? ' that ends the connection' : ''} comes as it was: ${JSON.stringify(answer)}`,
});

test(passed, 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello', { fields: [['Content-Length', '5']], body: 'hello' });
test(passed, 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n', { fields: [['Content-Length', '0']] });
test(passed, 'HTTP/1.1 200 OK\r\ncontent-length:0005\r\n\r\nhello', { body: 'hello' });
test(passed, 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n', { fields: [], body: 'hello' });
test(passed, 'HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n0\r\n\r\n', { fields: [] });
test(passed, 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n00A;x="y;z"\r\n0123456789\r\n1\r\n\n\r\n000;end\r\n\r\n', { body: '0123456789\n' });
test(passed, 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 42\r\nx-sum: 43\r\n\r\n', {
  body: 'hello',
  trailers: [
    ['X-Sum', '42'],
    ['x-sum', '43'],
  ],
});
test(passed, 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nHost: evil\r\nX-Sum: 42\r\nConnection: close\r\n\r\n', {
  body: 'hello',
  trailers: [['X-Sum', '42']],
});
test(passed, 'HTTP/1.1 200 OK\r\n\r\nuntil the end\r\n0\r\n\r\n', { fields: [], body: 'until the end\r\n0\r\n\r\n', then: 'end' });
test(passed, 'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n', { fields: [], then: 'end' });
test(passed, 'HTTP/1.0 200 OK\r\n\r\nuntil the end', { fields: [], body: 'until the end', then: 'end' });
test(passed, 'HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello', { body: 'hello', then: 'end' });
test(passed, 'HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello', { body: 'hello' });
test(passed, 'HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\nhello', { body: 'hello' });
test(passed, 'HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n', { method: 'HEAD', fields: [['Content-Length', '1234']] });
test(passed, 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n', { method: 'HEAD', fields: [] });
test(passed, 'HTTP/1.1 200 OK\r\nX: 1\r\n\r\n', { method: 'HEAD', fields: [['X', '1']] });
test(passed, 'HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\n\r\n', { method: 'HEAD', status: 404, phrase: 'Not Found', fields: [['Content-Length', '9']] });
test(passed, 'HTTP/1.1 204 No Content\r\nX: 1\r\n\r\n', { status: 204, phrase: 'No Content', fields: [['X', '1']] });
test(passed, 'HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n', { status: 204, phrase: 'No Content' });
test(passed, 'HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n', { status: 204, phrase: 'No Content', fields: [] });
test(passed, 'HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\nETag: "x"\r\n\r\n', {
  status: 304,
  phrase: 'Not Modified',
  fields: [
    ['Content-Length', '5'],
    ['ETag', '"x"'],
  ],
});
test(passed, 'HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n', { status: 304, phrase: 'Not Modified', fields: [] });
test(passed, 'HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n', { status: 205, phrase: 'Reset Content' });
test(passed, 'HTTP/1.1 205 Reset Content\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', { status: 205, phrase: 'Reset Content' });
test(passed, 'HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n', { phrase: '' });
test(passed, 'HTTP/1.1 200 ok - \xe4\xff\t"so"  it is\r\nContent-Length: 0\r\n\r\n', { phrase: 'ok - \xe4\xff\t"so"  it is' });
test(passed, 'HTTP/1.1 299 Made Up\r\nContent-Length: 2\r\n\r\nok', { status: 299, phrase: 'Made Up', body: 'ok' });
test(passed, 'HTTP/1.1 503 OK\r\nContent-Length: 2\r\n\r\nok', { status: 503, body: 'ok' });
test(passed, 'HTTP/1.1 599 Odd\r\nContent-Length: 2\r\n\r\nok', { status: 599, phrase: 'Odd', body: 'ok' });
test(
  passed,
  'HTTP/1.1 200 OK\r\nX-B: 1\r\nset-cookie: a=1\r\nContent-Length: 0\r\nX-a: \xe4\xff\r\nSet-Cookie: b=2\r\nx-b:\r\n!#$%&: 3\r\nSet-Cookie: a=1\r\nServer: x\r\n\r\n',
  {
    fields: [
      ['X-B', '1'],
      ['set-cookie', 'a=1'],
      ['Content-Length', '0'],
      ['X-a', '\xe4\xff'],
      ['Set-Cookie', 'b=2'],
      ['x-b', ''],
      ['!#$%&', '3'],
      ['Set-Cookie', 'a=1'],
      ['Server', 'x'],
    ],
  },
);

test('an answer that comes one byte at a time is the same to the client', async (t) => {
  for (const text of [
    'HTTP/1.1 200 So It Is\r\nX-One: 1\r\nContent-Length: 5\r\nX-Two:  2 \r\n\r\nhello',
    'HTTP/1.1 200 So It Is\r\nX-One: 1\r\nTransfer-Encoding: chunked\r\nX-Two: 2\r\n\r\n2;e="x"\r\nhe\r\n003\r\nllo\r\n0\r\nX-Sum: 42\r\n\r\n',
  ]) {
    const { dial } = await startScene(
      t,
      eachRequest((wire, { target }) => (target === '/slow' ? wire.sendApart(text) : wire.send(text))),
    );
    const client = await dial();
    const ask = async (path: string) => {
      await client.send(get(path, 'TE: trailers\r\nConnection: TE\r\n'));
      const { body, fields, phrase, trailers } = await readAnswer(client);
      return { body, phrase, trailers, fields: endToEnd(fields) };
    };
    const slow = await ask('/slow');
    t.is(slow.body, 'hello');
    t.deepEqual(slow, await ask('/fast'));
  }
});

test('Date is the one that the pod gave, and is added where it gave none', async (t) => {
  const given = 'date: Tue, 15 Nov 1994 08:12:31 GMT\r\n';
  const { dial } = await startScene(
    t,
    eachRequest((wire, { target }) => wire.send(okWith('x', target === '/given' ? given : ''))),
  );
  const client = await dial();
  await client.send(get('/given') + get('/none'));
  const [kept, added] = await readAnswers(client, ['GET', 'GET']);
  t.deepEqual(
    kept?.fields.filter(([name]) => name.toLowerCase() === 'date'),
    [['date', 'Tue, 15 Nov 1994 08:12:31 GMT']],
  );
  const [date, ...more] = valuesOf(added?.fields ?? [], 'date');
  t.regex(date ?? '', /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT$/);
  t.deepEqual(more, []);
});

test('each piece of an answer goes on when it comes, however the answer ends', async (t) => {
  const framings = {
    '/length': { head: 'Content-Length: 6\r\n', piece: (text: string) => text, end: '' },
    '/chunked': { head: 'Transfer-Encoding: chunked\r\n', piece: (text: string) => `2\r\n${text}\r\n`, end: '0\r\n\r\n' },
    '/close': { head: '', piece: (text: string) => text, end: undefined },
  };
  for (const [path, { head, piece, end }] of Object.entries(framings)) {
    const { origin, dial } = await startScene(t, (wire) => readHead(wire).then(() => wire.send(`HTTP/1.1 200 OK\r\n${head}\r\n`)));
    const client = await dial();
    await client.send(get(path));
    await client.until('\r\n\r\n');
    const pod = await origin.connection(0);
    for (const text of ['ab', 'cd', 'ef']) {
      await pod.send(piece(text));
      await client.until(text);
    }
    if (end === undefined) pod.finish();
    else await pod.send(end);
    if (/\r\ntransfer-encoding: chunked\r\n/i.test(client.received)) t.true((await client.until('0\r\n\r\n')).endsWith('0\r\n\r\n'));
    t.pass();
  }
});

test('an answer to HTTP/1.0 is never in chunks, and its connection ends', async (t) => {
  for (const answer of [
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 42\r\n\r\n',
    'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello',
  ]) {
    const { dial } = await startScene(t, first(answer));
    const client = await dial();
    await client.send('GET /first HTTP/1.0\r\n\r\n');
    const got = await readAnswer(client);
    t.is(got.body, 'hello');
    t.deepEqual(valuesOf(got.fields, 'transfer-encoding'), []);
    t.is(await client.rest(), '');
  }
});

test('a pod is never asked in HTTP/1.0, and always with one Host', async (t) => {
  const { origin, dial } = await startScene(t, first(okWith('hello')));
  for (const host of ['', 'Host: b.example\r\n']) {
    const client = await dial();
    await client.send(`GET /first HTTP/1.0\r\n${host}\r\n`);
    t.is((await readAnswer(client)).body, 'hello');
  }
  t.deepEqual(
    origin.requests.map(({ startLine }) => startLine),
    ['GET /first HTTP/1.1', 'GET /first HTTP/1.1'],
  );
  t.is(valuesOf(origin.requests[0]?.fields ?? [], 'host').length, 1);
  t.deepEqual(valuesOf(origin.requests[1]?.fields ?? [], 'host'), ['b.example']);
});

test('a client of HTTP/1.0 that asks to keep its connection is told truly whether it is kept', async (t) => {
  const { dial } = await startScene(t, first(okWith('hello')));
  const client = await dial();
  await client.send('GET /first HTTP/1.0\r\nConnection: keep-alive\r\n\r\n');
  const got = await readAnswer(client);
  t.is(got.body, 'hello');
  if (valuesOf(got.fields, 'connection').some((value) => /keep-alive/i.test(value))) {
    await client.send('GET /second HTTP/1.0\r\n\r\n');
    t.is((await readAnswer(client)).body, '/second');
  }
  t.is(await client.rest(), '');
});

test('an answer in chunks to a client of HTTP/1.0 that asks to keep its connection ends with the connection', async (t) => {
  const { dial } = await startScene(t, first('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n'));
  const client = await dial();
  await client.send('GET /first HTTP/1.0\r\nConnection: keep-alive\r\n\r\n');
  const got = await readAnswer(client);
  t.is(got.framing, 'close');
  t.is(got.body, 'hello');
  t.deepEqual(
    valuesOf(got.fields, 'connection').filter((value) => /keep-alive/i.test(value)),
    [],
  );
});

const behind = 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil';
/** More than an answer: nobody is ever sent what is too much, and the connection that it came over is not used again. */
const tooMuch = test.macro({
  exec: async (t: ExecutionContext, answer: string, want: Passed) => {
    const { origin, dial } = await startScene(t, first(answer + behind));
    const client = await dial();
    const method = want.method ?? 'GET';
    await client.send(`${method} /first HTTP/1.1\r\nHost: a\r\n\r\n`);
    const got = await readAnswer(client, method);
    t.is(got.body, want.body ?? '');
    for (const path of ['/second', '/third']) {
      const other = await dial();
      await other.send(get(path));
      t.is((await readAnswer(other)).body, path);
      t.is(other.unread, '');
    }
    t.is(client.unread, '');
    t.is(origin.connections[0]?.received.includes('/second'), false);
    await until('the connection to the pod has ended', () => origin.connections[0]?.ended === true);
    t.is(origin.connections.length, 2);
  },
  title: (_given, answer: string, { method = 'GET' }: Passed) => `what a pod sends behind an answer to ${method} reaches nobody: ${JSON.stringify(answer)}`,
});
test(tooMuch, 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello', { body: 'hello' });
test(tooMuch, 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n', {});
test(tooMuch, 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n', { body: 'hello' });
test(tooMuch, 'HTTP/1.1 204 No Content\r\n\r\n', {});
test(tooMuch, 'HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n', {});
test(tooMuch, 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n', { method: 'HEAD' });

test('what a pod sends into an idle connection reaches nobody', async (t) => {
  const { origin, dial } = await startScene(t, first(okWith('hello')));
  const client = await dial();
  await client.send(get('/first'));
  t.is((await readAnswer(client)).body, 'hello');
  await origin.connections[0]?.send(behind);
  await client.send(get('/second'));
  t.is((await readAnswer(client)).body, '/second');
  t.is(client.unread, '');
  t.is(origin.connections.length, 2);
});
