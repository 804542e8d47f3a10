import { createServer, type Server as SecureServer } from 'node:https';
import { isIP } from 'node:net';
import { createApi, type WorkloadReader, type WorkloadSummary } from '../api/index.ts';
import { systemNamespace, workloadKey, type Clock, type Logger, type Random, type WorkloadRef } from '../core/index.ts';
import { createEventRecorder, createKubeClient, resources, runLeaderElection, type KubeClient, type KubeConnection } from '../kube/index.ts';
import { createLinkServer, type LinkServer } from '../link/index.ts';
import { createControllerInstruments, createWorkloadMetrics, type ControllerInstruments } from '../metrics/index.ts';
import { createRouting, type PortAllotter, type Routing } from '../routing/index.ts';
import { createScaler, WakeFailures, WorkloadRegistry, type ScaledWorkload, type Scaler } from '../scaler/index.ts';
import { autoscalerLookup, createWebhookApp, registerWebhooks, type WebhookAddress } from '../webhooks/index.ts';
import { sharedAuthority } from './authority.ts';
import { watchCluster, type ClusterWatches } from './cluster-watches.ts';
import { CommandError } from './exit-code.ts';
import { lazyFormulas } from './formulas.ts';
import { authenticateGateway } from './gateway-identity.ts';
import { aborted } from './lifetime.ts';
import { listenOn } from './listen.ts';

export interface ControllerOptions {
  readonly connection: KubeConnection;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Unique per process; the Lease's holder. */
  readonly identity: string;
  /** The user name under which the API server knows us: what it writes passes our own webhooks as it is. */
  readonly user: string;
  /** Webhooks and link. */
  readonly listen: { readonly host: string; readonly port: number; readonly flag: string };
  /** Address at which the API server reaches the webhooks by URL; undefined: by Service `rouse-controller`. */
  readonly advertise: string | undefined;
  readonly allowExternalGateways: boolean;
  /** Local mode: where gateways bind, and which ports they get. */
  readonly localPorts?: { readonly listenAddress: string; readonly allotter: PortAllotter };
}

/** A controller that runs. */
export interface Controller {
  readonly scaler: Scaler;
  readonly instruments: ControllerInstruments;
  readonly client: KubeClient;
  readonly caPem: string;
  readonly port: number;
  readonly api: ReturnType<typeof createApi>;
  /** Resolves when this replica leads for the first time, its webhooks are registered and its watches are in. */
  readonly leading: Promise<void>;
  isLeader(): boolean;
  gateways(): number;
  /** Undefined while everything is in touch. */
  notReady(): string | undefined;
  /** Resolves when everything has ended; call it after the options' signal aborted. */
  readonly ended: Promise<void>;
}

/** Puts a controller together and starts it. Throws a `CommandError` where it cannot start; ends when `signal` aborts. */
export const startController = async (options: ControllerOptions, signal: AbortSignal): Promise<Controller> => {
  const { connection, clock, random, logger } = options;
  const client = createKubeClient({ connection, clock });
  await checkServer(client, connection);
  const authority = await sharedAuthority(client, clock);
  const watches = watchCluster(connection, { clock, random, logger: logger.child({ part: 'kube' }) });
  const formulas = lazyFormulas(logger, () => undefined);
  const registry = new WorkloadRegistry({
    workloads: watches.workloads,
    namespaces: watches.namespaces,
    configMaps: watches.configMaps,
    checkFormula: formulas.check,
    logger,
  });
  void followNamespaces(registry, watches);
  const metrics = createWorkloadMetrics({
    clock,
    metering: (key) => (routing.pathOf(key) !== 'gateway' ? 'none' : routing.holdReady(key) ? 'full' : 'partial'),
  });
  const instruments = createControllerInstruments(() => ({ workloads: scaler.workloads(), leader: leads, drops: metrics.drops }));
  const failures = new WakeFailures();
  const events = createEventRecorder({ client, clock, random, logger, instance: options.identity });
  let leads = false;

  const link: LinkServer = createLinkServer({
    clock,
    logger: logger.child({ part: 'link' }),
    authenticate: authenticateGateway(client, logger, options.allowExternalGateways),
    listener: {
      report: ({ id }, report) => metrics.ingest(id, report, clock.now()),
      poke: ({ id }, poke) => {
        metrics.poke(id, poke);
        scaler.poke(poke);
      },
      firstByte: (_gateway, message) => scaler.firstByte(message),
      joined: ({ id }) => metrics.gatewayJoined(id),
      gone: ({ id }, how) => metrics.gatewayLeft(id, how === 'left'),
    },
    release: (gateway) => routing.release(gateway),
  });
  const workloads = {
    synced: watches.synced,
    get: registry.get.bind(registry),
    values: registry.values.bind(registry),
    has: (key: Parameters<typeof registry.get>[0]) => registry.get(key) !== undefined,
    subscribe: registry.subscribe.bind(registry),
  };
  const routing: Routing = createRouting({
    client,
    snapshots: { services: watches.services, endpointSlices: watches.endpointSlices, pods: watches.pods.snapshot },
    workloads,
    publisher: {
      publish: (change) => {
        void link.publish(change);
        return link.revision;
      },
      gateways: () => link.gateways(),
      onGateways: (listener) => link.onGateways(listener),
    },
    wakeFailures: failures,
    clock,
    logger: logger.child({ part: 'routing' }),
    isLeader: () => leads,
    ...(options.localPorts ?? {}),
    notify: ({ workload, type, reason, message }) => {
      const record = registry.get(workload);
      if (leads && record !== undefined) events.record(subjectOf({ ...record.ref, uid: record.view.uid }), { type, reason, message });
    },
  });
  const scaler: Scaler = createScaler({
    clock,
    logger: logger.child({ part: 'scaler' }),
    client,
    registry,
    failures,
    pods: watches.pods.snapshot,
    metrics,
    path: routing,
    // The end may come first: a first list that never arrives must not keep the process.
    synced: () => Promise.race([watches.synced.then(() => watches.pods.snapshot.synced), aborted(signal)]),
    formulas: formulas.lookup,
    decided: (key, { reason }) => instruments.decided(key, reason),
    events: { record: (about, event) => events.record(subjectOf(about), event) },
  });

  scaler.onEvent((event) => {
    if (event.type === 'first-byte') instruments.coldStarted(event.workload, event.coldStart.phases);
  });
  registry.subscribe((key) => {
    if (registry.get(key) === undefined) instruments.forget(key);
  });

  const webhooks = createWebhookApp({
    isSelf: (user) => user === options.user,
    inherited: (namespace) => ({
      cluster: registry.config.defaults,
      namespace: watches.namespaces.get(namespace)?.annotations ?? {},
      checkFormula: formulas.check,
      maxScaleLimit: registry.config.maxScaleLimit,
    }),
    servicesIn: (namespace) => watches.services.inNamespace(namespace),
    autoscalerOf: autoscalerLookup(client),
    onboarded: (ref) => registry.get(workloadKey(ref))?.spec,
    clock,
    logger: logger.child({ part: 'webhooks' }),
  });
  const certificate = await authority.issue({
    commonName: 'rouse-controller',
    dnsNames: ['localhost', 'rouse-controller', `rouse-controller.${systemNamespace}`, `rouse-controller.${systemNamespace}.svc`],
    ipAddresses: ['127.0.0.1', ...(options.advertise !== undefined && isIP(options.advertise) > 0 ? [options.advertise] : [])],
    validDays: 365,
  });
  const server: SecureServer = createServer({ cert: certificate.certificatePem, key: certificate.keyPem, requestTimeout: 10_000 }, webhooks);
  link.attach(server);
  const port = await listenOn(server, options.listen);
  const caBundle = Buffer.from(authority.certificatePem).toString('base64');
  const address: WebhookAddress =
    options.advertise === undefined
      ? { service: { namespace: systemNamespace, name: 'rouse-controller', port: options.listen.port }, caBundle }
      : { url: `https://${options.advertise}:${port}`, caBundle };

  const leading = Promise.withResolvers<undefined>();
  const election = runLeaderElection(
    {
      client,
      identity: options.identity,
      lease: { namespace: systemNamespace, name: 'rouse-controller' },
      clock,
      random,
      logger: logger.child({ part: 'leader' }),
      onStarted: async (term) => {
        const lease = await client.get(resources.leases, { namespace: systemNamespace, name: 'rouse-controller' }, term);
        if (!lease.ok) throw new Error(`the Lease cannot be read: ${lease.problem.message}`);
        const registered = await registerWebhooks(client, address, term);
        if (!registered.ok) logger.error('the webhooks cannot be registered; the cluster goes on without them', { problem: registered.problem.message });
        leads = true;
        link.lead(1 + (lease.value.spec?.leaseTransitions ?? 0));
        routing.lead();
        const led = scaler.lead(term);
        leading.resolve(undefined);
        await led;
      },
      onStopped: () => {
        leads = false;
      },
    },
    signal,
  );
  const running = Promise.all([watches.run(signal), events.run(signal), routing.run(signal), scaler.run(signal), election]);
  const ended = running.then(
    () => close(server, link),
    async (failure: unknown) => {
      await close(server, link);
      throw failure;
    },
  );
  leading.promise.catch(() => undefined);
  ended.catch((failure: unknown) => {
    leading.reject(failure);
    logger.error('the controller ends', { error: failure });
  });
  let synced = false;
  const whenSynced = watches.synced.then(() => {
    synced = true;
  });
  return {
    scaler,
    instruments,
    client,
    caPem: authority.certificatePem,
    port,
    api: createApi({ workloads: () => scaler.workloads().map(summary), explain: (namespace, name) => explained(scaler, namespace, name) }),
    leading: Promise.all([leading.promise, whenSynced]).then(() => undefined),
    isLeader: () => leads,
    gateways: () => link.gateways().length,
    notReady: () => {
      if (!synced) return 'the first lists of the watches are not in yet';
      const silent = watches.outOfTouch();
      return silent.length === 0 ? undefined : `out of touch with the API server: ${silent.join(', ')}`;
    },
    ended,
  };
};

const subjectOf = ({
  resource,
  namespace,
  name,
  uid,
}: WorkloadRef & { readonly uid: string }): Parameters<ReturnType<typeof createEventRecorder>['record']>[0] => ({
  apiVersion: 'apps/v1',
  kind: resource === 'statefulsets.apps' ? 'StatefulSet' : 'Deployment',
  namespace,
  name,
  uid,
});

/** Pods are watched where there are workloads, and nowhere else. */
const followNamespaces = async (registry: WorkloadRegistry, watches: ClusterWatches): Promise<void> => {
  const follow = (): void => watches.pods.setNamespaces(new Set([...registry.values()].map(({ ref }) => ref.namespace)));
  await watches.synced;
  follow();
  registry.subscribe(follow);
};

const oldestServer = 30;

const checkServer = async (client: KubeClient, connection: KubeConnection): Promise<void> => {
  const version = await client.version();
  if (!version.ok) throw new CommandError('failure', `the API server at ${connection.server.href} cannot be used: ${version.problem.message}`);
  const { major, minor } = version.value;
  if (major === 1 && minor < oldestServer)
    throw new CommandError('failure', `the API server is Kubernetes ${major}.${minor}; Rouse needs 1.${oldestServer} or newer`);
};

const close = async (server: SecureServer, link: LinkServer): Promise<void> => {
  link.close();
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeAllConnections();
  await closed;
};

const summary = ({ namespace, name, resource, desired, ready, reason }: ScaledWorkload): WorkloadSummary => ({
  namespace,
  name,
  resource,
  desired,
  ready,
  reason,
});

const explained = (scaler: Scaler, namespace: string, name: string): ReturnType<WorkloadReader['explain']> => {
  const found = scaler.explain(namespace, name);
  return found === undefined ? undefined : { workload: summary(found.workload), decisions: found.decisions };
};
