import type { Drops } from '../ingest/ports.ts';
import { budgetMetrics, type BudgetFigures } from './budget.ts';
import { extenderAnswers, extenderDurations, type ExtenderFigures } from './extender.ts';
import { alone, byLabel, type FewSeries } from './few-series.ts';
import { CountingHistogram } from './histogram.ts';
import { label, type Metric } from './series.ts';

/** How what is followed in the cluster is doing. */
export interface WatchFigures {
  /** `pods`, `deployments.apps`, … */
  readonly resource: string;
  readonly inTouch: boolean;
  /** Seconds since 1970; undefined before the first list. */
  readonly lastHeardSeconds: number | undefined;
}

/** What a controller shows of itself, read at each scrape. */
export interface ControlPlaneFigures {
  readonly version: string;
  readonly leader: boolean;
  /** False while `rouse-config` has problems and the last good one stands. */
  readonly configValid: boolean;
  readonly drops: Drops;
  /** Empty without a budget. */
  readonly budget: readonly BudgetFigures[];
  /** Reads of the metrics API by how they ended. */
  readonly usageReads: ReadonlyMap<string, number>;
  readonly watches: readonly WatchFigures[];
  /** Linked gateways: with the newest routes, with older ones, on their way out. */
  readonly gateways: Readonly<Record<'current' | 'behind' | 'leaving', number>>;
  /** Seconds since 1970 at which each of our own certificates expires. */
  readonly certificates: ReadonlyMap<string, number>;
  /** Left out: no scheduler may ask where to put pods. */
  readonly extender?: ExtenderFigures;
}

export type WebhookOutcome = 'allowed' | 'changed' | 'denied' | 'invalid' | 'busy' | 'failed' | 'gone';

const tickBounds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5];
const callBounds = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2];
const reconcileBounds = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** Durations that a controller takes down itself: the labels are known, so are the histograms. */
export class ControlPlaneTimes {
  readonly ticks = new CountingHistogram(tickBounds);
  readonly reconciles = { done: new CountingHistogram(reconcileBounds), failed: new CountingHistogram(reconcileBounds) };
  readonly reviews = new Map<string, CountingHistogram>();

  reviewed(webhook: string, outcome: WebhookOutcome, ms: number): void {
    const labels = `${label('webhook', webhook)},${label('outcome', outcome)}`;
    const histogram = this.reviews.get(labels) ?? new CountingHistogram(callBounds);
    this.reviews.set(labels, histogram);
    histogram.observe(ms / 1000);
  }
}

export const controlPlaneMetrics = (figures: ControlPlaneFigures): readonly FewSeries[] => {
  const gauge = (name: string, help: string, value: number): FewSeries => ({ name, help, type: 'gauge', labels: [], samples: () => alone(value) });
  return [
    {
      name: 'rouse_build_info',
      help: 'Always 1; which version this is.',
      type: 'gauge',
      labels: ['version'],
      samples: () => byLabel('version', [[figures.version, 1]]),
    },
    gauge('rouse_leader', '1 while this controller decides.', Number(figures.leader)),
    gauge('rouse_config_valid', '0 while ConfigMap rouse-config has problems; the last good configuration stands then.', Number(figures.configValid)),
    ...budgetMetrics(figures.budget),
    {
      name: 'rouse_link_gateways',
      help: 'Processes of gateways that are linked: with the newest routes (current), with older ones (behind), or on their way out (leaving).',
      type: 'gauge',
      labels: ['state'],
      samples: () => byLabel('state', Object.entries(figures.gateways)),
    },
    {
      name: 'rouse_report_drops_total',
      help: 'Figures of gateways that were left out of the windows, by why: late, doubled, invalid, unknownGateway, overLimit.',
      type: 'counter',
      labels: ['reason'],
      samples: () => byLabel('reason', Object.entries(figures.drops)),
    },
    {
      name: 'rouse_metrics_api_reads_total',
      help: 'Reads of the metrics API (metrics.k8s.io) by how they ended; none while no workload asks for cpu or memory.',
      type: 'counter',
      labels: ['outcome'],
      samples: () => byLabel('outcome', figures.usageReads),
    },
    {
      name: 'rouse_watch_in_touch',
      help: '1 while the watch of a resource is in touch with the API server, 0 while what it shows may be old.',
      type: 'gauge',
      labels: ['resource'],
      samples: () =>
        byLabel(
          'resource',
          figures.watches.map(({ resource, inTouch }) => [resource, Number(inTouch)]),
        ),
    },
    {
      name: 'rouse_watch_last_heard_timestamp_seconds',
      help: 'When the API server last said anything on the watch of a resource; of several, on the one that is silent longest.',
      type: 'gauge',
      labels: ['resource'],
      samples: () =>
        byLabel(
          'resource',
          figures.watches.flatMap(({ resource, lastHeardSeconds }) => (lastHeardSeconds === undefined ? [] : [[resource, lastHeardSeconds] as const])),
        ),
    },
    {
      name: 'rouse_certificate_expiry_timestamp_seconds',
      help: 'When a certificate of Rouse itself expires: what webhooks and link serve (serving), and who signs it (authority).',
      type: 'gauge',
      labels: ['certificate'],
      samples: () => byLabel('certificate', figures.certificates),
    },
    extenderAnswers(figures.extender),
  ];
};

/** prom-client's histograms cannot be given counts that were taken elsewhere. */
export const controlPlaneTimes = ({ extender }: ControlPlaneFigures, { ticks, reconciles, reviews }: ControlPlaneTimes): readonly Metric[] => [
  {
    name: 'rouse_tick_duration_seconds',
    help: 'One look at every workload, from its begin to its end, the pauses for other work included.',
    type: 'histogram',
    samples: () => [{ labels: '', value: ticks }],
  },
  {
    name: 'rouse_reconcile_duration_seconds',
    help: 'Work on one Service (its takeover, its slice, its hand-back) by how it ended: done, or failed and tried again.',
    type: 'histogram',
    samples: () => Object.entries(reconciles).map(([outcome, value]) => ({ labels: label('outcome', outcome), value })),
  },
  {
    name: 'rouse_admission_duration_seconds',
    help: 'Calls of the admission webhooks (mutate, validate) from the head of the request until the answer was out, by what was answered.',
    type: 'histogram',
    samples: () => [...reviews].map(([labels, value]) => ({ labels, value })),
  },
  extenderDurations(extender),
];
