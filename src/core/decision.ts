import type { BudgetRoom, MetricReading } from './observation.ts';
import type { DecisionReason } from './reasons.ts';
import type { Instant, Pods } from './units.ts';

/**
 * The closed list of steps from raw demand to the final count, in the order in which they are taken. The first three change the inputs of the
 * algorithm, the others the count.
 */
export const decisionSteps = {
  'invalid-metric': 'a metric that is not a finite number from zero on counts as missing',
  'starting-capacity': 'pods that are starting count as capacity',
  'idle-share': 'room of less than one whole request is not kept',
  'stale-metric': 'a metric whose newest sample is old may raise the count, not lower it',
  formula: 'the formula replaces the highest demand',
  'rate-up': 'limited by max-scale-up-rate',
  'rate-down': 'limited by max-scale-down-rate',
  activation: 'a workload with load gets at least activation-scale',
  panic: 'the panic window asks for more',
  'panic-peak': 'the count does not fall while panic lasts',
  'delay-window': 'highest count of the last scale-down-delay',
  'recent-load': 'the panic window still needs what is there',
  hysteresis: 'a fall waits while the load is within a tenth of needing what is there',
  'held-backlog': 'what the held requests need',
  'missing-data': 'nothing goes down on missing data',
  fallback: 'the count for when every metric is missing',
  'warm-up': 'nothing goes down before a whole window was seen',
  'absent-gateway': 'nothing goes down while a gateway does not report',
  'initial-scale': 'held until ready once',
  'min-scale': 'raised to the floor',
  'max-scale': 'lowered to the ceiling',
  schedule: 'floor or ceiling of a schedule',
  budget: 'lowered to what the budget leaves',
  'work-in-flight': 'the last pod stays while requests are in flight or held',
  'zero-wait': 'the last pod waits: just active, path not ready, or retention',
  override: 'a count set by hand',
  pause: 'paused',
  'raise-only': 'a poke may only raise',
  observe: 'mode observe: not written',
} as const;
export type StepName = keyof typeof decisionSteps;

/** One step from raw demand to the final count, in the order in which it was taken; steps that changed nothing are left out. */
export interface DecisionStep {
  readonly step: StepName;
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
  /** What a formula read and asked for over each window, rounded up; left out where there is none or it gave no count. */
  readonly formula?: { readonly stable: number; readonly panic: number; readonly readings: readonly MetricReading[] };
  readonly steps: readonly DecisionStep[];
  readonly panicking: boolean;
  /** What the policy asks for, before missing data, bounds, the way to zero and the user's stops; undefined where no metric has a value. */
  readonly wanted: number | undefined;
  readonly replicas: Pods;
  readonly ready: Pods;
  readonly starting: Pods;
  readonly held: number;
  readonly inFlight: number;
  /** The shares that applied, and the count that was wanted of them; left out where there is no budget. */
  readonly budget?: BudgetRoom & { readonly wanted: number };
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
