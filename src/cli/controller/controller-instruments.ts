import type { Clock } from '../../core/index.ts';
import type { LinkServer } from '../../link/index.ts';
import {
  createControllerInstruments,
  type ControllerFigures,
  type ControllerInstruments,
  type ResourceMetrics,
  type WorkloadFigures,
  type WorkloadMetrics,
} from '../../metrics/index.ts';
import type { ScaledWorkload, Scaler, ScalerEvent, WakeFailures, WorkloadRegistry } from '../../scaler/index.ts';
import type { CertificateKeeper } from './certificate-keeper.ts';
import type { ClusterWatches } from './cluster-watches.ts';
import type { Placing } from './placing.ts';
import { processFigures } from '../operations/process-figures.ts';
import { rouseVersion } from '../version.ts';

interface Shown {
  readonly clock: Clock;
  readonly registry: WorkloadRegistry;
  readonly scaler: Scaler;
  readonly failures: Pick<WakeFailures, 'get'>;
  readonly link: Pick<LinkServer, 'gateways' | 'sessions' | 'revision'>;
  readonly watches: Pick<ClusterWatches, 'figures'>;
  readonly metrics: Pick<WorkloadMetrics, 'drops'>;
  readonly usage: Pick<ResourceMetrics, 'reads'>;
  readonly placing: Placing | undefined;
  readonly certificates: Pick<CertificateKeeper, 'expiry'>;
  readonly leads: () => boolean;
}

/** The metrics of a controller, wired: gauges are read from its parts at each scrape, what happens is counted as it is told. */
export const controllerInstruments = (shown: Shown): ControllerInstruments => {
  const { clock, registry, scaler, leads } = shown;
  const instruments = createControllerInstruments({ read: () => figuresOf(shown), monotonicMs: () => clock.monotonic(), leads });
  scaler.onEvent((event) => {
    count(instruments, event);
  });
  registry.subscribe((key) => {
    if (registry.get(key) === undefined) instruments.forget(key);
  });
  return instruments;
};

const count = (instruments: ControllerInstruments, event: ScalerEvent): void => {
  const { workload } = event;
  if (event.type === 'first-byte') instruments.coldStarted(workload, event.coldStart.phases);
  else if (event.type === 'wake-failed') instruments.wakeEnded(workload, event.reason);
  else if (event.type === 'scaled' && event.from === 0) instruments.woken(workload);
  else if (event.type === 'scaled' && event.to === 0) instruments.wakeEnded(workload, 'unserved');
};

const figuresOf = (shown: Shown): ControllerFigures => {
  const { registry, scaler, metrics, usage, watches, placing, certificates, leads } = shown;
  return {
    version: rouseVersion,
    workloads: scaler.decided.workloads().map((workload) => workloadFigures(shown, workload)),
    refused: [...registry.refused()].length,
    mostWorkloads: registry.config.perWorkloadMetrics,
    leader: leads(),
    configValid: registry.configProblems.length === 0,
    drops: metrics.drops,
    budget: scaler.budget(),
    usageReads: usage.reads,
    watches: watches.figures(),
    gateways: gatewayFigures(shown),
    certificates: new Map([...certificates.expiry()].map(([certificate, at]) => [certificate, at / 1000])),
    process: processFigures(),
    ...(placing === undefined ? {} : { extender: placing.extender.figures }),
  };
};

const workloadFigures = ({ registry, failures }: Shown, { key, desired, ready, starting, decision }: ScaledWorkload): WorkloadFigures => {
  const record = registry.get(key);
  const { min = 0, max = 'unlimited' } = record?.spec.scaling ?? {};
  return {
    key,
    desired,
    ready,
    starting,
    min,
    max: max === 'unlimited' ? undefined : max,
    replicasBefore: record?.state?.replicasBefore,
    settingsValid: record?.problems.length === 0,
    wakeFailure: failures.get(key)?.reason,
    decision,
  };
};

const gatewayFigures = ({ link }: Shown): ControllerFigures['gateways'] => {
  const staying = link.gateways();
  const current = staying.filter(({ acknowledged }) => acknowledged >= link.revision).length;
  return { current, behind: staying.length - current, leaving: link.sessions().length - staying.length };
};
