import type { Clock, Logger, Millis, Random } from '../../core/index.ts';
import type { KubeConnection } from '../../kube/index.ts';
import type { PortAllotter } from '../../routing/index.ts';
import type { ControllerTracer } from './controller-tracer.ts';
import type { ListenAddress } from '../listen.ts';

/** What a controller is started with. */
export interface ControllerOptions {
  readonly connection: KubeConnection;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Unique per process; the Lease's holder. */
  readonly identity: string;
  /** The user name under which the API server knows us: what it writes as field manager `rouse` passes our own webhooks as it is. Left out: the API server is asked. */
  readonly user?: string;
  /** Webhooks and link. */
  readonly listen: ListenAddress;
  /** Address at which the API server reaches the webhooks by URL; undefined: by Service `rouse-controller`. */
  readonly advertise: string | undefined;
  readonly allowExternalGateways: boolean;
  /** Workloads of these namespaces alone; undefined: of all. */
  readonly namespaces: readonly string[] | undefined;
  /** Nodes and all pods are watched, new pods placed, schedulers answered. */
  readonly placement: boolean;
  /** Left out: nothing is traced. */
  readonly tracer?: ControllerTracer | undefined;
  /** Local mode: between two reads of the metrics API, which has something new whenever it is asked. Left out: 15 s. */
  readonly usageEvery?: Millis;
  /** Local mode: the live page asks nobody on this machine who they are. */
  readonly openPage?: boolean;
  /** Local mode: where gateways bind, and which ports they get. */
  readonly localPorts?: { readonly listenAddress: string; readonly allotter: PortAllotter };
}
