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
}
