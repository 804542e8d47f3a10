import type { Millis, Pods } from '../units.ts';

export const metricNames = ['concurrency', 'rps', 'held', 'latency', 'cpu', 'memory'] as const;
export type MetricName = (typeof metricNames)[number];

/** One metric that drives the workload. `target` is per pod and before utilization, in the metric's own unit: requests, requests/s, requests, ms, % of request, bytes. */
export interface MetricTarget {
  readonly metric: MetricName;
  readonly target: number;
}

export const weekdays = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;
export type Weekday = (typeof weekdays)[number];

/** A floor and a ceiling that hold on `days` from `from` to `to` (minutes after local midnight, `to` ≤ `from` means the next day) in `timezone` (IANA). */
export interface ScheduleWindow {
  readonly days: readonly Weekday[];
  readonly fromMinute: number;
  readonly toMinute: number;
  readonly timezone: string;
  readonly min?: Pods;
  readonly max?: Pods;
}

/** A request that matches every given field is neither counted nor wakes. `path` and `userAgent` are prefixes, `header` is a name that must be there. */
export interface IgnoreRule {
  readonly path?: string;
  readonly userAgent?: string;
  readonly header?: string;
}

export const protocols = ['http1', 'h2c', 'grpc', 'tcp'] as const;
export type Protocol = (typeof protocols)[number];

/** How the count follows the load. Percentages are fractions here. */
export interface ScalingSpec {
  readonly min: Pods;
  readonly max: Pods | 'unlimited';
  readonly initial: Pods | 'live';
  readonly activation: Pods;
  readonly metrics: readonly MetricTarget[];
  /** Share of the target at which to scale, in (0, 1]. */
  readonly targetUtilization: number;
  readonly containerConcurrency: number | 'unlimited';
  readonly targetBurstCapacity: number | 'unlimited';
  readonly stableWindow: Millis;
  /** Share of the stable window that the panic window spans, in (0, 1]. */
  readonly panicWindowShare: number;
  /** Panic starts where panic-window demand reaches this multiple of ready capacity (≥ 1.1). */
  readonly panicThreshold: number;
  readonly aggregation: 'linear' | 'weighted-exponential';
  readonly maxScaleUpRate: number;
  readonly maxScaleDownRate: number;
  readonly scaleDownDelay: Millis;
  readonly scaleToZeroGracePeriod: Millis;
  readonly scaleToZeroPodRetention: Millis;
  readonly schedule: readonly ScheduleWindow[];
  readonly formula: string | undefined;
  readonly fallback: { readonly replicas: Pods; readonly after: Millis } | undefined;
}

/** What the gateway does with the workload's requests. */
export interface TrafficSpec {
  /** `auto`: the Service's appProtocol, else its port name, else http1. */
  readonly protocol: Protocol | 'auto';
  readonly holdQueueDepth: number;
  readonly holdTimeout: Millis | 'never-hold';
  readonly waitingPage: boolean;
  readonly requestTimeout: Millis | 'off';
  readonly responseStartTimeout: Millis | 'off';
  readonly idleTimeout: Millis | 'off';
  readonly ignoreRequests: readonly IgnoreRule[];
}

export interface PlacementSpec {
  readonly policy: 'warm' | 'spread' | 'pack' | 'off';
  readonly baseReplicas: Pods | undefined;
  readonly baseNodes: string | undefined;
  readonly burstNodes: string | undefined;
}

/** Everything the annotations of one workload say, defaults filled in. Immutable; swapped by reference when an annotation changes. */
export interface ScaleSpec {
  readonly mode: 'enforce' | 'observe';
  readonly path: 'auto' | 'gateway' | 'direct' | 'none';
  readonly services: readonly string[] | 'all';
  readonly pause: 'none' | 'both' | 'up' | 'down';
  readonly adoptHpa: boolean;
  readonly manualOverride: Millis;
  readonly policy: 'rouse' | 'kpa';
  readonly scaling: ScalingSpec;
  readonly traffic: TrafficSpec;
  readonly placement: PlacementSpec;
}
