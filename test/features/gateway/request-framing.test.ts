import test, { type ExecutionContext } from 'ava';
import { until, web } from '../../support/gateway-rig.ts';
import { closes, readAnswer, readAnswers, valuesOf, type Field } from '../../support/raw-message.ts';
import { namesRequest, startScene } from '../../support/scripted-origin.ts';

const post = 'POST /up HTTP/1.1\r\nHost: a\r\n';
const chunked = `${post}Transfer-Encoding: chunked\r\n\r\n`;
const next = 'GET /next HTTP/1.1\r\nHost: a\r\n\r\n';

/** However a body is framed, the pod gets it whole, and what comes behind it is the next request. */
const delivered = test.macro({
  exec: async (t: ExecutionContext, request: string, body: string, trailers?: readonly Field[]) => {
    const { origin, dial } = await startScene(t, namesRequest);
    const client = await dial();
    await client.send(request + next);
    const answers = await readAnswers(client, ['POST', 'GET']);
    t.deepEqual(
      answers.map((answer) => answer.body),
      ['POST /up', 'GET /next'],
    );
    t.is(origin.requests.length, 2);
    t.is(origin.requests[0]?.body, body);
    t.deepEqual(origin.requests[0]?.trailers, trailers ?? []);
  },
  title: (_given, request: string, body: string, _trailers?: readonly Field[]) =>
    `the pod gets ${JSON.stringify(body)} of ${JSON.stringify(request.slice(post.length))}`,
});

test(delivered, `${post}\r\n`, '');
test(delivered, `${post}Content-Length: 0\r\n\r\n`, '');
test(delivered, `${post}Content-Length: 5\r\n\r\nhello`, 'hello');
test(delivered, `${post}Content-Length: 0005\r\n\r\nhello`, 'hello');
test(delivered, `${post}Content-Length: \t5 \t\r\n\r\nhello`, 'hello');
test(delivered, `${post}Content-Length: 14\r\n\r\n\r\n\r\n0\r\n\r\n\0\xff\x80\n\r`, '\r\n\r\n0\r\n\r\n\0\xff\x80\n\r');
for (const coding of ['chunked', 'Chunked', 'CHUNKED', ' \tchunked'])
  test(delivered, `${post}Transfer-Encoding:${coding}\r\n\r\n5\r\nhello\r\n0\r\n\r\n`, 'hello');
test(delivered, `${chunked}0\r\n\r\n`, '');
test(delivered, `${chunked}000\r\n\r\n`, '');
test(delivered, `${chunked}a\r\n0123456789\r\n0\r\n\r\n`, '0123456789');
test(delivered, `${chunked}A\r\n0123456789\r\n0\r\n\r\n`, '0123456789');
test(delivered, `${chunked}0a\r\n0123456789\r\n0\r\n\r\n`, '0123456789');
test(delivered, `${chunked}000000000a\r\n0123456789\r\n0\r\n\r\n`, '0123456789');
test(delivered, `${chunked}1\r\na\r\n2\r\nbc\r\n1\r\nd\r\n0\r\n\r\n`, 'abcd');
test(delivered, `${chunked}2\r\n\r\n\r\n7\r\n\r\n0\r\n\r\n\r\n0\r\n\r\n`, '\r\n\r\n0\r\n\r\n');
test(delivered, `${chunked}3;name\r\nabc\r\n0\r\n\r\n`, 'abc');
test(delivered, `${chunked}3;name=value;other="a;b\\"c, 5"\r\nabc\r\n0;last=1\r\n\r\n`, 'abc');
test(delivered, `${chunked}3;5\r\nabc\r\n0\r\n\r\n`, 'abc');
test(delivered, `${chunked}3\r\nabc\r\n0\r\nX-Sum: 42\r\nx-sum:  two \r\nX-Empty:\r\n\r\n`, 'abc', [
  ['X-Sum', '42'],
  ['x-sum', 'two'],
  ['X-Empty', ''],
]);

test('a body with a length keeps its length on the way to the pod', async (t) => {
  const { origin, dial } = await startScene(t, namesRequest);
  const client = await dial();
  await client.send(`${post}Content-Length: 5\r\n\r\nhello${post}content-length: 0\r\n\r\nGET /none HTTP/1.1\r\nHost: a\r\n\r\n`);
  await readAnswers(client, ['POST', 'POST', 'GET']);
  t.deepEqual(
    origin.requests.map(({ fields }) => valuesOf(fields, 'content-length')),
    [['5'], ['0'], []],
  );
});

test('a GET may have a body', async (t) => {
  const { origin, dial } = await startScene(t, namesRequest);
  const client = await dial();
  await client.send(`GET /one HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello`);
  await client.send(`DELETE /two HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`);
  await readAnswers(client, ['GET', 'DELETE']);
  t.deepEqual(
    origin.requests.map(({ method, body }) => [method, body]),
    [
      ['GET', 'hello'],
      ['DELETE', 'hello'],
    ],
  );
});

const whole = {
  'with a length': `${post}X-One: 1\r\nContent-Length: 6\r\nX-Two:  \r\n\r\na\r\nb\r\n`,
  'in chunks': `${post}X-One: 1\r\nTransfer-Encoding: chunked\r\n\r\n2;e="x"\r\na\r\r\n0004\r\n\nb\r\n\r\n0\r\n\r\n`,
};
for (const [how, request] of Object.entries(whole)) {
  test(`a request ${how} that comes one byte at a time is the same to the pod`, async (t) => {
    const { origin, dial } = await startScene(t, namesRequest);
    const [slow, fast] = [await dial(), await dial()];
    await slow.sendApart(request + next);
    await readAnswers(slow, ['POST', 'GET']);
    await fast.send(request + next);
    await readAnswers(fast, ['POST', 'GET']);
    const [slowly, slowlyNext, atOnce, atOnceNext] = origin.requests;
    t.is(slowly?.body, 'a\r\nb\r\n');
    t.deepEqual(slowly, atOnce);
    t.deepEqual(slowlyNext, atOnceNext);
  });

  test(`a request ${how} may be split in two anywhere`, async (t) => {
    const { origin, dial } = await startScene(t, namesRequest);
    const client = await dial();
    for (let at = 1; at < request.length; at += 1) {
      await client.sendApart([request.slice(0, at), request.slice(at)]);
      t.is((await readAnswer(client)).body, 'POST /up', `split at ${at}`);
    }
    t.is(origin.requests.length, request.length - 1);
    t.true(origin.requests.every(({ body }) => body === 'a\r\nb\r\n'));
  });
}

test('a large body in chunks of every size arrives whole', async (t) => {
  const { origin, dial } = await startScene(t, namesRequest);
  const client = await dial();
  const pieces = Array.from({ length: 400 }, (_, index) => String.fromCharCode(index % 256).repeat(1 + ((index * 7919) % 9973)));
  await client.send(chunked);
  for (const piece of pieces) await client.send(`${piece.length.toString(16)}\r\n${piece}\r\n`);
  await client.send('0\r\n\r\n');
  t.is((await readAnswer(client)).status, 200);
  t.true(origin.requests[0]?.body === pieces.join(''));
});

test('of the trailers of a request those arrive that may stand there, and none that routes or is hop-by-hop', async (t) => {
  const { origin, dial } = await startScene(t, namesRequest);
  const forbidden = ['Host: evil', 'Connection: close', 'Keep-Alive: timeout=1', 'TE: trailers'];
  const further = ['Trailer: X-Good', 'Upgrade: websocket', 'Proxy-Authorization: Basic eA==', 'Expect: 100-continue'];
  for (const line of [...forbidden, ...further]) {
    const client = await dial();
    await client.send(`${chunked}3\r\nabc\r\n0\r\nX-Good: 1\r\n${line}\r\nX-Good-Too: 2\r\n\r\n`);
    t.is((await readAnswer(client)).status, 200, line);
    t.deepEqual(
      origin.requests.at(-1)?.trailers,
      [
        ['X-Good', '1'],
        ['X-Good-Too', '2'],
      ],
      line,
    );
  }
});

test('a trailer that frames a body breaks the request: node:http, and who knows who else, reads on by it', async (t) => {
  const { origin, dial } = await startScene(t, namesRequest);
  for (const line of ['Content-Length: 3', 'Transfer-Encoding: chunked']) {
    const client = await dial();
    await client.send(`${chunked}3\r\nabc\r\n0\r\nX-Good: 1\r\n${line}\r\n\r\n`);
    t.is((await readAnswer(client)).status, 400, line);
    await client.rest();
  }
  t.is(origin.requests.length, 0);
});

/** What cannot be told apart from a body is never a whole request to a pod, and what comes behind it is no request at all. */
const neverWhole = test.macro({
  exec: async (t: ExecutionContext, body: string, how: 'at once' | 'behind a good part') => {
    const { origin, rig, dial } = await startScene(t, namesRequest);
    const client = await dial();
    const smuggled = 'GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n';
    if (how === 'at once') await client.send(chunked + body + smuggled);
    else {
      await client.send(`${chunked}4\r\ngood\r\n`);
      await until('at the pod', () => origin.received().includes('good'));
      await client.send(body + smuggled);
    }
    const seen = await client.rest();
    const answer = /^HTTP\/1\.1 (\d{3}) /.exec(seen)?.[1];
    t.true(answer === undefined ? seen === '' : ['400', '413', '431'].includes(answer), seen);
    t.true((seen.match(/HTTP\/1\.1/g) ?? []).length <= 1, seen);
    if (answer !== undefined) t.regex(seen, /\r\nconnection: close\r\n/i);
    await until('the connections to the pod have ended', () => origin.connections.every(({ ended }) => ended));
    t.deepEqual(origin.requests, []);
    t.false(origin.received().includes('/smuggled'));
    t.is(rig.gateway.counters.workloads.get(web)?.inFlight ?? 0, 0);
  },
  title: (_given, body: string, how: string) => `a body is refused, or its connections cut: ${JSON.stringify(body).slice(0, 60)} … ${how}`,
});
const misframed = [
  'g\r\nhello\r\n0\r\n\r\n',
  '\r\nhello\r\n0\r\n\r\n',
  '-5\r\nhello\r\n0\r\n\r\n',
  '+5\r\nhello\r\n0\r\n\r\n',
  '0x5\r\nhello\r\n0\r\n\r\n',
  ' 5\r\nhello\r\n0\r\n\r\n',
  '\t5\r\nhello\r\n0\r\n\r\n',
  '5_0\r\nhello\r\n0\r\n\r\n',
  '5,\r\nhello\r\n0\r\n\r\n',
  '5 5\r\nhello\r\n0\r\n\r\n',
  '5.\r\nhello\r\n0\r\n\r\n',
  '5\0\r\nhello\r\n0\r\n\r\n',
  ';5\r\nhello\r\n0\r\n\r\n',
  '10000000000000005\r\nhello\r\n0\r\n\r\n',
  `${'f'.repeat(16)}\r\nhello\r\n0\r\n\r\n`,
  `${'f'.repeat(30)}\r\nhello\r\n0\r\n\r\n`,
  '5\nhello\r\n0\r\n\r\n',
  '5\rhello\r\n0\r\n\r\n',
  '5;a\nhello\r\n0\r\n\r\n',
  '5;a\rb\r\nhello\r\n0\r\n\r\n',
  '5;a="\n"\r\nhello\r\n0\r\n\r\n',
  '5;a\0\r\nhello\r\n0\r\n\r\n',
  '5\r\nhello0\r\n\r\n',
  '5\r\nhello\n0\r\n\r\n',
  '5\r\nhello\r0\r\n\r\n',
  '5\r\nhelloX\r\n0\r\n\r\n',
  '5\r\nhello\r\n\r\n0\r\n\r\n',
  '5\r\nhello\r\n0\n\n',
  '5\r\nhello\r\n0\r\n\n',
  '5\r\nhello\r\n0\r\nno colon\r\n\r\n',
  '5\r\nhello\r\n0\r\nX : 1\r\n\r\n',
  '5\r\nhello\r\n0\r\n: 1\r\n\r\n',
  '5\r\nhello\r\n0\r\nX: 1\r\n folded\r\n\r\n',
  '5\r\nhello\r\n0\r\nX: 1\n\r\n',
  '5\r\nhello\r\n0\r\nX: a\rb\r\n\r\n',
  '5\r\nhello\r\n0\r\nX: a\0b\r\n\r\n',
  `5\r\nhello\r\n0\r\nX: ${'x'.repeat(100_000)}\r\n\r\n`,
  `5;${'x'.repeat(100_000)}\r\nhello\r\n0\r\n\r\n`,
];
for (const body of misframed) {
  test(neverWhole, body, 'at once');
  test(neverWhole, body, 'behind a good part');
}

test('white space around a chunk extension is passed over, or the request is refused', async (t) => {
  for (const line of ['5 ;a', '5\t; a', '5;a =b', '5; a= "b"']) {
    const { origin, dial } = await startScene(t, namesRequest);
    const client = await dial();
    await client.send(`${chunked}${line}\r\nhello\r\n0\r\n\r\n`);
    const answer = await readAnswer(client).catch(() => undefined);
    if (answer?.status === 200) t.is(origin.requests[0]?.body, 'hello', line);
    else t.true(answer === undefined || (answer.status === 400 && closes(answer)), line);
    t.true(origin.requests.every(({ body }) => body === 'hello'));
  }
});
