import { systemNamespace, type WorkloadRef } from '../core/index.ts';
import { createEventRecorder, type KubeClient } from '../kube/index.ts';
import { createLinkServer, type LinkServer } from '../link/index.ts';
import { createControllerInstruments, createWorkloadMetrics, type ControllerInstruments, type WorkloadMetrics } from '../metrics/index.ts';
import { createRouting, type Routing } from '../routing/index.ts';
import { createScaler, WakeFailures, WorkloadRegistry, type Scaler } from '../scaler/index.ts';
import type { ClusterWatches } from './cluster-watches.ts';
import type { ControllerOptions } from './controller-options.ts';
import type { LazyFormulas } from './formulas.ts';
import { authenticateGateway } from './gateway-identity.ts';
import { aborted } from './lifetime.ts';

/** What decides and points traffic, wired: reports come in by the link, pods and Services by the watches, counts and routes go out. */
export interface ControlLoop {
  readonly registry: WorkloadRegistry;
  readonly scaler: Scaler;
  readonly instruments: ControllerInstruments;
  readonly link: LinkServer;
  /** Writes are ours from now on, as leader number `epoch`, until `term` aborts; resolves when the last one is answered. */
  lead(epoch: number, term: AbortSignal): Promise<void>;
  run(signal: AbortSignal): Promise<void>;
}

interface Around {
  readonly options: ControllerOptions;
  readonly client: KubeClient;
  readonly watches: ClusterWatches;
  readonly formulas: LazyFormulas;
}

export const createControlLoop = ({ options, client, watches, formulas }: Around, signal: AbortSignal): ControlLoop => {
  const { clock, random, logger, identity } = options;
  const { workloads, namespaces, configMaps, services, endpointSlices } = watches;
  let leads = false;
  const events = createEventRecorder({ client, clock, random, logger, instance: identity });
  const registry = new WorkloadRegistry({ workloads, namespaces, configMaps, checkFormula: formulas.check, logger });
  const failures = new WakeFailures();
  const metrics = createWorkloadMetrics({
    clock,
    metering: (key) => (routing.pathOf(key) !== 'gateway' ? 'none' : routing.holdReady(key) ? 'full' : 'partial'),
  });
  const link = createLinkServer({
    clock,
    logger: logger.child({ part: 'link' }),
    authenticate: authenticateGateway(client, logger, options.allowExternalGateways),
    listener: hearing(metrics, () => scaler, clock),
    release: (gateway) => routing.release(gateway),
  });
  const routing: Routing = createRouting({
    client,
    snapshots: { services, endpointSlices, pods: watches.pods.snapshot, podsSynced: (namespace) => watches.pods.synced(namespace) },
    workloads: {
      synced: watches.synced,
      get: (key) => registry.get(key),
      values: () => registry.values(),
      subscribe: (listener) => registry.subscribe(listener),
    },
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
  const instruments = createControllerInstruments(() => ({
    workloads: scaler.workloads(),
    leader: leads,
    configValid: registry.configProblems.length === 0,
    drops: metrics.drops,
  }));
  scaler.onEvent((event) => {
    if (event.type === 'first-byte') instruments.coldStarted(event.workload, event.coldStart.phases);
  });
  registry.onConfig((problems) => {
    const config = configMaps.get(`${systemNamespace}/rouse-config`);
    if (!leads || config === undefined || problems.length === 0) return;
    const message = `the last good configuration stays: ${problems.map((problem) => problem.message).join(' ')}`;
    events.record(
      { apiVersion: 'v1', kind: 'ConfigMap', namespace: config.namespace, name: config.name, uid: config.uid },
      { type: 'Warning', reason: 'ConfigInvalid', message },
    );
  });
  registry.subscribe((key) => {
    if (registry.get(key) === undefined) instruments.forget(key);
  });
  return {
    registry,
    scaler,
    instruments,
    link,
    lead: (epoch, term) => {
      leads = !term.aborted;
      term.addEventListener('abort', () => (leads = false), { once: true });
      link.lead(epoch);
      routing.lead();
      return scaler.lead(term);
    },
    run: async (running) => {
      await Promise.all([followNamespaces(registry, watches, running), events.run(running), routing.run(running), scaler.run(running)]);
    },
  };
};

/** What comes up the link goes into the windows, and to the scaler where it cannot wait. */
const hearing = (metrics: WorkloadMetrics, scaler: () => Scaler, clock: ControllerOptions['clock']): Parameters<typeof createLinkServer>[0]['listener'] => ({
  report: ({ id }, report) => metrics.ingest(id, report, clock.now()),
  poke: ({ id }, poke) => {
    metrics.poke(id, poke);
    scaler().poke(poke);
  },
  firstByte: (_gateway, message) => scaler().firstByte(message),
  joined: ({ id }) => metrics.gatewayJoined(id),
  gone: ({ id }, how) => metrics.gatewayLeft(id, how === 'left'),
});

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
const followNamespaces = async (registry: WorkloadRegistry, watches: ClusterWatches, signal: AbortSignal): Promise<void> => {
  const follow = (): void => watches.pods.setNamespaces(new Set([...registry.values()].map(({ ref }) => ref.namespace)));
  await Promise.race([watches.synced, aborted(signal)]);
  if (signal.aborted) return;
  follow();
  registry.subscribe(follow);
};
