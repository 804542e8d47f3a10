import { millis, RouseError, type Clock, type Logger, type Millis, type WorkloadKey } from '../core/index.ts';
import { resources, type KubeClient, type ObjectName, type Refusal, type Resource, type ServiceView } from '../kube/index.ts';
import type { GatewaySet } from './gateway-set.ts';
import type { PortBook } from './gateway-ports.ts';
import type { Patience } from './patience.ts';
import type { RoutingNotice } from './ports.ts';
import type { RouteBook } from './route-book.ts';
import type { World } from './world.ts';

/** A Service as on the wire. */
export type Service = NonNullable<(typeof resources.services)['type']>;
export const serviceResource: Resource<Service> = resources.services;

/** How long a step is waited for before it goes on without. */
export interface RoutingLimits {
  /** For every gateway to say that it serves a new port; one is enough after that. */
  readonly acknowledgement: Millis;
  /** At hand-back, for a pod of a workload that should have some, and for the controllers' slice to hold the ready ones. */
  readonly handBack: Millis;
}

/** What the steps of a takeover and of a hand-back work with. */
export interface ReconcileEnv {
  readonly client: KubeClient;
  readonly world: World;
  readonly book: RouteBook;
  readonly gateways: GatewaySet;
  readonly ports: PortBook;
  readonly patience: Patience;
  readonly limits: RoutingLimits;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Workloads at path `direct` whose last pod is about to go. */
  readonly holds: ReadonlySet<WorkloadKey>;
  /** Whether the namespace's pods are in the snapshot; waits a little for them. */
  readonly podsKnown: (namespace: string, signal: AbortSignal) => Promise<boolean>;
  /** Services that wait for some gateway's acknowledgement. */
  readonly unacknowledged: Set<string>;
  readonly notify: (notice: RoutingNotice) => void;
}

/** How far a Service is. `waiting`: the next event will go on with it; `again` is when to look without one. */
export type Progress =
  { readonly state: 'done'; readonly again: Millis | undefined } | { readonly state: 'waiting'; readonly what: string; readonly again: Millis };

export const done = (again?: Millis): Progress => ({ state: 'done', again });
export const waiting = (what: string, again: Millis = millis(1000)): Progress => ({ state: 'waiting', what, again });

/** The API server refused in a way that the next look at the cluster does not mend by itself. */
const writeRefused = (what: string, refusal: Refusal): RouseError<'write-refused'> =>
  new RouseError('write-refused', `${what}: ${refusal.message}`, { retryable: true, ...(refusal.status === undefined ? {} : { httpStatus: refusal.status }) });

/** Refusals that say no more than that our copy of the cluster is behind: its next event brings us back. */
const isStale = ({ kind }: Refusal): boolean => kind === 'conflict' || kind === 'not-found' || kind === 'already-exists';

export const nameOf = ({ namespace, name }: ServiceView): ObjectName => ({ namespace, name });
export const keyOf = ({ namespace, name }: ServiceView): string => `${namespace}/${name}`;

/** Soon enough for whoever waits, late enough for the watch to have caught up. */
export const soon = millis(50);

/** A write that only met a newer state is no failure: the watch brings that state, and with it the next look. Anything else is thrown. */
export const refused = (what: string, refusal: Refusal): Progress => {
  if (isStale(refusal)) return waiting(what, soon);
  throw writeRefused(what, refusal);
};
