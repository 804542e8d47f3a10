import type { MetricReading } from './observation.ts';
import type { DecisionReason } from './reasons.ts';
import type { Instant, Pods } from './units.ts';

/** One step from raw demand to the final count, in the order in which it was taken; steps that changed nothing are left out. */
export interface DecisionStep {
  readonly step: string;
  readonly from: number;
  readonly to: number;
  /** The number that decided, e.g. the limit that applied. */
  readonly limit?: number;
}

/** What one metric asks for. */
export interface MetricDemand {
  readonly reading: MetricReading;
  /** Per pod, after utilization. */
  readonly target: number;
  /** Unrounded. */
  readonly stablePods: number;
  readonly panicPods: number;
}

export interface Evidence {
  readonly demands: readonly MetricDemand[];
  readonly steps: readonly DecisionStep[];
  readonly panicking: boolean;
  readonly replicas: Pods;
  readonly ready: Pods;
  readonly starting: Pods;
  readonly held: number;
  readonly inFlight: number;
}

interface Decided {
  readonly at: Instant;
  readonly reason: DecisionReason;
  readonly evidence: Evidence;
  /** Spare capacity after target-burst-capacity, as Knative computes it; undefined where no demand is known. */
  readonly excessBurstCapacity: number | undefined;
}

/** `hold`: leave the count as it is. `wake`: 0 → N. `sleep`: the last pods go. `scale`: between two counts above zero. */
export type Decision =
  | (Decided & { readonly kind: 'hold'; readonly to: Pods })
  | (Decided & { readonly kind: 'wake'; readonly from: Pods; readonly to: Pods })
  | (Decided & { readonly kind: 'sleep'; readonly from: Pods; readonly to: Pods })
  | (Decided & { readonly kind: 'scale'; readonly from: Pods; readonly to: Pods });
