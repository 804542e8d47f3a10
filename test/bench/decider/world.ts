import { instant, type Instant, ManualClock, millis, ok, silentLogger, type Result, type WorkloadKey } from '../../../src/core/index.ts';
import { loadFormulas, noFormulas } from '../../../src/decider/index.ts';
import {
  SnapshotStore,
  type ConfigMapView,
  type Entry,
  type KubeClient,
  type NamespaceView,
  type PodView,
  type WorkloadView,
} from '../../../src/kube/index.ts';
import { createControllerInstruments, createWorkloadMetrics } from '../../../src/metrics/index.ts';
import { createScaler, Journal, WakeFailures, WorkloadRegistry, type Scaler } from '../../../src/scaler/index.ts';
import { aContainer, aPod, aWorkload } from '../../support/views.ts';
import { reportsOf } from './load.ts';

export interface Kind {
  readonly workloads: number;
  /** With a pod and load, or at zero. */
  readonly active: boolean;
  readonly window: string;
  /** Concurrency alone, or concurrency, requests per second and held with a formula over them. */
  readonly metrics: 'one' | 'three-and-formula';
  /** With hardly a journal, to see what is kept besides. */
  readonly journal?: 'none';
}

export interface World {
  /** What others read of it, and its clock. */
  readonly parts: { readonly scaler: Scaler; readonly registry: WorkloadRegistry; readonly failures: WakeFailures; readonly clock: ManualClock };
  /** The first tick, after a minute of history. */
  readonly begin: () => Promise<void>;
  /** Two seconds: two reports of each gateway, and a tick over all workloads. */
  readonly round: () => Promise<Round>;
  /** Drops a part of what is remembered, to see what it took: windows and figures; counters of decisions for /metrics; the journal. */
  readonly forget: Readonly<Record<'metrics' | 'counters' | 'journal', () => void>>;
}

/** What two seconds took, in ms of CPU. */
export interface Round {
  readonly ingestMs: number;
  readonly tickMs: number;
  /** By the tick; true only where no garbage was collected meanwhile. */
  readonly allocated: number;
  /** What the tick decided, counted. */
  readonly outcome: string;
}

const gateways = ['gateway-a', 'gateway-b'];
const usualStart = instant(Date.UTC(2026, 0, 5, 12));
const entryOf = <T extends PodView | WorkloadView>(value: T): Entry<T> => {
  const { namespace, name, uid, resourceVersion } = value;
  return { namespace, name, uid, resourceVersion, value };
};
const answered = <T>(value: T): Promise<Result<T, never>> => Promise.resolve(ok(value));
const fail = (problem: unknown): void => {
  throw problem;
};

const annotationsOf = (kind: Kind, index: number): Readonly<Record<string, string>> => ({
  'rouse.dev/enabled': 'true',
  'rouse.dev/state': '{"v":1,"replicasBefore":1}',
  'rouse.dev/status': `{"v":1,"desired":${kind.active ? '1' : '0'},"reason":"${kind.active ? 'metric-fall' : 'idle'}","since":"2026-01-05T11:00:00Z"}`,
  'rouse.dev/window': kind.window,
  ...(kind.metrics === 'one'
    ? { 'rouse.dev/target': String(100 + (index % 10) * 10) }
    : {
        'rouse.dev/metric': 'concurrency,rps,held',
        'rouse.dev/target': `concurrency=${String(100 + (index % 10) * 10)},rps=1000,held=10`,
        'rouse.dev/formula': `max(concurrency / ${String(100 + (index % 100))}, rps / 1000, held / 10)`,
      }),
});

const viewsOf = (kind: Kind, index: number, start: Instant): { readonly workload: WorkloadView; readonly pod: PodView } => {
  const name = `workload-${String(index)}`;
  const namespace = `team-${String(Math.floor(index / 50))}`;
  const labels = { app: name };
  const count = kind.active ? 1 : 0;
  return {
    workload: aWorkload(name, {
      namespace,
      uid: `uid-of-${name}`,
      annotations: annotationsOf(kind, index),
      createdAt: start,
      specReplicas: count,
      readyReplicas: count,
      selector: { matchLabels: labels, matchExpressions: [] },
      podLabels: labels,
      scaledBy: [{ manager: 'rouse', at: start }],
    }),
    pod: aPod(`${name}-1`, { namespace, uid: `pod-uid-of-${String(index)}`, labels, createdAt: start, containers: [aContainer()] }),
  };
};

const cpuMs = (from: NodeJS.CpuUsage): number => {
  const { user, system } = process.cpuUsage(from);
  return (user + system) / 1000;
};

/**
 * The scaler and the metrics of a controller that leads, with everything up to the edges of what is measured: the views of the cluster are
 * there, writes are answered at once, and gateways stand in every path.
 */
export const deciderWorld = async (kind: Kind, leads: boolean, start = usualStart): Promise<World> => {
  const clock = new ManualClock(start);
  const workloads = new SnapshotStore<WorkloadView>(fail);
  const podViews = new SnapshotStore<PodView>(fail);
  const namespaces = new SnapshotStore<NamespaceView>(fail);
  const configMaps = new SnapshotStore<ConfigMapView>(fail);
  for (const store of [workloads, podViews, namespaces, configMaps]) store.markSynced();
  const formulas = kind.metrics === 'one' ? undefined : await loadFormulas();
  const registry = new WorkloadRegistry({
    workloads: [workloads],
    namespaces,
    configMaps,
    logger: silentLogger,
    ...(formulas === undefined ? {} : { checkFormula: (text: string) => formulas.check(text) }),
  });
  const metrics = createWorkloadMetrics({ clock, metering: () => 'full', keyOf: (key) => registry.get(key)?.key });
  const client = {
    get: () => answered({}),
    list: () => answered({ items: [] }),
    create: () => answered({}),
    delete: () => answered(undefined),
    mergePatch: () => answered({}),
    writeScale: () => answered({ replicas: 1, resourceVersion: '2' }),
  } as unknown as KubeClient;
  const journal = kind.journal === 'none' ? new Journal({ lines: 1, allLines: 1, ticks: 1, allTicks: 1 }) : new Journal();
  const outcomes = new Map<string, number>();
  const outcome = (): string => [...outcomes].map(([what, count]) => `${String(count)} ${what}`).join(', ');
  const instruments = createControllerInstruments({
    read: () => {
      throw new Error('nobody scrapes here');
    },
    monotonicMs: () => clock.monotonic(),
    leads: () => true,
  });
  const failures = new WakeFailures();
  const scaler = createScaler({
    clock,
    logger: { ...silentLogger, error: (message, fields) => fail(new Error(`${message} ${String(fields?.['error'])}`)) },
    client,
    registry,
    failures,
    pods: podViews,
    metrics,
    path: { holdReady: () => true, hold: () => undefined, retire: () => Promise.resolve(), handBack: () => Promise.resolve() },
    journal,
    synced: () => Promise.resolve(),
    formulas: formulas?.lookup ?? noFormulas,
    decided: ({ key, state }, decision) => {
      const { kind: what, reason } = decision;
      instruments.decided(key, decision, state?.replicasBefore);
      const said = `${what} ${reason}`;
      outcomes.set(said, (outcomes.get(said) ?? 0) + 1);
    },
  });
  // Now, so that the pods of each workload are found before anything is measured.
  for (let index = 0; index < kind.workloads; index += 1) {
    // As off the API server: of JSON, with strings of their own.
    const { workload, pod } = JSON.parse(JSON.stringify(viewsOf(kind, index, start))) as ReturnType<typeof viewsOf>;
    workloads.set(entryOf(workload));
    if (kind.active) podViews.set(entryOf(pod));
  }
  const keys: readonly WorkloadKey[] = [...registry.values()].map(({ key }) => key);
  if (registry.size !== kind.workloads) throw new Error(`${String(registry.size)} workloads of ${String(kind.workloads)} were taken`);
  const never = new AbortController();
  for (const gateway of gateways) metrics.gatewayJoined(gateway);
  const reporters = gateways.map((_, index) => reportsOf(kind.active ? keys : [], index));
  let second = 0;
  const ingest = (seconds: number): number => {
    second += 1;
    const reports = reporters.map((report) => report(second, seconds));
    globalThis.gc?.();
    const from = process.cpuUsage();
    const now = clock.now();
    for (const [index, report] of reports.entries()) metrics.ingest(gateways[index] ?? '', report, now);
    return cpuMs(from);
  };
  return {
    parts: { scaler, registry, failures, clock },
    begin: async () => {
      ingest(60);
      void scaler.run(never.signal);
      if (leads) void scaler.lead(never.signal);
      await clock.advance(millis(0));
      // From here a tick is the first thing in every other second.
      await clock.advance(millis(1999));
    },
    round: async () => {
      const first = ingest(1);
      outcomes.clear();
      globalThis.gc?.();
      const { heapUsed } = process.memoryUsage();
      const from = process.cpuUsage();
      await clock.advance(millis(1000));
      const tickMs = cpuMs(from);
      const allocated = process.memoryUsage().heapUsed - heapUsed;
      const said = outcome();
      const second = ingest(1);
      await clock.advance(millis(1000));
      return { ingestMs: first + second, tickMs, allocated, outcome: said };
    },
    forget: {
      metrics: () => {
        for (const key of keys) metrics.forget(key);
      },
      counters: () => {
        for (const key of keys) instruments.forget(key);
      },
      journal: () => {
        for (const key of keys) journal.forget(key);
      },
    },
  };
};
