import { millis, type Clock, type Timer } from '../../core/index.ts';
import type { Pod } from '../pod.ts';
import { freshForMs, keepPodIdleMs } from './limits.ts';
import { PodConnection, type Pool } from './pod-connection.ts';

const sweepEveryMs = 1000;
/** What was learnt of a pod that closed connections early is forgotten by so much a sweep: the limit is tried upward again. */
const forgetFactor = 1.05;

/**
 * Which idle connections will do. `any`: the request may be sent again, should the connection turn out to be dead. `fresh`: it may not, so only one used a moment ago. `none`: it has
 * met a dead one already.
 */
export type Reuse = 'any' | 'fresh' | 'none';

/** Idle connections to one port of one pod, the one used last on top. */
class PodPool implements Pool {
  readonly clock: Clock;
  readonly #address: string;
  readonly #port: number;
  readonly #idle: PodConnection[] = [];
  /** For how long a connection may be idle: less than the pod keeps it, as far as it has said or shown. */
  #limitMs = keepPodIdleMs;
  #closed = false;

  constructor(clock: Clock, address: string, port: number) {
    this.clock = clock;
    this.#address = address;
    this.#port = port;
  }

  take(reuse: Reuse): PodConnection {
    if (reuse === 'none') return this.open();
    const top = this.#idle.at(-1);
    const limit = reuse === 'any' ? this.#limitMs : Math.min(this.#limitMs, freshForMs);
    if (top === undefined || this.clock.monotonic() - top.idleSince >= limit) return this.open();
    this.#idle.pop();
    return top;
  }

  open(): PodConnection {
    return new PodConnection(this, this.#address, this.#port);
  }

  idle(connection: PodConnection): void {
    if (this.#closed) return connection.close();
    if (connection.keepAliveSeconds !== undefined) this.#limitMs = Math.min(this.#limitMs, connection.keepAliveSeconds * 800);
    connection.idleSince = this.clock.monotonic();
    this.#idle.push(connection);
  }

  gone(connection: PodConnection, idleMs: number | undefined): void {
    if (idleMs !== undefined) this.#limitMs = Math.min(this.#limitMs, idleMs / 2);
    const at = this.#idle.lastIndexOf(connection);
    if (at >= 0) this.#idle.splice(at, 1);
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

/** Keep-alive connections to pods: a pool per pod and port, as many connections as calls in flight. */
export class Upstreams {
  readonly #clock: Clock;
  readonly #pools = new Map<Pod, Map<number, PodPool>>();
  #timer: Timer | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A connection for one request. Throws at an address that is none. */
  take(pod: Pod, port: number, reuse: Reuse): PodConnection {
    let ports = this.#pools.get(pod);
    if (ports === undefined) this.#pools.set(pod, (ports = new Map<number, PodPool>()));
    let pool = ports.get(port);
    if (pool === undefined) ports.set(port, (pool = new PodPool(this.#clock, pod.route.address, port)));
    this.#timer ??= this.#clock.every(millis(sweepEveryMs), () => this.#sweep());
    return pool.take(reuse);
  }

  /** Idle connections are closed; calls in flight run to their end. */
  forget(pod: Pod): void {
    for (const pool of this.#pools.get(pod)?.values() ?? []) pool.close();
    this.#pools.delete(pod);
  }

  close(): void {
    for (const pod of this.#pools.keys()) this.forget(pod);
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #sweep(): void {
    for (const ports of this.#pools.values()) for (const pool of ports.values()) pool.sweep();
  }
}
