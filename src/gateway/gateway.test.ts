import { request as httpRequest, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import test from 'ava';
import { millis } from '../core/index.ts';
import { freePort, parseJson, pause, podAt, raw, startOrigin, startRig, until, web } from '../../test/support/gateway-rig.ts';
import { until as untilSo } from '../../test/support/until.ts';

const hello = (_request: IncomingMessage, response: { end(text: string): void }): void => response.end('hello');

/** Reads the whole answer, so that its connection is not kept waiting. */
const statusOf = async (answer: Promise<Response>): Promise<number> => {
  const response = await answer;
  await response.arrayBuffer();
  return response.status;
};

test('a request is forwarded to a ready pod and its answer comes back as it was', async (t) => {
  const origin = await startOrigin((request, response) => {
    response.writeHead(201, 'Made So', ['X-Twice', 'one', 'x-twice', 'two', 'Content-Type', 'text/plain']);
    response.end(`${request.method ?? ''} ${request.url ?? ''}`);
  });
  const rig = await startRig({ pods: [podAt(origin.port)] });
  t.teardown(() => Promise.all([rig.stop(), origin.die()]));
  const answer = await raw(rig.port, 'GET /a%2Fb//c?x=%41 HTTP/1.1\r\nHost: web.example:80\r\nX-Odd:  spaced \r\nConnection: close\r\n\r\n');
  t.true(answer.startsWith('HTTP/1.1 201 Made So\r\nX-Twice: one\r\nx-twice: two\r\nContent-Type: text/plain\r\n'), answer);
  t.true(answer.includes('GET /a%2Fb//c?x=%41'));
  const seen = origin.requests[0]!.headers;
  t.is(seen.host, 'web.example:80');
  t.is(seen['x-forwarded-for'], '127.0.0.1');
  t.is(seen['x-forwarded-host'], 'web.example:80');
  t.is(rig.pokes.length, 0);
  t.deepEqual([...rig.gateway.counters.workloads.get(web)!.requests], [[201, 1]]);
});

test('a request at zero is held, pokes at once, and is answered when a starting pod answers its probe', async (t) => {
  const rig = await startRig();
  t.teardown(rig.stop);
  const answer = fetch(rig.url);
  await until('poked', () => rig.pokes.length === 1);
  t.like(rig.pokes[0], { workload: web, held: 1 });
  t.is(rig.gateway.counters.workloads.get(web)?.held, 1);
  const origin = await startOrigin(hello);
  t.teardown(origin.die);
  await rig.route({ pods: [podAt(origin.port, { state: 'starting' })] });
  t.is(await (await answer).text(), 'hello');
  t.is(rig.firstBytes.length, 1);
  t.is(rig.firstBytes[0]?.podId, `pod-${origin.port}`);
  t.true(rig.firstBytes[0]!.heldAgeMs >= rig.firstBytes[0]!.readyAgeMs);
  t.is(rig.gateway.counters.workloads.get(web)?.held, 0);
});

test('a starting pod whose own HTTP probe fails is not used before it succeeds', async (t) => {
  let ready = false;
  const origin = await startOrigin((request, response) => {
    if (request.url === '/ready') response.statusCode = ready ? 204 : 503;
    response.end('served');
  });
  const rig = await startRig({
    pods: [
      podAt(origin.port, { state: 'starting', probe: { kind: 'http', port: origin.port, path: '/ready', headers: { 'X-Probe': 'yes' }, timeoutMs: 500 } }),
    ],
  });
  t.teardown(() => Promise.all([rig.stop(), origin.die()]));
  const answer = fetch(rig.url);
  await until('probed', () => origin.requests.length >= 3);
  t.true(origin.requests.every(({ url }) => url === '/ready'));
  t.is(origin.requests[0]?.headers['x-probe'], 'yes');
  ready = true;
  t.is(await (await answer).text(), 'served');
});

test('200 requests held at once are each answered once', async (t) => {
  const rig = await startRig();
  t.teardown(rig.stop);
  const answers = Array.from({ length: 200 }, (_, index) => fetch(`${rig.url}/${index}`).then((response) => response.text()));
  await until('all held', () => rig.gateway.counters.workloads.get(web)?.held === 200);
  const origin = await startOrigin((request, response) => response.end(request.url));
  t.teardown(origin.die);
  await rig.route({ pods: [podAt(origin.port, { state: 'starting' })] });
  t.deepEqual(
    await Promise.all(answers),
    Array.from({ length: 200 }, (_, index) => `/${index}`),
  );
  t.is(new Set(origin.requests.map(({ url }) => url)).size, 200);
  t.is(origin.requests.length, 200);
  t.deepEqual([...rig.gateway.counters.workloads.get(web)!.requests], [[200, 200]]);
  t.is(rig.gateway.counters.workloads.get(web)?.holdSeconds.count, 200);
});

test('a 5 MB upload is held without being read, and then delivered once and whole', async (t) => {
  const rig = await startRig();
  t.teardown(rig.stop);
  const body = Buffer.alloc(5_000_000, 'abcdefghij');
  const answer = fetch(rig.url, { method: 'POST', body });
  await until('held', () => rig.pokes.length === 1);
  const received: Buffer[] = [];
  const origin = await startOrigin((request, response) => {
    request.on('data', (chunk: Buffer) => received.push(chunk));
    request.on('end', () => response.end('thanks'));
  });
  t.teardown(origin.die);
  await rig.route({ pods: [podAt(origin.port, { state: 'starting' })] });
  t.is(await (await answer).text(), 'thanks');
  t.true(Buffer.concat(received).equals(body));
  t.is(origin.requests.length, 1);
});

test('container-concurrency is never exceeded while a held crowd is let go', async (t) => {
  let [now, most] = [0, 0];
  const rig = await startRig({ containerConcurrency: 3 });
  t.teardown(rig.stop);
  const answers = Array.from({ length: 40 }, () => statusOf(fetch(rig.url)));
  await until('all held', () => rig.gateway.counters.workloads.get(web)?.held === 40);
  const origin = await startOrigin((_request, response) => {
    most = Math.max(most, (now += 1));
    setTimeout(() => {
      now -= 1;
      response.end();
    }, 3);
  });
  t.teardown(origin.die);
  await rig.route({ pods: [podAt(origin.port)] });
  t.deepEqual(
    await Promise.all(answers),
    Array.from({ length: 40 }, () => 200),
  );
  t.is(most, 3);
});

test('a held request whose client goes away leaves the queue and never reaches a pod', async (t) => {
  const rig = await startRig();
  t.teardown(rig.stop);
  const gone = new AbortController();
  const first = fetch(`${rig.url}/gone`, { signal: gone.signal }).catch(() => 'aborted');
  await until('held', () => rig.pokes.length > 0);
  gone.abort();
  t.is(await first, 'aborted');
  await until('noticed', () => rig.gateway.counters.workloads.get(web)?.held === 0);
  const origin = await startOrigin(hello);
  t.teardown(origin.die);
  await rig.route({ pods: [podAt(origin.port)] });
  await (await fetch(`${rig.url}/stays`)).text();
  t.deepEqual(
    origin.requests.map(({ url }) => url),
    ['/stays'],
  );
  t.deepEqual([...rig.gateway.counters.workloads.get(web)!.requests].sort(), [
    [200, 1],
    [499, 1],
  ]);
});

test('a full queue answers 503 with Retry-After and the code', async (t) => {
  const rig = await startRig({ holdQueueDepth: 2 });
  t.teardown(rig.stop);
  const held = [statusOf(fetch(rig.url)), statusOf(fetch(rig.url))];
  await until('held', () => rig.gateway.counters.workloads.get(web)?.held === 2);
  const refused = await fetch(rig.url);
  t.is(refused.status, 503);
  t.is(refused.headers.get('retry-after'), '1');
  t.is(refused.headers.get('content-type'), 'application/problem+json');
  t.like(parseJson(await refused.text()), { code: 'hold-queue-full', status: 503, title: 'Service Unavailable' });
  await rig.route({ wakeFailure: { reason: 'image-pull', message: 'no such image' } });
  t.deepEqual(await Promise.all(held), [503, 503]);
});

test('a request is held no longer than hold-timeout', async (t) => {
  const rig = await startRig({ holdTimeoutMs: 100 });
  t.teardown(rig.stop);
  const answer = await fetch(rig.url);
  t.is(answer.status, 504);
  t.like(parseJson(await answer.text()), { code: 'hold-timeout', detail: 'no pod became ready within 0.1 s' });
});

test('when the wake fails, held requests get the reason at once, and so do those that come after', async (t) => {
  const rig = await startRig();
  t.teardown(rig.stop);
  const held = fetch(rig.url);
  await until('held', () => rig.pokes.length === 1);
  await rig.route({ wakeFailure: { reason: 'quota', message: 'exceeded quota: pods' } });
  t.like(parseJson(await (await held).text()), { code: 'wake-failed', reason: 'quota', detail: 'exceeded quota: pods' });
  // The first of them may come within 20 ms of the last poke, and is no news then.
  await untilSo('poked again, so that the controller may try again', async () => {
    t.is(await statusOf(fetch(rig.url)), 503);
    return rig.pokes.length === 2;
  });
});

test('where nothing is ever held a request at zero still pokes', async (t) => {
  const rig = await startRig({ holdTimeoutMs: 0 });
  t.teardown(rig.stop);
  t.is(await statusOf(fetch(rig.url)), 503);
  t.is(rig.pokes.length, 1);
});

test('an ignored request wakes nobody and is not counted', async (t) => {
  const rig = await startRig({ ignoreRequests: [{ userAgent: 'kube-probe/' }, { path: '/healthz', header: 'X-Check' }] });
  t.teardown(rig.stop);
  t.is(await statusOf(fetch(rig.url, { headers: { 'user-agent': 'kube-probe/1.36' } })), 503);
  t.is(await statusOf(fetch(`${rig.url}/healthz`, { headers: { 'x-check': '1' } })), 503);
  t.is(rig.pokes.length, 0);
  const counters = rig.gateway.counters.workloads.get(web)!;
  t.is(counters.ignored, 2);
  t.is(counters.requests.size, 0);
});

test('a browser may get a page that loads itself again, and still wakes the workload', async (t) => {
  const rig = await startRig({ waitingPage: true });
  t.teardown(rig.stop);
  const page = await fetch(rig.url, { headers: { accept: 'text/html,*/*' } });
  t.is(page.status, 503);
  t.true((await page.text()).includes('http-equiv="refresh"'));
  t.is(rig.pokes.length, 1);
});

test('the shared port finds the workload by host, and answers 404 for a host that is none', async (t) => {
  const origin = await startOrigin(hello);
  const rig = await startRig({ pods: [podAt(origin.port)] });
  t.teardown(() => Promise.all([rig.stop(), origin.die()]));
  const port = rig.gateway.sharedPort!;
  const found = await raw(
    port,
    `GET / HTTP/1.1\r\nHost: WEB.default.localhost.:${port}\r\nX-Forwarded-For: 6.6.6.6\r\nForwarded: for=6.6.6.6\r\nConnection: close\r\n\r\n`,
  );
  t.true(found.startsWith('HTTP/1.1 200'), found);
  t.is(origin.requests[0]?.headers['x-forwarded-for'], '127.0.0.1');
  t.is(origin.requests[0]?.headers.forwarded, undefined);
  const unknown = await raw(port, 'GET / HTTP/1.1\r\nHost: other.localhost\r\nConnection: close\r\n\r\n');
  t.true(unknown.startsWith('HTTP/1.1 404'));
  t.true(unknown.includes('"code":"unknown-host"'));
  t.is(rig.gateway.counters.unrouted.get('unknown-host'), 1);
});

test('both directions stream: an echo answers chunk by chunk while the upload goes on', async (t) => {
  const origin = await startOrigin((request, response) => {
    response.writeHead(200, { 'content-type': 'application/octet-stream' });
    request.pipe(response);
  });
  const rig = await startRig({ pods: [podAt(origin.port)] });
  t.teardown(() => Promise.all([rig.stop(), origin.die()]));
  const client = httpRequest(rig.url, { method: 'POST' });
  const answer = new Promise<IncomingMessage>((resolve) => client.on('response', resolve));
  client.write('one');
  const response = await answer;
  const chunks: AsyncIterator<Buffer, undefined> = response[Symbol.asyncIterator]();
  t.is((await chunks.next()).value?.toString(), 'one');
  client.write('two');
  t.is((await chunks.next()).value?.toString(), 'two');
  client.end();
  t.true((await chunks.next()).done);
});

test('the head of an answer arrives before its body has begun', async (t) => {
  let finish: () => void = () => undefined;
  const origin = await startOrigin((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.flushHeaders();
    finish = () => response.end('data: done\n\n');
  });
  const rig = await startRig({ pods: [podAt(origin.port)] });
  t.teardown(() => Promise.all([rig.stop(), origin.die()]));
  const response = await fetch(rig.url);
  t.is(response.headers.get('content-type'), 'text/event-stream');
  finish();
  t.is(await response.text(), 'data: done\n\n');
});

test('a slow client holds the pod back instead of filling the gateway', async (t) => {
  let written = 0;
  const origin = await startOrigin((_request, response) => {
    const chunk = Buffer.alloc(64 * 1024);
    const fill = (): void => {
      while (written < 64 * 1024 * 1024) {
        written += chunk.length;
        if (!response.write(chunk)) {
          response.once('drain', fill);
          return;
        }
      }
      response.end();
    };
    fill();
  });
  const rig = await startRig({ pods: [podAt(origin.port)] });
  t.teardown(() => Promise.all([rig.stop(), origin.die()]));
  const client = httpRequest(rig.url);
  client.end();
  const response = await new Promise<IncomingMessage>((resolve) => client.on('response', resolve));
  response.pause();
  let stalledAt = -1;
  while (written !== stalledAt) {
    stalledAt = written;
    await pause(200);
  }
  t.true(written < 32 * 1024 * 1024, `the pod wrote ${written} bytes into a client that reads nothing`);
  let received = 0;
  for await (const chunk of response) received += (chunk as Buffer).length;
  t.is(received, 64 * 1024 * 1024);
});

test('a client that goes away ends the request at the pod', async (t) => {
  let closed = false;
  const origin = await startOrigin((request) => request.socket.on('close', () => (closed = true)));
  const rig = await startRig({ pods: [podAt(origin.port)] });
  t.teardown(() => Promise.all([rig.stop(), origin.die()]));
  const gone = new AbortController();
  const answer = fetch(rig.url, { signal: gone.signal }).catch(() => 'aborted');
  await until('at the pod', () => origin.requests.length === 1);
  t.is(rig.gateway.counters.workloads.get(web)?.inFlight, 1);
  gone.abort();
  t.is(await answer, 'aborted');
  await until('ended', () => closed);
  t.is(rig.gateway.counters.workloads.get(web)?.inFlight, 0);
});

test('a pod that breaks off before it answers gives 502, and the request is not sent twice', async (t) => {
  const broken = await startOrigin((request) => request.socket.destroy());
  const other = await startOrigin(hello);
  const rig = await startRig({ pods: [podAt(broken.port)] });
  t.teardown(() => Promise.all([rig.stop(), broken.die(), other.die()]));
  const answer = await fetch(rig.url, { method: 'POST', body: 'pay' });
  t.is(answer.status, 502);
  t.like(parseJson(await answer.text()), { code: 'upstream-reset' });
  t.is(broken.requests.length, 1);
  t.is(other.requests.length, 0);
});

test('a pod that breaks off in the middle of its answer cuts the client, so that half is not taken for whole', async (t) => {
  const origin = await startOrigin((_request, response) => {
    response.writeHead(200, { 'transfer-encoding': 'chunked' });
    response.write('half', () => response.destroy());
  });
  const rig = await startRig({ pods: [podAt(origin.port)] });
  t.teardown(() => Promise.all([rig.stop(), origin.die()]));
  const response = await fetch(rig.url);
  t.is(response.status, 200);
  await t.throwsAsync(response.text());
});

test('a pod that refuses connections is left out: its requests go to another one', async (t) => {
  const dead = { port: await freePort() };
  const alive = await startOrigin(hello);
  const rig = await startRig({ pods: [podAt(dead.port), podAt(alive.port)] });
  t.teardown(() => Promise.all([rig.stop(), alive.die()]));
  for (let count = 0; count < 20; count += 1) t.is(await statusOf(fetch(rig.url, { method: 'POST', body: 'once' })), 200);
  t.is(alive.requests.length, 20);
  t.true(rig.gateway.counters.workloads.get(web)!.connectFailures <= 1);
});

test('a lone pod that comes back within the time for trying answers the request that waited for it', async (t) => {
  const dead = { port: await freePort() };
  const rig = await startRig({ pods: [podAt(dead.port)] });
  t.teardown(rig.stop);
  const answer = fetch(rig.url);
  await until('tried', () => rig.gateway.counters.workloads.get(web)!.connectFailures === 1);
  const back = await startOrigin(hello, dead.port);
  t.teardown(back.die);
  t.is(await statusOf(answer), 200);
});

test('held requests that come back from a pod that refuses are answered oldest first, and the poke tells the age of the oldest', async (t) => {
  const dead = { port: await freePort() };
  const good = await startOrigin(hello);
  const rig = await startRig();
  t.teardown(() => Promise.all([rig.stop(), good.die()]));
  const counters = rig.gateway.counters.workloads.get(web)!;
  const asked: Promise<number>[] = [];
  for (let count = 0; count < 8; count += 1) {
    asked.push(statusOf(fetch(`${rig.url}/${count}`)));
    await until('it is held', () => counters.held === count + 1);
    if (count === 0) await pause(100);
  }
  await rig.route({ pods: [podAt(dead.port)] });
  await until('all are back', () => counters.connectFailures === 8 && counters.held === 8);
  rig.gateway.pokeAll();
  const { oldestHeldMs = 0 } = rig.pokes.at(-1) ?? {};
  t.true(oldestHeldMs >= 100, `told ${oldestHeldMs} ms`);
  await rig.route({ pods: [podAt(good.port)], containerConcurrency: 1 });
  t.deepEqual(new Set(await Promise.all(asked)), new Set([200]));
  t.deepEqual(
    good.requests.map(({ url }) => url),
    ['/0', '/1', '/2', '/3', '/4', '/5', '/6', '/7'],
  );
});

test('an idle keep-alive connection that the pod has closed is not used for the next request', async (t) => {
  const origin = await startOrigin(hello);
  origin.server.keepAliveTimeout = 1;
  const rig = await startRig({ pods: [podAt(origin.port)] });
  t.teardown(() => Promise.all([rig.stop(), origin.die()]));
  for (let count = 0; count < 5; count += 1) {
    t.is(await statusOf(fetch(rig.url, { method: 'POST', body: 'x' })), 200);
    origin.server.closeIdleConnections();
    await pause(5);
  }
  t.is(origin.requests.length, 5);
});

test('a terminating pod gets no new request, and finishes the one that it has', async (t) => {
  let finish: () => void = () => undefined;
  const old = await startOrigin((_request, response) => (finish = () => response.end('old')));
  const next = await startOrigin((_request, response) => response.end('next'));
  const rig = await startRig({ pods: [podAt(old.port)] });
  t.teardown(() => Promise.all([rig.stop(), old.die(), next.die()]));
  const first = fetch(rig.url).then((response) => response.text());
  await until('at the old pod', () => old.requests.length === 1);
  await rig.route({ pods: [podAt(old.port, { state: 'terminating' }), podAt(next.port)] });
  t.is(await (await fetch(rig.url)).text(), 'next');
  await rig.route({ pods: [podAt(next.port)] });
  t.is(await (await fetch(rig.url)).text(), 'next');
  finish();
  t.is(await first, 'old');
});

test('response-start-timeout and request-timeout answer 504, and end the request at the pod', async (t) => {
  const origin = await startOrigin(() => undefined);
  const rig = await startRig({ pods: [podAt(origin.port)], responseStartTimeoutMs: 60 });
  t.teardown(() => Promise.all([rig.stop(), origin.die()]));
  const late = await fetch(rig.url);
  t.is(late.status, 504);
  t.like(parseJson(await late.text()), { code: 'response-timeout' });
  await rig.route({ responseStartTimeoutMs: 0, requestTimeoutMs: 60 });
  t.is(await statusOf(fetch(rig.url)), 504);
  await rig.route({ requestTimeoutMs: 0, idleTimeoutMs: 60 });
  t.is(await statusOf(fetch(rig.url)), 504);
});

test('each second has its exact figures: mean concurrency, requests, and what is in which pod', async (t) => {
  const origin = await startOrigin((_request, response) => void setTimeout(() => response.end(), 1300));
  const rig = await startRig({ pods: [podAt(origin.port)] });
  t.teardown(() => Promise.all([rig.stop(), origin.die()]));
  const answer = fetch(rig.url);
  await until('reported', () => rig.reports.length === 1);
  t.like(rig.reports[0], { workload: web, requestCount: 1, held: 0, inFlight: 1 });
  t.deepEqual(rig.reports[0]?.inFlightByPod, { [`pod-${origin.port}`]: 1 });
  t.true(rig.reports[0]!.averageConcurrency > 0 && rig.reports[0]!.averageConcurrency <= 1);
  await statusOf(answer);
  await until('reported as over', () => rig.reports.at(-1)?.inFlight === 0);
  t.deepEqual(
    rig.reports.map(({ requestCount }) => requestCount),
    rig.reports.map((_report, index) => (index === 0 ? 1 : 0)),
  );
});

test('a gateway that has warmed up leaves nothing of that behind', async (t) => {
  const rig = await startRig({}, { warmUp: true });
  t.teardown(rig.stop);
  await pause(300);
  t.deepEqual([...rig.gateway.counters.workloads.keys()], [web]);
  t.is(rig.gateway.counters.connections, 0);
  t.deepEqual(rig.reports, []);
});

test('a connection that is new when the gateway ends has its first request answered', async (t) => {
  const origin = await startOrigin(hello);
  const rig = await startRig({ pods: [podAt(origin.port)] });
  t.teardown(() => Promise.all([rig.stop(), origin.die()]));
  const client = connect(rig.port, '127.0.0.1');
  await until('taken', () => rig.gateway.counters.connections === 1);
  const drained = rig.gateway.drain({ settle: millis(0), limit: millis(10_000) });
  let answer = '';
  client.setEncoding('latin1').on('data', (chunk: string) => (answer += chunk));
  client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  await until('ended', () => client.closed);
  t.is(await drained, 0);
  t.regex(answer, /^HTTP\/1\.1 200 OK\r\n[^]*connection: close\r\n[^]*hello$/i);
});
