import type { Instant } from '../core/index.ts';

/** What the metric `latency` remembers of a workload. */
export interface LatencyMemory {
  /** When `perPod` last changed. */
  readonly changedAt: Instant;
  /** Requests in flight per pod that were found to be as many as a pod takes within the target. */
  readonly perPod: number;
}

/** Pods that the metric `latency` asks for over each window, unrounded. */
export interface LatencyWish {
  readonly stablePods: number;
  readonly panicPods: number;
}

/** The state with another memory; one without any has no field for it, so that most states are small. */
export const withLatency = <State extends { readonly latency?: LatencyMemory }>(state: State, latency: LatencyMemory | undefined): State => {
  if (state.latency === latency) return state;
  const { latency: _, ...rest } = state;
  return latency === undefined ? (rest as State) : { ...state, latency };
};
