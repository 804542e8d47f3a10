/**
 * What the load was: windows over per-second sums (`window/`, pure), the reports of the gateways made into readings per workload
 * (`ingest/`), what pods use by the metrics API (`resources/`), and Rouse's own metrics for Prometheus (`instruments/`: plain numbers, read and written as text at a scrape). It never
 * decides anything. Start with `ingest/workload-metrics.ts`, then `window/load-window.ts`.
 */
export type { WorkloadMetrics } from './ingest/ports.ts';
export { createWorkloadMetrics } from './ingest/workload-metrics.ts';
export type { WatchFigures, WebhookOutcome } from './instruments/control-plane-metrics.ts';
export {
  createControllerInstruments,
  type ControllerFigures,
  type ControllerInstruments,
  type ControllerInstrumentsOptions,
} from './instruments/controller.ts';
export { createGatewayInstruments, type GatewayFigures, type GatewayInstruments } from './instruments/gateway.ts';
export { Exposition, type ExpositionFormat } from './instruments/exposition.ts';
export { parseExposition } from './instruments/exposition-sum.ts';
export { formatFor } from './instruments/open-metrics.ts';
export type { WorkloadFigures } from './instruments/per-workload.ts';
export type { ProcessFigures } from './instruments/process-metrics.ts';
export { createWorkerFigures, type WorkerFigures } from './instruments/workers.ts';
export type { MeasuredPod, PodUsage } from './resources/pod-usage.ts';
export { createResourceMetrics, type ResourceMetrics, type ResourceMetricsOptions, type UsageProblem } from './resources/resource-metrics.ts';
export { LoadWindow } from './window/load-window.ts';
