import type { Socket } from 'node:net';
import { millis, type Clock, type Timer } from '../../core/index.ts';
import type { AccessLog } from '../access-log/access-log.ts';
import type { Refusal } from '../call.ts';
import type { Scheme } from '../request.ts';
import type { HttpEntry } from '../http-entry.ts';
import type { Upstreams } from '../http1/upstreams.ts';
import { malformed, unknownHost } from '../refusals.ts';
import { ClientSession, type SessionOwner } from './client-session.ts';
import type { Sensitive } from './engine/sensitive.ts';
import type { Fields, Stream } from './engine/stream.ts';
import { Exchange } from './exchange.ts';
import type { Dates } from './fields.ts';
import { refusalAnswer, send } from './own-answer.ts';
import type { PodSessions } from './pod-sessions.ts';
import { grpcTypeOf, Head } from './request-head.ts';
import { TranslatedExchange } from './translated-exchange.ts';

/** The port that the connections came in at. */
export interface SessionPort extends Dates {
  readonly clock: Clock;
  /** May be swapped while connections are open: the next request goes by the new one. */
  readonly entry: HttpEntry;
  /** Nothing new is taken any more. */
  readonly closing: boolean;
  /** To pods of HTTP/1.1. */
  readonly upstreams: Upstreams;
  readonly accessLog: AccessLog | undefined;
}

const sweepEveryMs = 1000;

/** The clients of one port that speak HTTP/2: hands each stream to the workload's gate, and answers those that belong to none. */
export class ClientSessions implements SessionOwner {
  sweeps = 0;
  readonly #port: SessionPort;
  readonly #toPods: PodSessions;
  readonly #clients = new Set<ClientSession>();
  #sweeping: Timer | undefined;

  constructor(port: SessionPort, toPods: PodSessions) {
    this.#port = port;
    this.#toPods = toPods;
  }

  /** A connection whose client speaks HTTP/2; the connection preface is still to be read from it. */
  add(socket: Socket, peer: string, scheme: Scheme): void {
    this.#clients.add(new ClientSession(this, socket, peer, scheme));
    this.#sweeping ??= this.#port.clock.every(millis(sweepEveryMs), () => this.#sweep());
  }

  goodbye(): void {
    for (const client of this.#clients) client.goodbye();
  }

  destroy(): void {
    for (const client of this.#clients) client.destroy();
  }

  // From the connections.

  get closing(): boolean {
    return this.#port.closing;
  }

  request(client: ClientSession, stream: Stream, fields: Fields, sensitive: Sensitive, hasBody: boolean): void {
    const read = Head.read(fields, sensitive, hasBody);
    if (!read.ok) {
      const { status, detail } = read.problem;
      this.#port.accessLog?.unrouted({ refusal: malformed(detail), status, clientAddress: client.peer, request: undefined });
      return this.#refuse(stream, malformed(detail), { method: valueOf(fields, ':method'), grpcType: grpcTypeOf(valueOf(fields, 'content-type')) }, status);
    }
    const head = read.value;
    const { entry, clock, upstreams, accessLog } = this.#port;
    const destination = entry.find(head);
    if (destination === undefined) {
      accessLog?.unrouted({
        refusal: unknownHost(head.host),
        status: undefined,
        clientAddress: entry.trusted?.clientOf(client, head) ?? client.peer,
        request: head,
      });
      return this.#refuse(stream, unknownHost(head.host), head);
    }
    const { gate, target, protocol } = destination;
    const request = { stream, head, client, entry, dates: this.#port };
    const exchange =
      protocol === 'http1'
        ? new TranslatedExchange({ clock, upstreams }, request, target, gate.route)
        : new Exchange({ clock, sessions: this.#toPods }, request, target, gate.route);
    if (gate.ignores(head)) gate.pass(exchange);
    else gate.admit(exchange);
  }

  closed(client: ClientSession): void {
    this.#clients.delete(client);
    if (this.#clients.size > 0) return;
    this.#sweeping?.cancel();
    this.#sweeping = undefined;
  }

  #sweep(): void {
    this.sweeps += 1;
    for (const client of this.#clients) client.sweep();
  }

  /** Without a workload. */
  #refuse(stream: Stream, refusal: Refusal, request: { readonly method: string; readonly grpcType: string | undefined }, status?: number): void {
    this.#port.entry.unrouted(refusal);
    send(stream, refusalAnswer(refusal, request, status), this.#port);
    stream.dropRest();
  }
}

const valueOf = (fields: Fields, name: string): string => {
  const at = fields.indexOf(name);
  return at < 0 ? '' : (fields[at + 1] ?? '');
};
