import type { Logger } from '../../core/index.ts';
import type { Telemetry, TelemetryOptions } from './telemetry.ts';

const none: Telemetry = { requests: undefined, controller: undefined, exportMetrics: () => undefined, end: () => Promise.resolve() };

/** Traces are asked for by `--tracing`, metrics by `OTEL_METRICS_EXPORTER`. OpenTelemetry is loaded for neither unless it is: a process without it must not pay for it. */
export const startTelemetry = async ({ service, tracing, metrics = true }: TelemetryOptions, logger: Logger): Promise<Telemetry> => {
  const exporters = metrics ? metricsExporters(process.env.OTEL_METRICS_EXPORTER) : [];
  if (!tracing && exporters.length === 0) return none;
  return (await import('../tracing/start.ts')).startOpenTelemetry({ service, tracing, exporters }, logger);
};

/** OpenTelemetry's own default is `otlp`; here it would send to where nobody listens. */
const metricsExporters = (text = ''): readonly string[] => {
  const names = text.split(',').flatMap((name) => (name.trim() === '' ? [] : [name.trim()]));
  return names.includes('none') ? [] : names;
};
