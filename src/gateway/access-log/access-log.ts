import { gatewayCodes, type Clock, type WorkloadKey } from '../../core/index.ts';
import type { Call, Refusal } from '../call.ts';
import type { LoggedRequest } from '../request.ts';
import type { LineSink } from './line-sink.ts';
import type { PrintLine } from './template.ts';

/** A request that never became a call: of an unknown host, or one that could not be read. */
export interface Unrouted {
  readonly refusal: Refusal;
  /** Where it is not that of the refusal's code. */
  readonly status: number | undefined;
  readonly clientAddress: string;
  readonly request: LoggedRequest | undefined;
}

/** One line for each request, when it is over. Those that `ignore-requests` names have none. */
export class AccessLog {
  /** Switched off there are no lines. */
  on: boolean;
  readonly #clock: Clock;
  readonly #print: PrintLine;
  readonly #sink: Pick<LineSink, 'add'>;

  constructor(clock: Clock, print: PrintLine, sink: Pick<LineSink, 'add'>, on = true) {
    this.on = on;
    this.#clock = clock;
    this.#print = print;
    this.#sink = sink;
  }

  /** `call` ends now, while it still has its pod. */
  ended(call: Call, workload: WorkloadKey, status: number, now: number): void {
    if (!this.on) return;
    const { pod, request } = call;
    const durationMs = now - call.arrivedAt;
    const line = this.#print({
      arrivedAt: this.#clock.now() - durationMs,
      durationMs,
      heldMs: call.heldAt === undefined ? undefined : Math.max(call.givenAt, pod === undefined ? now : 0) - call.heldAt,
      request,
      protocol: request?.protocol ?? 'TCP',
      clientAddress: call.clientAddress,
      status,
      requestBytes: call.requestBytes,
      responseBytes: call.responseBytes,
      workload,
      revision: pod?.route.revision,
      pod: pod?.route,
      reason: call.refusedWith,
      abortedBy: call.brokenOffBy,
    });
    this.#sink.add(line);
  }

  unrouted({ refusal, status, clientAddress, request }: Unrouted): void {
    if (!this.on) return;
    const line = this.#print({
      arrivedAt: this.#clock.now(),
      durationMs: 0,
      heldMs: undefined,
      request,
      protocol: request?.protocol,
      clientAddress,
      status: status ?? gatewayCodes[refusal.code],
      requestBytes: 0,
      responseBytes: 0,
      workload: undefined,
      revision: undefined,
      pod: undefined,
      reason: refusal.code,
      abortedBy: undefined,
    });
    this.#sink.add(line);
  }
}
