import type { LatencyCounts } from './latency-sketch.ts';
import type { WorkloadKey } from './workload.ts';

/** Identity of one gateway process: stable while it runs, new after a restart. */
export type GatewayId = string;

/** What one revision of a workload did in one gateway over one second. */
export interface RevisionReport {
  readonly revision: string;
  /** Time-weighted mean of requests in its pods, over the interval. */
  readonly averageConcurrency: number;
  /** Requests given to its pods in the interval. */
  readonly requestCount: number;
  /** How long requests that ended in the interval were in a pod; upgraded and TCP connections are left out. */
  readonly latency: LatencyCounts;
  /** Of bodies, and of upgraded and TCP connections, in the interval. */
  readonly requestBytes: number;
  readonly responseBytes: number;
}

/** One workload's figures in one gateway over one second. */
export interface WorkloadReport {
  readonly workload: WorkloadKey;
  /** Time-weighted mean of requests in flight or held, over the interval. */
  readonly averageConcurrency: number;
  /** Requests that began in the interval. */
  readonly requestCount: number;
  /** Held at the end of the interval. */
  readonly held: number;
  /** In flight in pods at the end of the interval, open upgraded connections included. */
  readonly inFlight: number;
  /** In flight at the end of the interval by pod id; pods with none are left out. */
  readonly inFlightByPod: Readonly<Record<string, number>>;
  /** Those that had anything to say; absent from gateways that do not tell them apart. */
  readonly revisions?: readonly RevisionReport[] | undefined;
}

/** A gateway's per-second figures. A workload without traffic, held requests or open connections in the interval is left out, and counts as zero from a gateway that reports. */
export interface Report {
  /** Counts up by one per interval; with the gateway's id it makes a report unique, so that a replayed one is dropped. */
  readonly sequence: number;
  /** End of the interval in ms before the moment of sending: clocks of two machines are never compared. 0 for a fresh report, more for replayed history. */
  readonly ageMs: number;
  readonly intervalMs: number;
  readonly workloads: readonly WorkloadReport[];
}

/** "A request waits and nothing can take it": sent at once, does not wait for the next report. */
export interface Poke {
  readonly workload: WorkloadKey;
  readonly held: number;
  /** Age in ms of the oldest held request at sending. */
  readonly oldestHeldMs: number;
}

/** A first byte after a wake: the gateway's half of the cold start by phase. Ages in ms before sending, so that no clocks are compared. */
export interface FirstByte {
  readonly workload: WorkloadKey;
  readonly podId: string;
  /** When the first held request arrived. */
  readonly heldAgeMs: number;
  /** When the gateway's own probe first succeeded. */
  readonly readyAgeMs: number;
}

/** A connected gateway as the controller knows it. Its address comes from the pod bound to its token, or (local, external) from what it was started with. */
export interface GatewayInfo {
  readonly id: GatewayId;
  /** Where clients reach its listeners. */
  readonly address: string;
  /** Further addresses of the same listeners, of the other IP family, where there are any. */
  readonly otherAddresses?: readonly string[];
  readonly podName: string | undefined;
  readonly podUid: string | undefined;
  readonly nodeName: string | undefined;
  readonly zone: string | undefined;
  /**
   * Where it is one of several processes that share their listening sockets: `gateway` names them together, `ended` those of them that are known to have ended without a word. Absent: it
   * is all of its gateway.
   */
  readonly worker?: { readonly gateway: string; readonly index: number; readonly workers?: number | undefined; readonly ended: readonly GatewayId[] };
  /** Newest route revision that it has applied; 0 before the first. */
  readonly acknowledged: number;
  /** Ports that it could not open, as of that revision; absent before the first. */
  readonly failedPorts?: readonly number[];
  /**
   * By pod id, as of that revision: how many requests it has in the pod, or keeps permits for, where that is more than the routes say. Absent before the first acknowledgement,
   * and with a gateway that knows no permits.
   */
  readonly permitsInUse?: Readonly<Record<string, number>> | undefined;
}
