/** What one pod used: CPU over the `windowMs` before `measuredAt`, memory at that moment. */
export interface MeasuredUsage {
  readonly podUid: string;
  /** Milliseconds since the epoch. */
  readonly measuredAt: number;
  readonly windowMs: number;
  /** Cores and bytes. */
  readonly containers: readonly { readonly name: string; readonly cpu: number; readonly memory: number }[];
}

/** Where the figures of `metrics.k8s.io` come from (the kubelet). */
export interface PodUsageSource {
  measure(): Promise<readonly MeasuredUsage[]>;
}
