import type { MetricReading, Millis } from '../../core/index.ts';
import type { WorkloadSeries } from './workload-series.ts';

const metric = 'latency';

/** The p95 as a reading: of a time in which no request ended there is none, which is not zero; without a series there is no load at all. */
export const latencyReading = (series: WorkloadSeries | undefined, newest: number, age: Millis): MetricReading => {
  const p95 = series?.p95(newest) ?? 'none';
  if (p95 === 'none') return { metric, kind: 'no-data', age, why: 'no request ended in the window', nothing: true };
  if (p95 === 'untold') return { metric, kind: 'no-data', age, why: 'a gateway of an earlier version does not tell how long requests take' };
  return { metric, kind: 'value', ...p95, age };
};
