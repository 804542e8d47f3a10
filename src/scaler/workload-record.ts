import type { ScaleSpec, SpecProblem, SpecWarning, WorkloadKey, WorkloadRef, WorkloadState } from '../core/index.ts';
import type { WorkloadView } from '../kube/index.ts';

/** A workload that Rouse looks after, as last seen. Immutable; a change makes a new one. */
export interface WorkloadRecord {
  readonly key: WorkloadKey;
  readonly ref: WorkloadRef;
  readonly view: WorkloadView;
  /** The newest spec without problems, or, where there never was one, `carefulSpec`. */
  readonly spec: ScaleSpec;
  /** What is wrong with the annotations as they are now; empty when `spec` is what they say. */
  readonly problems: readonly SpecProblem[];
  readonly warnings: readonly SpecWarning[];
  /** What handing back needs; undefined until it is written (`onboarding.ts`). */
  readonly state: WorkloadState | undefined;
  /** `off-boarding`: the switch is off and something is still to be handed back. */
  readonly phase: 'onboarded' | 'off-boarding';
}

/** A workload that was never onboarded and whose annotations do not allow it. */
export interface RefusedWorkload {
  readonly key: WorkloadKey;
  readonly view: WorkloadView;
  readonly problems: readonly SpecProblem[];
}
