import { millis, type Clock, type Logger, type Millis } from '../core/index.ts';
import type { KubeClient } from '../kube/index.ts';
import type { GatewayPods } from './gateway-pods.ts';
import type { PortAllotter, RoutePublisher, RoutingNotice, WakeContextSource, WakeFailureSource, WorkloadSource } from './ports.ts';
import type { RoutingSnapshots } from './world.ts';

export interface RoutingOptions {
  readonly client: KubeClient;
  readonly snapshots: RoutingSnapshots;
  readonly workloads: WorkloadSource;
  readonly publisher: RoutePublisher;
  /** Left out: nothing is known of gateways but their links. */
  readonly gatewayPods?: GatewayPods;
  readonly wakeFailures: WakeFailureSource;
  /** Left out: nothing is traced. */
  readonly wakeContexts?: WakeContextSource;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Only the leader writes; every replica publishes routes. */
  readonly isLeader: () => boolean;
  /** Ports for gateways; left out: 20000 to 29999. */
  readonly allotter?: PortAllotter;
  /** Where gateways bind the allotted ports; left out: all addresses. */
  readonly listenAddress?: string;
  /** Told once for each piece of news. */
  readonly notify?: (notice: RoutingNotice) => void;
  /** Told after each piece of work on a Service how long it took, and whether it is to be tried again. Must not throw. */
  readonly reconciled?: (tookMs: number, outcome: 'done' | 'failed') => void;
  readonly timing?: Partial<RoutingTiming>;
}

export interface RoutingTiming {
  readonly acknowledgement: Millis;
  readonly handBack: Millis;
  readonly linger: Millis;
  readonly absence: Millis;
  readonly firstAbsence: Millis;
  /** A gateway without a link whose pod is not ready, or that has none, has its permits for so long. */
  readonly lapse: Millis;
  /** Everything is looked at again this often, against whatever no event told. */
  readonly resync: Millis;
}

export const usualTiming: RoutingTiming = {
  acknowledgement: millis(5000),
  handBack: millis(10_000),
  linger: millis(5000),
  absence: millis(1000),
  firstAbsence: millis(10_000),
  lapse: millis(300_000),
  resync: millis(60_000),
};
