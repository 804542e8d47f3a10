import test from 'ava';
import fc from 'fast-check';
import { seededRandom, type PodRoute } from '../core/index.ts';
import { freePort, podAt, startOrigin, startRig, until, web, type Rig } from '../../test/support/gateway-rig.ts';
import { pauseOf } from './ejection.ts';
import { pickPod } from './pick.ts';
import { Pod } from './pod.ts';
import { RetryBudget } from './retry-budget.ts';
import { RevisionFigures } from './revision-figures.ts';
import { SlowStart } from './slow-start.ts';
import { pickByZone, zonesOf } from './zones.ts';

const podOf = (port: number, patch: Partial<PodRoute> = {}): Pod => new Pod(podAt(port, patch), new RevisionFigures('r1'), { open: 0, idle: 0, opened: 0 });

const pods = (...usableSince: readonly number[]): readonly Pod[] =>
  usableSince.map((since, index) => Object.assign(podOf(1000 + index), { usableSince: since }));

/** How often each of `among` is chosen of 10,000 times, without any load. */
const choices = (among: readonly Pod[], limit: number | undefined, now: number | undefined): readonly number[] => {
  const random = seededRandom(7);
  const counts = among.map(() => 0);
  for (let turn = 0; turn < 10_000; turn += 1) {
    const at = among.indexOf(pickPod(among, 'http', limit, random, now)!);
    counts[at] = (counts[at] ?? 0) + 1;
  }
  return counts;
};

test('up to a limit of three the first pod with room is taken, above it and without one the less loaded of two', (t) => {
  const among = pods(0, 0, 0);
  t.deepEqual(choices(among, 3, undefined), [10_000, 0, 0]);
  among[0]!.inFlight = 3;
  t.deepEqual(choices(among, 3, undefined), [0, 10_000, 0]);
  for (const limit of [4, undefined]) {
    const [first = 0, second = 0, third = 0] = choices(among, limit, undefined);
    t.is(first, 0, 'it is never the less loaded');
    t.true(Math.abs(second - third) < 500);
  }
});

test('a new pod beside older ones gets a part of its share that grows from a tenth to all within ten seconds', (t) => {
  const among = pods(0, 0, 0, 20_000);
  const share = (now: number | undefined): number => (choices(among, undefined, now)[3] ?? 0) / 2500;
  const shares = [20_000, 22_500, 25_000, 27_500, 30_000].map(share);
  for (const [index, expected] of [0.1, 0.25, 0.5, 0.75, 1].entries()) t.true(Math.abs((shares[index] ?? 0) - expected) < 0.15, shares.join());
  const two = pods(0, 20_000);
  t.true((choices(two, undefined, 20_000)[1] ?? 0) < 1500);
  two[0]!.inFlight = 5;
  t.deepEqual(choices(two, 5, 20_000), [0, 10_000], 'no request waits while it has room');
});

test('there is no slow start where every pod is new, or none is', (t) => {
  const slowStart = new SlowStart();
  const at = (now: number, ...usableSince: readonly number[]): number | undefined => {
    slowStart.look(pods(...usableSince));
    return slowStart.now({ monotonic: () => now });
  };
  t.is(at(5000), undefined);
  t.is(at(5000, 0), undefined);
  t.is(at(5000, 0, 4000), undefined);
  t.is(at(30_000, 0, 20_000), undefined);
  t.is(at(29_999, 0, 20_000), 29_999);
});

test('law: within ten seconds no more retries than 100 and a fifth of the requests, and none is refused below that', (t) => {
  const step = fc.record({ pass: fc.integer({ min: 0, max: 4000 }), requests: fc.integer({ min: 0, max: 300 }), retries: fc.integer({ min: 0, max: 150 }) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
      const budget = new RetryBudget();
      const [requests, retries]: [number[], number[]] = [[], []];
      let now = 0;
      const recent = (all: readonly number[]): number => all.filter((second) => second > Math.floor(now / 1000) - 10).length;
      for (const each of steps) {
        now += each.pass;
        for (let count = 0; count < each.requests; count += 1) {
          budget.request(now);
          requests.push(Math.floor(now / 1000));
        }
        for (let count = 0; count < each.retries; count += 1) {
          const expected = recent(retries) < 100 + recent(requests) / 5;
          if (budget.retry(now) !== expected) return false;
          if (expected) retries.push(Math.floor(now / 1000));
        }
      }
      return true;
    }),
    { numRuns: 60 },
  );
  t.pass();
});

test('each ejection in a row lasts a second longer, half a minute at most; ten seconds of service take one off', (t) => {
  const pod = podOf(1000);
  t.deepEqual(
    [1, 2, 3].map(() => pauseOf(pod, 'broke-off', 0)),
    [1000, 2000, 3000],
  );
  for (let count = 0; count < 40; count += 1) pauseOf(pod, 'broke-off', 0);
  t.is(pauseOf(pod, 'broke-off', 0), 30_000);
  const other = podOf(1000);
  t.deepEqual([pauseOf(other, 'connect', 0), pauseOf(other, 'connect', 0)], [0, 1000], 'a first connection that fails is looked at anew at once');
  t.is(pauseOf(other, 'connect', 15_000), 1000);
  t.is(pauseOf(other, 'connect', 60_000), 0);
});

const statusOf = async (rig: Rig): Promise<number> => {
  const answer = await fetch(rig.url, { method: 'POST', body: 'x' });
  await answer.arrayBuffer();
  return answer.status;
};
const counters = (rig: Rig) => rig.gateway.counters.workloads.get(web)!;

test('a pod whose answers break off five times in a row is left out, and comes back when a probe has succeeded', async (t) => {
  let isMended = false;
  const bad = await startOrigin((request, response) => {
    if (isMended) response.end('mended');
    else request.socket.destroy();
  });
  const good = await startOrigin((_request, response) => response.end('good'));
  const rig = await startRig({ pods: [podAt(bad.port), podAt(good.port)] });
  t.teardown(() => Promise.all([rig.stop(), bad.die(), good.die()]));
  const statuses: number[] = [];
  let from = 0;
  while (counters(rig).ejectedPods === 0 && statuses.length < 200) {
    from = performance.now();
    statuses.push(await statusOf(rig));
  }
  t.is(statuses.filter((status) => status === 502).length, 5);
  t.is(bad.requests.length, 5);
  isMended = true;
  while (counters(rig).ejectedPods === 1) t.is(await statusOf(rig), 200);
  t.true(performance.now() - from > 900, 'it was out for a second at least, though any probe would have succeeded');
  t.true(good.requests.length > 5);
  while (bad.requests.length === 5) t.is(await statusOf(rig), 200);
  t.deepEqual([...counters(rig).ejections], [['broke-off', 1]]);
});

test('answers of the program’s own, 500 too, put no pod out; nor does anything put the last one out, or more than half', async (t) => {
  const failing = await startOrigin((_request, response) => response.writeHead(500).end());
  const bad = await startOrigin((request) => request.socket.destroy());
  const rig = await startRig({ pods: [podAt(failing.port)] });
  t.teardown(() => Promise.all([rig.stop(), failing.die(), bad.die()]));
  for (let count = 0; count < 8; count += 1) t.is(await statusOf(rig), 500);
  t.is(counters(rig).ejections.size, 0);
  await rig.route({ pods: [podAt(bad.port)] });
  for (let count = 0; count < 8; count += 1) t.is(await statusOf(rig), 502);
  await rig.route({ pods: [podAt(bad.port), podAt(bad.port, { id: 'b' }), podAt(bad.port, { id: 'c' })] });
  // One that is out comes through its probe after a second.
  const out: number[] = [];
  for (let count = 0; count < 40; count += 1) {
    t.is(await statusOf(rig), 502);
    out.push(counters(rig).ejectedPods);
  }
  t.is(Math.max(...out), 1, 'of three one');
});

test('requests that are to be ignored put no pod out, whatever it does with them', async (t) => {
  const origins = [0, 1].map(() => startOrigin((request, response) => (request.url === '/healthz' ? request.socket.destroy() : response.end('good'))));
  const [bad, good] = await Promise.all(origins);
  const rig = await startRig({ pods: [podAt(bad!.port), podAt(good!.port)], ignoreRequests: [{ path: '/healthz' }] });
  t.teardown(() => Promise.all([rig.stop(), bad!.die(), good!.die()]));
  for (let count = 0; count < 40; count += 1) {
    const answer = await fetch(`${rig.url}/healthz`);
    await answer.arrayBuffer();
    t.is(answer.status, 502);
  }
  t.is(await statusOf(rig), 200);
  t.is(counters(rig).ejections.size, 0);
});

test('an answer that is whole ends the row of failures', async (t) => {
  let turn = 0;
  const flaky = await startOrigin((request, response) => {
    turn += 1;
    if (turn % 5 === 0) response.end('now and then');
    else request.socket.destroy();
  });
  const rig = await startRig({
    pods: [podAt(flaky.port), podAt(flaky.port, { id: 'other', state: 'terminating' }), podAt(await freePort(), { id: 'down', state: 'starting' })],
  });
  t.teardown(() => Promise.all([rig.stop(), flaky.die()]));
  for (let count = 0; count < 30; count += 1) await statusOf(rig);
  t.is(counters(rig).ejections.size, 0);
});

test('a crowd that finds no connection goes to the next pod whole, in steps where it is more than the budget', async (t) => {
  const good = await startOrigin((_request, response) => setTimeout(() => response.end('good'), 1));
  const dead = podAt(await freePort());
  const rig = await startRig({ pods: [dead] });
  t.teardown(() => Promise.all([rig.stop(), good.die()]));
  const answers = Array.from({ length: 300 }, () => statusOf(rig));
  await until('all have tried', () => counters(rig).connectFailures >= 1);
  await rig.route({ pods: [dead, podAt(good.port)] });
  t.true((await Promise.all(answers)).every((status) => status === 200));
  t.is(counters(rig).retries, counters(rig).connectFailures);
  t.deepEqual([...counters(rig).ejections], [['connect', 1]]);
  t.is(counters(rig).ejectedPods, 1);
  await rig.route({ pods: [podAt(good.port)] });
  t.is(counters(rig).ejectedPods, 0, 'nothing is left of a pod that is gone');
});

const inZones = (...zones: readonly (string | undefined)[]): readonly Pod[] => zones.map((zone, index) => podOf(1000 + index, { zone }));

test('pods of the own zone are taken while they have room and not much more to do than the others', (t) => {
  const all = inZones('a', 'a', 'b', undefined);
  const zones = zonesOf(all, 'a')!;
  const chosen = (limit?: number): readonly number[] => {
    const random = seededRandom(3);
    return [...new Set(Array.from({ length: 200 }, () => all.indexOf(pickByZone(zones, 'http', limit, random)!)))].sort();
  };
  t.deepEqual(chosen(), [0, 1]);
  for (const pod of zones.near) pod.inFlight = 8;
  t.deepEqual(chosen(), [0, 1]);
  for (const pod of zones.near) pod.inFlight = 9;
  t.deepEqual(chosen(), [2, 3]);
  for (const pod of zones.far) pod.inFlight = 1;
  t.deepEqual(chosen(), [0, 1]);
  t.deepEqual(chosen(9), [2, 3], 'there is no room at home');
  t.is(pickByZone(zones, 'http', 1, seededRandom(3)), undefined);
});

test('without a zone of its own, without pods in it, and where there are no others, a gateway looks at no zones', (t) => {
  t.is(zonesOf(inZones('a', 'b'), undefined), undefined);
  t.is(zonesOf(inZones('b', undefined), 'a'), undefined);
  t.is(zonesOf(inZones('a', 'a'), 'a'), undefined);
});

test('a gateway sends to its own zone as its routes say', async (t) => {
  const [home, abroad] = await Promise.all([startOrigin((_request, response) => response.end()), startOrigin((_request, response) => response.end())]);
  const rig = await startRig({ pods: [podAt(abroad.port, { zone: 'b' }), podAt(home.port, { zone: 'a' })] }, { zone: 'a' });
  t.teardown(() => Promise.all([rig.stop(), home.die(), abroad.die()]));
  for (let count = 0; count < 20; count += 1) t.is(await statusOf(rig), 200);
  t.deepEqual([home.requests.length, abroad.requests.length], [20, 0]);
  await rig.route({ pods: [podAt(abroad.port, { zone: 'b' }), podAt(home.port, { zone: 'a', state: 'terminating' })] });
  t.is(await statusOf(rig), 200);
  t.is(abroad.requests.length, 1);
});
