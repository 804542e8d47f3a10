import test, { type ExecutionContext } from 'ava';
import { LatencySketch, type PodRoute, type RevisionReport } from '../../../src/core/index.ts';
import type { WorkloadCounters } from '../../../src/gateway/index.ts';
import { podAt, startRig, until, web, type Rig } from '../../support/gateway-rig.ts';
import { ask, startHttp2Scene } from '../../support/http2-rig.ts';
import { readAnswer, readHead } from '../../support/raw-message.ts';
import { eachRequest, okWith, startScene, startScriptedOrigin, type Script } from '../../support/scripted-origin.ts';
import { skippingClock } from '../../support/skipping-clock.ts';
import { startTcpRig } from '../../support/tcp-rig.ts';
import { until as eventually } from '../../support/until.ts';
import { dial } from '../../support/wire.ts';

/** What is counted by revision: requests, time, bytes; and what becomes of connections. */

const countersOf = ({ gateway }: Pick<Rig, 'gateway'>): WorkloadCounters => gateway.counters.workloads.get(web)!;
type Shown = Readonly<
  Record<string, { readonly requests: Readonly<Record<number, number>>; readonly bytes: readonly [number, number]; readonly timed: number }>
>;
const shown = (counters: WorkloadCounters): Shown =>
  Object.fromEntries(
    [...counters.revisions].map(({ revision, requests, requestBytes, responseBytes, durationSeconds }) => [
      revision,
      { requests: Object.fromEntries(requests), bytes: [requestBytes, responseBytes] as const, timed: durationSeconds.count },
    ]),
  );
const get = (target = '/'): string => `GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`;
const post = (body: string): string => `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body}`;

const exchange = async (t: ExecutionContext, port: number, request: string): Promise<void> => {
  const client = await dial(t, port);
  await client.send(request);
  await readAnswer(client);
};

test('requests, times and bytes are counted by the revision whose pod took them; those that no pod was given have none', async (t) => {
  const origin = await startScriptedOrigin(eachRequest((wire) => wire.send(okWith('0123456789'))));
  const pod = (revision: string): PodRoute => podAt(origin.port, { id: revision, revision });
  const rig = await startRig({ pods: [pod('r1')] });
  t.teardown(async () => {
    await rig.stop();
    await origin.die();
  });
  for (let count = 0; count < 3; count += 1) await exchange(t, rig.port, post('hello'));
  await rig.route({ pods: [pod('r2')] });
  await exchange(t, rig.port, get());
  await rig.route({ pods: [], holdTimeoutMs: 0 });
  await exchange(t, rig.port, get());
  t.deepEqual(shown(countersOf(rig)), {
    '': { requests: { 503: 1 }, bytes: [0, 0], timed: 1 },
    r1: { requests: { 200: 3 }, bytes: [15, 30], timed: 3 },
    r2: { requests: { 200: 1 }, bytes: [0, 10], timed: 1 },
  });
});

test('the sums of a gateway keep what a workload had that was handed back, and count what of it still runs', async (t) => {
  let end: (() => void) | undefined;
  const { rig } = await startScene(
    t,
    eachRequest(async (wire, { target }) => {
      if (target === '/slow') await new Promise<void>((resolve) => (end = resolve));
      await wire.send(okWith('0123456789'));
    }),
  );
  const sums = async () => {
    const { revisions, inFlight } = await rig.gateway.counters.all();
    const [all] = [...revisions];
    return { requests: Object.fromEntries(all!.requests), bytes: all!.responseBytes, timed: all!.durationSeconds.count, inFlight };
  };
  await exchange(t, rig.port, get());
  const slow = await dial(t, rig.port);
  await slow.send(get('/slow'));
  await until('it is in its pod', () => end !== undefined);
  t.deepEqual(await sums(), { requests: { 200: 1 }, bytes: 10, timed: 1, inFlight: 1 });
  await rig.gateway.apply({ revision: 90, full: false, upsert: [], remove: [web] });
  t.is(rig.gateway.counters.workloads.size, 0);
  t.deepEqual(await sums(), { requests: { 200: 1 }, bytes: 10, timed: 1, inFlight: 1 });
  end?.();
  await readAnswer(slow);
  await eventually('the last one is counted', async () => (await sums()).inFlight === 0);
  // Another change: what has ended is buried with it.
  await rig.gateway.apply({ revision: 91, full: false, upsert: [], remove: [] });
  t.deepEqual(await sums(), { requests: { 200: 2 }, bytes: 20, timed: 2, inFlight: 0 });
});

test('the most workloads with series of their own come with the routes, and are the default where a controller says nothing', async (t) => {
  const { rig } = await startScene(
    t,
    eachRequest(async (wire) => wire.send(okWith(''))),
  );
  const { counters } = rig.gateway;
  t.is(counters.perWorkloadMetrics, 5000);
  const settings = { trustedProxies: [], accessLog: 'off' as const };
  await rig.gateway.apply({ revision: 90, full: false, upsert: [], remove: [], settings: { ...settings, perWorkloadMetrics: 7 } });
  t.is(counters.perWorkloadMetrics, 7);
  await rig.gateway.apply({ revision: 91, full: false, upsert: [], remove: [], settings });
  t.is(counters.perWorkloadMetrics, 5000);
});

const chunked: Script = eachRequest((wire) => wire.send('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n1\r\n!\r\n0\r\nA: b\r\n\r\n'));
const untilClose: Script = eachRequest(async (wire) => {
  await wire.send('HTTP/1.1 200 OK\r\n\r\n');
  await wire.send('sevenby');
  wire.finish();
});

for (const [how, script, bytes] of [
  ['in chunks', chunked, 6],
  ['up to the end of the connection', untilClose, 7],
] as const)
  test(`bytes of a body that comes ${how} are those of its content, without the framing`, async (t) => {
    const { rig } = await startScene(t, script);
    await exchange(t, rig.port, 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n1;e\r\nd\r\n0\r\n\r\n');
    await until('it is over', () => countersOf(rig).inFlight === 0);
    t.deepEqual(shown(countersOf(rig)).r1?.bytes, [4, bytes]);
  });

test('an answer that is broken off counts as far as it came, an upgraded connection while it is open, and neither is timed as a connection', async (t) => {
  const { rig } = await startScene(
    t,
    eachRequest(async (wire, { target }) => {
      if (target !== '/upgrade') {
        await wire.send('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf');
        wire.finish();
        return;
      }
      await wire.send('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\nearly');
      await wire.send(`${await wire.until('\n')}+`);
      await wire.rest();
      wire.finish();
    }),
  );
  const counters = countersOf(rig);
  const cut = await dial(t, rig.port);
  await cut.send(get());
  await cut.rest();
  await until('it is over', () => counters.inFlight === 0);
  t.deepEqual(shown(counters).r1, { requests: { 200: 1 }, bytes: [0, 4], timed: 1 });
  const client = await dial(t, rig.port);
  await client.send('GET /upgrade HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n');
  await client.until('early');
  await client.send('ping\n');
  await client.until('ping\n+');
  await until('it is counted while it is open, both ways', () => shown(counters).r1?.bytes[1] === 4 + 11);
  t.deepEqual(shown(counters).r1, { requests: { 200: 1, 101: 1 }, bytes: [5, 4 + 11], timed: 1 });
  client.finish();
  await until('it is over', () => counters.inFlight === 0);
  t.deepEqual(shown(counters).r1, { requests: { 200: 1, 101: 1 }, bytes: [5, 4 + 11], timed: 1 });
});

test('the same holds for HTTP/2 and for TCP connections', async (t) => {
  const { rig, session } = await startHttp2Scene(t, (stream) => {
    stream.respond({ ':status': 200 });
    stream.resume().on('end', () => stream.end('twelve bytes'));
  });
  await ask(session, { ':method': 'POST' }, 'seven b');
  await until('it is over', () => countersOf(rig).inFlight === 0);
  t.deepEqual(shown(countersOf(rig)).r1, { requests: { 200: 1 }, bytes: [7, 12], timed: 1 });

  const origin = await startScriptedOrigin(async (wire) => {
    await wire.send(`${await wire.until('\n')}!`);
    await wire.rest();
    wire.finish();
  });
  t.teardown(origin.die);
  const tcp = await startTcpRig(t, { pods: [podAt(origin.port)] });
  const client = await dial(t, tcp.port);
  await client.send('ping\n');
  await client.until('!');
  await until('it is counted while it is open', () => shown(tcp.counters).r1?.bytes[1] === 6);
  client.finish();
  t.is(await tcp.allEnded(), 1);
  t.deepEqual(shown(tcp.counters).r1, { requests: { 0: 1 }, bytes: [5, 6], timed: 0 });
  await tcp.route({ pods: [] });
  const impatient = await dial(t, tcp.port);
  await until('it is held', () => tcp.counters.held === 1);
  impatient.reset();
  t.is(await tcp.allEnded(), 2);
  t.deepEqual(shown(tcp.counters)[''], { requests: { 499: 1 }, bytes: [0, 0], timed: 0 });
});

test('a report has the figures of its second by revision: concurrency, requests, bytes, and times in a pod as a sketch', async (t) => {
  const { rig } = await startScene(
    t,
    eachRequest(async (wire) => {
      await new Promise((resolve) => setTimeout(resolve, 40));
      await wire.send(okWith('12345'));
    }),
  );
  for (let count = 0; count < 5; count += 1) await exchange(t, rig.port, get());
  const told = (): readonly RevisionReport[] => rig.reports.flatMap(({ revisions = [] }) => revisions);
  const latency = new LatencySketch();
  await until('all are reported', () => told().reduce((sum, { responseBytes }) => sum + responseBytes, 0) === 25);
  for (const report of told()) latency.merge(report.latency);
  t.deepEqual(new Set(told().map(({ revision }) => revision)), new Set(['r1']));
  t.is(told().reduce((sum, { requestCount }) => sum + requestCount, 0), 5); // prettier-ignore
  t.true(told().some(({ averageConcurrency }) => averageConcurrency > 0));
  t.is(latency.count, 5);
  t.true((latency.quantile(0) ?? 0) >= 38, String(latency.quantile(0)));
});

test('who broke a request off is counted, and whether the answer had begun', async (t) => {
  // Time runs out when it is put forward, and not before the answer has begun.
  const clock = skippingClock();
  const { rig, dial: another } = await startScene(
    t,
    eachRequest(async (wire, { target }) => {
      if (target.startsWith('/begun')) await wire.send('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nbegun');
      if (target.endsWith('reset')) wire.reset();
    }),
    { requestTimeoutMs: 0 },
    { clock },
  );
  const counters = countersOf(rig);
  const each = async (target: string, end: 'pod' | 'client'): Promise<void> => {
    const client = await another();
    await client.send(get(target));
    if (target.startsWith('/begun')) await client.until('begun');
    else if (end === 'client') await until('it is in the pod', () => counters.inFlight === 1);
    if (end === 'client') client.reset();
    await until('it is over', () => counters.inFlight === 0 && [...counters.requests.values()].length > 0);
  };
  await each('/none', 'client');
  await each('/begun', 'client');
  await each('/begun', 'client');
  await each('/none-reset', 'pod');
  await until('the pod’s is counted', () => counters.aborted.pod.none === 1);
  const cut = await another();
  await cut.send(get('/begun-reset'));
  await cut.rest();
  await until('the pod’s is counted', () => counters.aborted.pod.begun === 1);
  const late = await another();
  await rig.route({ requestTimeoutMs: 60_000 });
  await late.send(get('/begun'));
  await late.until('begun');
  clock.skip(60_000);
  await late.rest();
  const refused = await another();
  await refused.send(get('/none'));
  await until('it is in the pod', () => counters.inFlight === 1);
  clock.skip(60_000);
  t.is((await readAnswer(refused)).status, 504);
  await until('all is over', () => counters.inFlight === 0);
  t.deepEqual(counters.aborted, { client: { none: 1, begun: 2 }, pod: { none: 1, begun: 1 }, gateway: { none: 0, begun: 1 } });
  t.deepEqual(Object.fromEntries(counters.refused), { 'upstream-reset': 1, 'response-timeout': 1 });
});

test('connections to pods are counted: made, with a request, idle, and gone', async (t) => {
  let mayAnswer = true;
  const { rig, origin } = await startScene(t, async (wire) => {
    for (;;) {
      await readHead(wire);
      await until('it may be answered', () => mayAnswer);
      await wire.send(okWith('x'));
    }
  });
  const { podConnections } = countersOf(rig);
  t.deepEqual(podConnections, { open: 0, idle: 0, opened: 0 });
  await exchange(t, rig.port, get());
  t.deepEqual(podConnections, { open: 1, idle: 1, opened: 1 });
  mayAnswer = false;
  const both = Promise.all([exchange(t, rig.port, get()), exchange(t, rig.port, get())]);
  await until('both are on their way', () => podConnections.open === 2 && podConnections.idle === 0 && podConnections.opened === 2);
  mayAnswer = true;
  await both;
  t.deepEqual(podConnections, { open: 2, idle: 2, opened: 2 });
  for (const { socket } of origin.connections) socket.destroy();
  await until('they are gone', () => podConnections.open === 0);
  t.deepEqual(podConnections, { open: 0, idle: 0, opened: 2 });
});

test('connections of HTTP/2 to pods are counted in the same way, one for many requests', async (t) => {
  const { rig, session, origin } = await startHttp2Scene(t, (stream) => {
    stream.respond({ ':status': 200 });
    setTimeout(() => stream.end('x'), 20);
  });
  const { podConnections } = countersOf(rig);
  const answers = Promise.all([ask(session), ask(session), ask(session)]);
  await until('one carries them', () => podConnections.open === 1 && podConnections.idle === 0 && origin.requests.length === 3);
  await answers;
  await until('it is idle', () => podConnections.idle === 1);
  t.deepEqual(podConnections, { open: 1, idle: 1, opened: 1 });
  for (const pod of origin.sessions) pod.destroy();
  await until('it is gone', () => podConnections.open === 0);
  t.deepEqual(podConnections, { open: 0, idle: 0, opened: 1 });
});
