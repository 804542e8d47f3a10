import { createServer, type Server, type Socket } from 'node:net';
import { instant, millis, type Clock, type Timer } from '../../core/index.ts';
import type { AccessLog } from '../access-log/access-log.ts';
import type { Refusal } from '../call.ts';
import type { Entrance } from '../entrance.ts';
import type { HttpEntry } from '../http-entry.ts';
import type { ClientSessions } from '../http2/client-sessions.ts';
import type { Http2OnDemand } from '../http2/on-demand.ts';
import { portOf, type ListeningSockets, type OpenListener } from '../open-listener.ts';
import { peerOf } from '../peer.ts';
import { malformed, unknownHost, versionNotSpoken } from '../refusals.ts';
import type { Scheme } from '../request.ts';
import type { Agreed } from '../tls/termination.ts';
import { acceptFrom } from './accepted-socket.ts';
import { Roster } from '../roster.ts';
import { ClientConnection, http2Preface, type ConnectionOwner } from './client-connection.ts';
import { Exchange, type ExchangeSetting } from './exchange.ts';
import { printAnswer, problemAnswer } from './problem.ts';
import type { Head } from './request-head.ts';
import type { Upstreams } from './upstreams.ts';

export interface HttpSurroundings {
  readonly clock: Clock;
  readonly upstreams: Upstreams;
  readonly http2: Http2OnDemand;
  readonly accessLog: AccessLog | undefined;
  readonly headClock: Clock | undefined;
  connections(change: 1 | -1): void;
  readonly sockets: ListeningSockets;
}

const sweepEveryMs = 1000;

/**
 * One port for HTTP/1.1 and HTTP/2: which of them was agreed upon with TLS, or is told by the first bytes of a connection (prior knowledge). Hands each request of HTTP/1.1 to the workload's gate, and
 * answers those that belong to none; connections of HTTP/2 go on in http2/client-sessions.ts.
 */
export class HttpListener implements OpenListener, ConnectionOwner, ExchangeSetting {
  /** May be swapped while connections are open: the next request goes by the new one. */
  entry: HttpEntry;
  closing = false;
  sweeps = 0;
  readonly clock: Clock;
  readonly headClock: Clock | undefined;
  readonly upstreams: Upstreams;
  readonly #around: HttpSurroundings;
  readonly #entrance: Entrance | undefined;
  readonly #server: Server;
  readonly #clients = new Roster<ClientConnection>();
  #sweeping: Timer | undefined;
  #closed: Promise<void> | undefined;
  /** The last connection has ended. */
  #left: () => void = () => undefined;
  #http2: Promise<ClientSessions> | undefined;
  #http2Clients: ClientSessions | undefined;
  #date = { second: -1, text: '' };

  /** `entrance`: what stands before HTTP on every connection. */
  constructor(entry: HttpEntry, around: HttpSurroundings, entrance?: Entrance) {
    this.entry = entry;
    this.#entrance = entrance;
    this.clock = around.clock;
    this.headClock = around.headClock;
    this.upstreams = around.upstreams;
    this.#around = around;
    const options = { allowHalfOpen: true, noDelay: true };
    this.#server = createServer(
      options,
      entrance === undefined ? (socket) => this.#serve(socket, peerOf(socket), 'http') : (socket) => entrance.enter(socket, this.#serve),
    );
  }

  get port(): number {
    return portOf(this.#server);
  }

  async open(address: string | undefined, port: number): Promise<void> {
    await this.#around.sockets.listen(this.#server, address, port);
    if (this.#entrance === undefined) acceptFrom(this.#server, (socket) => this.#serve(socket, peerOf(socket), 'http'));
  }

  get accessLog(): AccessLog | undefined {
    return this.#around.accessLog;
  }

  /** Loads what speaks HTTP/2 now, not when the first connection needs it. */
  async prepareHttp2(): Promise<void> {
    this.#http2 ??= this.#around.http2.clientsOf(this);
    this.#http2Clients = await this.#http2;
  }

  sayGoodbye(): void {
    this.closing = true;
    this.#http2Clients?.goodbye();
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.sayGoodbye();
    this.#entrance?.close();
    await new Promise<void>((resolve) => {
      this.#around.sockets.close(this.#server, resolve);
      this.#clients.forEach((client) => client.closeIdle());
    });
    // The server has not counted all of them.
    if (this.#clients.size > 0) await new Promise<void>((resolve) => (this.#left = resolve));
  }

  destroy(): void {
    this.#entrance?.destroy();
    this.#http2Clients?.destroy();
    this.#clients.forEach((client) => client.destroy());
  }

  // From its connections.

  request(client: ClientConnection, head: Head): void {
    const destination = this.entry.find(head);
    if (destination === undefined) return this.#refuse(client, head, unknownHost(head.host));
    const { gate, target, protocol } = destination;
    if (protocol !== 'http1') return this.#refuse(client, head, versionNotSpoken);
    const exchange = new Exchange(this, client, head, target, this.entry, gate.route);
    if (gate.ignores(head)) gate.pass(exchange);
    else gate.admit(exchange);
  }

  http2(client: ClientConnection): void {
    this.#speakHttp2(client, http2Preface);
  }

  /** `read`: what was taken from the connection before it was known. */
  #speakHttp2(client: ClientConnection, read: string): void {
    const { peer, scheme } = client;
    const { socket, rest } = client.leave();
    socket.pause();
    if (read !== '') socket.unshift(Buffer.concat([Buffer.from(read), rest]));
    if (this.#http2Clients !== undefined) return this.#http2Clients.add(socket, peer, scheme);
    socket.on('error', () => socket.destroy());
    void this.prepareHttp2().then(() => {
      if (!socket.destroyed) this.#http2Clients?.add(socket, peer, scheme);
    });
  }

  unreadable(client: ClientConnection, problem: { readonly status: number; readonly detail: string }): void {
    const refusal = malformed(problem.detail);
    this.entry.unrouted(refusal);
    this.#around.accessLog?.unrouted({ refusal, status: problem.status, clientAddress: client.peer, request: undefined });
    // What is no preface of HTTP/2 either is not answered in another protocol (RFC 9113 §3.4).
    if (this.entry.http2Only) client.destroy();
    else client.finish(printAnswer(problemAnswer(refusal, problem.status), this.date(), 'close'));
  }

  closed(client: ClientConnection): void {
    this.#clients.remove(client);
    this.#around.connections(-1);
    if (this.#clients.size > 0) return;
    this.#sweeping?.cancel();
    this.#sweeping = undefined;
    this.#left();
  }

  /** RFC 9110 §5.6.7. */
  date(): string {
    const now = this.clock.now();
    const second = Math.floor(now / 1000);
    if (second !== this.#date.second) this.#date = { second, text: new Date(instant(now)).toUTCString() };
    return this.#date.text;
  }

  readonly #serve = (socket: Socket, peer: string, scheme: Scheme, agreed?: Agreed): void => {
    const client = new ClientConnection(this, socket, peer, scheme);
    this.#clients.add(client);
    this.#around.connections(1);
    this.#sweeping ??= this.clock.every(millis(sweepEveryMs), () => this.#sweep());
    // Whoever has agreed upon HTTP/2 is understood in no other protocol (RFC 9113 §3.4).
    if (agreed === 'h2') this.#speakHttp2(client, '');
  };

  #sweep(): void {
    this.sweeps += 1;
    this.#clients.forEach((client) => client.sweep());
  }

  #refuse(client: ClientConnection, head: Head, refusal: Refusal): void {
    this.entry.unrouted(refusal);
    this.#around.accessLog?.unrouted({ refusal, status: undefined, clientAddress: this.entry.trusted?.clientOf(client, head) ?? client.peer, request: head });
    client.dropBody();
    const connection = client.connectionHeader(false, !head.expectsContinue && head.upgrade === undefined);
    client.out.text(printAnswer(problemAnswer(refusal), this.date(), connection, head.method === 'HEAD'));
    client.out.flush();
    client.answered();
  }
}
