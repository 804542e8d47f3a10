import type { Decision, Observation, ScaleSpec } from '../core/index.ts';
import type { DeciderState } from '../decider/index.ts';

/** Everything that one decision was made of, and what came of it: deciding again from `before` must give the same. All of it is immutable and shared, not copied. */
export interface TickRecord {
  /** Decided at once because a request waited; else on a regular tick. */
  readonly poked: boolean;
  readonly before: DeciderState;
  readonly observation: Observation;
  readonly spec: ScaleSpec;
  /** `decision.at` is the time that was decided at. */
  readonly decision: Decision;
  readonly after: DeciderState;
  /** The spec has a formula that could not be evaluated yet (mathjs was still being loaded). */
  readonly formulaMissing: boolean;
}
