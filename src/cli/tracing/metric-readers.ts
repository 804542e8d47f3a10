import { emptyResource } from '@opentelemetry/resources';
import { PeriodicExportingMetricReader, type MetricProducer, type PushMetricExporter } from '@opentelemetry/sdk-metrics';
import { rouseVersion } from '../version.ts';
import { metricDataOf } from './metric-data.ts';

type Environment = Readonly<Record<string, string | undefined>>;
type Say = (message: string) => void;
/** What `/metrics` says; undefined while there is nothing yet. */
type ReadExposition = () => Promise<{ readonly body: string }> | undefined;

/** One message may hold so many points: collectors take 4 MiB by gRPC, and 5,000 workloads have 200,000. */
const mostPoints = 10_000;

/**
 * The readers that `OTEL_METRICS_EXPORTER` asks for. Nothing is counted a second time for them: at each export they read the exposition for Prometheus, so both show the same.
 * `NodeSDK` would make readers of the same environment, but none that reads anything besides its own instruments.
 */
export const metricReaders = async (
  exporters: readonly string[],
  env: Environment,
  read: ReadExposition,
  say: Say,
): Promise<readonly PeriodicExportingMetricReader[]> => {
  const unknown = exporters.filter((name) => name !== 'otlp');
  if (unknown.length > 0) say(`OTEL_METRICS_EXPORTER=${unknown.join(',')}: want otlp or none; Prometheus reads /metrics on --metrics-port`);
  if (!exporters.includes('otlp')) return [];
  const interval = milliseconds(env, 'OTEL_METRIC_EXPORT_INTERVAL', 60_000, say);
  return [
    new PeriodicExportingMetricReader({
      exporter: await otlpExporter(env, say),
      exportIntervalMillis: interval,
      exportTimeoutMillis: Math.min(interval, milliseconds(env, 'OTEL_METRIC_EXPORT_TIMEOUT', 30_000, say)),
      maxExportBatchSize: mostPoints,
      metricProducers: [exposed(read)],
    }),
  ];
};

const exposed = (read: ReadExposition): MetricProducer => ({
  collect: async () => {
    const exposition = await read();
    const metrics = exposition === undefined ? [] : metricDataOf(exposition.body, performance.timeOrigin, performance.timeOrigin + performance.now());
    // Whose resource it is, the reader knows.
    return { resourceMetrics: { resource: emptyResource(), scopeMetrics: [{ scope: { name: 'rouse', version: rouseVersion }, metrics }] }, errors: [] };
  },
});

const otlpExporter = async (env: Environment, say: Say): Promise<PushMetricExporter> => {
  const protocol = (env.OTEL_EXPORTER_OTLP_METRICS_PROTOCOL ?? env.OTEL_EXPORTER_OTLP_PROTOCOL ?? '').trim();
  if (protocol === 'grpc') return new (await import('@opentelemetry/exporter-metrics-otlp-grpc')).OTLPMetricExporter();
  if (protocol === 'http/json') return new (await import('@opentelemetry/exporter-metrics-otlp-http')).OTLPMetricExporter();
  if (protocol !== '' && protocol !== 'http/protobuf')
    say(`OTEL_EXPORTER_OTLP_PROTOCOL=${protocol}: want grpc, http/protobuf or http/json; it is http/protobuf now`);
  return new (await import('@opentelemetry/exporter-metrics-otlp-proto')).OTLPMetricExporter();
};

const milliseconds = (env: Environment, name: string, byDefault: number, say: Say): number => {
  const text = env[name]?.trim() ?? '';
  if (text === '') return byDefault;
  const value = Number(text);
  if (Number.isFinite(value) && value > 0) return value;
  say(`${name}=${text}: want milliseconds above 0, e.g. ${byDefault}; it is ${byDefault} now`);
  return byDefault;
};
