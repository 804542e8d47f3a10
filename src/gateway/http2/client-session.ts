import { performServerHandshake, type IncomingHttpHeaders, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import type { Scheme } from '../request.ts';
import { endsStream, h2, ignoreError } from './codes.ts';
import type { RawFields } from './fields.ts';
import { shutdownNotice } from './shutdown-notice.ts';

/** Who answers the requests of a connection. */
export interface SessionOwner {
  /** Sweeps so far, one a second; what waits too long is measured in them, without a look at the clock. */
  readonly sweeps: number;
  /** Nothing new is taken any more: a connection ends with the requests that are under way. */
  readonly closing: boolean;
  request(client: ClientSession, stream: ServerHttp2Stream, headers: IncomingHttpHeaders, raw: RawFields, hasBody: boolean): void;
  closed(client: ClientSession): void;
}

/** A connection that does not begin to speak HTTP/2 in this time is closed. */
const greetingWithinSeconds = 10;
/** Clients of gRPC keep connections for half an hour and open another without a word; a load balancer's idle time is about a minute. */
const keepIdleSeconds = 300;
/** After so long a silence a client with streams is asked whether it is still there; one that has vanished must not keep a workload up for ever. */
const pingAfterSeconds = 30;
const goneAfterSeconds = 50;
/** A client that does not answer a PING by then hears which stream was the last without having said so. */
const roundTripSeconds = 1;
/** From the end of the last stream of a connection that is to end until it is cut. */
const lingerSeconds = 30;

const options = {
  settings: { enablePush: false, enableConnectProtocol: true, initialWindowSize: 128 * 1024, maxConcurrentStreams: 1000, maxHeaderListSize: 32 * 1024 },
  maxHeaderListPairs: 256,
  /** In MB: above that new streams are refused. */
  maxSessionMemory: 16,
  /** HEADERS followed by RST_STREAM (CVE-2023-44487): so many at once, and so many a second for good; gRPC clients end streams that way too. Beyond, the connection is closed. */
  streamResetBurst: 500,
  streamResetRate: 50,
  strictSingleValueFields: false,
};
/** For all streams together. What has come is given back at once, whoever reads it: a stream that stalls must not stall the others. */
const sessionWindowBytes = 1024 * 1024;

/** A client's connection. It knows when the connection ends, and nothing of where requests go. */
export class ClientSession {
  /** The client's address. */
  readonly peer: string;
  readonly scheme: Scheme;
  readonly #owner: SessionOwner;
  readonly #socket: Socket;
  readonly #session: ServerHttp2Session;
  #streams = 0;
  #greeted = false;
  /** The sweep at which it had its last stream, and the one at which it last said something. */
  #busyAt: number;
  #heardAt: number;
  #bytes = 0;
  /** The sweep at which it has said that no more should come. */
  #leavingSince = Infinity;

  constructor(owner: SessionOwner, socket: Socket, peer: string, scheme: Scheme) {
    this.#owner = owner;
    this.#socket = socket;
    this.#busyAt = this.#heardAt = owner.sweeps;
    this.peer = peer;
    this.scheme = scheme;
    socket.on('error', ignoreError);
    // A client of HTTP/2 that ends its side of the connection is gone.
    socket.allowHalfOpen = false;
    const session = performServerHandshake(socket, options);
    this.#session = session;
    session.setLocalWindowSize(sessionWindowBytes);
    // Once: Node says it twice where the socket of a session that has had a GOAWAY closes under a stream.
    session.on('error', ignoreError).once('close', () => owner.closed(this));
    session.on('remoteSettings', () => (this.#greeted = true));
    session.on('stream', (stream, headers, flags, raw) => this.#request(stream, headers, flags, raw));
  }

  /**
   * Says GOAWAY, in two steps (RFC 9113 §6.8): that no more should come, which refuses nothing that is on its way, and a round trip later which stream was the last. What is under way runs
   * to its end, and what comes later the client sends again on another connection.
   */
  goodbye(): void {
    const session = this.#session;
    if (this.#leavingSince < Infinity || session.closed || session.destroyed) return;
    this.#leavingSince = this.#owner.sweeps;
    this.#socket.write(shutdownNotice);
    session.ping(() => session.close());
  }

  destroy(): void {
    // With a code, so that no stream looks as if it had ended well. Node waits for the last bytes to leave; to a client that has vanished they never do.
    this.#session.destroy(new Error('cut'), h2.cancel);
    this.#socket.destroy();
  }

  /** Once a second: ends what has waited too long, and asks after a client that is silent. */
  sweep(): void {
    const now = this.#owner.sweeps;
    const { bytesRead } = this.#socket;
    if (bytesRead !== this.#bytes) this.#heardAt = now;
    this.#bytes = bytesRead;
    if (this.#streams > 0) this.#busyAt = now;
    if (now - this.#leavingSince > roundTripSeconds) this.#session.close();
    const [idle, silent] = [now - this.#busyAt, now - this.#heardAt];
    if (!this.#greeted && idle > greetingWithinSeconds) this.destroy();
    else if (this.#streams > 0 && silent > goneAfterSeconds) this.destroy();
    else if (this.#streams > 0 && silent === pingAfterSeconds && !this.#session.destroyed) this.#session.ping(ignoreError);
    else if (this.#session.closed || this.#session.destroyed) {
      if (idle > lingerSeconds) this.destroy();
    } else if (idle > keepIdleSeconds) this.goodbye();
  }

  #request(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, flags: number, raw: RawFields): void {
    // Taken back before it was looked at: so are most streams of a client that only wants to make work.
    if (stream.closed || stream.destroyed) return;
    this.#streams += 1;
    stream.on('error', ignoreError).once('close', () => (this.#streams -= 1));
    // Taken back with NO_ERROR, as by a client that hangs up: what was to be written never leaves, and Node would wait for it, with the connection, for ever.
    stream.once('aborted', () => {
      if (stream.rstCode === h2.noError) queueMicrotask(() => stream.destroy());
    });
    this.#owner.request(this, stream, headers, raw, !endsStream(flags));
    if (this.#owner.closing) this.goodbye();
  }
}
