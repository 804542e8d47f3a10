/**
 * What the load was: windows over per-second sums (`window/`, pure), the reports of the gateways made into readings per workload
 * (`ingest/`), and Rouse's own instruments for Prometheus. It never decides anything. Start with `ingest/workload-metrics.ts`, then
 * `window/load-window.ts`.
 */
export { createWorkloadMetrics, type Drops, type WorkloadLoad, type WorkloadMetrics, type WorkloadMetricsOptions } from './ingest/workload-metrics.ts';
export { LoadWindow, type Aggregation, type SampleFate, type WindowAverages } from './window/load-window.ts';
