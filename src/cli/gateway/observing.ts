import type { Logger } from '../../core/index.ts';
import type { GatewayOptions } from '../../gateway/index.ts';
import { accessLogOf } from './access-log.ts';
import type { GatewayFlags } from '../flags.ts';
import { startTelemetry } from '../operations/start-telemetry.ts';
import type { Telemetry } from '../operations/telemetry.ts';
import { untilWritten } from './written.ts';

/** What is told of single requests, and pushed of metrics, where it is asked for. */
export interface Observing extends Pick<Telemetry, 'exportMetrics'> {
  readonly observed: Pick<GatewayOptions, 'accessLog' | 'tracer'>;
  /** Everything that was told is out. */
  end(): Promise<void>;
}

/** `part`: one of several workers, whose parent speaks for all of them where it is about metrics. */
export const startObserving = async (flags: GatewayFlags, logger: Logger, part?: 'worker'): Promise<Observing> => {
  const accessLog = accessLogOf(flags.accessLog, logger);
  const telemetry = await startTelemetry({ service: gatewayService, tracing: flags.tracing ?? false, metrics: part === undefined }, logger);
  return {
    observed: { ...accessLog, ...(telemetry.requests === undefined ? {} : { tracer: telemetry.requests }) },
    exportMetrics: telemetry.exportMetrics,
    end: async () => {
      await untilWritten();
      await telemetry.end();
    },
  };
};

export const gatewayService = 'rouse-gateway';
