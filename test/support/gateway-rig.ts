import { createServer as createHttpServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import {
  millis,
  silentLogger,
  systemClock,
  systemRandom,
  workloadKey,
  type FirstByte,
  type PodRoute,
  type Poke,
  type WorkloadKey,
  type WorkloadReport,
  type WorkloadRoute,
} from '../../src/core/index.ts';
import { createGateway, type Gateway, type GatewayOptions } from '../../src/gateway/index.ts';
import { freePort } from './free-port.ts';

export { freePort };

/** What the gateway's tests stand on: real ports, scripted origins, clients on raw sockets, and an uplink that remembers. */

const keyOf = (index: number): WorkloadKey => workloadKey({ resource: 'deployments.apps', namespace: 'default', name: index === 0 ? 'web' : `web-${index}` });
export const web = keyOf(0);

export interface Origin {
  readonly port: number;
  readonly server: Server;
  readonly requests: IncomingMessage[];
  /** Dies as a killed process does: every connection and the port at once. */
  readonly die: () => Promise<void>;
}

export const startOrigin = async (handler: RequestListener, port = 0): Promise<Origin> => {
  const requests: IncomingMessage[] = [];
  const server = createHttpServer((request: IncomingMessage, response: ServerResponse) => {
    requests.push(request);
    handler(request, response);
  });
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    server,
    requests,
    die: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
};

export const podAt = (port: number, patch: Partial<PodRoute> = {}): PodRoute => ({
  id: `pod-${port}`,
  name: `pod-${port}`,
  address: '127.0.0.1',
  ports: { http: port },
  state: 'ready',
  probe: { kind: 'tcp', port, timeoutMs: 1000 },
  revision: 'r1',
  ...patch,
});

export interface RigWorkload {
  readonly key: WorkloadKey;
  /** Its own port. */
  readonly port: number;
  readonly url: string;
  /** Sends its route again with changes. */
  readonly route: (patch: Partial<WorkloadRoute>) => Promise<void>;
}

export interface SharedRig {
  readonly gateway: Gateway;
  readonly workloads: readonly RigWorkload[];
  readonly pokes: Poke[];
  readonly firstBytes: FirstByte[];
  readonly reports: WorkloadReport[];
  readonly stop: () => Promise<void>;
}

/** A gateway with one workload. */
export type Rig = Omit<SharedRig, 'workloads'> & Omit<RigWorkload, 'key'>;

const routeOf = (key: WorkloadKey, port: number): WorkloadRoute => ({
  workload: key,
  listeners: [{ address: '127.0.0.1', port, protocol: 'http1', target: 'http' }],
  hosts: [{ host: `${key.slice(key.lastIndexOf('/') + 1)}.default.localhost`, protocol: 'http1', target: 'http' }],
  pods: [],
  wakeFailure: undefined,
  containerConcurrency: undefined,
  holdQueueDepth: 1000,
  // Longer than any test waits for its requests to be held.
  holdTimeoutMs: 60_000,
  waitingPage: false,
  requestTimeoutMs: 0,
  responseStartTimeoutMs: 300_000,
  idleTimeoutMs: 0,
  ignoreRequests: [],
  sessionAffinity: 'none',
});

/** A gateway with a workload for each of `patches`: `web`, `web-1`, `web-2`, … */
export const startSharedRig = async (patches: readonly Partial<WorkloadRoute>[], options: Partial<GatewayOptions> = {}): Promise<SharedRig> => {
  const pokes: Poke[] = [];
  const firstBytes: FirstByte[] = [];
  const reports: WorkloadReport[] = [];
  const gateway = createGateway({
    clock: systemClock,
    random: systemRandom,
    logger: silentLogger,
    sharedPort: 0,
    host: '127.0.0.1',
    warmUp: false,
    uplink: {
      poke: (poke) => pokes.push(poke),
      firstByte: (firstByte) => firstBytes.push(firstByte),
      report: (workloads) => reports.push(...workloads),
    },
    ...options,
  });
  await gateway.open();
  const stopping = new AbortController();
  const running = gateway.run(stopping.signal);
  const stop = async (): Promise<void> => {
    stopping.abort();
    // Neither the clock's timers nor connections that are made to wait keep a process alive; a test that stops its rig must come back.
    const awake = setInterval(() => undefined, 1000);
    await gateway.drain({ settle: millis(0), limit: millis(0) });
    await running;
    clearInterval(awake);
  };
  let revision = 0;
  const open = async (tries: number): Promise<readonly WorkloadRoute[]> => {
    const routes: WorkloadRoute[] = [];
    for (const [index, patch] of patches.entries()) routes.push({ ...routeOf(keyOf(index), await freePort()), ...patch });
    revision += 1;
    const problems = await gateway.apply({ revision, full: true, upsert: routes, remove: [] });
    if (problems.length === 0) return routes;
    // Another process may have taken a port that was free a moment ago.
    if (tries > 1 && problems.every(({ message }) => message.includes('EADDRINUSE'))) return open(tries - 1);
    await stop();
    throw new Error(`the rig cannot open its ports: ${JSON.stringify(problems)}`);
  };
  const routes = await open(10);
  const workloadOf = (route: WorkloadRoute): RigWorkload => {
    let current = route;
    const port = route.listeners[0]?.port ?? 0;
    return {
      key: route.workload,
      port,
      url: `http://127.0.0.1:${port}`,
      route: async (change) => {
        current = { ...current, ...change };
        revision += 1;
        await gateway.apply({ revision, full: false, upsert: [current], remove: [] });
      },
    };
  };
  return {
    gateway,
    workloads: routes.map(workloadOf),
    pokes,
    firstBytes,
    reports,
    stop,
  };
};

export const startRig = async (patch: Partial<WorkloadRoute> = {}, options: Partial<GatewayOptions> = {}): Promise<Rig> => {
  const { workloads, ...rig } = await startSharedRig([patch], options);
  const [only] = workloads;
  if (only === undefined) throw new Error('a rig has a workload');
  const { port, url, route } = only;
  return { ...rig, port, url, route };
};

/** Sends `text` as it is and resolves with everything that comes back until the connection ends. */
export const raw = (port: number, text: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(text, 'latin1'));
    let answer = '';
    socket.setEncoding('latin1');
    socket.on('data', (chunk: string) => (answer += chunk));
    socket.on('close', () => resolve(answer));
    socket.on('error', reject);
  });

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** It is no limit for anything: a machine that is busy with other tests may be ten times slower. */
const patienceMs = 60_000;

/** Resolves when `condition` holds; rejects, naming what was waited for, when that takes too long. */
export const until = async (what: string, condition: () => boolean): Promise<void> => {
  const stop = AbortSignal.timeout(patienceMs);
  while (!condition()) {
    if (stop.aborted) throw new Error(`not within ${patienceMs / 1000} s: ${what}`);
    await pause(2);
  }
};

export const parseJson = (text: string): Record<string, unknown> => JSON.parse(text) as Record<string, unknown>;
