import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import { createServer, type Server, type Socket } from 'node:net';
import { millis, type Clock, type Timer } from '../../core/index.ts';
import type { AccessLog } from '../access-log/access-log.ts';
import type { Refusal } from '../call.ts';
import type { RequestHead } from '../request.ts';
import type { Destination } from '../http1/listener.ts';
import { portOf, type ListeningSockets, type OpenListener } from '../open-listener.ts';
import { malformed, unknownHost } from '../refusals.ts';
import { ClientSession, type SessionOwner } from './client-session.ts';
import { Exchange, type ExchangeSetting } from './exchange.ts';
import type { RawFields } from './fields.ts';
import { refusalAnswer, send } from './own-answer.ts';
import type { PodSessions } from './pod-sessions.ts';
import { grpcTypeOf, Head } from './request-head.ts';

/** What stands behind a listener. */
export interface Http2Entry {
  readonly edge: boolean;
  find(head: RequestHead): Destination | undefined;
  /** Answered without a workload. */
  unrouted(refusal: Refusal): void;
}

export interface Http2Surroundings {
  readonly clock: Clock;
  readonly sessions: PodSessions;
  readonly accessLog: AccessLog | undefined;
  connections(change: 1 | -1): void;
  readonly sockets: ListeningSockets;
}

const sweepEveryMs = 1000;
/** Between two probes by the kernel of a client that is silent, beside our own PINGs. */
const keepAliveProbeMs = 60_000;

/** One port for HTTP/2 in clear text, with prior knowledge: hands each stream to the workload's gate, and answers those that belong to none. */
export class Http2Listener implements OpenListener, SessionOwner, ExchangeSetting {
  /** May be swapped while connections are open: the next request goes by the new one. */
  entry: Http2Entry;
  closing = false;
  sweeps = 0;
  readonly clock: Clock;
  readonly sessions: PodSessions;
  readonly #around: Http2Surroundings;
  readonly #server: Server;
  readonly #clients = new Set<ClientSession>();
  #sweeping: Timer | undefined;

  constructor(entry: Http2Entry, around: Http2Surroundings) {
    this.entry = entry;
    this.clock = around.clock;
    this.sessions = around.sessions;
    this.#around = around;
    this.#server = createServer({ noDelay: true, keepAlive: true, keepAliveInitialDelay: keepAliveProbeMs }, (socket) => this.#accept(socket));
  }

  get port(): number {
    return portOf(this.#server);
  }

  open(address: string | undefined, port: number): Promise<void> {
    return this.#around.sockets.listen(this.#server, address, port);
  }

  sayGoodbye(): void {
    this.closing = true;
    for (const client of this.#clients) client.goodbye();
  }

  close(): Promise<void> {
    this.sayGoodbye();
    return new Promise((resolve) => this.#around.sockets.close(this.#server, resolve));
  }

  destroy(): void {
    for (const client of this.#clients) client.destroy();
  }

  // From its connections.

  request(client: ClientSession, stream: ServerHttp2Stream, headers: IncomingHttpHeaders, raw: RawFields, hasBody: boolean): void {
    const read = Head.read(headers, raw, hasBody);
    if (!read.ok) {
      const { status, detail } = read.problem;
      this.#around.accessLog?.unrouted({ refusal: malformed(detail), status, clientAddress: client.peer, request: undefined });
      return this.#refuse(stream, malformed(detail), { method: headers[':method'] ?? '', grpcType: grpcTypeOf(headers['content-type'] ?? '') }, status);
    }
    const head = read.value;
    const destination = this.entry.find(head);
    if (destination === undefined) {
      this.#around.accessLog?.unrouted({ refusal: unknownHost(head.host), status: undefined, clientAddress: client.peer, request: head });
      return this.#refuse(stream, unknownHost(head.host), head);
    }
    const { gate, target } = destination;
    const exchange = new Exchange(this, stream, client.peer, head, target, this.entry.edge, gate.route);
    if (gate.ignores(head)) gate.pass(exchange);
    else gate.admit(exchange);
  }

  closed(client: ClientSession): void {
    this.#clients.delete(client);
    this.#around.connections(-1);
    if (this.#clients.size > 0) return;
    this.#sweeping?.cancel();
    this.#sweeping = undefined;
  }

  #accept(socket: Socket): void {
    this.#clients.add(new ClientSession(this, socket));
    this.#around.connections(1);
    this.#sweeping ??= this.clock.every(millis(sweepEveryMs), () => this.#sweep());
  }

  #sweep(): void {
    this.sweeps += 1;
    for (const client of this.#clients) client.sweep();
  }

  /** Without a workload. Node ends a stream whose request nobody has read behind the answer. */
  #refuse(stream: ServerHttp2Stream, refusal: Refusal, request: { readonly method: string; readonly grpcType: string | undefined }, status?: number): void {
    this.entry.unrouted(refusal);
    send(stream, refusalAnswer(refusal, request, status));
  }
}
