import { createServer, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { WebSocket } from 'ws';
import {
  millis,
  silentLogger,
  systemClock,
  systemRandom,
  workloadKey,
  type FirstByte,
  type GatewayInfo,
  type Poke,
  type Report,
  type RouteSnapshot,
  type WorkloadReport,
  type WorkloadRoute,
} from '../core/index.ts';
import { helloHeader } from './handshake.ts';
import { createLinkClient, createLinkServer, type Ack, type LinkClient, type LinkClientOptions, type LinkServer, type LinkServerOptions } from './index.ts';

const web = workloadKey({ resource: 'deployments.apps', namespace: 'default', name: 'web' });
const figures = (requestCount: number): WorkloadReport => ({
  workload: web,
  averageConcurrency: 0.5,
  requestCount,
  held: 0,
  inFlight: 1,
  inFlightByPod: { a: 1 },
});
const route = (patch: Partial<WorkloadRoute> = {}): WorkloadRoute => ({
  workload: web,
  listeners: [{ address: undefined, port: 20_000, protocol: 'http1', target: 'http' }],
  hosts: [],
  pods: [
    {
      id: 'uid',
      name: 'web-1',
      address: '10.0.0.1',
      ports: { http: 8080 },
      state: 'ready',
      probe: { kind: 'tcp', port: 8080, timeoutMs: 1000 },
      revision: 'abc',
    },
  ],
  wakeFailure: undefined,
  containerConcurrency: undefined,
  holdQueueDepth: 10,
  holdTimeoutMs: 60_000,
  waitingPage: false,
  requestTimeoutMs: 0,
  responseStartTimeoutMs: 0,
  idleTimeoutMs: 0,
  ignoreRequests: [{ path: '/healthz' }],
  sessionAffinity: 'none',
  ...patch,
});

interface Controller {
  readonly link: LinkServer;
  readonly server: Server;
  readonly url: string;
  readonly reports: Report[];
  readonly pokes: Poke[];
  readonly firstBytes: FirstByte[];
  readonly changes: string[];
  /** Breaks every connection, as a network would. */
  readonly breakLinks: () => void;
  readonly stop: () => Promise<void>;
}

const startController = async (options: Partial<LinkServerOptions> = {}, port = 0): Promise<Controller> => {
  const heard = { reports: [] as Report[], pokes: [] as Poke[], firstBytes: [] as FirstByte[], changes: [] as string[] };
  const link = createLinkServer({
    clock: systemClock,
    logger: silentLogger,
    authenticate: (token, claim) =>
      Promise.resolve(
        token === 'good' ? { address: claim.address ?? '', podName: undefined, podUid: undefined, nodeName: undefined, zone: undefined } : undefined,
      ),
    listener: {
      report: (_gateway, report) => heard.reports.push(report),
      poke: (_gateway, poke) => heard.pokes.push(poke),
      firstByte: (_gateway, firstByte) => heard.firstBytes.push(firstByte),
      joined: (gateway) => heard.changes.push(`joined ${gateway.id}`),
      gone: (gateway, how) => heard.changes.push(`${how} ${gateway.id}`),
    },
    ...options,
  });
  const server = createServer();
  link.attach(server);
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => sockets.add(socket));
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return {
    link,
    server,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    ...heard,
    breakLinks: () => {
      for (const socket of sockets) socket.destroy();
    },
    stop: () =>
      new Promise((resolve) => {
        link.close();
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
};

interface Gateway {
  readonly client: LinkClient;
  readonly applied: RouteSnapshot[];
  readonly stop: () => Promise<void>;
}

const startGateway = (urls: readonly string[], options: Partial<LinkClientOptions> = {}): Gateway => {
  const applied: RouteSnapshot[] = [];
  const client = createLinkClient({
    controllers: urls.map((url) => ({ url })),
    token: () => Promise.resolve('good'),
    claim: { id: 'gw-1', address: '127.0.0.1', podName: undefined, nodeName: undefined, zone: undefined },
    clock: systemClock,
    random: systemRandom,
    logger: silentLogger,
    apply: (snapshot) => {
      applied.push(snapshot);
      return Promise.resolve([]);
    },
    ...options,
  });
  const stopping = new AbortController();
  const running = client.run(stopping.signal);
  return {
    client,
    applied,
    stop: () => {
      stopping.abort();
      return running;
    },
  };
};

const until = async (t: ExecutionContext, what: string, condition: () => boolean): Promise<void> => {
  for (const deadline = Date.now() + 20_000; !condition();) {
    if (Date.now() > deadline) return t.fail(`not within 20 s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
};

const linked = async (t: ExecutionContext, options: { server?: Partial<LinkServerOptions>; client?: Partial<LinkClientOptions> } = {}) => {
  const controller = await startController(options.server);
  const gateway = startGateway([controller.url], options.client);
  t.teardown(() => Promise.all([gateway.stop(), controller.stop()]));
  await until(t, 'linked', () => gateway.client.connected() === 1);
  return { controller, gateway };
};

test('a published route reaches the gateway, and publishing resolves when it is acknowledged', async (t) => {
  const { controller, gateway } = await linked(t);
  const acks = await controller.link.publish({ upsert: [route()], remove: [] });
  t.deepEqual(acks, [{ gateway: 'gw-1', revision: 1, problems: [] }] satisfies Ack[]);
  t.deepEqual(gateway.applied, [{ revision: 1, full: true, upsert: [{ ...gateway.applied[0]!.upsert[0]! }], remove: [] }]);
  t.deepEqual(JSON.parse(JSON.stringify(gateway.applied[0]!.upsert)), JSON.parse(JSON.stringify([route()])));
  await controller.link.publish({ upsert: [], remove: [web] });
  t.deepEqual(gateway.applied[1], { revision: 2, full: false, upsert: [], remove: [web] });
  t.is(controller.link.gateways()[0]?.acknowledged, 2);
});

test('a gateway that connects later gets everything that is published now as one full snapshot', async (t) => {
  const controller = await startController();
  t.teardown(() => controller.stop());
  t.deepEqual(await controller.link.publish({ upsert: [route()], remove: [] }), []);
  await controller.link.publish({ upsert: [route({ holdQueueDepth: 77 })], remove: [] });
  const gateway = startGateway([controller.url]);
  t.teardown(() => gateway.stop());
  await until(t, 'applied', () => gateway.applied.length === 1);
  t.like(gateway.applied[0], { revision: 2, full: true });
  t.deepEqual(
    gateway.applied[0]?.upsert.map(({ holdQueueDepth }) => holdQueueDepth),
    [77],
  );
  await until(t, 'acknowledged', () => controller.link.gateways()[0]?.acknowledged === 2);
});

test('publishing does not wait longer than its limit for a gateway that cannot apply', async (t) => {
  const { controller } = await linked(t, { server: { acknowledgeWithin: millis(50) }, client: { apply: () => new Promise(() => undefined) } });
  t.deepEqual(await controller.link.publish({ upsert: [route()], remove: [] }), []);
});

test('what a gateway cannot do of a route comes back with its acknowledgement', async (t) => {
  const problems = [{ workload: web, port: 20_000, message: 'the port is taken' }];
  const { controller } = await linked(t, { client: { apply: () => Promise.resolve(problems) } });
  t.deepEqual(await controller.link.publish({ upsert: [route()], remove: [] }), [{ gateway: 'gw-1', revision: 1, problems }]);
});

test('a poke and a first byte arrive at once', async (t) => {
  const { controller, gateway } = await linked(t);
  gateway.client.poke({ workload: web, held: 3, oldestHeldMs: 1.5 });
  gateway.client.firstByte({ workload: web, podId: 'uid', heldAgeMs: 90, readyAgeMs: 4 });
  await until(t, 'heard', () => controller.firstBytes.length === 1);
  t.deepEqual(controller.pokes, [{ workload: web, held: 3, oldestHeldMs: 1.5 }]);
});

test('a controller that was away gets the reports it missed, oldest first and each once', async (t) => {
  const first = await startController();
  const gateway = startGateway([first.url]);
  t.teardown(() => gateway.stop());
  await until(t, 'linked', () => gateway.client.connected() === 1);
  gateway.client.report([figures(1)], 1000);
  await until(t, 'heard', () => first.reports.length === 1);
  await first.stop();
  await until(t, 'noticed', () => gateway.client.connected() === 0);
  gateway.client.report([figures(2)], 1000);
  gateway.client.report([figures(3)], 1000);
  const second = await startController({}, Number(new URL(first.url).port));
  t.teardown(() => second.stop());
  await until(t, 'linked again', () => gateway.client.connected() === 1);
  gateway.client.report([figures(4)], 1000);
  await until(t, 'replayed', () => second.reports.length === 4);
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
  await until(t, 'heard', () => controller.reports.length === 1);
  controller.breakLinks();
  await until(t, 'lost and back', () => controller.changes.length === 3 && gateway.client.connected() === 1);
  t.deepEqual(controller.changes, ['joined gw-1', 'lost gw-1', 'joined gw-1']);
  gateway.client.report([figures(2)], 1000);
  await until(t, 'heard again', () => controller.reports.length === 2);
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
  await until(t, 'linked', () => gateway.client.connected() === 1);
  const seen: number[] = [];
  const unwatch = controller.link.onGateways((gateways) => seen.push(gateways.length));
  await gateway.client.leave(millis(2000));
  t.deepEqual(released, ['gw-1']);
  t.deepEqual(controller.link.gateways(), []);
  t.deepEqual(seen, [0]);
  unwatch();
  await gateway.stop();
  await until(t, 'gone', () => controller.changes.length === 2);
  t.deepEqual(controller.changes, ['joined gw-1', 'left gw-1']);
});

test('leaving does not wait for ever for a controller that cannot release', async (t) => {
  const { gateway } = await linked(t, { server: { release: () => new Promise(() => undefined) } });
  await gateway.client.leave(millis(30));
  t.pass();
});

test('every controller gets the reports, and only the newest leader moves routes', async (t) => {
  const [old, next] = [await startController(), await startController()];
  const gateway = startGateway([old.url, next.url]);
  t.teardown(() => Promise.all([gateway.stop(), old.stop(), next.stop()]));
  await until(t, 'linked', () => gateway.client.connected() === 2);
  gateway.client.report([figures(1)], 1000);
  await until(t, 'both heard', () => old.reports.length === 1 && next.reports.length === 1);
  old.link.lead(3);
  t.is((await old.link.publish({ upsert: [route()], remove: [] })).length, 1);
  next.link.lead(4);
  t.is((await next.link.publish({ upsert: [route({ holdQueueDepth: 4 })], remove: [] })).length, 1);
  const late = old.link.publish({ full: true, upsert: [], remove: [] });
  await next.link.publish({ upsert: [route({ holdQueueDepth: 5 })], remove: [] });
  t.deepEqual(
    gateway.applied.map(({ upsert }) => upsert[0]?.holdQueueDepth),
    [10, 4, 5],
  );
  await old.stop();
  t.deepEqual(await late, []);
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
  await until(t, 'linked to the first', () => gateway.client.connected() === 1);
  await one.stop();
  await until(t, 'lost', () => gateway.client.connected() === 0);
  named = [two.url];
  await until(t, 'linked to the second', () => gateway.client.connected() === 1);
  named = ['http://127.0.0.1:1'];
  asked = 0;
  await until(t, 'told of the other address', () => asked === 3);
  t.is(gateway.client.connected(), 1);
  t.deepEqual(two.changes, ['joined gw-1']);
});

const upgrade = (url: string, headers: Record<string, string>): Promise<number> =>
  new Promise((resolve) => {
    const socket = new WebSocket(`${url.replace('http', 'ws')}/link`, { headers });
    socket.on('unexpected-response', (_request, response) => {
      resolve(response.statusCode ?? 0);
      socket.terminate();
    });
    socket.on('open', () => {
      resolve(101);
      socket.terminate();
    });
    socket.on('error', () => undefined);
  });
const hello = (versions: readonly number[], id = 'gw-9'): Record<string, string> => ({
  authorization: 'Bearer good',
  [helloHeader]: Buffer.from(JSON.stringify({ versions, claim: { id } })).toString('base64url'),
});

test('a gateway without a good token, a readable hello or a common version is refused before there is a link', async (t) => {
  const { url, stop, changes } = await startController({ versions: [2, 1] });
  t.teardown(stop);
  t.is(await upgrade(url, { ...hello([2]), authorization: 'Bearer bad' }), 401);
  t.is(await upgrade(url, { [helloHeader]: hello([2])[helloHeader]! }), 401);
  t.is(await upgrade(url, { authorization: 'Bearer good' }), 400);
  t.is(await upgrade(url, hello([2], 'no spaces please')), 400);
  t.is(await upgrade(url, hello([3])), 426);
  t.deepEqual(changes, []);
  t.is(await upgrade(url, hello([1])), 101);
  t.is(await upgrade(url, hello([3, 2])), 101);
});

test('a failing authenticator refuses for now instead of letting in', async (t) => {
  const { url, stop } = await startController({ authenticate: () => Promise.reject(new Error('TokenReview is unreachable')) });
  t.teardown(stop);
  t.is(await upgrade(url, hello([1])), 503);
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
  await until(t, 'all lost', () => changes.filter((change) => change.startsWith('lost')).length === bad.length);
});

test('a gateway that falls silent is lost within three pings', async (t) => {
  const { url, stop, changes } = await startController({ pingEvery: millis(20) });
  t.teardown(stop);
  const socket = new WebSocket(`${url.replace('http', 'ws')}/link`, { headers: hello([1]), autoPong: false });
  await until(t, 'lost', () => changes.includes('lost gw-9'));
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
  await until(t, 'linked', () => gateway.client.connected() === 1);
  t.pass();
});
