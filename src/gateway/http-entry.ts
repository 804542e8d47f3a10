import type { Protocol } from '../core/index.ts';
import type { Refusal } from './call.ts';
import type { RequestHead } from './request.ts';
import type { TrustedProxies } from './trusted-proxies.ts';
import type { WorkloadGate } from './workload-gate.ts';

/** The workload that a request is for, the port of its pods, and what they speak. */
export interface Destination {
  readonly gate: WorkloadGate;
  readonly target: string;
  readonly protocol: Exclude<Protocol, 'tcp'>;
}

/** What stands behind a port for HTTP, of whichever version. */
export interface HttpEntry {
  /** True on the shared port, where the gateway is the edge. */
  readonly edge: boolean;
  /** Peers before which it is not, since they are; undefined: none. */
  readonly trusted?: TrustedProxies | undefined;
  /** Nobody behind it is served over HTTP/1.1. */
  readonly http2Only: boolean;
  find(head: RequestHead): Destination | undefined;
  /** Answered without a workload. */
  unrouted(refusal: Refusal): void;
}
