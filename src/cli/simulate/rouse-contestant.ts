import { silentLogger, workloadKey, type Clock, type Decision } from '../../core/index.ts';
import { noFormulas, type Formulas } from '../../decider/index.ts';
import type { ConfigMapView, NamespaceView, Snapshot } from '../../kube/index.ts';
import { createWorkloadMetrics } from '../../metrics/index.ts';
import { createScaler, WakeFailures, WorkloadRegistry } from '../../scaler/index.ts';
import type { Contestant } from './contestant.ts';
import type { VirtualCluster } from './virtual-cluster.ts';

export interface RouseContestantOptions {
  readonly clock: Clock;
  readonly cluster: VirtualCluster;
  readonly namespaces: Snapshot<NamespaceView>;
  readonly configMaps: Snapshot<ConfigMapView>;
  readonly formulas: Formulas | undefined;
  readonly retire: (uids: ReadonlySet<string>) => void;
  readonly decided: (decision: Decision) => void;
}

const gateway = 'virtual';

/** The product's own loop: reports into `src/metrics`, looks and pokes into `src/scaler`, decisions by `src/decider`, counts to `/scale`. */
export const rouseContestant = (options: RouseContestantOptions): Contestant => {
  const { clock, cluster, namespaces, configMaps, formulas, retire, decided } = options;
  const workload = workloadKey(cluster.workload);
  const logger = silentLogger;
  const registry = new WorkloadRegistry({
    workloads: [cluster.workloads],
    namespaces,
    configMaps,
    checkFormula: formulas === undefined ? undefined : (text) => formulas.check(text),
    logger,
  });
  const metrics = createWorkloadMetrics({ clock, metering: () => 'full' });
  metrics.gatewayJoined(gateway);
  const scaler = createScaler({
    clock,
    logger,
    client: cluster.client,
    registry,
    failures: new WakeFailures(),
    pods: cluster.pods,
    metrics,
    path: {
      holdReady: () => true,
      hold: () => undefined,
      retire: (_key, uids) => {
        retire(uids);
        return Promise.resolve();
      },
      handBack: () => Promise.resolve(),
    },
    synced: () => Promise.resolve(),
    formulas: formulas?.lookup ?? noFormulas,
    decided: (_key, decision) => {
      decided(decision);
    },
  });
  const stop = new AbortController();
  void scaler.run(stop.signal);
  void scaler.lead(stop.signal);
  return {
    report: (report) => {
      metrics.ingest(gateway, report, clock.now());
    },
    poke: (held) => {
      const poke = { workload, held, oldestHeldMs: 0 };
      metrics.poke(gateway, poke);
      scaler.poke(poke);
    },
    stop: () => {
      stop.abort();
      registry.close();
    },
  };
};
