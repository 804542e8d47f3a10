import type { MetricName } from './spec/scale-spec.ts';
import type { Millis, Pods } from './units.ts';
import type { WorkloadKey } from './workload.ts';

/**
 * A metric over both windows, or the plain fact that there is none: missing is never zero. Values are totals over all pods: of `cpu` in percent of the pods' requests, so
 * that two pods at 80 % are 160; of `memory` in bytes. Only `latency` has no total: it is the 95th percentile, in ms.
 */
export type MetricReading =
  | {
      readonly metric: MetricName;
      readonly kind: 'value';
      readonly stable: number;
      readonly panic: number;
      /** Since the newest sample. */ readonly age: Millis;
    }
  | {
      readonly metric: MetricName;
      readonly kind: 'no-data';
      /** Since the last value; undefined if there never was one. */
      readonly age: Millis | undefined;
      /** Why there is none, as a sentence's end, where more is known than that nothing came. */
      readonly why?: string;
      /** There was nothing to measure (no request ended): that is known, and keeps nothing up. */
      readonly nothing?: true;
    };

/** What the operator's budget of pods leaves a workload at one moment. */
export interface BudgetRoom {
  /** The most pods that it may have now: its share, as far as there is room already. */
  readonly limit: Pods;
  /** What it gets of what it asked for at the last look. */
  readonly share: Pods;
  /** Which ceiling is nearest, how high it is, and how many pods are under it. */
  readonly scope: 'cluster' | 'namespace';
  readonly ceiling: Pods;
  readonly used: Pods;
  /** Who gets less than it wants, the one that lacks the most first; a few of them. */
  readonly losers: readonly BudgetLoser[];
}

export interface BudgetLoser {
  readonly workload: WorkloadKey;
  readonly wanted: Pods;
  readonly share: Pods;
}

/** Everything a decision may depend on apart from state, spec and time. */
export interface Observation {
  readonly metrics: readonly MetricReading[];
  /** `spec.replicas` as last read or written. */
  readonly replicas: Pods;
  readonly ready: Pods;
  /** Created and neither ready nor terminating. */
  readonly starting: Pods;
  readonly terminating: Pods;
  /** Requests waiting in gateways now. */
  readonly held: number;
  /** Requests in flight in pods and open upgraded connections, now. */
  readonly inFlight: number;
  /** False until the controller has a full window of data or replayed history: until then nothing goes down. */
  readonly warm: boolean;
  /** Gateways that should report and do not; their last figures stand, and nothing goes down on their absence. */
  readonly absentGateways: number;
  /** `path`: whether traffic to a workload at zero reaches a gateway that would hold it. Without that the last pod may not go. */
  readonly holdReady: boolean;
  /** Pods were ready at least once since onboarding or the last template change (ends `initial-scale`). */
  readonly wasReady: boolean;
  /** False for a revision that no traffic reaches: then no floor, no delay and no limit on going down (Knative's `Reachable`). True if left out. */
  readonly reachable?: boolean;
  /** A count set by hand that is still honoured. */
  readonly override: Pods | undefined;
  /** Left out where `rouse-config` has no budget. */
  readonly budget?: BudgetRoom;
}
