import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { WebSocket, WebSocketServer } from 'ws';
import { millis } from '../core/index.ts';
import { freePort, parseJson, pause, podAt, raw, startOrigin, startRig, until, web } from '../../test/support/gateway-rig.ts';
import { skippingClock } from '../../test/support/skipping-clock.ts';

/** A WebSocket server that sends everything back. */
const startEcho = async (t: ExecutionContext): Promise<number> => {
  const sockets = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  sockets.on('connection', (socket, request) => {
    socket.send(`path ${request.url ?? ''} from ${String(request.headers['x-forwarded-for'])}`);
    socket.on('message', (data, binary) => socket.send(data, { binary }));
  });
  await new Promise((resolve) => sockets.on('listening', resolve));
  t.teardown(() => {
    for (const socket of sockets.clients) socket.terminate();
    sockets.close();
  });
  return (sockets.address() as AddressInfo).port;
};

test('a WebSocket is held at zero, opened when a pod is there, and counts as in flight until it is closed', async (t) => {
  const rig = await startRig();
  t.teardown(rig.stop);
  const messages: string[] = [];
  const socket = new WebSocket(`ws://127.0.0.1:${rig.port}/chat?room=1`);
  socket.on('message', (data: Buffer) => messages.push(data.toString()));
  await until('held', () => rig.pokes.length === 1);
  const port = await startEcho(t);
  await rig.route({ pods: [podAt(port, { state: 'starting' })] });
  await until('greeted', () => messages.length === 1);
  t.is(messages[0], 'path /chat?room=1 from 127.0.0.1');
  const big = 'z'.repeat(300_000);
  socket.send(big);
  await until('echoed', () => messages.length === 2);
  t.is(messages[1], big);
  const counters = rig.gateway.counters.workloads.get(web)!;
  t.is(counters.inFlight, 1);
  t.is(rig.firstBytes.length, 1);
  await until('reported', () => rig.reports.some(({ inFlight }) => inFlight === 1));
  socket.close();
  await until('ended', () => counters.inFlight === 0);
  t.deepEqual([...counters.requests], [[101, 1]]);
});

test('a WebSocket client that goes away while held leaves the queue', async (t) => {
  const rig = await startRig();
  t.teardown(rig.stop);
  const client = connect(rig.port, '127.0.0.1', () =>
    client.write(
      'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
    ),
  );
  await until('held', () => rig.gateway.counters.workloads.get(web)?.held === 1);
  client.end();
  await until('gone', () => rig.gateway.counters.workloads.get(web)?.held === 0);
  t.is(rig.gateway.counters.workloads.get(web)?.requests.get(499), 1);
});

test('an upgrade that the pod declines is answered as the pod says, and the connection ends', async (t) => {
  const origin = await startOrigin((_request, response) => {
    response.writeHead(403, { 'content-type': 'text/plain' });
    response.end('members only');
  });
  const rig = await startRig({ pods: [podAt(origin.port)] });
  t.teardown(() => Promise.all([rig.stop(), origin.die()]));
  const answer = await raw(rig.port, 'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
  t.true(answer.startsWith('HTTP/1.1 403'), answer);
  t.regex(answer, /connection: close/i);
  t.true(answer.includes('members only'));
  await until('ended', () => rig.gateway.counters.workloads.get(web)?.inFlight === 0);
});

test('an upgrade at zero that cannot be served is answered like any other request', async (t) => {
  const rig = await startRig({ holdQueueDepth: 0 });
  t.teardown(rig.stop);
  const answer = await raw(rig.port, 'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
  t.true(answer.startsWith('HTTP/1.1 503'), answer);
  t.like(parseJson(answer.split('\r\n\r\n')[1]!), { code: 'hold-queue-full' });
});

test('an offer of h2c is passed over: the request is served as what it is', async (t) => {
  const origin = await startOrigin((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => response.end(`${request.headers.upgrade ?? 'none'} ${body}`));
  });
  const rig = await startRig({ pods: [podAt(origin.port)] });
  t.teardown(() => Promise.all([rig.stop(), origin.die()]));
  const answer = await raw(
    rig.port,
    'POST / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\nContent-Length: 4\r\n\r\nbody',
  );
  t.true(answer.includes('none body'), answer);
});

test('a WebSocket that is silent for idle-timeout is ended; one that talks is not', async (t) => {
  const port = await startEcho(t);
  const clock = skippingClock();
  const rig = await startRig({ pods: [podAt(port)], idleTimeoutMs: 60_000 }, { clock });
  t.teardown(rig.stop);
  const [silent, talking] = [new WebSocket(`ws://127.0.0.1:${rig.port}`), new WebSocket(`ws://127.0.0.1:${rig.port}`)];
  let [silentClosed, heard] = [false, 0];
  silent.on('close', () => (silentClosed = true));
  talking.on('message', () => (heard += 1));
  await until('open, and greeted', () => silent.readyState === WebSocket.OPEN && heard === 1);
  // What has gone through them is seen in sweeps, the silence only behind that.
  for (let said = 1; !silentClosed && said < 2000; said += 1) {
    clock.skip(25_000);
    talking.send('.');
    await until('echoed', () => heard === said + 1);
  }
  await until('ended', () => silentClosed);
  t.is(talking.readyState, WebSocket.OPEN);
  talking.terminate();
});

test('a TCP connection wakes the workload, is joined to a pod both ways with half-close, and counts as one until it ends', async (t) => {
  const port = await freePort();
  const rig = await startRig({ listeners: [{ address: '127.0.0.1', port, protocol: 'tcp', target: 'http' }] });
  t.teardown(rig.stop);
  let answer = '';
  const client = connect({ port, host: '127.0.0.1', allowHalfOpen: true }, () => client.write('hello '));
  client.on('data', (chunk) => (answer += chunk.toString()));
  await until('poked', () => rig.pokes.length === 1);
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    let received = '';
    socket.on('data', (chunk) => (received += chunk.toString()));
    socket.on('end', () => socket.end(`got ${received}`));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  await rig.route({ pods: [podAt((server.address() as AddressInfo).port, { state: 'starting' })] });
  const counters = rig.gateway.counters.workloads.get(web)!;
  await until('joined', () => counters.inFlight === 1);
  client.end('world');
  await until('answered', () => answer === 'got hello world');
  await until('ended', () => counters.inFlight === 0);
  t.deepEqual([...counters.requests], [[0, 1]]);
});

test('a TCP connection that cannot be held is reset', async (t) => {
  const port = await freePort();
  const rig = await startRig({ listeners: [{ address: '127.0.0.1', port, protocol: 'tcp', target: 'http' }], holdTimeoutMs: 50 });
  t.teardown(rig.stop);
  const client: Socket = connect(port, '127.0.0.1');
  const ended = new Promise<string>((resolve) => client.on('error', (error: Error & { code?: string }) => resolve(error.code ?? '')));
  t.is(await ended, 'ECONNRESET');
  t.is(rig.gateway.counters.workloads.get(web)?.refused.get('hold-timeout'), 1);
});

test('a port that is taken is named, and everything else is served', async (t) => {
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
  const takenPort = (taken.address() as AddressInfo).port;
  const origin = await startOrigin((_request, response) => response.end('served'));
  const rig = await startRig({ pods: [podAt(origin.port)] });
  t.teardown(() => Promise.all([rig.stop(), origin.die(), new Promise((resolve) => taken.close(resolve))]));
  const bind = { address: '127.0.0.1', target: 'http' } as const;
  const listeners = [
    { ...bind, port: rig.port, protocol: 'http1' },
    { ...bind, port: takenPort, protocol: 'http1' },
  ] as const;
  await rig.route({ listeners });
  const problems = await rig.gateway.apply({ revision: 9, full: false, upsert: [], remove: [] });
  t.deepEqual(
    problems.map(({ workload, port }) => [workload, port]),
    [[web, takenPort]],
  );
  t.is(await (await fetch(rig.url)).text(), 'served');
});

test('a port that changes its protocol, or its workload, is served by the new one', async (t) => {
  const origin = await startOrigin((_request, response) => response.end('served'));
  const rig = await startRig({ pods: [podAt(origin.port)] });
  t.teardown(() => Promise.all([rig.stop(), origin.die()]));
  const listener = { address: '127.0.0.1', port: rig.port, target: 'http' } as const;
  await rig.route({ listeners: [{ ...listener, protocol: 'tcp' }] });
  t.true((await raw(rig.port, 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')).includes('served'));
  t.is(origin.requests[0]?.headers['x-forwarded-for'], undefined);
  await rig.route({ listeners: [{ ...listener, protocol: 'http1' }] });
  t.true((await raw(rig.port, 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')).includes('served'));
  t.is(origin.requests[1]?.headers['x-forwarded-for'], '127.0.0.1');
});

test('a listener that is taken away refuses new connections and lets running requests end', async (t) => {
  let finish: () => void = () => undefined;
  const origin = await startOrigin((_request, response) => (finish = () => response.end('done')));
  const rig = await startRig({ pods: [podAt(origin.port)] });
  t.teardown(() => Promise.all([rig.stop(), origin.die()]));
  const running = fetch(rig.url);
  await until('running', () => origin.requests.length === 1);
  await rig.gateway.apply({ revision: 9, full: false, upsert: [], remove: [web] });
  await t.throwsAsync(fetch(rig.url));
  finish();
  const answer = await running;
  t.is(answer.headers.get('connection'), 'close');
  t.is(await answer.text(), 'done');
  t.false(rig.gateway.counters.workloads.has(web));
});

test('a drain finishes what is in flight and held, tells clients to close, and takes nothing new', async (t) => {
  let finish: () => void = () => undefined;
  const slow = await startOrigin((_request, response) => (finish = () => response.end('slow')));
  const rig = await startRig({ pods: [podAt(slow.port)], containerConcurrency: 1 });
  t.teardown(slow.die);
  const inFlight = fetch(`${rig.url}/1`);
  await until('in flight', () => slow.requests.length === 1);
  const held = fetch(`${rig.url}/2`);
  await until('held', () => rig.gateway.counters.workloads.get(web)?.held === 1);
  const drained = rig.gateway.drain({ settle: millis(0), limit: millis(5000) });
  await t.throwsAsync(fetch(rig.url));
  finish();
  const first = await inFlight;
  t.is(first.headers.get('connection'), 'close');
  t.is(await first.text(), 'slow');
  await until('the held one is at the pod', () => slow.requests.length === 2);
  finish();
  t.is(await (await held).text(), 'slow');
  t.is(await drained, 0);
});

test('a drain that takes too long answers what is held and cuts what runs', async (t) => {
  const stuck = await startOrigin(() => undefined);
  const rig = await startRig({ pods: [podAt(stuck.port)], containerConcurrency: 1 });
  t.teardown(stuck.die);
  const running = fetch(rig.url).then(
    ({ status }) => status,
    () => 'cut',
  );
  await until('running', () => stuck.requests.length === 1);
  const held = fetch(rig.url).then(
    ({ status }) => status,
    () => 'cut',
  );
  await until('held', () => rig.gateway.counters.workloads.get(web)?.held === 1);
  t.is(await rig.gateway.drain({ settle: millis(0), limit: millis(100) }), 2);
  t.is(await running, 503);
  t.is(await held, 503);
});

test('under load, pods swapped for others and a listener drain lose no request', async (t) => {
  const answer = (_request: unknown, response: { end(text: string): void }): void => void setTimeout(() => response.end('ok'), 2);
  const origins = await Promise.all([startOrigin(answer), startOrigin(answer), startOrigin(answer)]);
  const [one, two, three] = origins.map(({ port }) => podAt(port));
  const rig = await startRig({ pods: [one!, two!] });
  t.teardown(() => Promise.all([rig.stop(), ...origins.map((origin) => origin.die())]));
  const failures: string[] = [];
  let [sent, stop] = [0, false];
  const client = async (): Promise<void> => {
    for (const stopped = (): boolean => stop; !stopped();) {
      sent += 1;
      const response = await fetch(rig.url, { method: 'POST', body: 'x' }).catch((error: unknown) => String(error));
      if (typeof response === 'string') failures.push(response);
      else if ((await response.text()) !== 'ok') failures.push(String(response.status));
    }
  };
  const clients = Array.from({ length: 16 }, client);
  for (let round = 0; round < 6 || sent < 200; round += 1) {
    await rig.route({ pods: [{ ...one!, state: 'terminating' }, two!, { ...three!, state: 'starting' }] });
    await pause(15);
    await rig.route({ pods: [two!, three!] });
    await pause(15);
    await rig.route({ pods: [] });
    await pause(15);
    await rig.route({ pods: [{ ...one!, state: 'starting' }, two!] });
    await pause(15);
  }
  stop = true;
  await Promise.all(clients);
  t.deepEqual(failures, []);
  t.is(
    origins.reduce((sum, { requests }) => sum + requests.length, 0),
    sent,
  );
  t.is(rig.gateway.counters.workloads.get(web)?.requests.get(200), sent);
});
