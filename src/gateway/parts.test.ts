import { createServer } from 'node:net';
import test from 'ava';
import fc from 'fast-check';
import { instant, ManualClock, millis, seededRandom, silentLogger, systemClock, type Random } from '../core/index.ts';
import { freePort, podAt, until } from '../../test/support/gateway-rig.ts';
import type { RequestHead } from './request.ts';
import { newWorkloadCounters, observeHold } from './counters.ts';
import { compileIgnoreRules } from './ignore.ts';
import { Meter } from './meter.ts';
import { pickByClient, pickPod } from './pick.ts';
import { Pod } from './pod.ts';
import { Poker } from './poker.ts';
import { probeUntilReady } from './probe.ts';
import { RevisionFigures } from './revision-figures.ts';
import { web } from '../../test/support/gateway-rig.ts';

test('concurrency is weighted by time, to the last bit of arithmetic', (t) => {
  const meter = new Meter();
  meter.take(0, 1000);
  meter.arrive(1000);
  meter.arrive(1250);
  meter.leave(1750);
  t.deepEqual(meter.take(1000, 2000), { averageConcurrency: 1.5, requestCount: 2 });
  meter.leave(2500);
  t.deepEqual(meter.take(2000, 3000), { averageConcurrency: 0.5, requestCount: 0 });
  t.deepEqual(meter.take(3000, 4000), { averageConcurrency: 0, requestCount: 0 });
});

test('mean concurrency lies between the extremes, and equals the sum of the times that requests were there', (t) => {
  const visits = fc.array(fc.record({ from: fc.integer({ min: 0, max: 1000 }), stay: fc.integer({ min: 0, max: 1000 }) }), { maxLength: 30 });
  fc.assert(
    fc.property(visits, (all) => {
      const meter = new Meter();
      const changes = all.flatMap(({ from, stay }) => [
        { at: from, arrives: true },
        { at: Math.min(1000, from + stay), arrives: false },
      ]);
      for (const { at, arrives } of changes.sort((one, other) => one.at - other.at || Number(other.arrives) - Number(one.arrives)))
        if (arrives) meter.arrive(at);
        else meter.leave(at);
      const { averageConcurrency, requestCount } = meter.take(0, 1000);
      const time = all.reduce((sum, { from, stay }) => sum + Math.min(1000, from + stay) - from, 0);
      return requestCount === all.length && Math.abs(averageConcurrency - time / 1000) < 1e-9 && averageConcurrency >= 0 && averageConcurrency <= all.length;
    }),
  );
  t.pass();
});

test('a clock that stands still or steps back gives no negative figure', (t) => {
  const meter = new Meter();
  meter.arrive(100);
  meter.arrive(50);
  const { averageConcurrency } = meter.take(0, 200);
  t.true(averageConcurrency >= 0 && averageConcurrency <= 2);
  t.is(meter.take(200, 200).averageConcurrency, 2);
});

const podsWith = (loads: readonly number[]): readonly Pod[] =>
  loads.map((load, index) => Object.assign(new Pod(podAt(1000 + index), new RevisionFigures('r1'), { open: 0, idle: 0, opened: 0 }), { inFlight: load }));

test('a pod is picked whenever one has room, and never one without', (t) => {
  fc.assert(
    fc.property(
      fc.array(fc.nat({ max: 12 }), { maxLength: 12 }),
      fc.option(fc.integer({ min: 1, max: 10 }), { nil: undefined }),
      fc.integer(),
      (loads, limit, seed) => {
        const pods = podsWith(loads);
        const room = (pod: Pod): boolean => limit === undefined || pod.inFlight < limit;
        for (const picked of [pickPod(pods, 'http', limit, seededRandom(seed)), pickByClient(pods, 'http', limit, String(seed))])
          if (picked === undefined ? pods.some(room) : !room(picked)) return false;
        return pickPod(pods, 'no such port', limit, seededRandom(seed)) === undefined;
      },
    ),
  );
  t.pass();
});

test('small limits pack the first pods; without a limit two choices keep pods even', (t) => {
  const packed = podsWith([1, 2, 0]);
  t.is(pickPod(packed, 'http', 2, seededRandom(1)), packed[0]);
  const pods = podsWith([0, 0, 0, 0, 0]);
  const random: Random = seededRandom(7);
  for (let count = 0; count < 1000; count += 1) pickPod(pods, 'http', undefined, random)!.inFlight += 1;
  const loads = pods.map(({ inFlight }) => inFlight);
  t.true(Math.max(...loads) - Math.min(...loads) <= 5, loads.join());
});

test('a client stays with its pod, and only the share of a pod that goes moves', (t) => {
  const pods = podsWith([0, 0, 0, 0]);
  const clients = Array.from({ length: 400 }, (_, index) => `10.0.${index % 7}.${index}`);
  const before = clients.map((client) => pickByClient(pods, 'http', undefined, client));
  t.deepEqual(
    clients.map((client) => pickByClient(pods, 'http', undefined, client)),
    before,
  );
  const after = clients.map((client) => pickByClient(pods.slice(1), 'http', undefined, client));
  for (const [index, pod] of before.entries()) if (pod !== pods[0]) t.is(after[index], pod);
  for (const pod of pods) {
    const share = before.filter((picked) => picked === pod).length;
    t.true(share > 50 && share < 150, `${pod.route.id} has ${share} of 400`);
  }
});

test('an ignore rule matches only if all that it gives does', (t) => {
  const request = (path: string, userAgent: string, ...headers: string[]): RequestHead => ({
    path,
    host: '',
    userAgent,
    hasHeader: (name) => headers.includes(name),
  });
  const ignores = compileIgnoreRules([{ userAgent: 'kube-probe/' }, { path: '/healthz', header: 'X-Check' }, {}]);
  t.true(ignores(request('/', 'kube-probe/1.36')));
  t.true(ignores(request('/healthz?x', 'curl', 'x-check')));
  t.false(ignores(request('/healthz', 'curl')));
  t.false(ignores(request('/', 'my kube-probe/')));
});

test('the first waiting request is said at once, more of them after 20 ms, ever more rarely under a lasting overload, and nothing when none was added', async (t) => {
  const clock = new ManualClock(instant(0));
  const said: number[] = [];
  const poker = new Poker(clock, () => said.push(clock.monotonic()));
  for (let waiting = 1; waiting <= 50; waiting += 1) poker.poke(waiting);
  t.deepEqual(said, [0]);
  await clock.advance(millis(100));
  t.deepEqual(said, [0, 20]);
  poker.poke(1);
  t.deepEqual(said, [0, 20, 100]);
  for (let second = 0; second < 10; second += 1)
    for (let step = 0; step < 100; step += 1) {
      poker.poke(1000 * second + step);
      await clock.advance(millis(10));
    }
  t.true(said.length < 25, `${said.length} pokes in 10 s of overload`);
});

test('a hold is counted in the first bucket that holds it', (t) => {
  const { holdSeconds } = newWorkloadCounters(web, systemClock);
  for (const seconds of [0.01, 0.011, 1000]) observeHold(holdSeconds, seconds);
  t.deepEqual([holdSeconds.counts[0], holdSeconds.counts[1], holdSeconds.counts.at(-1), holdSeconds.count], [1, 1, 1, 3]);
});

test('a probe goes on until something listens, succeeds once, and stops when told to', async (t) => {
  const port = await freePort();
  let [succeeded, stopped] = [0, 0];
  const aim = { address: '127.0.0.1', probe: { kind: 'tcp', port, timeoutMs: 1000 } } as const;
  const stop = probeUntilReady(systemClock, silentLogger, aim, () => (succeeded += 1));
  const other = probeUntilReady(systemClock, silentLogger, aim, () => (stopped += 1));
  other();
  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  await until('succeeded', () => succeeded === 1);
  stop();
  await new Promise((resolve) => server.close(resolve));
  t.is(stopped, 0);
});
