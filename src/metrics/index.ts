/**
 * What the load was: windows over per-second sums (`window/`, pure), the reports of the gateways made into readings per workload
 * (`ingest/`), what pods use by the metrics API (`resources/`), and Rouse's own metrics for Prometheus (`instruments/`: plain numbers, prom-client only at the first scrape). It never
 * decides anything. Start with `ingest/workload-metrics.ts`, then `window/load-window.ts`.
 */
export type { WorkloadMetrics } from './ingest/ports.ts';
export { createWorkloadMetrics } from './ingest/workload-metrics.ts';
export { createControllerInstruments, type ControllerFigures, type ControllerInstruments, type WorkloadFigures } from './instruments/controller.ts';
export { createGatewayInstruments, type GatewayFigures, type GatewayInstruments } from './instruments/gateway.ts';
export { parseExposition } from './instruments/exposition-sum.ts';
export { createWorkerFigures, type WorkerFigures } from './instruments/workers.ts';
export type { MeasuredPod, PodUsage } from './resources/pod-usage.ts';
export { createResourceMetrics, type ResourceMetrics, type ResourceMetricsOptions, type UsageProblem } from './resources/resource-metrics.ts';
export { LoadWindow } from './window/load-window.ts';
