import type { Decision, Poke, WorkloadKey } from '../../core/index.ts';
import type { WakeContextSource } from '../../routing/index.ts';
import type { ScalerEvent } from '../../scaler/index.ts';

/** Opt-in: follows what a controller does to workloads while it leads. Who implements it says what a trace is made of. */
export interface ControllerTracer {
  /** A gateway says that a request waits: what is decided until `undefined` is told is decided upon this. */
  poked(poke: Poke | undefined): void;
  /** Told each decision, also one that changes nothing. */
  decided(workload: WorkloadKey, decision: Decision): void;
  waking(workload: WorkloadKey, decision: Decision): void;
  happened(event: ScalerEvent): void;
  /** It is no longer onboarded. */
  forget(workload: WorkloadKey): void;
  /** We do not lead any more, at least for now. */
  stepDown(): void;
  /** The end of the process has come. */
  end(): void;
  readonly wakes: WakeContextSource;
}
