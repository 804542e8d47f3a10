import { metricNames, type MetricName, type ScaleSpec } from './scale-spec.ts';

/** Metrics of what pods use, from the metrics API. All others are of requests, and come from the gateways. */
export type ResourceMetric = 'cpu' | 'memory';
export const isResourceMetric = (metric: MetricName): metric is ResourceMetric => metric === 'cpu' || metric === 'memory';

const word = new Map(metricNames.map((name) => [name, new RegExp(`\\b${name}\\b`)]));
/** Metrics that gateways count, second by second. */
export const gatewayMetrics = ['concurrency', 'rps', 'held'] as const;
export type GatewayMetric = (typeof gatewayMetrics)[number];
const ofTraffic: ReadonlySet<MetricName> = new Set(gatewayMetrics);

/**
 * The metrics that a decision may need: those that drive the count, `concurrency` beside `latency` (which asks for no more than it allows), and, where there is a
 * formula, all of traffic and what it names.
 */
export const askedMetrics = ({ scaling: { metrics, formula } }: Pick<ScaleSpec, 'scaling'>): readonly MetricName[] => {
  const [only] = metrics;
  if (formula === undefined && metrics.length === 1 && only !== undefined && only.metric !== 'latency') return [only.metric];
  const asked = new Set(metrics.map(({ metric }) => metric));
  if (formula !== undefined) for (const name of metricNames) if (ofTraffic.has(name) || word.get(name)?.test(formula) === true) asked.add(name);
  if (asked.has('latency')) asked.add('concurrency');
  return [...asked];
};
