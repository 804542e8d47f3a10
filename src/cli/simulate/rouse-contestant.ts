import { messageOf, silentLogger, workloadKey, type Clock, type Decision, type Logger } from '../../core/index.ts';
import { noFormulas, type Formulas } from '../../decider/index.ts';
import type { ConfigMapView, NamespaceView, Snapshot } from '../../kube/index.ts';
import { createWorkloadMetrics } from '../../metrics/index.ts';
import { createScaler, WakeFailures, WorkloadRegistry } from '../../scaler/index.ts';
import { CommandError } from '../exit-code.ts';
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

/**
 * The product's own loop: reports into `src/metrics`, looks and pokes into `src/scaler`, decisions by `src/decider`, counts to `/scale`. In a cluster the loop logs what fails and goes on; here
 * that would be the picture of a workload that is never scaled, so the first failure ends the run.
 */
export const rouseContestant = (options: RouseContestantOptions): Contestant => {
  const { clock, cluster, namespaces, configMaps, formulas, retire, decided } = options;
  const workload = workloadKey(cluster.workload);
  let failure: CommandError | undefined;
  const fail = (what: string, cause: unknown): void => {
    failure ??= new CommandError('failure', `the simulated controller failed: ${what}: ${messageOf(cause)}`, cause);
  };
  const check = (): void => {
    if (failure !== undefined) throw failure;
  };
  const logger: Logger = {
    ...silentLogger,
    error: (message, { error, problem = error } = {}) => {
      fail(message, problem);
    },
    child: () => logger,
  };
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
  for (const running of [scaler.run(stop.signal), scaler.lead(stop.signal)])
    running.catch((thrown: unknown) => {
      fail('its loop ended', thrown);
    });
  return {
    report: (report) => {
      check();
      metrics.ingest(gateway, report, clock.now());
    },
    poke: (held) => {
      const poke = { workload, held, oldestHeldMs: 0 };
      metrics.poke(gateway, poke);
      try {
        scaler.poke(poke);
      } catch (thrown) {
        fail('a look for a request that waits', thrown);
      }
      check();
    },
    stop: () => {
      stop.abort();
      registry.close();
      check();
    },
  };
};
