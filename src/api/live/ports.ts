import type { WorkloadPhase } from '../workloads.ts';
import type { ColdStartPhase, DecisionReason, WorkloadKey } from '../../core/index.ts';

/** A workload as the live page lists it. */
export interface LiveWorkload {
  readonly key: WorkloadKey;
  readonly namespace: string;
  readonly name: string;
  readonly resource: string;
  readonly phase: WorkloadPhase;
  /** Pods that are wanted. */
  readonly desired: number;
  readonly ready: number;
  /** Requests waiting in gateways, at the newest decision. */
  readonly held: number;
  readonly reason: DecisionReason;
  /** Why it cannot be woken, or why its settings are not applied, in a sentence. */
  readonly trouble: string | undefined;
}

/** What one metric says at one moment. */
export interface LiveLoad {
  readonly metric: string;
  /** Over the panic window; undefined: no data, which is not zero. */
  readonly value: number | undefined;
  /** What the pods that are ready are meant to carry, in the metric's unit. */
  readonly capacity: number;
  /** Pods that the value asks for, unrounded; undefined without one. */
  readonly pods: number | undefined;
}

/** One tick of the journal. */
export interface LiveTick {
  /** Milliseconds since 1970, as all times here. */
  readonly at: number;
  readonly desired: number;
  readonly ready: number;
  readonly held: number;
  readonly loads: readonly LiveLoad[];
}

/** A line of the history: what was decided, and how often the same was decided again. */
export interface LiveLine {
  readonly since: number;
  readonly times: number;
  /** Left out: held. */
  readonly from?: number;
  readonly to: number;
  readonly reason: DecisionReason;
}

export interface LiveColdStart {
  readonly at: number;
  readonly totalMs: number;
  readonly phases: Readonly<Record<ColdStartPhase, number>>;
}

/** Something that happened to a workload: a transition. */
export interface LiveEvent {
  readonly at: number;
  readonly namespace: string;
  readonly name: string;
  readonly kind: string;
  readonly text: string;
  readonly coldStart?: LiveColdStart;
}

/** The port through which the live page reads. */
export interface LiveReader {
  workloads(): readonly LiveWorkload[];
  /** The last ticks, oldest first; a workload that sleeps adds none. */
  ticks(key: WorkloadKey): readonly LiveTick[];
  /** Oldest first. */
  history(key: WorkloadKey): readonly LiveLine[];
  /** Transitions as they happen, while this replica leads. */
  onEvent(listener: (event: LiveEvent) => void): void;
  leads(): boolean;
}

/** Who may read the page's data. */
export type PageAccess =
  /** Everybody on this machine. */
  | { readonly kind: 'loopback' }
  /** Who has a token that `check` lets in. */
  | { readonly kind: 'token'; readonly check: (token: string) => Promise<AccessVerdict> };

export type AccessVerdict =
  | { readonly kind: 'allowed' }
  /** `unknown`: nobody that the API server knows; `forbidden`: somebody who may not; `busy`: cannot be found out now. */
  | { readonly kind: 'unknown' | 'forbidden' | 'busy'; readonly detail: string };
