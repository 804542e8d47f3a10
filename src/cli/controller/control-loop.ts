import { systemNamespace, type WorkloadKey, type WorkloadRef } from '../../core/index.ts';
import { createEventRecorder, resources, type KubeClient } from '../../kube/index.ts';
import { createLinkServer, type LinkServer } from '../../link/index.ts';
import { createWorkloadMetrics, type ControllerInstruments, type WorkloadMetrics } from '../../metrics/index.ts';
import { createRouting, GatewayPods, LostGateways, type Routing } from '../../routing/index.ts';
import { createScaler, WakeFailures, WorkloadRegistry, type Scaler, type WorkloadKinds } from '../../scaler/index.ts';
import type { CertificateKeeper } from './certificate-keeper.ts';
import type { ClusterWatches } from './cluster-watches.ts';
import type { ControllerOptions } from './controller-options.ts';
import type { LazyFormulas } from './formulas.ts';
import { furtherKinds, tellKindProblems } from './further-kinds.ts';
import { authenticateGateway } from './gateway-identity.ts';
import { watchGatewayPods } from './gateway-pods-watch.ts';
import { aborted } from '../lifetime.ts';
import { controllerInstruments } from './controller-instruments.ts';
import { createPlacing, type Placing } from './placing.ts';
import { followPodUsage } from './pod-usage.ts';

/** What decides and points traffic, wired: reports come in by the link, pods and Services by the watches, counts and routes go out. */
export interface ControlLoop {
  readonly registry: WorkloadRegistry;
  readonly kinds: WorkloadKinds;
  /** All that is decided from is in, but the pods. */
  readonly synced: Promise<void>;
  readonly scaler: Scaler;
  readonly instruments: ControllerInstruments;
  readonly link: LinkServer;
  readonly failures: WakeFailures;
  /** Undefined without `--placement`. */
  readonly placing: Placing | undefined;
  /** Writes are ours from now on, as leader number `epoch`, until `term` aborts; resolves when the last one is answered. */
  lead(epoch: number, term: AbortSignal): Promise<void>;
  run(signal: AbortSignal): Promise<void>;
}

interface Around {
  readonly options: ControllerOptions;
  readonly client: KubeClient;
  readonly watches: ClusterWatches;
  readonly formulas: LazyFormulas;
  readonly certificates: Pick<CertificateKeeper, 'expiry'>;
}

export const createControlLoop = ({ options, client, watches, formulas, certificates }: Around, signal: AbortSignal): ControlLoop => {
  const { clock, random, logger, identity, tracer } = options;
  const { workloads, namespaces, configMaps, services, endpointSlices } = watches;
  let leads = false;
  const events = createEventRecorder({ client, clock, random, logger, instance: identity });
  const registry = new WorkloadRegistry({ workloads, namespaces, configMaps, checkFormula: formulas.check, places: options.placement, logger });
  const placing = options.placement ? createPlacing({ options, client, watches, registry }) : undefined;
  const kinds = furtherKinds({ options, client, watches, registry });
  const tellKinds = tellKindProblems(kinds, watches, events, () => leads);
  const allSynced = Promise.all([watches.synced, kinds.synced]).then(() => undefined);
  const failures = new WakeFailures();
  const tellUsage = (key: WorkloadKey, problem: string | undefined): void => {
    const record = registry.get(key);
    if (!leads || record === undefined) return;
    const event = problem === undefined ? usageIsBack : ({ type: 'Warning', reason: 'usage-missing', message: `nothing goes down: ${problem}` } as const);
    events.record(subjectOf(kinds, { ...record.ref, uid: record.view.uid }), event);
  };
  const usage = followPodUsage(options, () => scaler, tellUsage);
  const metrics = createWorkloadMetrics({
    clock,
    resources: usage,
    keyOf: (key) => registry.get(key)?.key,
    metering: (key) => (routing.pathOf(key) !== 'gateway' ? 'none' : routing.holdReady(key) ? 'full' : 'partial'),
  });
  const gatewayPodsWatch = watchGatewayPods(options);
  const gatewayPods = new GatewayPods(gatewayPodsWatch.snapshot);
  const link = createLinkServer({
    clock,
    logger: logger.child({ part: 'link' }),
    authenticate: authenticateGateway(client, logger, options.allowExternalGateways),
    listener: hearing(metrics, gatewayPods, () => ({ scaler, routing }), options),
    release: (gateway) => routing.release(gateway),
  });
  const routing: Routing = createRouting({
    client,
    snapshots: { services, endpointSlices, pods: watches.pods.snapshot, podsSynced: (namespace) => watches.pods.synced(namespace) },
    workloads: {
      synced: allSynced,
      get: (key) => registry.get(key),
      values: () => registry.values(),
      subscribe: (listener) => registry.subscribe(listener),
    },
    publisher: {
      publish: (change) => {
        link.publish(change);
        return link.revision;
      },
      gateways: () => link.gateways(),
      sessions: () => link.sessions(),
      onGateways: (listener) => link.onGateways(listener),
    },
    gatewayPods,
    wakeFailures: failures,
    ...(tracer === undefined ? {} : { wakeContexts: tracer.wakes }),
    clock,
    logger: logger.child({ part: 'routing' }),
    isLeader: () => leads,
    reconciled: (tookMs, outcome) => instruments.reconciled(tookMs, outcome),
    ...(options.localPorts ?? {}),
    notify: ({ workload, type, reason, message }) => {
      const record = registry.get(workload);
      if (leads && record !== undefined) events.record(subjectOf(kinds, { ...record.ref, uid: record.view.uid }), { type, reason, message });
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
    synced: () => Promise.race([allSynced.then(() => watches.pods.snapshot.synced), aborted(signal)]),
    resourceOf: (resource) => kinds.resourceOf(resource),
    formulas: formulas.lookup,
    decided: ({ key, state }, decision) => {
      instruments.decided(key, decision, state?.replicasBefore);
      if (leads) tracer?.decided(key, decision);
    },
    ticked: (tookMs) => instruments.ticked(tookMs),
    ...(tracer === undefined ? {} : { waking: (key, decision) => tracer.waking(key, decision) }),
    events: { record: (about, event) => events.record(subjectOf(kinds, about), event) },
    ...(placing === undefined ? {} : { removalOrder: placing.removalOrder }),
  });
  const instruments = controllerInstruments({ clock, registry, scaler, failures, link, watches, metrics, usage, placing, certificates, leads: () => leads });
  if (tracer !== undefined) {
    scaler.onEvent((event) => tracer.happened(event));
    registry.subscribe((key) => {
      if (registry.get(key) === undefined) tracer.forget(key);
    });
  }
  const setGateways = (): void => {
    const { trustedProxies, accessLog, perWorkloadMetrics } = registry.config;
    link.set({ trustedProxies, accessLog, perWorkloadMetrics });
  };
  setGateways();
  registry.onConfig(setGateways);
  registry.onConfig((problems) => {
    const config = configMaps.get(`${systemNamespace}/rouse-config`);
    if (!leads || config === undefined || problems.length === 0) return;
    const message = `the last good configuration stays: ${problems.map((problem) => problem.message).join(' ')}`;
    events.record(
      { apiVersion: 'v1', kind: 'ConfigMap', namespace: config.namespace, name: config.name, uid: config.uid },
      { type: 'Warning', reason: 'ConfigInvalid', message },
    );
  });
  return {
    registry,
    kinds,
    synced: allSynced,
    scaler,
    instruments,
    link,
    failures,
    placing,
    lead: async (epoch, term) => {
      leads = !term.aborted;
      const stepDown = (): void => {
        leads = false;
        tracer?.stepDown();
      };
      term.addEventListener('abort', stepDown, { once: true });
      link.lead(epoch);
      routing.lead();
      tellKinds();
      for (const [key, problem] of usage.problems) tellUsage(key, problem);
      await Promise.all([scaler.lead(term), placing?.lead(term)]);
    },
    run: async (running) => {
      await Promise.all([
        kinds.run(running),
        followNamespaces(registry, allSynced, watches, running),
        gatewayPodsWatch.run(running),
        events.run(running),
        routing.run(running),
        usage.run(running),
        placing?.run(running),
        scaler.run(running),
      ]);
    },
  };
};

const usageIsBack = { type: 'Normal', reason: 'usage-found', message: 'what the pods use is measured again' } as const;

/** What comes up the link goes into the windows, and to the scaler where it cannot wait. What a dead gateway had in hand is gone with it. */
const hearing = (
  metrics: WorkloadMetrics,
  gatewayPods: GatewayPods,
  loop: () => { readonly scaler: Scaler; readonly routing: Routing },
  { clock, logger, tracer }: ControllerOptions,
): Parameters<typeof createLinkServer>[0]['listener'] => {
  const lost = new LostGateways(gatewayPods, ({ id }) => {
    logger.info('a lost gateway has ended: its last figures stand no longer', { gateway: id });
    metrics.gatewayLeft(id, true);
    loop().routing.gatewayEnded(id);
  });
  return {
    report: ({ id }, report) => {
      metrics.ingest(id, report, clock.now());
      if (report.ageMs < report.intervalMs) for (const { workload, held } of report.workloads) if (held > 0) loop().routing.requestsHeld(id, workload);
    },
    poke: ({ id }, poke) => {
      metrics.poke(id, poke);
      tracer?.poked(poke);
      loop().scaler.poke(poke);
      tracer?.poked(undefined);
      loop().routing.requestsHeld(id, poke.workload);
    },
    firstByte: (_gateway, message) => loop().scaler.firstByte(message),
    joined: (gateway) => {
      metrics.gatewayJoined(gateway.id);
      lost.joined(gateway);
    },
    gone: (gateway, how) => {
      metrics.gatewayLeft(gateway.id, how === 'left');
      if (how === 'lost') lost.lost(gateway);
      else loop().routing.gatewayEnded(gateway.id);
    },
  };
};

const subjectOf = (
  kinds: WorkloadKinds,
  { resource, namespace, name, uid }: WorkloadRef & { readonly uid: string },
): Parameters<ReturnType<typeof createEventRecorder>['record']>[0] => {
  const { group, version, kind } = kinds.resourceOf(resource) ?? resources.deployments;
  return { apiVersion: `${group}/${version}`, kind, namespace, name, uid };
};

/** Pods are watched where there are workloads, and nowhere else. */
const followNamespaces = async (registry: WorkloadRegistry, synced: Promise<void>, watches: ClusterWatches, signal: AbortSignal): Promise<void> => {
  await Promise.race([synced, aborted(signal)]);
  if (signal.aborted) return;
  const namespaceOf = new Map<WorkloadKey, string>();
  const counts = new Map<string, number>();
  const add = (namespace: string, by: number): void => {
    const now = (counts.get(namespace) ?? 0) + by;
    if (now > 0) counts.set(namespace, now);
    else counts.delete(namespace);
  };
  // Workloads change all the time, the namespaces that have some hardly ever.
  const follow = (key: WorkloadKey): boolean => {
    const [before, now] = [namespaceOf.get(key), registry.get(key)?.ref.namespace];
    if (before === now) return false;
    if (before !== undefined) add(before, -1);
    if (now === undefined) namespaceOf.delete(key);
    else {
      add(now, 1);
      namespaceOf.set(key, now);
    }
    return before === undefined ? counts.get(now ?? '') === 1 : !counts.has(before);
  };
  for (const { key } of registry.values()) follow(key);
  watches.pods.setNamespaces(new Set(counts.keys()));
  registry.subscribe((key) => {
    if (follow(key)) watches.pods.setNamespaces(new Set(counts.keys()));
  });
};
