import type { Clock, GatewayCode, WorkloadKey } from '../core/index.ts';
import type { RevisionFigures } from './revision-figures.ts';
import type { Did } from './revision-sum.ts';
import { Revisions } from './revisions.ts';
import type { CertificateFigures } from './tls/certificates.ts';

/** Why a connection to a pod cannot be used: there is none; the pod ended it before it said a word; or it says what is not HTTP/2, where that is to be spoken. */
export type ConnectFailure = 'connect' | 'closed' | 'protocol';
/** Why a pod gets no requests though it should: one of these, or several answers in a row broke off. */
export type EjectionReason = ConnectFailure | 'broke-off';

/** Why there is no TLS on a connection. `plain-http`: the client speaks HTTP without it. */
export type TlsFailure = 'tls-handshake-failed' | 'tls-unrecognized-name' | 'plain-http';
/** Why a connection to a shared port ended before HTTP began on it. */
export type RejectedConnection = 'proxy-header-invalid' | 'proxy-header-timeout' | 'tls-handshake-timeout' | TlsFailure;

/** Upper bounds, in seconds, of `rouse_gateway_hold_seconds`: from a wake in tens of milliseconds to the longest usual hold. */
export const holdSecondsBounds: readonly number[] = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];

/** A histogram as plain numbers; `counts[i]` is what fell at or below `bounds[i]` and above the bound before, the last one what lay above all. */
export interface HoldSeconds {
  readonly bounds: readonly number[];
  readonly counts: number[];
  sum: number;
  count: number;
}

/** One workload's figures since the gateway started. Plain numbers that only the gateway writes: whoever exposes them reads them at scrape. */
export interface WorkloadCounters {
  readonly workload: WorkloadKey;
  /** What is told apart by revision. */
  readonly revisions: Revisions;
  /** Each request once, by status, of all revisions that are shown. Added up when it is asked for. */
  readonly requests: ReadonlyMap<number, number>;
  /** Answers of the gateway's own, by code. */
  readonly refused: Map<GatewayCode, number>;
  /** Requests that were broken off, by whom; and whether the answer had begun. */
  readonly aborted: Readonly<Record<BrokenOffBy, { none: number; begun: number }>>;
  /** Of HTTP requests that matched an ignore rule; they are in no other figure. */
  ignored: number;
  inFlight: number;
  held: number;
  /** What of the gateway's budget the held ones take. */
  heldBytes: number;
  readonly holdSeconds: HoldSeconds;
  pokes: number;
  /** Attempts that found no connection, and went to another pod or back to waiting. */
  connectFailures: number;
  /** Requests that were sent to a pod once more: after a connection that could not be made, or one that turned out to be dead. */
  retries: number;
  /** Those that went only a moment later, since there were too many. */
  retriesOverBudget: number;
  readonly ejections: Map<EjectionReason, number>;
  /** Pods that are not used until a probe succeeds. */
  ejectedPods: number;
  readonly podConnections: PodConnectionCounts;
}

/** What is counted of several workloads together. */
export type Traffic = Omit<WorkloadCounters, 'workload' | 'requests' | 'revisions'> & { readonly revisions: Iterable<Did & Pick<RevisionFigures, 'revision'>> };

/** Who broke a request off: what a time limit or a drain cuts is the gateway's doing. */
export type BrokenOffBy = 'client' | 'pod' | 'gateway';

/** Connections to the pods of a workload that carry HTTP. */
export interface PodConnectionCounts {
  open: number;
  /** Of those: carries no request. */
  idle: number;
  /** Made since the start. */
  opened: number;
}

/** Everything that the gateway counts. */
export interface GatewayCounters {
  readonly workloads: ReadonlyMap<WorkloadKey, WorkloadCounters>;
  /** All of them together, those that are gone too. Added up when it is asked for. */
  readonly all: () => Promise<Traffic>;
  /** The most workloads that are to have series of their own. */
  perWorkloadMetrics: number;
  /** Requests that belong to no workload: unknown hosts and what could not be read. By code. */
  readonly unrouted: Map<GatewayCode, number>;
  /** Connections to the shared ports that ended before HTTP began on them: no TLS, no header of the PROXY protocol. */
  readonly rejectedConnections: Map<RejectedConnection, number>;
  /** By file; none where nothing is served over TLS. */
  readonly certificates: ReadonlyMap<string, CertificateFigures>;
  /** 1 while the newest routes were taken; 0 after a routes file that was refused. */
  routesValid: 0 | 1;
  /** For calls of all workloads that wait; the part that is taken, and all of it. */
  readonly holdBudget: { readonly usedBytes: number; readonly bytes: number };
  /** Client connections open now. */
  connections: number;
  /** Lines of the access log: given to the output, and dropped since it did not take them. */
  readonly accessLog: { readonly written: number; readonly dropped: number };
}

export const newWorkloadCounters = (workload: WorkloadKey, clock: Clock): WorkloadCounters => ({
  workload,
  revisions: new Revisions(clock),
  get requests() {
    const sums = new Map<number, number>();
    for (const { requests } of this.revisions) for (const [status, count] of requests) sums.set(status, (sums.get(status) ?? 0) + count);
    return sums;
  },
  refused: new Map(),
  aborted: { client: { none: 0, begun: 0 }, pod: { none: 0, begun: 0 }, gateway: { none: 0, begun: 0 } },
  ignored: 0,
  inFlight: 0,
  held: 0,
  heldBytes: 0,
  holdSeconds: { bounds: holdSecondsBounds, counts: Array.from({ length: holdSecondsBounds.length + 1 }, () => 0), sum: 0, count: 0 },
  pokes: 0,
  connectFailures: 0,
  retries: 0,
  retriesOverBudget: 0,
  ejections: new Map(),
  ejectedPods: 0,
  podConnections: { open: 0, idle: 0, opened: 0 },
});

export const countUp = <Key>(counts: Map<Key, number>, key: Key): void => {
  counts.set(key, (counts.get(key) ?? 0) + 1);
};

export const observeHold = (histogram: HoldSeconds, seconds: number): void => {
  let slot = 0;
  while (slot < histogram.bounds.length && seconds > (histogram.bounds[slot] ?? Infinity)) slot += 1;
  histogram.counts[slot] = (histogram.counts[slot] ?? 0) + 1;
  histogram.sum += seconds;
  histogram.count += 1;
};
