import type { Clock, Decision, Instant, Logger, MetricReading, ScaleSpec, WorkloadKey, WorkloadRef } from '../core/index.ts';
import type { FormulaLookup } from '../decider/index.ts';
import type { KubeClient, PodView, Resource, Snapshot } from '../kube/index.ts';
import type { Journal } from './journal.ts';
import type { RemovalOrder } from './placement/removal-order.ts';
import type { WorkloadRegistry } from './registry.ts';
import type { WakeFailures } from './wake-failures.ts';
import type { WorkloadRecord } from './workload-record.ts';

/** What is known of a workload's load at one moment. Missing metrics are readings that say so. */
export interface WorkloadLoad {
  readonly metrics: readonly MetricReading[];
  /** Requests waiting in gateways. */
  readonly held: number;
  /** Requests in flight in pods and open upgraded connections. */
  readonly inFlight: number;
  /** The same by pod uid; pods with none may be left out. */
  readonly inFlightByPod: ReadonlyMap<string, number>;
  /** True once a whole stable window was seen or replayed. */
  readonly warm: boolean;
  /** Gateways that should report and do not. */
  readonly absentGateways: number;
}

/** The load, by workload (`metrics`). */
export interface WorkloadMetrics {
  observe(key: WorkloadKey, spec: ScaleSpec, now: Instant): WorkloadLoad;
  /** True while nothing has been heard of the workload since it was last observed without any load: observing it again would tell nothing new. */
  isQuiet(key: WorkloadKey): boolean;
  /** The workload was handed back or deleted: its windows and series go. */
  forget(key: WorkloadKey): void;
}

/** How traffic reaches a workload at the moment (`routing`). */
export interface PathState {
  /** Whether a request to the workload without pods would be held: a gateway has the routes and stands in the Service's slice, or no path is wanted. */
  holdReady(key: WorkloadKey): boolean;
  /** The last pod is about to go (or no longer): where the gateways are not in the path already, they are to stand in, so that `holdReady` becomes true. Idempotent. */
  hold(key: WorkloadKey, wanted: boolean): void;
  /**
   * These pods, by uid, are about to be taken away: gateways send nothing new to them. Resolves when they have heard, or after a moment. Taken back by an
   * empty set, and by itself where another pod goes instead or none does.
   */
  retire(key: WorkloadKey, pods: ReadonlySet<string>, signal: AbortSignal): Promise<void>;
}

/** Gives traffic back to the workload's own pods (`routing`). */
export interface PathManager {
  /** Resolves when no Service of the workload points at a gateway any more; idempotent. Rejects if it cannot be done now. */
  handBack(key: WorkloadKey, signal: AbortSignal): Promise<void>;
}

/** Writes Kubernetes Events about a workload; never fails, drops what it cannot write. */
export interface EventRecorder {
  record(
    about: WorkloadRef & { readonly uid: string },
    event: { readonly type: 'Normal' | 'Warning'; readonly reason: string; readonly message: string },
  ): void;
}

/** The API resource behind `deployments.apps` and the like; undefined for a kind that is not allowed. */
export type ResourceOf = (resource: string) => Resource | undefined;

/** Everything that the scaler is made of and does not make itself. */
export interface ScalerPorts {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly client: Pick<KubeClient, 'get' | 'writeScale' | 'mergePatch' | 'list' | 'create' | 'delete'>;
  readonly registry: WorkloadRegistry;
  /** Where wakes that cannot succeed are told; routing reads it. */
  readonly failures: WakeFailures;
  /** Pods of all namespaces that have workloads. */
  readonly pods: Snapshot<PodView>;
  readonly metrics: WorkloadMetrics;
  readonly path: PathState & PathManager;
  /** Everything that has to be in before the first decision. */
  readonly synced: () => Promise<void>;
  readonly formulas?: FormulaLookup;
  /** What was decided, and from what; left out: one of its own. */
  readonly journal?: Journal;
  readonly events?: EventRecorder;
  /** Told each decision, also one that changes nothing, in every replica. Must not throw. */
  readonly decided?: (record: WorkloadRecord, decision: Decision) => void;
  /** Told after each look at every workload how long it took, pauses included. Must not throw. */
  readonly ticked?: (tookMs: number) => void;
  /** A workload is about to be woken by this decision. Must not throw. */
  readonly waking?: (key: WorkloadKey, decision: Decision) => void;
  /** Where pods are placed: which of equally idle ones go first. */
  readonly removalOrder?: RemovalOrder;
  /** Beyond Deployments and StatefulSets. */
  readonly resourceOf?: ResourceOf;
}
