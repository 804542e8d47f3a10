import { ValueType, type Attributes } from '@opentelemetry/api';
import { AggregationTemporality, DataPointType, type DataPoint, type Histogram, type MetricData } from '@opentelemetry/sdk-metrics';
import { parseExposition } from '../../metrics/index.ts';
import { timeOf } from './workload-attributes.ts';

/**
 * What Prometheus would be told, as OpenTelemetry has it (https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/): names as they are, labels as attributes, counters and
 * histograms cumulative since `startedAt` (the process began then, and everything is counted from zero).
 */
export const metricDataOf = (exposition: string, startedAt: number, now: number): MetricData[] => {
  const times = { startTime: timeOf(startedAt), endTime: timeOf(now) };
  const metrics: MetricData[] = [];
  for (const [name, { comments, type, series }] of parseExposition(exposition).families) {
    const descriptor = { name, description: helpOf(name, comments), unit: unitOf(name), valueType: ValueType.DOUBLE };
    const about = { descriptor, aggregationTemporality: AggregationTemporality.CUMULATIVE };
    const points = (): DataPoint<number>[] =>
      [...series].flatMap(([key, value]) => (Number.isNaN(value) ? [] : { ...times, attributes: read(key).labels, value }));
    if (type === 'histogram') {
      const histograms = histogramsOf(series).map(({ attributes, value }) => ({ ...times, attributes, value }));
      metrics.push({ ...about, dataPointType: DataPointType.HISTOGRAM, dataPoints: histograms });
    } else if (type === 'counter') metrics.push({ ...about, dataPointType: DataPointType.SUM, isMonotonic: true, dataPoints: points() });
    else metrics.push({ ...about, dataPointType: DataPointType.GAUGE, dataPoints: points() });
  }
  return metrics.filter(({ dataPoints }) => dataPoints.length > 0);
};

/** UCUM, for the base units that Prometheus' names end in. */
const unitOf = (name: string): string => (/_seconds(_total)?$/.test(name) ? 's' : /_bytes(_total)?$/.test(name) ? 'By' : '');

const helpOf = (name: string, comments: readonly string[]): string => {
  const start = `# HELP ${name} `;
  const help = comments.find((comment) => comment.startsWith(start));
  return help === undefined ? '' : unescaped(help.slice(start.length));
};

const unescaped = (text: string): string => text.replace(/\\([\\"n])/g, (_all, escaped: string) => (escaped === 'n' ? '\n' : escaped));

const label = /([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g;

/** `name{a="b"}` */
const read = (key: string): { readonly name: string; readonly labels: Attributes } => {
  const brace = key.indexOf('{');
  if (brace < 0) return { name: key, labels: {} };
  const labels: Attributes = {};
  // To Prometheus an empty label is none.
  for (const [, name = '', value = ''] of key.slice(brace).matchAll(label)) if (value !== '') labels[name] = unescaped(value);
  return { name: key.slice(0, brace), labels };
};

interface Gathered {
  readonly attributes: Attributes;
  readonly bounds: number[];
  /** As Prometheus has them: each with all that are lower. */
  readonly upTo: number[];
  count: number;
  sum: number;
}

const histogramsOf = (series: ReadonlyMap<string, number>): readonly { readonly attributes: Attributes; readonly value: Histogram }[] => {
  const all = new Map<string, Gathered>();
  for (const [key, value] of series) {
    const { name, labels } = read(key);
    const { le, ...attributes } = labels;
    const id = JSON.stringify(attributes);
    let gathered = all.get(id);
    if (gathered === undefined) all.set(id, (gathered = { attributes, bounds: [], upTo: [], count: 0, sum: 0 }));
    if (name.endsWith('_sum')) gathered.sum = value;
    else if (name.endsWith('_count')) gathered.count = value;
    else if (typeof le === 'string' && le !== '+Inf') {
      gathered.bounds.push(Number(le));
      gathered.upTo.push(value);
    }
  }
  return [...all.values()].map(({ attributes, bounds, upTo, count, sum }) => {
    const counts = [...upTo, count].map((value, index) => value - (upTo[index - 1] ?? 0));
    return { attributes, value: { buckets: { boundaries: bounds, counts }, count, sum } };
  });
};
