import type { Socket } from 'node:net';
import type { Scheme } from '../request.ts';
import type { Visitor } from '../trusted-proxies.ts';
import { Connection, type ConnectionOwner } from './engine/connection.ts';
import type { Sensitive } from './engine/sensitive.ts';
import type { OwnSettings } from './engine/settings.ts';
import type { Fields, Stream } from './engine/stream.ts';
import {
  connectionWindowBytes,
  goneAfterSeconds,
  greetingWithinSeconds,
  keepSessionIdleSeconds,
  mostClientStreams,
  mostFieldsBytes,
  pingAfterSeconds,
  streamWindowBytes,
} from './limits.ts';
import { turn } from '../turn.ts';

/** Who answers the requests of a connection. */
export interface SessionOwner {
  /** Sweeps so far, one a second; what waits too long is measured in them, without a look at the clock. */
  readonly sweeps: number;
  /** Nothing new is taken any more: a connection ends with the requests that are under way. */
  readonly closing: boolean;
  request(client: ClientSession, stream: Stream, fields: Fields, sensitive: Sensitive, hasBody: boolean): void;
  closed(client: ClientSession): void;
}

const settings: OwnSettings = {
  role: 'server',
  streamWindow: streamWindowBytes,
  connectionWindow: connectionWindowBytes,
  maxConcurrentStreams: mostClientStreams,
  maxHeaderListSize: mostFieldsBytes,
  connectProtocol: true,
};

/** A client's connection. It knows when the connection ends, and nothing of where requests go. */
export class ClientSession implements ConnectionOwner, Visitor {
  /** The client's address. */
  readonly peer: string;
  readonly scheme: Scheme;
  standing: Visitor['standing'];
  readonly #owner: SessionOwner;
  readonly #socket: Socket;
  readonly #connection: Connection;
  /** The sweep at which it had its last stream, and the one at which it last said something. */
  #busyAt: number;
  #heardAt: number;
  #bytes = 0;

  constructor(owner: SessionOwner, socket: Socket, peer: string, scheme: Scheme) {
    this.#owner = owner;
    this.#socket = socket;
    this.#busyAt = this.#heardAt = owner.sweeps;
    this.peer = peer;
    this.scheme = scheme;
    // A client of HTTP/2 that ends its side of the connection is gone.
    socket.allowHalfOpen = false;
    const connection = new Connection(socket, settings, this, turn);
    this.#connection = connection;
    socket.on('data', (chunk: Buffer) => connection.receive(chunk, 0, chunk.length)).resume();
  }

  /** Says GOAWAY. What is under way runs to its end, and what comes later the client sends again on another connection. */
  goodbye(): void {
    this.#connection.goodbye();
  }

  destroy(): void {
    this.#connection.destroy();
  }

  /** Once a second: ends what has waited too long, and asks after a client that is silent. */
  sweep(): void {
    const now = this.#owner.sweeps;
    const { bytesRead } = this.#socket;
    const connection = this.#connection;
    if (bytesRead !== this.#bytes) this.#heardAt = now;
    this.#bytes = bytesRead;
    if (connection.open > 0) this.#busyAt = now;
    const [idle, silent] = [now - this.#busyAt, now - this.#heardAt];
    connection.sweep();
    if (!connection.greeted && idle > greetingWithinSeconds) this.destroy();
    else if (connection.open > 0 && silent > goneAfterSeconds) this.destroy();
    else if (connection.open > 0 && silent === pingAfterSeconds) connection.ping();
    else if (idle > keepSessionIdleSeconds) this.goodbye();
  }

  // From the connection.

  opened(stream: Stream, fields: Fields, sensitive: Sensitive, end: boolean): void {
    this.#owner.request(this, stream, fields, sensitive, !end);
    if (this.#owner.closing) this.goodbye();
  }

  changed(): void {
    // Of streams that we open, which a server does not.
  }

  closed(): void {
    this.#owner.closed(this);
  }
}
