import { diag, DiagLogLevel, trace } from '@opentelemetry/api';
import { NodeSDK } from '@opentelemetry/sdk-node';
import { seconds, systemClock, type Logger } from '../../core/index.ts';
import type { Tracer } from '../../gateway/index.ts';
import { exitCode } from '../exit-code.ts';
import { spanTracer } from './span-tracer.ts';

export interface Tracing {
  readonly tracer: Tracer;
  /** Exports what has not left yet. Where that takes more than a few seconds the process ends without it: what tries it again would keep it. */
  end(): Promise<void>;
}

const exportWithin = seconds(3);

/** Everything is set up as OpenTelemetry's SDKs have it, by variables of the environment: https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/. */
export const startTracing = (logger: Logger): Tracing => {
  const { env } = process;
  const say = (message: string, ...more: unknown[]): void => logger.warn(message, more.length === 0 ? {} : { more: more.map(String).join(' ') });
  const silent = (): undefined => undefined;
  diag.setLogger({ error: say, warn: say, info: silent, debug: silent, verbose: silent }, DiagLogLevel.WARN);
  // The SDK's own default runs commands to find out about the host.
  env.OTEL_NODE_RESOURCE_DETECTORS ??= 'env,serviceinstance';
  const named = env.OTEL_SERVICE_NAME !== undefined || env.OTEL_RESOURCE_ATTRIBUTES?.includes('service.name=') === true;
  const sdk = new NodeSDK({ metricReaders: [], logRecordProcessors: [], ...(named ? {} : { serviceName: 'rouse-gateway' }) });
  sdk.start();
  return {
    tracer: spanTracer(trace.getTracer('rouse-gateway')),
    end: async () => {
      const late = systemClock.after(exportWithin, () => {
        logger.warn('the last spans could not be exported in time');
        process.exit(exitCode.ok);
      });
      await sdk.shutdown().catch((error: unknown) => logger.warn('the last spans could not be exported', { error }));
      late.cancel();
    },
  };
};
