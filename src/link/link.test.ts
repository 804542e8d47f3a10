import test from 'ava';
import { WebSocket } from 'ws';
import { jsonLogger, millis, systemClock, type GatewayInfo, type GatewaySettings } from '../core/index.ts';
import { figures, hello, linked, route, startController, startGateway, web } from '../../test/support/link-rig.ts';
import { until } from '../../test/support/until.ts';
import type { LinkServer } from './index.ts';

/** Until the only gateway has applied all that was published. */
const acknowledged = (link: LinkServer): Promise<unknown> =>
  until('acknowledged', () => link.gateways().length === 1 && link.gateways()[0]?.acknowledged === link.revision);

test('a published route reaches the gateway, and those who watch hear that it is acknowledged', async (t) => {
  const { controller, gateway } = await linked(t);
  const seen: (readonly [number, readonly number[] | undefined])[] = [];
  t.teardown(controller.link.onGateways(([first]) => seen.push([first?.acknowledged ?? -1, first?.failedPorts])));
  controller.link.publish({ upsert: [route()], remove: [] });
  await acknowledged(controller.link);
  t.deepEqual(seen, [[1, []]]);
  t.deepEqual(gateway.applied, [{ revision: 1, full: true, upsert: [{ ...gateway.applied[0]!.upsert[0]! }], remove: [] }]);
  t.deepEqual(JSON.parse(JSON.stringify(gateway.applied[0]!.upsert)), JSON.parse(JSON.stringify([route()])));
  controller.link.publish({ upsert: [], remove: [web] });
  await acknowledged(controller.link);
  t.deepEqual(gateway.applied[1], { revision: 2, full: false, upsert: [], remove: [web] });
});

test('a gateway that connects later gets everything that is published now as one full snapshot', async (t) => {
  const controller = await startController();
  t.teardown(() => controller.stop());
  controller.link.publish({ upsert: [route()], remove: [] });
  controller.link.publish({ upsert: [route({ holdQueueDepth: 77 })], remove: [] });
  const gateway = startGateway([controller.url]);
  t.teardown(() => gateway.stop());
  await until('applied', () => gateway.applied.length === 1);
  t.like(gateway.applied[0], { revision: 2, full: true });
  t.deepEqual(
    gateway.applied[0]?.upsert.map(({ holdQueueDepth }) => holdQueueDepth),
    [77],
  );
  await acknowledged(controller.link);
});

test('settings go with the first routes, alone when they change, and whole to a gateway that comes later', async (t) => {
  const { controller, gateway } = await linked(t);
  const { link } = controller;
  const first: GatewaySettings = { trustedProxies: ['10.0.0.0/8', 'fd00::/8'], accessLog: 'off' };
  const second: GatewaySettings = { trustedProxies: [], accessLog: 'json', perWorkloadMetrics: 500 };
  link.set(first);
  t.is(link.revision, 0, 'nothing was published, so there is nobody to change');
  link.publish({ upsert: [route()], remove: [] });
  link.publish({ upsert: [route({ holdQueueDepth: 4 })], remove: [] });
  link.set(second);
  await acknowledged(link);
  t.is(link.revision, 3);
  t.deepEqual(
    gateway.applied.map(({ full, upsert, settings }) => [full, upsert.length, settings]),
    [
      [true, 1, first],
      [false, 1, undefined],
      [false, 0, second],
    ],
  );
  const later = startGateway([controller.url]);
  t.teardown(() => later.stop());
  await until('it has them', () => later.applied.length === 1);
  t.like(later.applied[0], { full: true, settings: second });
  link.lead(2);
  link.set(first);
  link.publish({ upsert: [], remove: [] });
  await until('of the next leader, too', () => later.applied.length === 2);
  t.like(later.applied[1], { full: true, settings: first });
});

test('what a gateway cannot do of a route comes back with its acknowledgement', async (t) => {
  const problems = [{ workload: web, port: 20_000, message: 'the port is taken' }];
  const { controller } = await linked(t, { client: { apply: () => Promise.resolve(problems) } });
  controller.link.publish({ upsert: [route()], remove: [] });
  await acknowledged(controller.link);
  t.deepEqual(controller.link.gateways()[0]?.failedPorts, [20_000]);
});

test('a poke and a first byte arrive at once', async (t) => {
  const { controller, gateway } = await linked(t);
  gateway.client.poke({ workload: web, held: 3, oldestHeldMs: 1.5 });
  gateway.client.firstByte({ workload: web, podId: 'uid', heldAgeMs: 90, readyAgeMs: 4 });
  await until('heard', () => controller.firstBytes.length === 1);
  t.deepEqual(controller.pokes, [{ workload: web, held: 3, oldestHeldMs: 1.5 }]);
});

test('a controller that was away gets the reports it missed, oldest first and each once', async (t) => {
  const first = await startController();
  const gateway = startGateway([first.url]);
  t.teardown(() => gateway.stop());
  await until('linked', () => gateway.client.connected() === 1);
  gateway.client.report([figures(1)], 1000);
  await until('heard', () => first.reports.length === 1);
  await first.stop();
  await until('noticed', () => gateway.client.connected() === 0);
  gateway.client.report([figures(2)], 1000);
  gateway.client.report([figures(3)], 1000);
  const second = await startController({}, Number(new URL(first.url).port));
  t.teardown(() => second.stop());
  await until('linked again', () => gateway.client.connected() === 1);
  gateway.client.report([figures(4)], 1000);
  await until('replayed', () => second.reports.length === 4);
  t.deepEqual(
    second.reports.map(({ sequence, workloads }) => [sequence, workloads[0]?.requestCount]),
    [
      [1, 1],
      [2, 2],
      [3, 3],
      [4, 4],
    ],
  );
  t.true(second.reports[0]!.ageMs >= second.reports[2]!.ageMs);
});

test('a link that broke between the same two resumes after the newest report that arrived', async (t) => {
  const { controller, gateway } = await linked(t);
  gateway.client.report([figures(1)], 1000);
  await until('heard', () => controller.reports.length === 1);
  controller.breakLinks();
  await until('lost and back', () => controller.changes.length === 3 && gateway.client.connected() === 1);
  t.deepEqual(controller.changes, ['joined gw-1', 'lost gw-1', 'joined gw-1']);
  gateway.client.report([figures(2)], 1000);
  await until('heard again', () => controller.reports.length === 2);
  t.deepEqual(
    controller.reports.map(({ sequence }) => sequence),
    [1, 2],
  );
});

test('a gateway that leaves is first released, then gone as left; one that dies is lost', async (t) => {
  const released: string[] = [];
  const controller = await startController({
    release: (gateway: GatewayInfo) => {
      released.push(gateway.id);
      return Promise.resolve();
    },
  });
  t.teardown(() => controller.stop());
  const gateway = startGateway([controller.url]);
  await until('linked', () => gateway.client.connected() === 1);
  const seen: number[] = [];
  const unwatch = controller.link.onGateways((gateways) => seen.push(gateways.length));
  await gateway.client.leave(millis(30_000));
  t.deepEqual(released, ['gw-1']);
  t.deepEqual(controller.link.gateways(), []);
  t.deepEqual(seen, [0]);
  unwatch();
  await gateway.stop();
  await until('gone', () => controller.changes.length === 2);
  t.deepEqual(controller.changes, ['joined gw-1', 'left gw-1']);
});

test('leaving does not wait for ever for a controller that cannot release', async (t) => {
  const { gateway } = await linked(t, { server: { release: () => new Promise(() => undefined) } });
  await gateway.client.leave(millis(30));
  t.pass();
});

test('every controller gets the reports, and only the newest leader moves routes; that an older one is not believed is logged', async (t) => {
  const [old, next] = [await startController(), await startController()];
  const warnings: string[] = [];
  const gateway = startGateway([old.url, next.url], { logger: jsonLogger((line) => warnings.push(line), systemClock, 'warn') });
  t.teardown(() => Promise.all([gateway.stop(), old.stop(), next.stop()]));
  await until('linked', () => gateway.client.connected() === 2);
  gateway.client.report([figures(1)], 1000);
  await until('both heard', () => old.reports.length === 1 && next.reports.length === 1);
  old.link.lead(3);
  old.link.publish({ upsert: [route()], remove: [] });
  await acknowledged(old.link);
  next.link.lead(4);
  next.link.publish({ upsert: [route({ holdQueueDepth: 4 })], remove: [] });
  await acknowledged(next.link);
  old.link.publish({ full: true, upsert: [], remove: [] });
  old.link.publish({ full: true, upsert: [], remove: [] });
  await until('the gateway has said so', () => warnings.length > 0);
  next.link.publish({ upsert: [route({ holdQueueDepth: 5 })], remove: [] });
  await acknowledged(next.link);
  t.deepEqual(
    gateway.applied.map(({ upsert }) => upsert[0]?.holdQueueDepth),
    [10, 4, 5],
  );
  t.is(old.link.gateways()[0]?.acknowledged, 1, 'what is not believed is not acknowledged');
  t.is(warnings.length, 1, 'once for a connection');
  t.like(JSON.parse(warnings[0] ?? ''), { level: 'warn', url: old.url, epoch: 3, believedEpoch: 4 });
});

test('controllers that come are linked to; a link that is up outlives its address being forgotten, one that is down does not', async (t) => {
  const [one, two] = [await startController(), await startController()];
  let named: readonly string[] = [];
  let asked = 0;
  const gateway = startGateway([], {
    discoverEvery: millis(20),
    controllers: () => {
      asked += 1;
      return named.length === 0 ? Promise.reject(new Error('no such name')) : Promise.resolve(named.map((url) => ({ url })));
    },
  });
  t.teardown(() => Promise.all([gateway.stop(), one.stop(), two.stop()]));
  named = [one.url];
  await until('linked to the first', () => gateway.client.connected() === 1);
  await one.stop();
  await until('lost', () => gateway.client.connected() === 0);
  named = [two.url];
  await until('linked to the second', () => gateway.client.connected() === 1);
  named = ['http://127.0.0.1:1'];
  asked = 0;
  await until('told of the other address', () => asked === 3);
  t.is(gateway.client.connected(), 1);
  t.deepEqual(two.changes, ['joined gw-1']);
});

test('a message that cannot be read closes the link that it came over', async (t) => {
  const { url, stop, reports, changes } = await startController();
  t.teardown(stop);
  const bad = [
    'no json',
    '{}',
    '{"type":"report","report":{"sequence":1,"ageMs":0,"intervalMs":1000,"workloads":[{"workload":"a/b","averageConcurrency":1e999,"requestCount":1,"held":0,"inFlight":0,"inFlightByPod":{}}]}}',
    '{"type":"report","report":{"sequence":-1,"ageMs":0,"intervalMs":1000,"workloads":[]}}',
    '{"type":"poke","poke":{"workload":"no-slash","held":1,"oldestHeldMs":0}}',
  ];
  for (const text of bad) {
    const code = await new Promise<number>((resolve) => {
      const socket = new WebSocket(`${url.replace('http', 'ws')}/link`, { headers: hello([1]) });
      socket.on('open', () => socket.send(text));
      socket.on('close', resolve);
    });
    t.is(code, 1008, text);
  }
  t.deepEqual(reports, []);
  await until('all lost', () => changes.filter((change) => change.startsWith('lost')).length === bad.length);
});

test('a gateway that falls silent is lost within three pings', async (t) => {
  const { url, stop, changes } = await startController({ pingEvery: millis(20) });
  t.teardown(stop);
  const socket = new WebSocket(`${url.replace('http', 'ws')}/link`, { headers: hello([1]), autoPong: false });
  await until('lost', () => changes.includes('lost gw-9'));
  t.deepEqual(changes, ['joined gw-9', 'lost gw-9']);
  socket.terminate();
});

test('a controller that is not there yet is found when it comes', async (t) => {
  const probe = await startController();
  const port = Number(new URL(probe.url).port);
  await probe.stop();
  const gateway = startGateway([probe.url]);
  t.teardown(() => gateway.stop());
  const controller = await startController({}, port);
  t.teardown(() => controller.stop());
  await until('linked', () => gateway.client.connected() === 1);
  t.pass();
});

test('an acknowledgement says what is in use beyond the routes, and says it again when that is less; a new leader has heard nothing yet', async (t) => {
  let inUse: Readonly<Record<string, number>> = { uid: 3 };
  const { controller, gateway } = await linked(t, { client: { permitsInUse: () => inUse } });
  const [pod] = route().pods;
  controller.link.publish({ upsert: [route({ containerConcurrency: 4, pods: [{ ...pod!, permits: { 'gw-1': 2 } }] })], remove: [] });
  await acknowledged(controller.link);
  const heard = (): readonly unknown[] => controller.link.sessions().map(({ acknowledged: revision, permitsInUse }) => [revision, { ...permitsInUse }]);
  t.deepEqual(heard(), [[1, { uid: 3 }]]);
  t.deepEqual({ ...gateway.applied[0]?.upsert[0]?.pods[0]?.permits }, { 'gw-1': 2 });
  inUse = {};
  gateway.client.permitsFreed();
  await until('it has said so', () => Object.keys(controller.link.sessions()[0]?.permitsInUse ?? { uid: 3 }).length === 0);
  t.deepEqual(heard(), [[1, {}]]);
  controller.link.lead(2);
  t.is(controller.link.sessions()[0]?.permitsInUse, undefined);
  gateway.client.permitsFreed();
  controller.link.publish({ upsert: [route()], remove: [] });
  await acknowledged(controller.link);
  t.deepEqual(heard(), [[1, {}]]);
});

test('a gateway that leaves is a session until it has left', async (t) => {
  const { controller, gateway } = await linked(t, { server: { release: () => new Promise(() => undefined) } });
  void gateway.client.leave(millis(60_000));
  await until('it leaves', () => controller.link.gateways().length === 0);
  t.is(controller.link.sessions().length, 1);
});
