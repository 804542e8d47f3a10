import test, { type ExecutionContext } from 'ava';
import { parseJson, until, web } from '../../support/gateway-rig.ts';
import { readAnswer } from '../../support/raw-message.ts';
import { eachRequest, okWith, startScene, type Scene, type Script } from '../../support/scripted-origin.ts';
import { WireEnded } from '../../support/wire.ts';

const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;

type Then = 'nothing' | 'end' | 'reset';

/** The first request is answered with exactly this; each further one with its own target. */
const first = (answer: string, then: Then): Script =>
  eachRequest(async (wire, { target }) => {
    if (target !== '/first') return wire.send(okWith(target));
    await wire.send(answer);
    if (then === 'end') wire.finish();
    if (then === 'reset') wire.reset();
  });

/** Whatever came over the connection is over with it: the next request goes over another one, and has its own answer. */
const othersAreServed = async (t: ExecutionContext, { origin, rig, dial }: Scene): Promise<void> => {
  const other = await dial();
  await other.send(get('/second'));
  t.is((await readAnswer(other)).body, '/second');
  t.is(other.unread, '');
  t.false(origin.connections[0]?.received.includes('/second'));
  await until('the connection to the pod has ended', () => origin.connections[0]?.ended === true);
  t.is(origin.connections.length, 2);
  t.is(rig.gateway.counters.workloads.get(web)?.inFlight, 0);
};

const nonsense = test.macro({
  exec: async (t: ExecutionContext, answer: string, then: Then = 'nothing') => {
    const scene = await startScene(t, first(answer, then));
    const client = await scene.dial();
    await client.send(get('/first'));
    const got = await readAnswer(client);
    t.is(got.status, 502, JSON.stringify(got));
    t.like(parseJson(got.body), { code: 'upstream-reset', status: 502 });
    t.is(client.unread, '');
    await othersAreServed(t, scene);
    t.is(scene.origin.requests.filter(({ target }) => target === '/first').length, 1);
  },
  title: (_given, answer: string, then: Then = 'nothing') =>
    `answered 502 for the pod: ${JSON.stringify(answer).slice(0, 150).replaceAll(' ', '␣')}, then ${then}`,
});

const statusLines = [
  ...[
    'no http',
    '',
    'HTTP/1.1',
    'HTTP/1.1 ',
    'HTTP/1.1 20 OK',
    'HTTP/1.1 2000 OK',
    'HTTP/1.1 abc OK',
    'HTTP/1.1 2x0 OK',
    'HTTP/1.1 -20 OK',
    'HTTP/1.1 099 OK',
    'HTTP/1.1 000 OK',
  ],
  ...[
    'http/1.1 200 OK',
    'HTTP/2.0 200 OK',
    'HTTP/0.9 200 OK',
    'HTTP/11 200 OK',
    'ICY 200 OK',
    ' HTTP/1.1 200 OK',
    'HTTP/1.1  200 OK',
    'HTTP/1.1\t200 OK',
    'HTTP/1.1 200 O\0K',
  ],
  ...['HTTP/1.1 200 O\rK', 'HTTP/1.1 200OK', 'GET / HTTP/1.1', '\x15\x03\x01\x00\x02\x02\x16'],
].map((line) => `${line}\r\nContent-Length: 2\r\n\r\nok`);
const framings = [
  'Content-Length: 3\r\nTransfer-Encoding: chunked',
  'Transfer-Encoding: chunked\r\nContent-Length: 12',
  'Content-Length: 2\r\nContent-Length: 12',
  'Content-Length: 12\r\ncontent-length: 2',
  'Content-Length: 2, 12',
  'Content-Length: +2',
  'Content-Length: -2',
  'Content-Length: 0x2',
  'Content-Length: 2 2',
  'Content-Length: ',
  `Content-Length: ${'9'.repeat(30)}`,
  'Content-Length: 18446744073709551618',
  'Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked',
  'Transfer-Encoding: chunked, chunked',
  'Transfer-Encoding: xchunked\r\nContent-Length: 12',
  'Transfer-Encoding: \x0bchunked',
].map((lines) => `HTTP/1.1 200 OK\r\n${lines}\r\n\r\n2\r\nok\r\n0\r\n\r\n`);
const fieldLines = ['X: a\0b', 'X\0: 1', 'X: a\rb', ': 1', 'no colon', 'X Y: 1', 'X\x01: 1', '\xe4: 1', '(X): 1', ' X: 1'].map(
  (line) => `HTTP/1.1 200 OK\r\n${line}\r\nContent-Length: 2\r\n\r\nok`,
);
const lineEnds = [
  'HTTP/1.1 200 OK\nContent-Length: 2\n\nok',
  'HTTP/1.1 200 OK\nContent-Length: 2\r\n\r\nok',
  'HTTP/1.1 200 OK\r\nContent-Length: 2\n\r\nok',
  'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\nok',
  'HTTP/1.1 200 OK\rContent-Length: 2\r\n\r\nok',
];
const unasked = ['HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n', 'HTTP/1.1 101 Switching Protocols\r\n\r\n'];
for (const answer of [...statusLines, ...framings, ...fieldLines, ...lineEnds, ...unasked]) test(nonsense, answer);
test(nonsense, `HTTP/1.1 200 OK\r\nX: ${'x'.repeat(1_000_000)}\r\nContent-Length: 2\r\n\r\nok`);
test(nonsense, 'HTTP/1.1 200 OK\r\nContent-Le', 'end');
test(nonsense, 'HTTP/1.1 200 OK\r\nContent-Le', 'reset');
test(nonsense, 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n', 'end');
test(nonsense, 'HTTP/1.1 103 Early Hints\r\nLi', 'end');

test('a pod that goes from an interim answer to nonsense, or to nothing, is answered for with 502', async (t) => {
  for (const [rest, then] of [
    ['nonsense\r\n\r\n', 'nothing'],
    ['', 'end'],
  ] as const) {
    const scene = await startScene(t, first(`HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${rest}`, then));
    const client = await scene.dial();
    await client.send(get('/first'));
    t.is((await readAnswer(client)).status, 103);
    const got = await readAnswer(client);
    t.is(got.status, 502);
    t.like(parseJson(got.body), { code: 'upstream-reset' });
    await othersAreServed(t, scene);
  }
});

/** An answer that breaks off or goes wrong in its body: a 502 if nothing went on yet, else half of it and the end of the connection; never what looks whole. */
const neverWhole = test.macro({
  exec: async (t: ExecutionContext, answer: string, then: Then, how: 'at once' | 'the head first') => {
    const scene = await startScene(
      t,
      eachRequest(async (wire, { target }) => {
        if (target !== '/first') return wire.send(okWith(target));
        if (how === 'at once') await wire.send(answer);
        else {
          const end = answer.indexOf('\r\n\r\n') + 4;
          await wire.send(answer.slice(0, end));
          await until('the head is at the client', () => client.received.includes('\r\n\r\n'));
          await wire.send(answer.slice(end));
        }
        if (then === 'end') wire.finish();
        if (then === 'reset') wire.reset();
      }),
    );
    const client = await scene.dial();
    await client.send(get('/first') + get('/behind'));
    const got = await readAnswer(client).catch((error: unknown) => error);
    if (got instanceof Error) {
      t.true(got instanceof WireEnded, String(got));
      t.is((client.received.match(/HTTP\/1\.1/g) ?? []).length, 1, client.received);
      t.false(scene.origin.received().includes('/behind'));
    } else {
      t.like(got, { status: 502 }, JSON.stringify(got));
      t.is(how, 'at once');
    }
    await othersAreServed(t, scene);
  },
  title: (_given, answer: string, then: Then, how: string) => `half an answer never looks whole: ${JSON.stringify(answer.slice(17))}, then ${then}, ${how}`,
});
const chunked = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n';
const length = 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n';
for (const how of ['at once', 'the head first'] as const) {
  for (const then of ['end', 'reset'] as const) {
    test(neverWhole, length, then, how);
    test(neverWhole, `${length}hello`, then, how);
    test(neverWhole, `${length}123456789`, then, how);
    test(neverWhole, chunked, then, how);
    test(neverWhole, `${chunked}5`, then, how);
    test(neverWhole, `${chunked}5\r\n`, then, how);
    test(neverWhole, `${chunked}5\r\nhel`, then, how);
    test(neverWhole, `${chunked}5\r\nhello`, then, how);
    test(neverWhole, `${chunked}5\r\nhello\r\n`, then, how);
    test(neverWhole, `${chunked}5\r\nhello\r\n0`, then, how);
    test(neverWhole, `${chunked}5\r\nhello\r\n0\r\n`, then, how);
    test(neverWhole, `${chunked}5\r\nhello\r\n0\r\nX-Sum: 42\r\n`, then, how);
  }
  for (const body of [
    ...[
      'g\r\nhello',
      '\r\nhello',
      '-5\r\nhello',
      '0x5\r\nhello',
      ' 5\r\nhello',
      '+5\r\nhello',
      '5\nhello',
      `${'f'.repeat(16)}\r\nhello`,
      '10000000000000005\r\nhello',
    ],
    ...['5\r\nhello0', '5\r\nhello\n0', '5\r\nhelloX', '5;a\nb\r\nhello', '5\0\r\nhello'],
  ])
    test(neverWhole, `${chunked}${body}\r\n0\r\n\r\n`, 'nothing', how);
  for (const end of ['0\n\n', '0\r\n\n', '0\r\nno colon\r\n\r\n', '0\r\nX: a\0b\r\n\r\n', '0\r\n: 1\r\n\r\n'])
    test(neverWhole, `${chunked}5\r\nhello\r\n${end}`, 'nothing', how);
}
test(neverWhole, 'HTTP/1.1 200 OK\r\n\r\nuntil the', 'reset', 'the head first');

test('a folded field of an answer is unfolded or answered with 502, and never passed on as it is', async (t) => {
  const { dial } = await startScene(t, first('HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 2\r\n\r\nok', 'nothing'));
  const client = await dial();
  await client.send(get('/first'));
  const got = await readAnswer(client);
  if (got.status === 200) t.true(got.fields.some(([name, value]) => name === 'X' && /^a +b$/.test(value)));
  else t.is(got.status, 502);
});

test('a length that an answer names twice alike is one length, or a 502', async (t) => {
  for (const twice of ['Content-Length: 2\r\nContent-Length: 2', 'Content-Length: 2, 2']) {
    const { dial } = await startScene(t, first(`HTTP/1.1 200 OK\r\n${twice}\r\n\r\nok`, 'nothing'));
    const client = await dial();
    await client.send(get('/first'));
    const got = await readAnswer(client);
    if (got.status === 200) t.is(got.body, 'ok');
    else t.is(got.status, 502);
  }
});
