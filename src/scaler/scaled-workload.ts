import type { Decision, WorkloadKey, WorkloadRef } from '../core/index.ts';
import type { NextBounds } from '../decider/index.ts';

/** One workload as outsiders (metrics, API, live view) see it. */
export interface ScaledWorkload extends WorkloadRef {
  readonly key: WorkloadKey;
  /** The count that is wanted; what lives until the first decision. */
  readonly desired: number;
  readonly ready: number;
  readonly starting: number;
  readonly reason: string;
  /** How its schedule goes on; undefined without one. */
  readonly next: NextBounds | undefined;
  readonly decision: Decision | undefined;
}
