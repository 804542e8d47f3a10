import type { Decision, Instant, ScaleSpec, WakeFailureReason, WorkloadKey, WorkloadRef } from '../core/index.ts';
import type { NextBounds } from '../decider/index.ts';

/** One workload as outsiders (metrics, API, live view) see it. */
export interface ScaledWorkload extends WorkloadRef {
  readonly key: WorkloadKey;
  /** The count that is wanted; what lives until the first decision. */
  readonly desired: number;
  /** `spec.replicas` as it is. */
  readonly replicas: number;
  readonly ready: number;
  readonly starting: number;
  readonly reason: string;
  readonly mode: ScaleSpec['mode'];
  readonly pause: ScaleSpec['pause'];
  /** Why it cannot wake at the moment. */
  readonly wakeFailure: WakeFailureReason | undefined;
  /** How its schedule goes on; undefined without one. */
  readonly next: NextBounds | undefined;
  readonly decision: Decision | undefined;
  /** When that was decided first. */
  readonly decidedSince: Instant | undefined;
}
