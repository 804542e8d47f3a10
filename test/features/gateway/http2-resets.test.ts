import type { ServerHttp2Stream } from 'node:http2';
import test from 'ava';
import { parseJson, pause, podAt, raw, until, web, type Rig } from '../../support/gateway-rig.ts';
import { answerOf, ask, dialHttp2, grpcHeaders, startHttp2Origin, startHttp2Rig, startHttp2Scene } from '../../support/http2-rig.ts';
import { skippingClock } from '../../support/skipping-clock.ts';

/** Missing in the types: fields that are to stand once may be sent twice. */
const loosely: object = { strictSingleValueFields: false };

/** How streams end before their time, in each direction, and what the client is told. */

const { noError, internal, refused, cancel, calm } = { noError: 0, internal: 2, refused: 7, cancel: 8, calm: 11 };
const counted = (rig: Rig): readonly (readonly [number, number])[] => [...rig.gateway.counters.workloads.get(web)!.requests];
const ended = (rig: Rig): Promise<void> => until('ended', () => rig.gateway.counters.workloads.get(web)?.inFlight === 0);

test('a client that takes its call back before the answer: the pod is told, and 499 is counted once', async (t) => {
  const { session, origin, rig } = await startHttp2Scene(t, () => undefined);
  const stream = session.request(grpcHeaders(), { endStream: false });
  const answer = answerOf(stream);
  stream.write('question');
  await until('in the pod', () => origin.requests.length === 1);
  stream.close(cancel);
  await until('the pod is told', () => origin.requests[0]?.closedWith() === cancel);
  await answer;
  await ended(rig);
  t.deepEqual(counted(rig), [[499, 1]]);
});

test('a client that takes its call back within the answer: the pod is told, and the status is counted once', async (t) => {
  const { session, origin, rig } = await startHttp2Scene(t, (stream) => {
    stream.respond({ ':status': 200 });
    stream.write('first');
  });
  const stream = session.request();
  await new Promise((resolve) => stream.once('data', resolve));
  stream.close(cancel);
  await until('the pod is told', () => origin.requests[0]?.closedWith() === cancel);
  await ended(rig);
  t.deepEqual(counted(rig), [[200, 1]]);
});

test('a client that goes away while its call is held leaves the queue', async (t) => {
  const rig = await startHttp2Rig(t);
  const session = await dialHttp2(t, rig.port);
  session.request(grpcHeaders(), { endStream: false }).on('error', () => undefined);
  const taken = session.request();
  taken.on('error', () => undefined);
  const counters = rig.gateway.counters.workloads.get(web)!;
  await until('held', () => counters.held === 2);
  taken.close(cancel);
  await until('one is gone', () => counters.held === 1);
  session.destroy();
  await until('both are gone', () => counters.held === 0);
  t.deepEqual(counted(rig), [[499, 2]]);
});

test('half a request never looks whole to the pod', async (t) => {
  const { session, origin, rig } = await startHttp2Scene(t, (stream) => stream.resume());
  let wholes = 0;
  const stream = session.request({ ':method': 'POST' }, { endStream: false });
  stream.on('error', () => undefined).write('half');
  await until('in the pod', () => origin.requests.length === 1);
  origin.requests[0]?.stream.on('end', () => (wholes += origin.requests[0]?.stream.rstCode === noError ? 1 : 0));
  session.destroy();
  await until('the pod is told', () => origin.requests[0]?.closedWith() !== undefined);
  t.is(origin.requests[0]?.closedWith(), cancel);
  t.is(wholes, 0);
  await ended(rig);
});

for (const code of [internal, refused, cancel, calm])
  test(`a pod that resets a stream with ${code} within the answer: the client gets the same code`, async (t) => {
    const { session, rig } = await startHttp2Scene(t, (stream) => {
      // Without `waitForTrailers` Node's server sends END_STREAM instead of the reset, and half an answer looks whole.
      stream.respond({ ':status': 200 }, { waitForTrailers: true });
      stream.write('half');
      setTimeout(() => stream.close(code), 20);
    });
    const answer = await ask(session);
    t.is(answer.status, 200);
    t.is(answer.body, 'half');
    t.is(answer.code, code);
    await ended(rig);
    t.deepEqual(counted(rig), [[200, 1]]);
  });

test('a pod that resets a stream before the answer: the client gets the same code, and 502 is counted once', async (t) => {
  const { session, rig } = await startHttp2Scene(t, (stream) => stream.close(calm));
  t.is((await ask(session, grpcHeaders(), 'question')).code, calm);
  await ended(rig);
  t.deepEqual(counted(rig), [[502, 1]]);
});

test('a request that the pod refuses to take on is sent again, and counted once', async (t) => {
  const { session, origin, rig } = await startHttp2Scene(t, (stream, _headers, index) => {
    if (index === 0) return stream.close(refused);
    stream.respond({ ':status': 200 });
    stream.end('second time');
  });
  const { status, body } = await ask(session, { ':method': 'POST' });
  t.is(status, 200);
  t.is(body, 'second time');
  t.is(origin.requests.length, 2);
  await ended(rig);
  t.deepEqual(counted(rig), [[200, 1]]);
});

test('a request that the pod refuses again and again is given back as refused', async (t) => {
  const { session, origin } = await startHttp2Scene(t, (stream) => stream.close(refused));
  t.is((await ask(session)).code, refused);
  t.is(origin.requests.length, 3);
});

const die = (stream: ServerHttp2Stream): void => stream.session?.destroy();

test('a pod that dies before it answers: 502 for HTTP, status 14 for gRPC', async (t) => {
  const { session, rig } = await startHttp2Scene(t, die);
  const plain = await ask(session, { ':method': 'POST' }, 'x');
  t.is(plain.status, 502);
  t.is(plain.headers['content-type'], 'application/problem+json');
  t.like(parseJson(plain.body), { code: 'upstream-reset', status: 502 });
  const grpc = await ask(session, grpcHeaders(), 'x');
  t.is(grpc.status, 200);
  t.true(grpc.headOnly);
  t.is(grpc.headers['content-type'], 'application/grpc');
  t.is(grpc.headers['grpc-status'], '14');
  t.is(grpc.headers['grpc-message'], 'upstream-reset: the pod broke off before it answered');
  await ended(rig);
  t.deepEqual(counted(rig), [[502, 2]]);
});

test('a pod that dies within its answer: the client sees that it is not whole', async (t) => {
  const { session, rig } = await startHttp2Scene(t, (stream) => {
    stream.respond({ ':status': 200 });
    stream.write('half');
    setTimeout(() => die(stream), 20);
  });
  const { body, code } = await ask(session);
  t.is(body, 'half');
  t.is(code, internal);
  await ended(rig);
});

test('a pod that cannot be connected to is passed over for another one', async (t) => {
  const rig = await startHttp2Rig(t);
  const origin = await startHttp2Origin((stream) => stream.respond({ ':status': 200 }, { endStream: true }));
  t.teardown(origin.die);
  const dead = await startHttp2Origin(() => undefined);
  await dead.die();
  await rig.route({ pods: [podAt(dead.port), podAt(origin.port)], containerConcurrency: 1 });
  const session = await dialHttp2(t, rig.port);
  t.is((await ask(session, { ':method': 'POST' }, 'x')).status, 200);
  t.is(rig.gateway.counters.workloads.get(web)?.connectFailures, 1);
});

test('where no pod can be connected to, a client of gRPC is told by status 14', async (t) => {
  const dead = await startHttp2Origin(() => undefined);
  await dead.die();
  const rig = await startHttp2Rig(t, { holdTimeoutMs: 200, pods: [podAt(dead.port)] });
  const grpc = await ask(await dialHttp2(t, rig.port), grpcHeaders(), 'x');
  t.is(grpc.headers['grpc-status'], '14');
  t.regex(String(grpc.headers['grpc-message']), /^connect-failed: /);
  t.deepEqual(counted(rig), [[503, 1]]);
});

test('a pod that speaks HTTP/1.1 is no pod to connect to', async (t) => {
  const { createServer } = await import('node:http');
  const server = createServer((_request, response) => response.end('hello'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  const address = server.address();
  // Over before the third attempt, behind which it is a 502.
  const rig = await startHttp2Rig(t, { holdTimeoutMs: 10, pods: [podAt(typeof address === 'object' ? address!.port : 0)] });
  const session = await dialHttp2(t, rig.port);
  t.is((await ask(session)).status, 503);
});

for (const [what, patch, code, grpcStatus, status] of [
  ['a full queue', { holdQueueDepth: 0 }, 'hold-queue-full', '14', 503],
  ['a wait too long', { holdTimeoutMs: 100 }, 'hold-timeout', '4', 504],
  ['a failed wake', { wakeFailure: { reason: 'image', message: 'no image ü 100 %' } }, 'wake-failed', '14', 503],
] as const)
  test(`${what}: ${code}, status ${grpcStatus} for gRPC`, async (t) => {
    const rig = await startHttp2Rig(t, patch as Parameters<Rig['route']>[0]);
    const session = await dialHttp2(t, rig.port);
    const [plain, grpc] = await Promise.all([ask(session), ask(session, grpcHeaders(), 'x')]);
    t.is(plain.status, status);
    t.like(parseJson(plain.body), { code });
    t.is(grpc.status, 200);
    t.is(grpc.headers['grpc-status'], grpcStatus);
    t.true(String(grpc.headers['grpc-message']).startsWith(`${code}: `));
    if (code === 'wake-failed') t.is(grpc.headers['grpc-message'], 'wake-failed: no image %C3%BC 100 %25');
    t.deepEqual(counted(rig), [[status, 2]]);
    t.is(rig.gateway.counters.workloads.get(web)?.refused.get(code), 2);
  });

test('an answer that does not begin in time: 504, status 4 for gRPC, and the pod is told', async (t) => {
  const clock = skippingClock();
  const { session, origin, rig } = await startHttp2Scene(t, () => undefined, { responseStartTimeoutMs: 60_000 }, {}, { clock });
  const answers = Promise.all([ask(session), ask(session, grpcHeaders(), 'x')]);
  await until('both are in the pod', () => origin.requests.length === 2);
  clock.skip(60_000);
  const [plain, grpc] = await answers;
  t.is(plain.status, 504);
  t.is(grpc.headers['grpc-status'], '4');
  await until('the pod is told', () => origin.requests.length === 2 && origin.requests.every(({ closedWith }) => closedWith() === cancel));
  t.deepEqual(counted(rig), [[504, 2]]);
});

test('a request that takes too long within its answer is cut visibly', async (t) => {
  const clock = skippingClock();
  const { session } = await startHttp2Scene(
    t,
    (stream) => {
      stream.respond({ ':status': 200 });
      stream.write('half');
    },
    { requestTimeoutMs: 60_000 },
    {},
    { clock },
  );
  const stream = session.request();
  stream.once('data', () => clock.skip(60_000));
  const { body, code } = await answerOf(stream);
  t.is(body, 'half');
  t.is(code, internal);
});

for (const [what, fields, status] of [
  ['a Host that is not the :authority', [':authority', 'a.example', 'host', 'b.example'], 400],
  ['two Hosts', [':authority', 'a', 'host', 'a', 'host', 'a'], 400],
  ['an :authority that is none', [':authority', 'a b'], 400],
  ['a :scheme that is neither http nor https', [':scheme', 'ftp', ':authority', 'a'], 400],
  ['another expectation', [':authority', 'a', 'expect', 'tea'], 417],
] as const)
  test(`refused as malformed: ${what}; the connection goes on`, async (t) => {
    const { session, origin, rig } = await startHttp2Scene(t, (stream) => stream.respond({ ':status': 200 }, { endStream: true }));
    const { connect } = await import('node:http2');
    const loose = connect(`http://127.0.0.1:${rig.port}`, loosely);
    t.teardown(() => loose.destroy());
    const answer = await ask(loose, [...fields]);
    // nghttp2 may have found it malformed by itself.
    if (answer.status === undefined) t.is(answer.code, 1);
    else t.is(answer.status, status);
    t.is(origin.requests.length, 0);
    t.is((await ask(session)).status, 200);
    t.is((await ask(loose)).status, 200);
  });

test('a request that an ignore rule names is neither counted nor wakes', async (t) => {
  const rig = await startHttp2Rig(t, { ignoreRequests: [{ userAgent: 'kube-probe/' }] });
  const session = await dialHttp2(t, rig.port);
  t.is((await ask(session, { 'user-agent': 'kube-probe/1.36' })).status, 503);
  await pause(20);
  t.is(rig.pokes.length, 0);
  t.deepEqual(counted(rig), []);
});

test('a client of HTTP/1.1 on such a port is told what is spoken there, and a head that is too long is refused: others are served', async (t) => {
  const { session, origin, rig } = await startHttp2Scene(t, (stream) => stream.respond({ ':status': 200 }, { endStream: true }));
  t.regex(await raw(rig.port, 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'), /^HTTP\/1\.1 505 [^]*"code":"http-version-not-supported"/);
  t.deepEqual([...rig.gateway.counters.unrouted], [['http-version-not-supported', 1]]);
  const other = await dialHttp2(t, rig.port);
  const long = await ask(other, { 'x-long': 'x'.repeat(40_000) });
  t.is(long.status, undefined);
  t.not(long.code, 0);
  t.is(origin.requests.length, 0);
  t.is((await ask(session)).status, 200);
});

test('a pod that has answered and wants no more of the upload says so with NO_ERROR: the answer arrives whole, and nothing stays in flight', async (t) => {
  const answer = 'a'.repeat(300_000);
  const { session, rig } = await startHttp2Scene(t, (stream) => {
    // Nothing of the upload is read, so that the gateway has bytes of it that never leave.
    stream.respond({ ':status': 413 });
    stream.end(answer, () => stream.close(noError));
  });
  for (let round = 0; round < 5; round += 1) {
    const stream = session.request({ ':method': 'POST', ':path': '/' }, { endStream: false });
    const told = answerOf(stream);
    stream.write(Buffer.alloc(2_000_000));
    const { status, body } = await told;
    t.is(status, 413);
    t.true(body === answer);
    await ended(rig);
  }
  t.deepEqual(counted(rig), [[413, 5]]);
});
