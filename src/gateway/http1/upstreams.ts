import type { Clock } from '../../core/index.ts';
import type { PodConnectionCounts } from '../counters.ts';
import { PodPools, type PodPool } from '../pod-pools.ts';
import { freshForMs, keepPodIdleMs } from './limits.ts';
import { PodConnection, type Pool } from './pod-connection.ts';

/** What was learnt of a pod that closed connections early is forgotten by so much a sweep: the limit is tried upward again. */
const forgetFactor = 1.05;

/**
 * Which idle connections will do. `any`: the request may be sent again, should the connection turn out to be dead. `fresh`: it may not, so only one used a moment ago; `fresh-long`: the same, and it is too long to be
 * written at the end of the turn, as all that is short is, so that the look for the end of the connection that comes with that comes before. `none`: it has
 * met a dead one already, or so many others have that it is not to be tried. `none-as-stream`: it asks to change protocols, and takes the connection with it.
 */
export type Reuse = 'any' | 'fresh' | 'fresh-long' | 'none' | 'none-as-stream';

/** Idle connections to one port of one pod, the one used last on top. */
class ConnectionPool implements Pool, PodPool {
  readonly clock: Clock;
  readonly #address: string;
  readonly #port: number;
  readonly #counts: PodConnectionCounts;
  readonly #idle: PodConnection[] = [];
  /** For how long a connection may be idle: less than the pod keeps it, as far as it has said or shown. */
  #limitMs = keepPodIdleMs;
  #closed = false;

  constructor(clock: Clock, address: string, port: number, counts: PodConnectionCounts) {
    this.clock = clock;
    this.#address = address;
    this.#port = port;
    this.#counts = counts;
  }

  /** A connection for one request. Throws at an address that is none. */
  take(reuse: Reuse, now: number): PodConnection {
    if (reuse === 'none-as-stream') return this.#open(true);
    const top = this.#idle.at(-1);
    if (top === undefined) return this.#open(false);
    const idleMs = now - top.idleSince;
    if (reuse === 'none' || idleMs >= this.#limitMs) {
      // The new one will take its place: no more are kept than there were calls at once.
      top.close();
      return this.#open(false);
    }
    if (reuse !== 'any' && idleMs >= freshForMs) return this.#open(false);
    this.#idle.pop();
    this.#counts.idle -= 1;
    if (reuse !== 'any') top.lookFirst(reuse === 'fresh-long');
    return top;
  }

  #open(asStream: boolean): PodConnection {
    const connection = new PodConnection(this, this.#address, this.#port, asStream);
    this.#counts.open += 1;
    this.#counts.opened += 1;
    return connection;
  }

  idle(connection: PodConnection): void {
    if (this.#closed) return connection.close();
    if (connection.keepAliveSeconds !== undefined) this.#limitMs = Math.min(this.#limitMs, connection.keepAliveSeconds * 800);
    connection.idleSince = this.clock.monotonic();
    this.#idle.push(connection);
    this.#counts.idle += 1;
  }

  gone(connection: PodConnection, idleMs: number | undefined): void {
    if (idleMs !== undefined) this.closedAfter(idleMs);
    const at = this.#idle.lastIndexOf(connection);
    this.#counts.open -= 1;
    if (at < 0) return;
    this.#idle.splice(at, 1);
    this.#counts.idle -= 1;
  }

  closedAfter(idleMs: number): void {
    this.#limitMs = Math.min(this.#limitMs, Math.max(0, idleMs) / 2);
  }

  /** Closes what has been idle for too long; those are at the bottom. */
  sweep(): void {
    const now = this.clock.monotonic();
    for (let oldest = this.#idle[0]; oldest !== undefined && now - oldest.idleSince >= this.#limitMs; oldest = this.#idle[0]) oldest.close();
    this.#limitMs = Math.min(keepPodIdleMs, this.#limitMs * forgetFactor + 1);
  }

  close(): void {
    this.#closed = true;
    for (let top = this.#idle.at(-1); top !== undefined; top = this.#idle.at(-1)) top.close();
  }
}

/** Keep-alive connections to pods, as many as calls in flight. */
export type Upstreams = PodPools<ConnectionPool>;
export const createUpstreams = (clock: Clock): Upstreams =>
  new PodPools(clock, (pod, port) => new ConnectionPool(clock, pod.route.address, port, pod.connections));
