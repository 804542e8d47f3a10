import { createServer, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { ExecutionContext } from 'ava';
import {
  silentLogger,
  systemClock,
  systemRandom,
  workloadKey,
  type FirstByte,
  type Poke,
  type Report,
  type RouteSnapshot,
  type WorkloadReport,
  type WorkloadRoute,
} from '../../src/core/index.ts';
import { createLinkClient, createLinkServer, type LinkClient, type LinkClientOptions, type LinkServer, type LinkServerOptions } from '../../src/link/index.ts';
import { until } from './until.ts';

/** Both ends of the link over real sockets: a controller that records, and a gateway. */

export const web = workloadKey({ resource: 'deployments.apps', namespace: 'default', name: 'web' });
/** What a gateway counted of it. */
export const figures = (requestCount: number): WorkloadReport => ({
  workload: web,
  averageConcurrency: 0.5,
  requestCount,
  held: 0,
  inFlight: 1,
  inFlightByPod: { a: 1 },
});
export const route = (patch: Partial<WorkloadRoute> = {}): WorkloadRoute => ({
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

/** Lets in who has the token `good`, and keeps what it hears. */
export const startController = async (options: Partial<LinkServerOptions> = {}, port = 0): Promise<Controller> => {
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

/** A gateway `gw-1` that applies whatever it is told. */
export const startGateway = (urls: readonly string[], options: Partial<LinkClientOptions> = {}): Gateway => {
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

/** One of each, with the link up; both end with the test. */
export const linked = async (t: ExecutionContext, options: { server?: Partial<LinkServerOptions>; client?: Partial<LinkClientOptions> } = {}) => {
  const controller = await startController(options.server);
  const gateway = startGateway([controller.url], options.client);
  t.teardown(() => Promise.all([gateway.stop(), controller.stop()]));
  await until('linked', () => gateway.client.connected() === 1);
  return { controller, gateway };
};

/** Headers of an upgrade request with a good token. */
export const hello = (versions: readonly number[], id = 'gw-9'): Record<string, string> => ({
  authorization: 'Bearer good',
  'rouse-link-hello': Buffer.from(JSON.stringify({ versions, claim: { id } })).toString('base64url'),
});
