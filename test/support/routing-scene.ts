import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { once } from 'node:events';
import {
  annotation,
  silentLogger,
  systemClock,
  systemRandom,
  workloadKey,
  type GatewayInfo,
  type ScaleSpec,
  type WorkloadKey,
  type WorkloadRoute,
} from '../../src/core/index.ts';
import { parseSpec } from '../../src/core/spec/index.ts';
import {
  createKubeClient,
  endpointSliceView,
  loadKubeConfig,
  podView,
  resources,
  serviceView,
  watchResource,
  workloadView,
  type EndpointSliceView,
  type KubeClient,
  type PodView,
  type Resource,
  type ServiceView,
  type Snapshot,
  type WorkloadView,
} from '../../src/kube/index.ts';
import { startControllers, startEmbeddedApi, type EmbeddedApi } from '../../src/local/index.ts';
import {
  createRouting,
  type RouteChange,
  type RoutePublisher,
  type Routing,
  type RoutingNotice,
  type RoutingTiming,
  type WorkloadSource,
} from '../../src/routing/index.ts';
import { freePort } from './free-port.ts';

type Pod = NonNullable<(typeof resources.pods)['type']>;

/** The embedded cluster with its controllers and no kubelet: pods are small servers of this process that answer with their own name. */
export interface RoutingScene {
  readonly cluster: EmbeddedApi;
  readonly client: KubeClient;
  readonly snapshots: { readonly services: Snapshot<ServiceView>; readonly endpointSlices: Snapshot<EndpointSliceView>; readonly pods: Snapshot<PodView> };
  readonly deployments: Snapshot<WorkloadView>;
  /** Ports on 127.0.0.1, by the address and port that the cluster believes in. */
  readonly network: Map<string, number>;
  startPod(name: string, labels: Record<string, string>): Promise<{ stop(): Promise<void> }>;
  close(): Promise<void>;
}

const own = 'test';

/** Answers one line with `text`, then ends the connection. */
const lineServer = async (text: string, port: number): Promise<Server> => {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.end(`${text}\n`);
  }).listen(port, '127.0.0.1');
  await once(server, 'listening');
  return server;
};

const closed = async (server: Server): Promise<void> => {
  if (!server.listening) return;
  server.close();
  await once(server, 'close');
};

export const routingScene = async (): Promise<RoutingScene> => {
  const cluster = await startEmbeddedApi({
    clock: systemClock,
    random: systemRandom,
    logger: silentLogger,
    httpsPort: 0,
    logSource: { open: () => ({ kind: 'missing', message: 'no logs' }) },
  });
  const controllers = startControllers(cluster.api, systemClock, systemRandom, silentLogger);
  // Endpoints are pods of nodes that exist.
  await cluster.api.create(resources.nodes, { metadata: { name: 'local' } }, own);
  const connection = await loadKubeConfig({ kind: 'text', text: cluster.kubeconfig() });
  const client = createKubeClient({ connection, clock: systemClock });
  const stop = new AbortController();
  const running: Promise<void>[] = [];
  const watch = async <V>(resource: Resource, view: (raw: unknown) => V | undefined): Promise<Snapshot<V>> => {
    const watched = watchResource({ connection, resource, view, clock: systemClock, random: systemRandom, logger: silentLogger });
    running.push(watched.run(stop.signal));
    await watched.snapshot.synced;
    return watched.snapshot;
  };
  const [services, endpointSlices, pods, deployments] = await Promise.all([
    watch(resources.services, serviceView),
    watch(resources.endpointSlices, endpointSliceView),
    watch(resources.pods, podView),
    watch(resources.deployments, workloadView('deployments.apps')),
  ]);
  const open = new Set<Server>();
  return {
    cluster,
    client,
    snapshots: { services, endpointSlices, pods },
    deployments,
    network: new Map(),
    startPod: async (name, labels) => {
      const port = await freePort();
      const server = await lineServer(name, port);
      open.add(server);
      const { api } = cluster;
      const pod: Pod = {
        metadata: { name, namespace: 'default', labels, annotations: { [annotation.localPorts]: JSON.stringify({ 8080: port }) } },
        spec: { containers: [{ name: 'app', image: 'app', ports: [{ containerPort: 8080 }] }], nodeName: 'local' },
      };
      const created = await api.create(resources.pods, pod, own);
      const status = {
        phase: 'Running',
        podIP: '127.0.0.1',
        podIPs: [{ ip: '127.0.0.1' }],
        conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: new Date().toISOString() }],
        containerStatuses: [],
      };
      await api.update<Pod>(resources.pods, { ...created, status }, own, 'status');
      return {
        stop: async () => {
          await api.delete(resources.pods, 'default', name, { gracePeriodSeconds: 0 }, own);
          await closed(server);
        },
      };
    },
    close: async () => {
      stop.abort();
      await Promise.all(running);
      controllers.close();
      connection.close();
      await cluster.close();
      await Promise.all([...open].map(closed));
    },
  };
};

export const specWith = (annotations: Record<string, string> = {}): ScaleSpec => {
  const parsed = parseSpec({ workload: annotations });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problem));
  return parsed.value.spec;
};

/** Every Deployment with `rouse.dev/enabled` as the registry would tell it; off-boarding ones stay until told otherwise. */
export const sourceOf = (deployments: Snapshot<WorkloadView>): WorkloadSource => {
  const onboarded = (view: WorkloadView | undefined): boolean => view !== undefined && !view.deleting && annotation.enabled in view.annotations;
  const record = (view: WorkloadView): ReturnType<WorkloadSource['get']> => ({
    key: workloadKey(view),
    view,
    spec: specWith(
      Object.fromEntries(
        Object.entries(view.annotations).filter(([key]) => key.startsWith('rouse.dev/') && key !== annotation.enabled && key !== annotation.state),
      ),
    ),
    phase: view.annotations[annotation.enabled] === 'true' ? 'onboarded' : 'off-boarding',
  });
  return {
    synced: deployments.synced,
    get: (key) => {
      const view = deployments.get(key);
      return view !== undefined && onboarded(view) ? record(view) : undefined;
    },
    *values() {
      for (const view of deployments.values()) {
        const known = onboarded(view) ? record(view) : undefined;
        if (known !== undefined) yield known;
      }
    },
    subscribe: (listener) => deployments.subscribe((event) => listener(workloadKey(event.type === 'set' ? event.value : event.previous))),
  };
};

/** A gateway that really listens: it passes each connection on to a ready pod, and acknowledges routes once its ports are open. */
export class LineGateway {
  readonly id: string;
  /** Any address: `network` says where on this machine it is. */
  readonly address: string;
  readonly #network: Map<string, number>;
  readonly #servers = new Map<number, Server>();
  readonly #routes = new Map<WorkloadKey, WorkloadRoute>();
  readonly #sockets = new Set<Socket>();
  revision = 0;
  /** Set: acknowledgements are kept back. */
  deaf = false;
  otherAddresses: readonly string[] = [];
  readonly #listeners = new Set<() => void>();
  #acknowledged = 0;

  constructor(network: Map<string, number>, id = '1', address = '10.77.0.1') {
    this.#network = network;
    this.id = id;
    this.address = address;
  }

  get info(): GatewayInfo {
    return {
      id: this.id,
      address: this.address,
      otherAddresses: this.otherAddresses,
      podName: `gateway-${this.id}`,
      podUid: `gateway-uid-${this.id}`,
      nodeName: 'local',
      zone: undefined,
      acknowledged: this.#acknowledged,
    };
  }

  route(key: WorkloadKey): WorkloadRoute | undefined {
    return this.#routes.get(key);
  }

  readonly publisher: RoutePublisher = {
    publish: (change) => {
      this.revision += 1;
      void this.apply(change, this.revision);
      return this.revision;
    },
    gateways: () => [this.info],
    sessions: () => [this.info],
    onGateways: (listener) => this.onAcknowledged(listener),
  };

  onAcknowledged(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Hears well again: acknowledges what it has. */
  listen(): void {
    this.deaf = false;
    this.#acknowledge(this.revision);
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all([...this.#servers.values()].map(closed));
  }

  async apply(change: RouteChange, revision: number): Promise<void> {
    this.revision = revision;
    if (change.full) this.#routes.clear();
    for (const route of change.upsert) this.#routes.set(route.workload, route);
    for (const key of change.remove) this.#routes.delete(key);
    const wanted = new Set([...this.#routes.values()].flatMap(({ listeners }) => listeners.map(({ port }) => port)));
    for (const [port, server] of this.#servers)
      if (!wanted.has(port)) {
        this.#servers.delete(port);
        this.#network.delete(`${this.address}:${port}`);
        server.close();
      }
    for (const port of wanted) {
      if (this.#servers.has(port)) continue;
      const server = createServer({ allowHalfOpen: true }, (socket) => this.#forward(socket, port)).listen(0, '127.0.0.1');
      this.#servers.set(port, server);
      await once(server, 'listening');
      this.#network.set(`${this.address}:${port}`, (server.address() as AddressInfo).port);
    }
    if (!this.deaf) this.#acknowledge(revision);
  }

  #acknowledge(revision: number): void {
    this.#acknowledged = Math.max(this.#acknowledged, revision);
    for (const listener of this.#listeners) listener();
  }

  #forward(socket: Socket, port: number): void {
    this.#sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => this.#sockets.delete(socket));
    for (const { listeners, pods } of this.#routes.values()) {
      const listener = listeners.find((candidate) => candidate.port === port);
      if (listener === undefined) continue;
      const ready = pods.filter(({ state }) => state === 'ready');
      const pod = ready[Math.floor(Math.random() * ready.length)];
      const target = pod?.ports[listener.target];
      if (pod === undefined || target === undefined) break;
      const onward = connect(target, pod.address);
      onward.on('error', () => socket.destroy());
      onward.pipe(socket);
      return;
    }
    socket.destroy();
  }
}

/** Several gateways behind one publisher; who is in `connected` hears what is published. */
export class LineGateways {
  readonly #listeners = new Set<() => void>();
  readonly #everything = new Map<WorkloadKey, WorkloadRoute>();
  #connected: readonly LineGateway[] = [];
  #revision = 0;

  readonly publisher: RoutePublisher = {
    publish: (change) => {
      this.#revision += 1;
      if (change.full) this.#everything.clear();
      for (const route of change.upsert) this.#everything.set(route.workload, route);
      for (const key of change.remove) this.#everything.delete(key);
      for (const gateway of this.#connected) void gateway.apply(change, this.#revision);
      return this.#revision;
    },
    gateways: () => this.#connected.map(({ info }) => info),
    sessions: () => this.#connected.map(({ info }) => info),
    onGateways: (listener) => {
      this.#listeners.add(listener);
      return () => this.#listeners.delete(listener);
    },
  };

  become(...gateways: LineGateway[]): void {
    const joined = gateways.filter((gateway) => !this.#connected.includes(gateway));
    this.#connected = gateways;
    for (const gateway of joined) {
      gateway.onAcknowledged(() => this.#tell());
      void gateway.apply({ full: true, upsert: [...this.#everything.values()], remove: [] }, this.#revision);
    }
    this.#tell();
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}

/** What kube-proxy does, for one connection: a random ready endpoint of all slices of the Service. Resolves with what came back. */
export const connectThrough = async ({ snapshots, network }: RoutingScene, service: string): Promise<string> => {
  const targets = [...snapshots.endpointSlices.values()]
    .filter(({ serviceName }) => serviceName === service)
    .flatMap(({ endpoints, ports }) =>
      endpoints.filter(({ ready }) => ready).flatMap(({ addresses }) => ports.map(({ port }) => ({ address: addresses[0] ?? '', port: port ?? 0 }))),
    );
  const target = targets[Math.floor(Math.random() * targets.length)];
  if (target === undefined) return 'no endpoint';
  return new Promise((resolve) => {
    let text = '';
    const real = target.address === '127.0.0.1' ? target.port : network.get(`${target.address}:${target.port}`);
    if (real === undefined) {
      resolve(`failed: nothing listens at ${target.address}:${target.port}`);
      return;
    }
    const socket = connect(real, '127.0.0.1');
    socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
    socket.on('error', (error) => resolve(`failed: ${error.message}`));
    socket.on('close', () => resolve(text === '' ? `closed by ${target.address}:${target.port}` : text.trim()));
  });
};

/** Routing over the scene, running. */
export const runRouting = (
  scene: RoutingScene,
  gateway: { readonly publisher: RoutePublisher },
  timing: Partial<RoutingTiming> = {},
  isLeader: () => boolean = () => true,
): { readonly routing: Routing; readonly notices: RoutingNotice[]; stop(): Promise<void> } => {
  const notices: RoutingNotice[] = [];
  const routing = createRouting({
    client: scene.client,
    snapshots: scene.snapshots,
    workloads: sourceOf(scene.deployments),
    publisher: gateway.publisher,
    wakeFailures: { get: () => undefined, subscribe: () => () => undefined },
    clock: systemClock,
    logger: silentLogger,
    isLeader,
    notify: (notice) => notices.push(notice),
    timing,
  });
  const stop = new AbortController();
  const running = routing.run(stop.signal);
  return {
    routing,
    notices,
    stop: async () => {
      stop.abort();
      await running;
    },
  };
};
