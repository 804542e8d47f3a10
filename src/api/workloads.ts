import type { Decision } from '../core/index.ts';

/** What the read-only API shows of a workload. */
export interface WorkloadSummary {
  readonly namespace: string;
  readonly name: string;
  readonly resource: string;
  readonly desired: number;
  readonly ready: number;
  readonly reason: string;
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
}

export type WhyAnswer =
  /** The same as an object for JSON, and in words. */
  | { readonly kind: 'explained'; readonly explanation: object; readonly words: () => string }
  | { readonly kind: 'not-onboarded' }
  | { readonly kind: 'problem'; readonly status: 400 | 404; readonly code: string; readonly detail: string };
