import { millis, type Clock, type Timer } from '../core/index.ts';
import type { Pod } from './pod.ts';

/** The connections to one port of one pod. */
export interface PodPool {
  /** Closes what has been idle for too long. */
  sweep(): void;
  /** Idle connections are closed; calls in flight run to their end, and their connections with them. */
  close(): void;
}

const sweepEveryMs = 1000;

/** A pool of connections for each port of each pod that calls go to, made when it is first asked for. */
export class PodPools<Pool extends PodPool> {
  readonly #clock: Clock;
  readonly #make: (pod: Pod, port: number) => Pool;
  readonly #pools = new Map<Pod, Map<number, Pool>>();
  #timer: Timer | undefined;

  constructor(clock: Clock, make: (pod: Pod, port: number) => Pool) {
    this.#clock = clock;
    this.#make = make;
  }

  of(pod: Pod, port: number): Pool {
    let ports = this.#pools.get(pod);
    if (ports === undefined) this.#pools.set(pod, (ports = new Map<number, Pool>()));
    let pool = ports.get(port);
    if (pool === undefined) ports.set(port, (pool = this.#make(pod, port)));
    this.#timer ??= this.#clock.every(millis(sweepEveryMs), () => this.#sweep());
    return pool;
  }

  /** To each of its ports that calls went to. */
  to(pod: Pod): Iterable<Pool> {
    return this.#pools.get(pod)?.values() ?? [];
  }

  /** The pod is no more. */
  forget(pod: Pod): void {
    for (const pool of this.to(pod)) pool.close();
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
