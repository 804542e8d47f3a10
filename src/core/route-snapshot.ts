import type { GatewayId } from './report.ts';
import type { WakeFailureReason } from './reasons.ts';
import type { IgnoreRule, Protocol } from './spec/scale-spec.ts';
import type { WorkloadKey } from './workload.ts';

/** How the gateway finds out by itself that a starting pod can serve. `await-ready`: it cannot (exec or gRPC probe, readiness gates, probe on another container), so wait for the pod's Ready condition. */
export type PodProbe =
  | { readonly kind: 'http'; readonly port: number; readonly path: string; readonly headers: Readonly<Record<string, string>>; readonly timeoutMs: number }
  | { readonly kind: 'tcp'; readonly port: number; readonly timeoutMs: number }
  | { readonly kind: 'await-ready' };

/** A pod as a target of requests. */
export interface PodRoute {
  /** The pod's uid. */
  readonly id: string;
  readonly name: string;
  readonly address: string;
  /** By the listener's `target`: the port to connect to. Named ports may differ between pods. */
  readonly ports: Readonly<Record<string, number>>;
  /** `starting`: has an address, is not Ready; the gateway probes it. `ready`: Ready. `terminating`: no new requests. */
  readonly state: 'starting' | 'ready' | 'terminating';
  readonly probe: PodProbe;
  /** Pod template hash until revisions have names. */
  readonly revision: string;
  /** Of its node; absent where that is not known. */
  readonly zone?: string | undefined;
  /**
   * Where the workload has a `containerConcurrency`: how many requests each gateway may have in this pod; one that is not named keeps what it has, and one that is new has none.
   * Absent (no limit, a routes file, a controller that knows no permits): each may have `containerConcurrency`.
   */
  readonly permits?: Readonly<Record<GatewayId, number>> | undefined;
}

/** A Service port that points here. */
export interface ListenerRoute {
  /** Undefined: every address of the host (in a cluster), else the address to bind (local mode: 127.0.0.1). */
  readonly address: string | undefined;
  readonly port: number;
  readonly protocol: Protocol;
  /** Key into `PodRoute.ports`. */
  readonly target: string;
}

/** A host name on the shared port. */
export interface HostRoute {
  readonly host: string;
  readonly protocol: Protocol;
  readonly target: string;
}

/** All that a gateway knows of one workload. */
export interface WorkloadRoute {
  readonly workload: WorkloadKey;
  readonly listeners: readonly ListenerRoute[];
  readonly hosts: readonly HostRoute[];
  readonly pods: readonly PodRoute[];
  /** Set while a wake cannot succeed: held requests are answered `wake-failed` with it at once. */
  readonly wakeFailure: { readonly reason: WakeFailureReason; readonly message: string } | undefined;
  /** Where the controller traces: the span of the wake that is under way, or has just ended, as a `traceparent`. Whoever waited for it is linked to it. */
  readonly wakeContext?: string | undefined;
  /** Most requests in flight per pod; undefined: no limit. */
  readonly containerConcurrency: number | undefined;
  readonly holdQueueDepth: number;
  /** 0: never hold. */
  readonly holdTimeoutMs: number;
  readonly waitingPage: boolean;
  /** 0: off, for each of the three. */
  readonly requestTimeoutMs: number;
  readonly responseStartTimeoutMs: number;
  readonly idleTimeoutMs: number;
  readonly ignoreRequests: readonly IgnoreRule[];
  readonly sessionAffinity: 'none' | 'client-ip';
}

/** The most workloads that have series of their own, where nothing else is said. */
export const defaultPerWorkloadMetrics = 5000;

/** What the operator sets for every gateway (ConfigMap `rouse-config`). */
export interface GatewaySettings {
  /** CIDRs of peers that are believed on the shared ports. */
  readonly trustedProxies: readonly string[];
  readonly accessLog: 'off' | 'json';
  /** The most workloads that have series of their own in /metrics; absent: the default (a controller that does not say). */
  readonly perWorkloadMetrics?: number | undefined;
}

/** A change of routes. `full`: everything there is, anything else goes. Applied as a whole, then acknowledged by its `revision`. */
export interface RouteSnapshot {
  readonly revision: number;
  readonly full: boolean;
  readonly upsert: readonly WorkloadRoute[];
  readonly remove: readonly WorkloadKey[];
  /** Absent: as before, or where `full` the defaults (a controller that knows none). */
  readonly settings?: GatewaySettings | undefined;
}
