import type { Logger } from '../core/index.ts';
import type { Tracer } from '../gateway/index.ts';
import type { ControllerTracer } from './controller-tracer.ts';
import type { Operations } from './operations-server.ts';

/** What a process tells by OpenTelemetry, where it is asked for. */
export interface Telemetry {
  /** Undefined without `--tracing`. */
  readonly requests: Tracer | undefined;
  readonly controller: ControllerTracer | undefined;
  /** Whose figures are exported from now on, where metrics are. */
  readonly exportMetrics: (read: Operations['metrics']) => void;
  /** Exports what has not left yet, for a few seconds at most. */
  end(): Promise<void>;
}

export interface TelemetryOptions {
  /** `service.name`, unless the environment has one. */
  readonly service: string;
  readonly tracing: boolean;
  /** Where another process speaks for this one, it exports no metrics. */
  readonly metrics?: boolean;
}

const none: Telemetry = { requests: undefined, controller: undefined, exportMetrics: () => undefined, end: () => Promise.resolve() };

/** Traces are asked for by `--tracing`, metrics by `OTEL_METRICS_EXPORTER`. OpenTelemetry is loaded for neither unless it is: a process without it must not pay for it. */
export const startTelemetry = async ({ service, tracing, metrics = true }: TelemetryOptions, logger: Logger): Promise<Telemetry> => {
  const exporters = metrics ? metricsExporters(process.env.OTEL_METRICS_EXPORTER) : [];
  if (!tracing && exporters.length === 0) return none;
  return (await import('./tracing/start.ts')).startOpenTelemetry({ service, tracing, exporters }, logger);
};

/** OpenTelemetry's own default is `otlp`; here it would send to where nobody listens. */
const metricsExporters = (text = ''): readonly string[] => {
  const names = text.split(',').flatMap((name) => (name.trim() === '' ? [] : [name.trim()]));
  return names.includes('none') ? [] : names;
};
