import type { Tracer } from '../../gateway/index.ts';
import type { ControllerTracer } from '../controller/controller-tracer.ts';
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
