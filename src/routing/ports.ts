import type { GatewayInfo, RouteSnapshot, ScaleSpec, WakeFailureReason, WorkloadKey } from '../core/index.ts';
import type { WorkloadView } from '../kube/index.ts';

/** A workload as routing needs it. */
export interface RoutedWorkload {
  readonly key: WorkloadKey;
  readonly view: WorkloadView;
  readonly spec: ScaleSpec;
  /** `off-boarding`: switched off; what is taken over stays so until `handBack`. */
  readonly phase: 'onboarded' | 'off-boarding';
}

/** Which workloads there are. A workload stays in it until its hand-back is complete, also while its annotations cannot be read. */
export interface WorkloadSource {
  /** Resolves when every workload there is has been read once: before that nothing may be concluded from an absence. */
  readonly synced: Promise<void>;
  get(key: WorkloadKey): RoutedWorkload | undefined;
  values(): Iterable<RoutedWorkload>;
  /** `listener` runs for each workload that came, went or changed (view or spec); it must not throw. */
  subscribe(listener: (key: WorkloadKey) => void): () => void;
}

/** Why a wake of a workload cannot succeed at the moment. */
export interface WakeFailureSource {
  get(key: WorkloadKey): { readonly reason: WakeFailureReason; readonly message: string } | undefined;
  subscribe(listener: (key: WorkloadKey) => void): () => void;
}

/** The spans of wakes, for gateways to link to (`WorkloadRoute.wakeContext`). */
export interface WakeContextSource {
  get(key: WorkloadKey): string | undefined;
  subscribe(listener: (key: WorkloadKey) => void): () => void;
}

export type RouteChange = Pick<RouteSnapshot, 'full' | 'upsert' | 'remove'>;

/** The way to the gateways. */
export interface RoutePublisher {
  /** Sends a change to every gateway, and keeps the sum of all changes for those that connect later. Returns the change's revision. */
  publish(change: RouteChange): number;
  /** Those connected now that do not leave. */
  gateways(): readonly GatewayInfo[];
  /** Everyone connected now, those that leave included. */
  sessions(): readonly GatewayInfo[];
  /** `listener` runs when a gateway connects, goes, acknowledges or asks to leave. */
  onGateways(listener: () => void): () => void;
}

/** Gives ports for gateways to listen on. */
export interface PortAllotter {
  /** A port that is not in `taken`; undefined if there is none left. */
  allot(taken: ReadonlySet<number>): Promise<number | undefined>;
}

/** Something about a workload's Services that its owner should know. */
export interface RoutingNotice {
  readonly workload: WorkloadKey;
  readonly type: 'Normal' | 'Warning';
  readonly reason: 'ServiceTakenOver' | 'ServiceHandedBack' | 'ServiceNotTakenOver' | 'NoGateway';
  readonly message: string;
}
