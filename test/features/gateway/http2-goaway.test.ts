import { once } from 'node:events';
import test from 'ava';
import { millis, systemClock } from '../../../src/core/index.ts';
import { pause, podAt, until, web } from '../../support/gateway-rig.ts';
import { answerOf, ask, bodyOf, dialHttp2, grpcHeaders, startHttp2Origin, startHttp2Rig, startHttp2Scene } from '../../support/http2-rig.ts';

/** The end of connections, in each direction, without a request lost. */

test('a drain says GOAWAY: what is under way and what is held come to their end, and then the connection does', async (t) => {
  const { session, origin, rig } = await startHttp2Scene(
    t,
    (stream, headers) => {
      stream.respond({ ':status': 200 }, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
      if (headers[':path'] === '/slow') stream.write('first');
      else stream.end('fast');
    },
    { containerConcurrency: 1 },
  );
  const slow = session.request({ ':path': '/slow' });
  const answers = [answerOf(slow), ask(session, { ':path': '/held' })];
  await once(slow, 'data');
  await until('the other one is held', () => rig.gateway.counters.workloads.get(web)?.held === 1);
  const goaways: (readonly [number, number])[] = [];
  session.on('goaway', (code: number, last: number) => goaways.push([code, last]));
  const drained = rig.gateway.drain({ settle: millis(0), limit: millis(10_000) });
  await until('told twice', () => goaways.length === 2);
  t.deepEqual(goaways, [
    [0, 2 ** 31 - 1],
    [0, 3],
  ]);
  origin.requests[0]?.stream.end('last');
  const [one, other] = await Promise.all(answers);
  t.is(one?.body, 'firstlast');
  t.is(other?.body, 'fast');
  t.is(other?.trailers?.['grpc-status'], '0');
  t.is(await drained, 0);
});

test('what a drain has no time for is cut: visibly within an answer, by status 14 before one', async (t) => {
  const { session, rig } = await startHttp2Scene(t, (stream, headers) => {
    if (headers[':path'] === '/silent') return;
    stream.respond({ ':status': 200 });
    stream.write('first');
  });
  const answers = [ask(session, grpcHeaders('/silent'), 'x'), ask(session, { ':path': '/half' })];
  await until(
    'both are in the pod',
    () => rig.gateway.counters.workloads.get(web)?.requests.size === 1 && rig.gateway.counters.workloads.get(web)?.inFlight === 2,
  );
  t.is(await rig.gateway.drain({ settle: millis(0), limit: millis(50) }), 2);
  const [silent, half] = await Promise.all(answers);
  t.is(silent?.headers['grpc-status'], '14');
  t.regex(String(silent?.headers['grpc-message']), /^shutting-down: /);
  t.not(half?.code, 0);
});

test('while a drain settles, a new connection is still served, a request at a time', async (t) => {
  const settle = millis(1500);
  let settled = (): void => undefined;
  // Over when the test says so.
  const settling = new Promise<void>((resolve) => (settled = resolve));
  const { rig } = await startHttp2Scene(
    t,
    (stream) => stream.respond({ ':status': 200 }, { endStream: true }),
    {},
    {},
    { clock: { ...systemClock, sleep: (delay, signal) => (delay === settle ? settling : systemClock.sleep(delay, signal)) } },
  );
  const drained = rig.gateway.drain({ settle, limit: millis(5000) });
  const late = await dialHttp2(t, rig.port);
  const goaway = once(late, 'goaway');
  t.is((await ask(late)).status, 200);
  await goaway;
  // The port is still open, so it was the request that brought the GOAWAY and not the end of the drain.
  t.is((await ask(await dialHttp2(t, rig.port))).status, 200);
  settled();
  t.is(await drained, 0);
});

test('no request is lost to a gateway that drains under load: each that the client has sent is answered', async (t) => {
  const { session, rig, origin } = await startHttp2Scene(t, (stream) => {
    stream.respond({ ':status': 200 });
    void bodyOf(stream).then((body) => stream.end(body));
  });
  const asked: ReturnType<typeof ask>[] = [];
  const drained = pause(10).then(() => rig.gateway.drain({ settle: millis(0), limit: millis(10_000) }));
  for (let n = 0; n < 400 && !session.closed; n += 1) {
    const stream = session.request({ ':method': 'POST' }, { endStream: false });
    asked.push(answerOf(stream));
    stream.end(`body ${n}`);
    if (n % 10 === 0) await pause(1);
  }
  const answers = await Promise.all(asked);
  t.is(await drained, 0);
  // What node:http2 had not sent when it heard of the end it gives back as refused.
  t.deepEqual(
    answers.filter(({ status, code }) => (status !== 200 || code !== 0) && code !== 7),
    [],
  );
  t.is(answers.filter(({ status }) => status === 200).length, origin.requests.length);
  t.true(origin.requests.length > 0);
});

test('a goodbye in the middle of large answers breaks no frame of them', async (t) => {
  const answer = 'a'.repeat(150_000);
  const { session, rig } = await startHttp2Scene(t, (stream) => {
    stream.respond({ ':status': 200, 'x-long': 'b'.repeat(20_000) });
    stream.end(answer);
  });
  const asked = Array.from({ length: 20 }, () => ask(session));
  await pause(15);
  const drained = rig.gateway.drain({ settle: millis(0), limit: millis(10_000) });
  for (const { status, body, code } of await Promise.all(asked)) t.deepEqual([status, body.length, code], [200, answer.length, 0]);
  t.is(await drained, 0);
});

test('a pod that says GOAWAY: what it has taken on is answered, what comes next goes over a new connection', async (t) => {
  const { session, origin } = await startHttp2Scene(t, (stream, headers) => {
    stream.respond({ ':status': 200 });
    if (headers[':path'] === '/slow') stream.write('first');
    else stream.end('fast');
  });
  const slow = ask(session, { ':path': '/slow' });
  await until('it is in the pod', () => origin.requests.length === 1);
  origin.sessions[0]?.close();
  for (let n = 0; n < 5; n += 1) t.is((await ask(session)).body, 'fast');
  t.is(origin.sessions.length, 2);
  origin.requests[0]?.stream.end('last');
  t.is((await slow).body, 'firstlast');
});

test('a pod that says GOAWAY after every few requests loses none', async (t) => {
  const { session, origin, rig } = await startHttp2Scene(t, (stream, _headers, index) => {
    stream.respond({ ':status': 200 }, { endStream: true });
    if (index % 7 === 6) stream.session?.close();
  });
  const answers = await Promise.all(Array.from({ length: 100 }, () => pause(Math.random() * 200).then(() => ask(session))));
  t.deepEqual(
    answers.filter(({ status }) => status !== 200),
    [],
  );
  t.true(origin.sessions.length > 3);
  t.is(rig.gateway.counters.workloads.get(web)?.requests.get(200), 100);
});

test('a connection to a pod that died while idle is found out, and a request that may be sent twice is', async (t) => {
  const first = await startHttp2Origin((stream) => stream.respond({ ':status': 200 }, { endStream: true }));
  const rig = await startHttp2Rig(t, { pods: [podAt(first.port)] });
  const session = await dialHttp2(t, rig.port);
  t.is((await ask(session)).status, 200);
  await first.die();
  const second = await startHttp2Origin((stream) => stream.respond({ ':status': 201 }, { endStream: true }), {}, first.port);
  t.teardown(second.die);
  t.is((await ask(session)).status, 201);
});

test('an error of the client on its connection ends its calls, and those of no other', async (t) => {
  const { session, rig, origin } = await startHttp2Scene(t, () => undefined);
  const other = await dialHttp2(t, rig.port);
  const stream = other.request();
  stream.on('error', () => undefined);
  const answer = ask(session);
  await until('both are in the pod', () => origin.requests.length === 2);
  other.destroy(new Error('enough'), 1);
  await until('one is gone', () => rig.gateway.counters.workloads.get(web)?.inFlight === 1);
  await until('the pod is told', () => origin.requests.some(({ closedWith }) => closedWith() !== undefined));
  origin.requests.find(({ closedWith }) => closedWith() === undefined)?.stream.respond({ ':status': 200 }, { endStream: true });
  t.is((await answer).status, 200);
});
