import type { Decision, Instant, MetricName } from '../core/index.ts';

/** What the pods of a workload do, in one word: `asleep` has none and wants none, `failing` cannot wake. */
export type WorkloadPhase = 'asleep' | 'waking' | 'failing' | 'scaling-up' | 'active' | 'scaling-down' | 'falling-asleep';

/** What the read-only API shows of a workload. Times are ms since 1970. */
export interface WorkloadSummary {
  readonly namespace: string;
  readonly name: string;
  readonly resource: string;
  readonly phase: WorkloadPhase;
  readonly mode: 'enforce' | 'observe';
  readonly pause: 'none' | 'both' | 'up' | 'down';
  readonly desired: number;
  /** `spec.replicas`: the pods that were asked for. */
  readonly replicas: number;
  readonly ready: number;
  readonly starting: number;
  /** Requests that wait in gateways, and those in pods, at the last decision. */
  readonly held: number;
  readonly inFlight: number;
  /** The metric that asks for the most pods; left out where none is known. */
  readonly load?: WorkloadLoad;
  readonly reason: string;
  /** Why it cannot wake at the moment. */
  readonly wakeFailure?: string;
  /** The last decision: since when it stands, and its newest repetition. Left out before the first. */
  readonly decision?: { readonly kind: Decision['kind']; readonly from: number; readonly to: number; readonly since: Instant; readonly at: Instant };
  /** Floor and ceiling as they will be from a moment on, by the schedule. */
  readonly next?: { readonly at: Instant; readonly min: number; readonly max?: number };
}

export interface WorkloadLoad {
  readonly metric: MetricName;
  /** Mean over the stable window, over all pods (of `latency`: the 95th percentile). */
  readonly value: number;
  /** Per pod, after utilization. */
  readonly target: number;
  /** Pods that this asks for, unrounded. */
  readonly pods: number;
}

/** The controller replica that answers. */
export interface ControllerSummary {
  readonly version: string;
  readonly identity: string;
  /** Its clock, ms since 1970. */
  readonly now: Instant;
  /** What it waits for, in a sentence; left out while it is in touch with everything. */
  readonly notReady?: string;
  readonly placement: boolean;
  /** Gateways that are linked to it, those that leave left out. */
  readonly gateways: readonly LinkedGatewaySummary[];
}

export interface LinkedGatewaySummary {
  readonly id: string;
  readonly address: string;
  readonly podName?: string;
  /** It has applied the newest routes. */
  readonly upToDate: boolean;
  /** Ports of its Services that it could not open. */
  readonly failedPorts: readonly number[];
}

/** The port through which the API reads; `explain` is undefined for a workload that is not onboarded. */
export interface WorkloadReader {
  workloads(): readonly WorkloadSummary[];
  explain(namespace: string, name: string): { readonly workload: WorkloadSummary; readonly decisions: readonly Decision[] } | undefined;
  /** Why it has its count, or had it at the time that `at` says (undefined: now). */
  why(namespace: string, name: string, at: string | undefined): WhyAnswer;
  /** Its last ticks as JSON lines, for `rouse replay`; undefined for what is not onboarded. */
  trace(namespace: string, name: string): string | undefined;
  /** Whether this replica leads: its decisions are the ones that are written. */
  leads(): boolean;
  controller(): ControllerSummary;
}

export type WhyAnswer =
  /** The same as an object for JSON, and in words. */
  | { readonly kind: 'explained'; readonly explanation: object; readonly words: () => string }
  | { readonly kind: 'not-onboarded' }
  | { readonly kind: 'problem'; readonly status: 400 | 404; readonly code: string; readonly detail: string };
