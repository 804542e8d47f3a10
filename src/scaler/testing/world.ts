/** A cluster in miniature for the tests of this folder: it stores workloads, answers `/scale`, makes and removes pods, and tells its snapshots. */
import { ManualClock, millis, silentLogger, type Millis } from '../../core/index.ts';
import type { ScalerEvent } from '../events.ts';
import type { RemovalOrder } from '../placement/removal-order.ts';
import type { WorkloadMetrics } from '../ports.ts';
import { WorkloadRegistry } from '../registry.ts';
import { createScaler, type Scaler } from '../scaler.ts';
import { WakeFailures } from '../wake-failures.ts';
import { FakeCluster } from './fake-cluster.ts';
import { FakeLoad, FakePath } from './fake-ports.ts';
import { start } from './views.ts';

export interface World {
  readonly clock: ManualClock;
  readonly cluster: FakeCluster;
  readonly load: FakeLoad;
  readonly path: FakePath;
  readonly registry: WorkloadRegistry;
  readonly failures: WakeFailures;
  readonly scaler: Scaler;
  readonly events: ScalerEvent[];
  readonly kubeEvents: string[];
  /** Ends the term of leadership. */
  readonly depose: () => Promise<void>;
  readonly stop: () => void;
  readonly advance: (by: Millis) => Promise<void>;
}

interface WorldOptions {
  readonly leads?: boolean;
  /** In place of `load`. */
  readonly metrics?: (clock: ManualClock) => WorkloadMetrics;
  readonly removalOrder?: RemovalOrder;
}

/** A running scaler over a cluster that `prepare` has filled; it leads unless told not to. */
export const world = async (prepare: (cluster: FakeCluster, load: FakeLoad) => void, options: WorldOptions = {}): Promise<World> => {
  const clock = new ManualClock(start);
  const cluster = new FakeCluster(clock);
  const load = new FakeLoad();
  prepare(cluster, load);
  const path = new FakePath();
  path.writes = cluster.writes;
  const registry = new WorkloadRegistry({
    workloads: [cluster.workloads],
    namespaces: cluster.namespaces,
    configMaps: cluster.configMaps,
    logger: silentLogger,
  });
  const failures = new WakeFailures();
  const kubeEvents: string[] = [];
  const recorder = { record: (_about: unknown, event: { type: string; reason: string }): void => void kubeEvents.push(`${event.type} ${event.reason}`) };
  const scaler = createScaler({
    clock,
    logger: silentLogger,
    client: cluster.client,
    registry,
    failures,
    pods: cluster.pods,
    metrics: options.metrics?.(clock) ?? load,
    path,
    synced: () => cluster.workloads.synced,
    events: recorder,
    ...(options.removalOrder === undefined ? {} : { removalOrder: options.removalOrder }),
  });
  const events: ScalerEvent[] = [];
  scaler.onEvent((event) => events.push(event));
  const stop = new AbortController();
  const term = new AbortController();
  void scaler.run(stop.signal);
  const leading = options.leads === false ? Promise.resolve() : scaler.lead(AbortSignal.any([term.signal, stop.signal]));
  await clock.advance(millis(0));
  return {
    clock,
    cluster,
    load,
    path,
    registry,
    failures,
    scaler,
    events,
    kubeEvents,
    depose: async () => {
      term.abort();
      await leading;
    },
    stop: () => {
      stop.abort();
    },
    advance: (by) => clock.advance(by),
  };
};
