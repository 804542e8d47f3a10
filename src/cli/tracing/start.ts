import { diag, DiagLogLevel, trace } from '@opentelemetry/api';
import { NodeSDK } from '@opentelemetry/sdk-node';
import { seconds, systemClock, type Logger } from '../../core/index.ts';
import type { Operations } from '../operations/operations-server.ts';
import type { Telemetry, TelemetryOptions } from '../operations/telemetry.ts';
import { rouseVersion } from '../version.ts';
import { complaints } from './complaints.ts';
import { controllerSpans } from './controller-spans.ts';
import { metricReaders } from './metric-readers.ts';
import { spanTracer } from './request-spans.ts';

const exportWithin = seconds(3);
const thenEndWithin = seconds(1);

/** Everything is set up as OpenTelemetry's SDKs have it, by variables of the environment: https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/. */
export const startOpenTelemetry = async (
  { service, tracing, exporters }: TelemetryOptions & { readonly exporters: readonly string[] },
  logger: Logger,
): Promise<Telemetry> => {
  const { env } = process;
  const complain = complaints(logger, systemClock);
  const silent = (): undefined => undefined;
  diag.setLogger({ error: complain.say, warn: complain.say, info: silent, debug: silent, verbose: silent }, DiagLogLevel.WARN);
  // The SDK's own default runs commands to find out about the host.
  env.OTEL_NODE_RESOURCE_DETECTORS ??= 'env,serviceinstance';
  const named = env.OTEL_SERVICE_NAME !== undefined || env.OTEL_RESOURCE_ATTRIBUTES?.includes('service.name=') === true;
  let read: Operations['metrics'] | undefined;
  const readers = await metricReaders(exporters, env, () => read?.('text'), complain.say);
  const sdk = new NodeSDK({
    metricReaders: [...readers],
    logRecordProcessors: [],
    ...(tracing ? {} : { spanProcessors: [] }),
    ...(named ? {} : { serviceName: service }),
  });
  sdk.start();
  complain.started();
  const tracer = trace.getTracer('rouse', rouseVersion);
  const controller = tracing ? controllerSpans(tracer, systemClock) : undefined;
  return {
    requests: tracing ? spanTracer(tracer, systemClock) : undefined,
    controller,
    exportMetrics: (from) => {
      read = from;
    },
    end: async () => {
      controller?.end();
      const shutDown = sdk.shutdown().catch((error: unknown) => logger.warn('the last spans and metrics could not be exported', { error }));
      const ended = new AbortController();
      const late = systemClock.sleep(exportWithin, ended.signal).then(
        () => true,
        () => false,
      );
      const isLate = await Promise.race([shutDown.then(() => false), late]);
      ended.abort();
      if (!isLate) return;
      logger.warn('the last spans and metrics could not be exported in time');
      // What tries it again would keep the process, which by then has nothing left to do.
      systemClock.after(thenEndWithin, () => process.exit());
    },
  };
};
