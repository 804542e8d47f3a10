import test from 'ava';
import { pause, podAt, until, web } from '../../support/gateway-rig.ts';
import { answerOf, ask, bodyOf, dialHttp2, grpcHeaders, startHttp2Origin, startHttp2Rig, startHttp2Scene, type Handler } from '../../support/http2-rig.ts';

/** HTTP/2 in and out: what arrives at the pod, and what comes back. */

/** Sends back the body, with trailers. */
const echo: Handler = (stream, headers) => {
  stream.respond({ ':status': 200, 'content-type': headers['content-type'] }, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0', 'x-trailer': ['one', 'two'] }));
  stream.pipe(stream);
};

/** The fields of a list of names and values, without those named. */
const pairs = (raw: readonly string[], ...without: readonly string[]): readonly string[] =>
  raw.flatMap((name, at) => (at % 2 === 0 && !without.includes(name) ? [`${name}: ${raw[at + 1] ?? ''}`] : []));

test('a unary call wakes the workload, is held, and goes on with body and trailers when a pod is there', async (t) => {
  const rig = await startHttp2Rig(t);
  const session = await dialHttp2(t, rig.port);
  const answer = ask(session, grpcHeaders(), 'x'.repeat(3000));
  await until('held', () => rig.pokes.length === 1);
  t.is(rig.pokes[0]?.held, 1);
  const origin = await startHttp2Origin(echo);
  t.teardown(origin.die);
  await rig.route({ pods: [podAt(origin.port, { state: 'starting' })] });
  const { status, body, trailers } = await answer;
  t.is(status, 200);
  t.is(body, 'x'.repeat(3000));
  t.is(trailers?.['grpc-status'], '0');
  t.is(trailers?.['x-trailer'], 'one, two');
  t.is(rig.firstBytes.length, 1);
  const counters = rig.gateway.counters.workloads.get(web)!;
  await until('ended', () => counters.inFlight === 0);
  t.deepEqual([...counters.requests], [[200, 1]]);
  t.is(counters.held, 0);
});

test('a body that turns out to be empty while its request is held is known to have ended', async (t) => {
  const rig = await startHttp2Rig(t);
  const answer = ask(await dialHttp2(t, rig.port), { ':method': 'POST' }, '');
  await until('held', () => rig.pokes.length === 1);
  await pause(20);
  const origin = await startHttp2Origin((stream) => {
    stream.respond({ ':status': 200 });
    void bodyOf(stream).then((body) => stream.end(`"${body}"`));
  });
  t.teardown(origin.die);
  await rig.route({ pods: [podAt(origin.port)] });
  t.is((await answer).body, '""');
});

test('a stream in both directions is held at zero, then each message goes through as it is written', async (t) => {
  const rig = await startHttp2Rig(t);
  const session = await dialHttp2(t, rig.port);
  const stream = session.request(grpcHeaders(), { endStream: false });
  const answer = answerOf(stream);
  let echoed = '';
  stream.on('data', (chunk: Buffer) => (echoed += chunk.toString()));
  stream.write('first');
  await until('held', () => rig.pokes.length === 1);
  const origin = await startHttp2Origin(echo);
  t.teardown(origin.die);
  await rig.route({ pods: [podAt(origin.port)] });
  await until('the first message is back', () => echoed === 'first');
  const counters = rig.gateway.counters.workloads.get(web)!;
  t.is(counters.inFlight, 1);
  for (const message of ['second', 'third']) {
    stream.write(message);
    await until(`${message} is back`, () => echoed.endsWith(message));
  }
  await until('reported', () => rig.reports.some(({ inFlight }) => inFlight === 1));
  stream.end();
  t.is((await answer).trailers?.['grpc-status'], '0');
  await until('ended', () => counters.inFlight === 0);
});

test('what reaches the pod: pseudo fields, order, duplicates, trailers; hop-by-hop fields do not', async (t) => {
  const { origin, session } = await startHttp2Scene(t, (stream) => {
    stream.respond({ ':status': 200 });
    stream.resume().on('end', () => stream.end('ok'));
  });
  const fields = [
    [':method', 'POST', ':path', '/a%2Fb/../c?d=%20|e', ':authority', 'web.example:8080', ':scheme', 'https'],
    ['x-one', '1', 'user-agent', 'probe', 'te', 'trailers', 'cookie', 'a=1', 'cookie', 'b=2', 'x-one', 'two'],
    ['proxy-authorization', 'secret', 'expect', '100-continue', 'x-forwarded-for', '9.9.9.9', 'x-forwarded-for', '8.8.8.8', 'x-late', '\xe4'],
  ].flat();
  const stream = session.request(fields, { endStream: false, waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers({ 'x-checksum': 'abc', 'content-type': 'no' }));
  const answer = answerOf(stream);
  stream.end('body');
  const { status, interim } = await answer;
  t.is(status, 200);
  t.deepEqual(
    interim.map((head) => Number(head[':status'])),
    [100],
  );
  const [seen] = origin.requests;
  t.deepEqual(pairs(seen?.raw ?? []), [
    ':method: POST',
    ':scheme: http',
    ':authority: web.example:8080',
    ':path: /a%2Fb/../c?d=%20|e',
    'x-one: 1',
    'user-agent: probe',
    'te: trailers',
    'cookie: a=1',
    'cookie: b=2',
    'x-one: two',
    'x-late: \xe4',
    'x-forwarded-for: 9.9.9.9, 8.8.8.8, 127.0.0.1',
    'x-forwarded-proto: https',
    'x-forwarded-host: web.example:8080',
  ]);
  t.deepEqual(Object.entries(seen?.trailers() ?? {}), [['x-checksum', 'abc']]);
});

test('what reaches the client: interim answers, order, duplicates, trailers', async (t) => {
  const { session } = await startHttp2Scene(t, (stream) => {
    stream.additionalHeaders({ ':status': 103, link: ['</a.css>', '</b.js>'] });
    stream.respond([':status', '206', 'x-b', '1', 'set-cookie', 'a=1', 'x-a', '2', 'set-cookie', 'b=2', 'x-b', '3', 'date', 'never'], {
      waitForTrailers: true,
    });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'x-sum': '7' }));
    stream.end('part');
  });
  const { status, raw, interim, trailers, body } = await ask(session);
  t.is(status, 206);
  t.deepEqual(pairs(raw), [':status: 206', 'x-b: 1', 'set-cookie: a=1', 'x-a: 2', 'set-cookie: b=2', 'x-b: 3', 'date: never']);
  t.is(Number(interim[0]?.[':status']), 103);
  t.is(interim[0]?.['link'], '</a.css>, </b.js>');
  t.deepEqual(Object.entries(trailers ?? {}), [['x-sum', '7']]);
  t.is(body, 'part');
});

test('an answer that is only a head stays one', async (t) => {
  const { session } = await startHttp2Scene(t, (stream) =>
    stream.respond({ ':status': 200, 'content-type': 'application/grpc', 'grpc-status': '5', 'grpc-message': 'not%20here' }, { endStream: true }),
  );
  const { headOnly, headers, body, trailers } = await ask(session, grpcHeaders(), 'question');
  t.true(headOnly);
  t.is(headers['grpc-status'], '5');
  t.is(headers['grpc-message'], 'not%20here');
  t.is(body, '');
  t.is(trailers, undefined);
});

for (const [method, status, length] of [
  ['HEAD', 200, '12'],
  ['GET', 204, undefined],
  ['GET', 304, '99'],
] as const)
  test(`${method} with ${status} ends with its head`, async (t) => {
    const { session, rig } = await startHttp2Scene(t, (stream) => {
      stream.respond({ ':status': status, ...(status === 204 ? {} : { 'content-length': length }) });
      stream.end();
    });
    const answer = await ask(session, { ':method': method });
    t.is(answer.status, status);
    t.is(answer.headers['content-length'], length);
    t.true(answer.headOnly);
    t.is(answer.code, 0);
    await until('ended', () => rig.gateway.counters.workloads.get(web)?.inFlight === 0);
  });

test('an answer before the end of the request is whole, and the client is told that nobody reads the rest', async (t) => {
  const { session, rig } = await startHttp2Scene(t, (stream) => {
    stream.respond({ ':status': 413 }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'x-why': 'long' }));
    stream.end('too much');
    stream.on('finish', () => setTimeout(() => stream.close(0), 20));
  });
  const stream = session.request({ ':method': 'POST' }, { endStream: false });
  const answer = answerOf(stream);
  stream.write('some');
  const { status, body, code, trailers } = await answer;
  t.is(status, 413);
  t.is(body, 'too much');
  t.is(trailers?.['x-why'], 'long');
  t.is(code, 0);
  await until('ended', () => rig.gateway.counters.workloads.get(web)?.inFlight === 0);
});

test('a pod that answers at once and reads on gets the whole request, though the client is done by then', async (t) => {
  let read = 0;
  const { session, origin, rig } = await startHttp2Scene(
    t,
    (stream) => {
      stream.respond({ ':status': 202 }, { endStream: true });
      // Some of it, so that Node does not take the request for one that nobody reads. The rest is more than Node reads ahead, and less than the gateway's window.
      stream.once('data', (chunk: Buffer) => {
        read += chunk.length;
        stream.pause();
      });
    },
    {},
    { settings: { initialWindowSize: 4096 } },
  );
  const { status, code } = await ask(session, { ':method': 'POST' }, 'x'.repeat(120_000));
  t.is(status, 202);
  t.is(code, 0);
  const counters = rig.gateway.counters.workloads.get(web)!;
  t.is(counters.inFlight, 1);
  const [seen] = origin.requests;
  seen?.stream.on('data', (chunk: Buffer) => (read += chunk.length)).resume();
  await until('ended', () => counters.inFlight === 0);
  await until('the pod has all of it', () => seen?.closedWith() !== undefined);
  t.is(seen?.closedWith(), 0);
  t.is(read, 120_000);
});

test('every limit holds over many streams of one connection: one place in a pod for each stream', async (t) => {
  let [now, most] = [0, 0];
  const { session, rig } = await startHttp2Scene(
    t,
    (stream) => {
      most = Math.max(most, (now += 1));
      stream.on('close', () => (now -= 1));
      stream.respond({ ':status': 200 });
      void bodyOf(stream).then(() => setTimeout(() => stream.end('done'), 5));
    },
    { containerConcurrency: 3 },
  );
  const answers = await Promise.all(Array.from({ length: 40 }, (_, n) => ask(session, { ':method': 'POST', ':path': `/${n}` }, `body ${n}`)));
  t.true(answers.every(({ status, body }) => status === 200 && body === 'done'));
  t.is(most, 3);
  t.deepEqual([...rig.gateway.counters.workloads.get(web)!.requests], [[200, 40]]);
});

test('a pod that takes few streams in a connection is given more connections', async (t) => {
  const { session, origin } = await startHttp2Scene(
    t,
    (stream) => {
      stream.respond({ ':status': 200 });
      setTimeout(() => stream.end('done'), 10);
    },
    {},
    { settings: { maxConcurrentStreams: 2 } },
  );
  const answers = await Promise.all(Array.from({ length: 12 }, () => ask(session)));
  t.true(answers.every(({ status, body }) => status === 200 && body === 'done'));
  t.true(origin.sessions.length >= 2 && origin.sessions.length <= 6, String(origin.sessions.length));
});
