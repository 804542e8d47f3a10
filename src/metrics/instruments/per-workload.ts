import type { Decision, MetricName, MetricReading, WakeFailureReason, WorkloadKey } from '../../core/index.ts';
import type { ControllerCounts } from './controller-counts.ts';
import type { PodSeconds } from './pod-time.ts';
import { closedLabel, type LabelText, type Metric, type Sample } from './series.ts';

/** A workload as it is at a scrape. */
export interface WorkloadFigures {
  readonly key: WorkloadKey;
  readonly desired: number;
  readonly ready: number;
  readonly starting: number;
  readonly min: number;
  /** Undefined: no limit. */
  readonly max: number | undefined;
  /** Undefined: not on record. */
  readonly replicasBefore: number | undefined;
  /** False while its annotations have problems and the last good settings stand. */
  readonly settingsValid: boolean;
  /** Why it cannot be woken at the moment. */
  readonly wakeFailure: WakeFailureReason | undefined;
  /** The newest decision: its evidence has the values of the metrics. */
  readonly decision: Decision | undefined;
}

/** A workload with its labels. */
export type Shown = readonly [labels: LabelText, workload: WorkloadFigures];

/** Of these the unit of the settings is not Prometheus' base unit: ms, and percent. */
const divisors: Readonly<Partial<Record<MetricName, number>>> = { latency: 1000, cpu: 100 };
const inBaseUnit = (metric: MetricName, value: number): number => value / (divisors[metric] ?? 1);

const ofMetric = closedLabel('metric');
const ofReason = closedLabel('reason');
const ofOutcome = closedLabel('outcome');
const ofPhase = closedLabel('phase');

const units = 'Latency (its p95) in seconds, memory in bytes, cpu as a ratio of what the pods request.';

/** The metrics of each workload; labels from closed sets, but for its name. */
export const workloadMetrics = (shown: readonly Shown[], counts: ControllerCounts): readonly Metric[] => {
  const gauge = (name: string, help: string, figure: (workload: WorkloadFigures) => number | undefined): Metric => ({
    name,
    help,
    type: 'gauge',
    *samples(): Iterable<Sample<number>> {
      for (const [labels, workload] of shown) {
        const value = figure(workload);
        if (value !== undefined) yield { labels, value };
      }
    },
  });
  const perMetric = (name: string, help: string, figure: (reading: MetricReading & { readonly kind: 'value' }) => number): Metric => ({
    name,
    help: `${help} ${units}`,
    type: 'gauge',
    *samples(): Iterable<Sample<number>> {
      for (const [labels, { decision }] of shown)
        for (const { reading } of decision?.evidence.demands ?? [])
          if (reading.kind === 'value') yield { labels, more: ofMetric(reading.metric), value: inBaseUnit(reading.metric, figure(reading)) };
    },
  });
  const podSeconds = (name: string, help: string, figure: (seconds: PodSeconds) => number): Metric => ({
    name,
    help,
    type: 'counter',
    *samples(): Iterable<Sample<number>> {
      for (const [labels, { key }] of shown) {
        const seconds = counts.podTime.of(key);
        if (seconds !== undefined) yield { labels, value: figure(seconds) };
      }
    },
  });
  return [
    gauge('rouse_desired_pods', 'Pods that are wanted.', ({ desired }) => desired),
    gauge('rouse_ready_pods', 'Pods that are ready.', ({ ready }) => ready),
    gauge('rouse_starting_pods', 'Pods that are there and neither ready nor going.', ({ starting }) => starting),
    gauge('rouse_min_pods', 'Floor that its settings give it; a schedule may set another for a time.', ({ min }) => min),
    gauge('rouse_max_pods', 'Ceiling that its settings give it; none where there is no limit.', ({ max }) => max),
    gauge('rouse_pods_before_onboarding', 'Replicas that it had before onboarding, which savings are counted against.', ({ replicasBefore }) => replicasBefore),
    gauge('rouse_panic_mode', '1 while the panic window decides, 0 while the stable one does.', ({ decision }) =>
      decision === undefined ? undefined : Number(decision.evidence.panicking),
    ),
    gauge('rouse_settings_valid', '0 while its annotations have problems; the last good settings stand then.', ({ settingsValid }) => Number(settingsValid)),
    {
      name: 'rouse_wake_failing',
      help: '1 while it cannot be woken, by the reason that held requests are told.',
      type: 'gauge',
      *samples() {
        for (const [labels, { wakeFailure }] of shown) if (wakeFailure !== undefined) yield { labels, more: ofReason(wakeFailure), value: 1 };
      },
    },
    perMetric('rouse_stable_value', 'Metric over the stable window, all pods together.', ({ stable }) => stable),
    perMetric('rouse_panic_value', 'Metric over the panic window, all pods together.', ({ panic }) => panic),
    {
      name: 'rouse_target_value',
      help: `What of the metric one pod is to take, after target-utilization-percentage. ${units}`,
      type: 'gauge',
      *samples() {
        for (const [labels, { decision }] of shown)
          for (const { reading, target } of decision?.evidence.demands ?? [])
            yield { labels, more: ofMetric(reading.metric), value: inBaseUnit(reading.metric, target) };
      },
    },
    {
      name: 'rouse_wanted_pods',
      help: 'Pods that a metric (or the formula) asks for by itself, before any limit, unrounded; of the window that decides.',
      type: 'gauge',
      *samples() {
        for (const [labels, { decision }] of shown) if (decision !== undefined) yield* wanted(labels, decision);
      },
    },
    {
      name: 'rouse_decisions_total',
      help: 'Decisions by what was decisive.',
      type: 'counter',
      *samples() {
        for (const [labels, { key }] of shown) for (const { label: reason, value } of counts.decisions.of(key)) yield { labels, more: ofReason(reason), value };
      },
    },
    {
      name: 'rouse_wakes_total',
      help: 'Wakes by how they ended: a first byte (served), back at zero without one (unserved), or the reason why they could not succeed.',
      type: 'counter',
      *samples() {
        for (const [labels, { key }] of shown) for (const { label: outcome, value } of counts.wakes.of(key)) yield { labels, more: ofOutcome(outcome), value };
      },
    },
    podSeconds('rouse_pod_seconds_total', 'Pods that were ready or starting, times seconds; counted by the leader.', ({ used }) => used),
    podSeconds(
      'rouse_saved_pod_seconds_total',
      'Pods fewer than before onboarding, times seconds; counted by the leader, and never negative.',
      ({ saved }) => saved,
    ),
    {
      name: 'rouse_cold_start_seconds',
      help: 'Wakes from the first held request to its first byte, by phase.',
      type: 'histogram',
      *samples() {
        for (const [labels, { key }] of shown) for (const [phase, value] of counts.coldStarts.get(key) ?? []) yield { labels, more: ofPhase(phase), value };
      },
    },
  ];
};

function* wanted(labels: LabelText, { evidence: { demands, formula, panicking } }: Decision): Iterable<Sample<number>> {
  for (const { reading, stablePods, panicPods } of demands)
    if (reading.kind === 'value') yield { labels, more: ofMetric(reading.metric), value: panicking ? Math.max(stablePods, panicPods) : stablePods };
  if (formula !== undefined) yield { labels, more: ofMetric('formula'), value: panicking ? Math.max(formula.stable, formula.panic) : formula.stable };
}
