import type { Socket } from 'node:net';
import { millis, type Clock, type Timer } from '../core/index.ts';
import type { RejectedConnection } from './counters.ts';
import { enterWithinSeconds, firstRequestSeconds } from './http1/limits.ts';
import { peerOf } from './peer.ts';
import { receiveProxyHeader } from './proxy-protocol/receive.ts';
import type { Scheme } from './request.ts';
import type { Agreed, BeginTls } from './tls/termination.ts';

/** Speaks HTTP over a connection before which nothing stands any more. `peer`: the client's address. */
export type Serve = (socket: Socket, peer: string, scheme: Scheme, agreed?: Agreed) => void;

export interface EntranceOptions {
  readonly clock: Clock;
  readonly proxyProtocol: boolean;
  readonly tls: BeginTls | undefined;
  rejected(reason: RejectedConnection): void;
}

/** Not served yet. */
interface Waiting {
  /** The sweep at which it came. */
  readonly since: number;
  lateness: 'proxy-header-timeout' | 'tls-handshake-timeout';
}

const sweepEveryMs = 1000;

/** What a connection passes before HTTP begins on it: the header of the PROXY protocol, then TLS, each where it is wanted, both together within 10 s. */
export class Entrance {
  readonly #options: EntranceOptions;
  /** In the order in which they came. */
  readonly #waiting = new Map<Socket, Waiting>();
  #closing = false;
  #sweeps = 0;
  #sweeping: Timer | undefined;

  constructor(options: EntranceOptions) {
    this.#options = options;
  }

  enter(tcp: Socket, serve: Serve): void {
    const { clock, proxyProtocol } = this.#options;
    const waiting: Waiting = { since: this.#sweeps, lateness: proxyProtocol ? 'proxy-header-timeout' : 'tls-handshake-timeout' };
    this.#waiting.set(tcp, waiting);
    this.#sweeping ??= clock.every(millis(sweepEveryMs), () => this.#sweep());
    tcp.on('error', () => tcp.destroy()).once('close', () => this.#left(tcp));
    if (!proxyProtocol) return this.#secure(tcp, waiting, peerOf(tcp), serve);
    receiveProxyHeader(tcp, (header) => {
      if (header === 'malformed') return this.#reject(tcp, 'proxy-header-invalid');
      this.#secure(tcp, waiting, header.source ?? peerOf(tcp), serve);
    });
  }

  /** Nobody enters any more. Who is here already is given less time. */
  close(): void {
    this.#closing = true;
  }

  destroy(): void {
    for (const tcp of this.#waiting.keys()) tcp.destroy();
  }

  #secure(tcp: Socket, waiting: Waiting, peer: string, serve: Serve): void {
    const { tls } = this.#options;
    if (tls === undefined) {
      this.#left(tcp);
      return serve(tcp, peer, 'http');
    }
    waiting.lateness = 'tls-handshake-timeout';
    const secured = (socket: Socket, agreed: Agreed): void => {
      this.#left(tcp);
      serve(socket, peer, 'https', agreed);
    };
    tls(tcp, secured, (failure) => this.#reject(tcp, failure));
  }

  #reject(tcp: Socket, reason: RejectedConnection): void {
    // It may be too late already.
    if (this.#waiting.has(tcp)) this.#options.rejected(reason);
    this.#left(tcp);
    tcp.destroy();
  }

  #left(tcp: Socket): void {
    this.#waiting.delete(tcp);
    if (this.#waiting.size > 0) return;
    this.#sweeping?.cancel();
    this.#sweeping = undefined;
  }

  #sweep(): void {
    this.#sweeps += 1;
    const limit = this.#closing ? firstRequestSeconds : enterWithinSeconds;
    for (const [tcp, { since, lateness }] of this.#waiting) {
      if (this.#sweeps - since <= limit) return;
      this.#reject(tcp, lateness);
    }
  }
}
