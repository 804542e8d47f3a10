import { isIPv6 } from 'node:net';
import type { Dispatcher } from 'undici';
import Pool from 'undici/lib/dispatcher/pool.js';
import type { Pod } from '../pod.ts';

/** A pod on the same network answers a SYN in well under a millisecond; longer means that it is not there, and another one is tried. */
const connectTimeoutMs = 1000;
/** Shorter than what common servers keep an idle connection for (Node 5 s), so that we never write into one that is just being closed. */
const keepIdleMs = 4000;
const mostHeaderBytes = 64 * 1024;

/** Keep-alive connections to pods: a pool per pod and port, as many connections as calls in flight. */
export class Upstreams {
  readonly #pools = new Map<Pod, Map<number, Dispatcher>>();

  of(pod: Pod, port: number): Dispatcher {
    let ports = this.#pools.get(pod);
    if (ports === undefined) this.#pools.set(pod, (ports = new Map<number, Dispatcher>()));
    let pool = ports.get(port);
    if (pool === undefined) ports.set(port, (pool = open(pod.route.address, port)));
    return pool;
  }

  /** Idle connections are closed; calls in flight run to their end. */
  forget(pod: Pod): void {
    for (const pool of this.#pools.get(pod)?.values() ?? []) void pool.close();
    this.#pools.delete(pod);
  }

  close(): void {
    for (const pod of this.#pools.keys()) this.forget(pod);
  }
}

const open = (address: string, port: number): Dispatcher =>
  new Pool(`http://${isIPv6(address) ? `[${address}]` : address}:${port}`, {
    connections: null,
    pipelining: 1,
    connect: { timeout: connectTimeoutMs },
    keepAliveTimeout: keepIdleMs,
    // Time limits are the workload's, and kept by the exchange.
    headersTimeout: 0,
    bodyTimeout: 0,
    maxHeaderSize: mostHeaderBytes,
    allowH2: false,
  });
