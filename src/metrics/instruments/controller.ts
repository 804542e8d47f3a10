import { coldStartPhases, type ColdStartPhase, type Decision, type DecisionReason, type WorkloadKey } from '../../core/index.ts';
import type { Drops } from '../ingest/ports.ts';
import { CountingHistogram, exposeHistogram, type Labels } from './histogram.ts';
import { budgetMetrics, type BudgetFigures } from './budget.ts';
import { exposeExtenderDurations, extenderMetrics, type ExtenderFigures } from './extender.ts';
import { expositionOf, limited, mostWorkloads, workloadLabels, type Exposition, type PlainMetric, type Samples } from './series.ts';

/** A workload as it is at a scrape. */
export interface WorkloadFigures {
  readonly key: WorkloadKey;
  readonly desired: number;
  readonly ready: number;
  /** The newest decision: its evidence has the values of the metrics. */
  readonly decision: Decision | undefined;
}

/** What a controller shows, read at each scrape. A workload that is missing here loses all its series. */
export interface ControllerFigures {
  readonly workloads: Iterable<WorkloadFigures>;
  readonly leader: boolean;
  /** False while `rouse-config` has problems and the last good one stands. */
  readonly configValid: boolean;
  readonly drops: Drops;
  /** Empty without a budget. */
  readonly budget: readonly BudgetFigures[];
  /** Reads of the metrics API by how they ended. */
  readonly usageReads: ReadonlyMap<string, number>;
  /** Left out: no scheduler may ask where to put pods. */
  readonly extender?: ExtenderFigures;
}

export interface ControllerInstruments {
  /** A decision was made, also one that changes nothing. */
  decided(key: WorkloadKey, reason: DecisionReason): void;
  /** A wake reached its first byte; phases in milliseconds. */
  coldStarted(key: WorkloadKey, phases: Readonly<Record<ColdStartPhase, number>>): void;
  forget(key: WorkloadKey): void;
  expose(): Promise<Exposition>;
}

/** Seconds: from a phase of a few milliseconds to a program that takes minutes. */
const coldStartBounds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];

/** Decisions of a workload by reason. A list, newest reason first: there are few, and a map takes four times the memory. */
interface ReasonCount {
  readonly reason: DecisionReason;
  value: number;
  readonly next: ReasonCount | undefined;
}

function* reasonsOf(first: ReasonCount | undefined): Iterable<ReasonCount> {
  for (let counted = first; counted !== undefined; counted = counted.next) yield counted;
}

/** What is counted between scrapes. */
class Counts {
  readonly decisions = new Map<WorkloadKey, ReasonCount>();
  readonly coldStarts = new Map<WorkloadKey, ReadonlyMap<ColdStartPhase, CountingHistogram>>();

  decided(key: WorkloadKey, reason: DecisionReason): void {
    const first = this.decisions.get(key);
    let counted = first;
    while (counted !== undefined && counted.reason !== reason) counted = counted.next;
    if (counted !== undefined) counted.value += 1;
    else this.decisions.set(key, { reason, value: 1, next: first });
  }

  coldStarted(key: WorkloadKey, phases: Readonly<Record<ColdStartPhase, number>>): void {
    const histograms = this.coldStarts.get(key) ?? new Map(coldStartPhases.map((phase) => [phase, new CountingHistogram(coldStartBounds)]));
    for (const phase of coldStartPhases) histograms.get(phase)?.observe(phases[phase] / 1000);
    this.coldStarts.set(key, histograms);
  }

  forget(key: WorkloadKey): void {
    this.decisions.delete(key);
    this.coldStarts.delete(key);
  }

  /** Drops what belongs to no workload any more, should nobody have said so. */
  keepOnly(keys: ReadonlySet<WorkloadKey>): void {
    for (const key of [...this.decisions.keys(), ...this.coldStarts.keys()]) if (!keys.has(key)) this.forget(key);
  }
}

const labels = ['namespace', 'workload'] as const;

/** The samples of one scrape: `shown` are the workloads that get series. */
const metricsOf = (shown: () => readonly WorkloadFigures[], read: () => ControllerFigures, counts: Counts, leftOut: () => number): readonly PlainMetric[] => {
  const perWorkload = (figure: (workload: WorkloadFigures) => number) => (): Samples =>
    shown().map((workload) => ({ labels: workloadLabels(workload.key), value: figure(workload) }));
  const perMetric = (window: 'stable' | 'panic') => (): Samples =>
    shown().flatMap(({ key, decision }) =>
      (decision?.evidence.demands ?? []).flatMap(({ reading }) =>
        reading.kind === 'value' ? [{ labels: { ...workloadLabels(key), metric: reading.metric }, value: reading[window] }] : [],
      ),
    );
  const decisions = (): Samples =>
    shown().flatMap(({ key }) => [...reasonsOf(counts.decisions.get(key))].map(({ reason, value }) => ({ labels: { ...workloadLabels(key), reason }, value })));
  const one = (value: () => number) => (): Samples => [{ labels: {}, value: value() }];
  return [
    { name: 'rouse_desired_pods', help: 'Pods that are wanted.', type: 'gauge', labels, samples: perWorkload(({ desired }) => desired) },
    { name: 'rouse_ready_pods', help: 'Pods that are ready.', type: 'gauge', labels, samples: perWorkload(({ ready }) => ready) },
    {
      name: 'rouse_stable_value',
      help: 'Metric over the stable window, all pods together; of latency the p95 in ms.',
      type: 'gauge',
      labels: [...labels, 'metric'],
      samples: perMetric('stable'),
    },
    {
      name: 'rouse_panic_value',
      help: 'Metric over the panic window, all pods together; of latency the p95 in ms.',
      type: 'gauge',
      labels: [...labels, 'metric'],
      samples: perMetric('panic'),
    },
    { name: 'rouse_decisions_total', help: 'Decisions by what was decisive.', type: 'counter', labels: [...labels, 'reason'], samples: decisions },
    { name: 'rouse_leader', help: '1 while this controller decides.', type: 'gauge', labels: [], samples: one(() => (read().leader ? 1 : 0)) },
    {
      name: 'rouse_config_valid',
      help: '0 while ConfigMap rouse-config has problems; the last good configuration stands then.',
      type: 'gauge',
      labels: [],
      samples: one(() => (read().configValid ? 1 : 0)),
    },
    {
      name: 'rouse_workloads_without_series',
      help: 'Workloads beyond the most that get series of their own.',
      type: 'gauge',
      labels: [],
      samples: one(leftOut),
    },
    ...budgetMetrics(() => read().budget),
    {
      name: 'rouse_report_drops_total',
      help: 'Figures of gateways that were left out of the windows, by why: late, doubled, invalid, unknownGateway, overLimit.',
      type: 'counter',
      labels: ['reason'],
      samples: () => Object.entries(read().drops).map(([reason, value]) => ({ labels: { reason }, value: Number(value) })),
    },
    {
      name: 'rouse_metrics_api_reads_total',
      help: 'Reads of the metrics API (metrics.k8s.io) by how they ended; none while no workload asks for cpu or memory.',
      type: 'counter',
      labels: ['outcome'],
      samples: () => [...read().usageReads].map(([outcome, value]) => ({ labels: { outcome }, value })),
    },
    ...extenderMetrics(() => read().extender),
  ];
};

/** The metrics of a controller (docs/reference/metrics.md). */
export const createControllerInstruments = (read: () => ControllerFigures, most = mostWorkloads): ControllerInstruments => {
  const counts = new Counts();
  /** Of the scrape that is under way: telling all workloads is not cheap. */
  let figures: ControllerFigures | undefined;
  let shown: readonly WorkloadFigures[] = [];
  let leftOut = 0;
  function* coldStarts(): Iterable<{ readonly labels: Labels; readonly histogram: CountingHistogram }> {
    for (const { key } of shown)
      for (const [phase, histogram] of counts.coldStarts.get(key) ?? []) yield { labels: { ...workloadLabels(key), phase }, histogram };
  }
  const metrics = metricsOf(
    () => shown,
    () => (figures ??= read()),
    counts,
    () => leftOut,
  );
  const expose = expositionOf(
    metrics,
    () => exposeHistogram('rouse_cold_start_seconds', 'Wakes from the first held request to its first byte, by phase.', coldStarts()),
    () => exposeExtenderDurations(figures?.extender),
  );
  return {
    decided: (key, reason) => counts.decided(key, reason),
    coldStarted: (key, phases) => counts.coldStarted(key, phases),
    forget: (key) => counts.forget(key),
    expose: () => {
      figures = read();
      const all = [...figures.workloads];
      counts.keepOnly(new Set(all.map(({ key }) => key)));
      shown = [...limited(all, most)];
      leftOut = all.length - shown.length;
      return expose();
    },
  };
};
