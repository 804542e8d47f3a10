import type { Logger, RouteSnapshot } from '../../core/index.ts';
import type { EdgePortsOptions, ListeningSockets } from '../../gateway/index.ts';
import type { GatewayClaim } from '../../link/index.ts';
import type { Observing } from './observing.ts';

/** What one of several workers has that differs from a gateway that is alone. */
export interface WorkerPart {
  readonly sockets: ListeningSockets;
  readonly claim: NonNullable<GatewayClaim['worker']>;
  readonly holdSlots: number;
  /** Its part of what routes allow a gateway. */
  readonly share: (snapshot: RouteSnapshot) => RouteSnapshot;
}

/** What both kinds are started with. */
export interface Around {
  readonly logger: Logger;
  readonly observed: Observing['observed'];
  readonly shared: EdgePortsOptions;
  readonly part: WorkerPart | undefined;
}
