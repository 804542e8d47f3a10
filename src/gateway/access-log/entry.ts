import type { GatewayCode, WorkloadKey } from '../../core/index.ts';
import type { LoggedRequest } from '../request.ts';
import type { BrokenOffBy } from '../counters.ts';

/** All that a line can be about. Undefined is what there was none of. */
export interface LogEntry {
  /** Milliseconds since 1970. */
  readonly arrivedAt: number;
  readonly durationMs: number;
  readonly heldMs: number | undefined;
  /** Of a head that could be read. */
  readonly request: LoggedRequest | undefined;
  readonly protocol: string | undefined;
  readonly clientAddress: string;
  readonly status: number;
  readonly requestBytes: number;
  readonly responseBytes: number;
  readonly workload: WorkloadKey | undefined;
  readonly revision: string | undefined;
  readonly pod: { readonly name: string; readonly address: string } | undefined;
  /** Why the gateway answered by itself. */
  readonly reason: GatewayCode | undefined;
  readonly abortedBy: BrokenOffBy | undefined;
}
