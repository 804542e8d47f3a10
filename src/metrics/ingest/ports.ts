import type { Clock, GatewayId, Instant, MetricReading, Millis, Poke, Report, ResourceMetric, ScaleSpec, WorkloadKey } from '../../core/index.ts';
import type { Metering } from './metering.ts';

/** What is known of a workload's load at one moment. */
export interface WorkloadLoad {
  /** One reading for each metric that the spec asks for (`askedMetrics`); missing data is a reading that says so. */
  readonly metrics: readonly MetricReading[];
  /** Requests waiting in gateways. */
  readonly held: number;
  /** Requests in flight in pods and open upgraded connections. */
  readonly inFlight: number;
  /** The same by pod uid; pods with none are left out. */
  readonly inFlightByPod: ReadonlyMap<string, number>;
  /** True once a whole stable window was seen or replayed. */
  readonly warm: boolean;
  /** Gateways that should report and do not. */
  readonly absentGateways: number;
}

/** What was left out of the windows, and why. Only ever counts up. */
export interface Drops {
  /** Older than the window. */
  readonly late: number;
  /** A sequence number, or seconds, that were there already. */
  readonly doubled: number;
  /** NaN, infinite, negative, absurdly large. */
  readonly invalid: number;
  /** From a gateway that had not joined. */
  readonly unknownGateway: number;
  /** Of workloads that nobody has asked for, beyond the most that are kept. */
  readonly overLimit: number;
}

/** What pods use, by workload (`resources/`). */
export interface ResourceReadings {
  reading(metric: ResourceMetric, key: WorkloadKey, spec: ScaleSpec): MetricReading;
  /** False while the metric has been followed for less than a stable window. */
  isWarm(metric: ResourceMetric, key: WorkloadKey, spec: ScaleSpec): boolean;
  forget(key: WorkloadKey): void;
}

export interface WorkloadMetricsOptions {
  readonly clock: Clock;
  /** Silence after which a gateway counts as absent (3 s). */
  readonly absentAfter?: Millis;
  /** How long the figures of a gateway whose connection is lost stand (10 min); then it is taken for gone. */
  readonly standFor?: Millis;
  /** After a start nothing counts as warm for so long, however much was replayed: other gateways may not have connected yet (5 s). */
  readonly settleFor?: Millis;
  /** How much of a workload's traffic passes the gateways at the moment (`routing` knows). Left out: all of it, unless the spec's path says none. */
  readonly metering?: (key: WorkloadKey) => Metering;
  /** The same key as everybody else keeps it, where it is known: a copy that came with a report would stay in memory as long as its workload has load. */
  readonly keyOf?: (key: WorkloadKey) => WorkloadKey | undefined;
  /** Left out: cpu and memory are missing. */
  readonly resources?: ResourceReadings;
  /** Most workloads with load of which reports alone tell (100 000); those that the scaler asks for are not limited. */
  readonly mostWorkloads?: number;
}

export interface WorkloadMetrics {
  /** Takes one report. Times are of one wall clock, ours; that of the gateway is never looked at. */
  ingest(gateway: GatewayId, report: Report, receivedAt: Instant): void;
  /** Takes the held requests of a poke: newer than the last report. */
  poke(gateway: GatewayId, poke: Poke): void;
  /** From now on it should report. Joining again keeps its figures. */
  gatewayJoined(gateway: GatewayId): void;
  /** `graceful`: nothing of it is open any more, its figures go. Else they stand. */
  gatewayLeft(gateway: GatewayId, graceful: boolean): void;
  observe(key: WorkloadKey, spec: ScaleSpec, now: Instant): WorkloadLoad;
  /** True while nothing has been heard of the workload since it was last observed without any load, and there are gateways that would tell. */
  isQuiet(key: WorkloadKey): boolean;
  /** The workload was handed back or deleted: everything about it goes. */
  forget(key: WorkloadKey): void;
  readonly drops: Drops;
}
