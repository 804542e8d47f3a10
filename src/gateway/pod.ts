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
  /** Of the workload's limit, this gateway's part; undefined where all of it is. */
  share: number | undefined;
  /** Our own probe succeeded since it was last said to be starting. */
  confirmed = false;
  /** Ejected: not used until a probe succeeds. */
  suspect = false;
  /** Answers in a row that broke off. */
  failures = 0;
  /** Ejections that are not yet forgotten. */
  ejections = 0;
  /** When it was last said that it does nothing with connections that it takes. */
  complainedAt = -Infinity;
  /** Monotonic time since which it can be used. */
  usableSince = 0;
  /** True while it is not even probed. */
  pausing = false;
  /** Ends the probing under way, or the wait for it. */
  stopProbing: (() => void) | undefined;

  /** What was asked for last, of which ports, and what it is. */
  #target: string | undefined;
  #ports: PodRoute['ports'] | undefined;
  #port: number | undefined;

  constructor(route: PodRoute, figures: RevisionFigures, connections: PodConnectionCounts) {
    this.route = route;
    this.figures = figures;
    this.connections = connections;
  }

  get usable(): boolean {
    return this.route.state !== 'terminating' && !this.suspect && (this.route.state === 'ready' || this.confirmed);
  }

  hasRoom(target: string, limit: number | undefined): boolean {
    return this.isBelow(limit) && this.portOf(target) !== undefined;
  }

  /** Undefined where it has none of that name. */
  portOf(target: string): number | undefined {
    const { ports } = this.route;
    if (target === this.#target && ports === this.#ports) return this.#port;
    this.#target = target;
    this.#ports = ports;
    this.#port = Object.hasOwn(ports, target) ? ports[target] : undefined;
    return this.#port;
  }

  isBelow(limit: number | undefined): boolean {
    return limit === undefined || this.inFlight < (this.share === undefined || this.share > limit ? limit : this.share);
  }
}
