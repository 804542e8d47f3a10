import type { ColdStartPhase, Decision, WorkloadKey } from '../../core/index.ts';
import { controlPlaneMetrics, ControlPlaneTimes, controlPlaneTimes, type ControlPlaneFigures, type WebhookOutcome } from './control-plane-metrics.ts';
import { ControllerCounts, type WakeOutcome } from './controller-counts.ts';
import { fewSeriesText } from './few-series.ts';
import { FirstByName } from './first-by-name.ts';
import { fleetColdStarts, fleetMetrics } from './fleet-metrics.ts';
import { processMetrics, type ProcessFigures } from './process-metrics.ts';
import { exposeMetrics, Exposition, type ExpositionFormat } from './exposition.ts';
import { workloadLabels } from './series.ts';
import { workloadMetrics, type WorkloadFigures } from './per-workload.ts';

/** What a controller shows, read at each scrape. A workload that is missing here loses all its series. */
export interface ControllerFigures extends ControlPlaneFigures {
  readonly workloads: Iterable<WorkloadFigures>;
  /** Workloads that are not onboarded since their annotations have problems. */
  readonly refused: number;
  /** The most workloads that get series of their own. */
  readonly mostWorkloads: number;
  readonly process?: ProcessFigures;
}

export interface ControllerInstruments {
  /** A decision was made, also one that changes nothing. `replicasBefore` onboarding, where that is on record. */
  decided(key: WorkloadKey, decision: Decision, replicasBefore?: number): void;
  /** The first pods were asked for. */
  woken(key: WorkloadKey): void;
  /** What comes first after that counts. */
  wakeEnded(key: WorkloadKey, outcome: WakeOutcome): void;
  /** A wake reached its first byte; phases in milliseconds. */
  coldStarted(key: WorkloadKey, phases: Readonly<Record<ColdStartPhase, number>>): void;
  /** A look at every workload took so long. */
  ticked(ms: number): void;
  /** Work on a Service took so long. */
  reconciled(ms: number, outcome: 'done' | 'failed'): void;
  /** An admission webhook answered. */
  reviewed(webhook: string, outcome: WebhookOutcome, ms: number): void;
  forget(key: WorkloadKey): void;
  expose(format?: ExpositionFormat): Promise<Exposition>;
}

export interface ControllerInstrumentsOptions {
  readonly read: () => ControllerFigures;
  readonly monotonicMs: () => number;
  /** Only then what pods take and save is counted. */
  readonly leads: () => boolean;
}

/** The metrics of a controller (docs/reference/metrics.md). */
export const createControllerInstruments = ({ read, monotonicMs, leads }: ControllerInstrumentsOptions): ControllerInstruments => {
  const counts = new ControllerCounts(monotonicMs);
  const times = new ControlPlaneTimes();
  const firstByName = new FirstByName<WorkloadFigures>(({ key }) => key);
  return {
    decided: (key, decision, replicasBefore) => counts.decided(key, decision, replicasBefore, leads()),
    woken: (key) => counts.woken(key),
    wakeEnded: (key, outcome) => counts.wakeEnded(key, outcome),
    coldStarted: (key, phases) => counts.coldStarted(key, phases),
    ticked: (ms) => times.ticks.observe(ms / 1000),
    reconciled: (ms, outcome) => times.reconciles[outcome].observe(ms / 1000),
    reviewed: (webhook, outcome, ms) => times.reviewed(webhook, outcome, ms),
    forget: (key) => counts.forget(key),
    expose: async (format = 'text') => {
      const figures = read();
      const all = [...figures.workloads];
      counts.keepOnly(new Set(all.map(({ key }) => key)));
      counts.podTime.upToNow();
      const shown = firstByName.of(all, figures.mostWorkloads).map((workload) => [workloadLabels(workload.key), workload] as const);
      const few = await fewSeriesText([...controlPlaneMetrics(figures), ...fleetMetrics(all, figures.refused, all.length - shown.length, counts)]);
      const many = await exposeMetrics(
        [...controlPlaneTimes(figures, times), fleetColdStarts(counts), ...processMetrics(figures.process), ...workloadMetrics(shown, counts)],
        format,
      );
      return Exposition.together(format, [Exposition.ofText(format, few), many]);
    },
  };
};
