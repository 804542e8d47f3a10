import type { Logger } from '../core/index.ts';
import type { GatewayOptions } from '../gateway/index.ts';
import { accessLogOf } from './access-log.ts';
import type { GatewayFlags } from './flags.ts';
import { untilWritten } from './written.ts';

/** What is told of single requests, where it is asked for. */
export interface Observing {
  readonly observed: Pick<GatewayOptions, 'accessLog' | 'tracer'>;
  /** Everything that was told is out. */
  end(): Promise<void>;
}

export const startObserving = async (flags: GatewayFlags, logger: Logger): Promise<Observing> => {
  const accessLog = accessLogOf(flags.accessLog, logger);
  // OpenTelemetry is loaded where it is asked for: a gateway without it must not pay for it.
  const tracing = flags.tracing === true ? (await import('./tracing/start.ts')).startTracing(logger) : undefined;
  return {
    observed: { ...accessLog, ...(tracing === undefined ? {} : { tracer: tracing.tracer }) },
    end: async () => {
      await untilWritten();
      await tracing?.end();
    },
  };
};
