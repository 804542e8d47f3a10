import type { PodRoute } from '../core/index.ts';
import type { PodConnectionCounts } from './counters.ts';
import type { RevisionFigures } from './revision-figures.ts';

/** A pod as this gateway sees it: what the controller says, and what was seen here. */
export class Pod {
  route: PodRoute;
  /** Of its revision. */
  readonly figures: RevisionFigures;
  /** To all pods of its workload. */
  readonly connections: PodConnectionCounts;
  /** Calls in it from this gateway. */
  inFlight = 0;
  /** Our own probe succeeded since it was last said to be starting. */
  confirmed = false;
  /** A connection failed since; not used until a probe succeeds. */
  suspect = false;
  /** Monotonic time since which it can be used. */
  usableSince = 0;
  /** Ends the probing under way. */
  stopProbing: (() => void) | undefined;

  constructor(route: PodRoute, figures: RevisionFigures, connections: PodConnectionCounts) {
    this.route = route;
    this.figures = figures;
    this.connections = connections;
  }

  get usable(): boolean {
    return this.route.state !== 'terminating' && !this.suspect && (this.route.state === 'ready' || this.confirmed);
  }

  hasRoom(target: string, limit: number | undefined): boolean {
    return (limit === undefined || this.inFlight < limit) && Object.hasOwn(this.route.ports, target);
  }
}
