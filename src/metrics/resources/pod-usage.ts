import type { ResourceMetric } from '../../core/index.ts';

/** What the metrics API says of a pod: figures of one moment, averaged over `windowMs` before it. */
export interface PodUsage {
  readonly name: string;
  /** Milliseconds since the epoch, by the clock of the node. */
  readonly timestamp: number;
  readonly windowMs: number;
  /** Cores and bytes; undefined where it does not tell. */
  readonly containers: readonly { readonly name: string; readonly cpu: number | undefined; readonly memory: number | undefined }[];
}

/** What the watch says of a pod. */
export interface MeasuredPod {
  readonly name: string;
  readonly createdAt: number;
  readonly deleting: boolean;
  readonly finished: boolean;
  readonly ready: boolean;
  /** When it last became ready, or not; 0: not known. */
  readonly readyChangedAt: number;
  /** Those that use something as long as the pod runs. */
  readonly containers: readonly string[];
  /** Cores, of all of them together; undefined where one has no request. */
  readonly cpuRequest: number | undefined;
  /** That one. */
  readonly withoutCpuRequest: string | undefined;
}

/** Seconds after its start in which a pod that is not ready has not been so before (kube-controller-manager `--horizontal-pod-autoscaler-initial-readiness-delay`). */
const readinessDelayMs = 30_000;
/** A pod uses more than usual while it starts (`--horizontal-pod-autoscaler-cpu-initialization-period`). */
const initializationMs = 300_000;

/** Not ready, and never was: what it uses says nothing about the load. */
const isStarting = ({ ready, readyChangedAt, createdAt }: MeasuredPod): boolean => !ready && readyChangedAt <= createdAt + readinessDelayMs;

/** The sample speaks, in part, of the time before the pod was ready. */
const isOfStart = ({ ready, readyChangedAt, createdAt }: MeasuredPod, { timestamp, windowMs }: PodUsage): boolean =>
  ready && timestamp < createdAt + initializationMs && timestamp - windowMs < readyChangedAt;

/** The sum over the pod's containers; undefined where one is missing. */
const used = (pod: MeasuredPod, usage: PodUsage, metric: ResourceMetric): number | undefined => {
  let sum = 0;
  for (const name of pod.containers) {
    const value = usage.containers.find((container) => container.name === name)?.[metric];
    if (value === undefined || !Number.isFinite(value) || value < 0) return undefined;
    sum += value;
  }
  return sum;
};

export type Total =
  | { readonly kind: 'value'; readonly total: number }
  /** Nothing to measure it by, yet. */
  | { readonly kind: 'unmeasured' }
  /** A percentage of nothing. */
  | { readonly kind: 'no-request'; readonly pod: string; readonly container: string };

/**
 * What all pods of a workload use together, after the rules of the HorizontalPodAutoscaler (kubernetes `pkg/controller/podautoscaler/replica_calculator.go`): pods that start
 * or end are left out; a pod without a sample of its own is taken to use whatever leaves the count alone, but not less than nothing nor more than the target. `target`
 * is per pod; without one they are taken for average.
 */
export const totalUsage = (
  metric: ResourceMetric,
  pods: Iterable<MeasuredPod>,
  usageOf: (pod: string) => PodUsage | undefined,
  target: number | undefined,
): Total => {
  let [measured, unmeasured, sum, requests] = [0, 0, 0, 0];
  for (const pod of pods) {
    if (pod.deleting || pod.finished || isStarting(pod)) continue;
    if (metric === 'cpu' && pod.cpuRequest === undefined) return { kind: 'no-request', pod: pod.name, container: pod.withoutCpuRequest ?? '' };
    const usage = usageOf(pod.name);
    // A namesake's of before is none.
    const isOwn = usage !== undefined && usage.timestamp >= pod.createdAt && !(metric === 'cpu' && isOfStart(pod, usage));
    const value = isOwn ? used(pod, usage, metric) : undefined;
    if (value === undefined) {
      unmeasured += 1;
      continue;
    }
    measured += 1;
    sum += value;
    requests += pod.cpuRequest ?? 0;
  }
  if (measured === 0) return { kind: 'unmeasured' };
  const known = metric === 'memory' ? sum : requests > 0 ? (100 * sum * measured) / requests : Number.NaN;
  if (!Number.isFinite(known)) return { kind: 'unmeasured' };
  if (target === undefined) return { kind: 'value', total: (known * (measured + unmeasured)) / measured };
  const unchanged = target * (measured + unmeasured);
  return { kind: 'value', total: Math.min(Math.max(unchanged, known), known + unmeasured * target) };
};
