import type { Socket } from 'node:net';
import { headWithinSeconds } from '../../http1/limits.ts';
import { errors, flags, greatestStream, types } from './codes.ts';
import { FrameReader } from './frames.ts';
import { greet } from './greeting.ts';
import { Guard } from './guard.ts';
import { Inbound, type InboundKeeper } from './inbound.ts';
import type { Outbound } from './outbound.ts';
import { ReceiveWindow } from './receive-window.ts';
import type { Sensitive } from './sensitive.ts';
import { PeerSettings, type OwnSettings } from './settings.ts';
import { Stream, type Ending, type Fields, type StreamKeeper, type StreamListener } from './stream.ts';
import { SocketWriter } from './socket-writer.ts';
import { Streams } from './streams.ts';
import type { Turn } from '../../turn.ts';

/** What a connection tells whoever has it. */
export interface ConnectionOwner {
  /** A request has come; the listener of its stream is to be set in the call. Only of servers. */
  opened?(stream: Stream, fields: Fields, sensitive: Sensitive, end: boolean): void;
  /** There may be more room for streams than before, or less: settings have come, one has ended, the other side says goodbye. */
  changed(): void;
  /** It is no more, and none of its streams is. Once. */
  closed(): void;
}

/** From the last word until the connection is cut, in sweeps. */
const partingSweeps = 30;
/** The same of a client, which nobody sweeps any more. */
const partingMs = 30_000;
/** A client that does not answer a PING by then hears which stream was the last without having said so. */
const roundTripSweeps = 1;
/** From the first byte of a head to its last, of a client: the time of HTTP/1.1 (http1/limits.ts). RFC 9113 has none, and nothing else may come meanwhile. */
const headSweeps = headWithinSeconds;
const pingPayload = Buffer.alloc(8);

const nobody: StreamListener = {
  answer: () => undefined,
  data: () => undefined,
  trailers: () => undefined,
  writable: () => undefined,
  closed: () => undefined,
};

/** One connection of HTTP/2 (RFC 9113) over a socket, as its server or its client. Whoever reads the socket gives what comes to `receive`. */
export class Connection implements StreamKeeper, InboundKeeper {
  /** The other side's SETTINGS have come. */
  greeted = false;
  /** It takes no new streams: one of the two sides has said GOAWAY, or it is no more. */
  leaving = false;
  readonly peer = new PeerSettings();
  readonly out: Outbound;
  readonly #socket: Socket;
  readonly #own: OwnSettings;
  readonly #owner: ConnectionOwner;
  readonly #writer: SocketWriter;
  readonly #guard: Guard;
  readonly #reader: FrameReader;
  readonly #inbound: Inbound;
  readonly #window: ReceiveWindow;
  readonly #streams = new Streams();
  readonly #isServer: boolean;
  /** Its last word has been said: what still comes is not read. */
  #over = false;
  #closed = false;
  #parting = -1;
  /** The last stream that the other side has opened, and the next one of ours. */
  #lastPeer = 0;
  #next = 1;
  /** Streams above it are not taken: we have said so. */
  #mostTaken = greatestStream;
  /** Of a server: it has said that no more should come, and waits a round trip to say which stream was the last. */
  #isWarning = false;
  #warnedSweeps = 0;
  /** For so long a head, or another frame, has been on its way. */
  #headSweeps = 0;

  constructor(socket: Socket, own: OwnSettings, owner: ConnectionOwner, turn: Turn) {
    this.#socket = socket;
    this.#own = own;
    this.#owner = owner;
    this.#isServer = own.role === 'server';
    this.#guard = new Guard(this.#isServer, () => this.fail(errors.enhanceYourCalm));
    this.#writer = new SocketWriter(socket, this.peer, turn);
    this.out = this.#writer.out;
    this.#inbound = new Inbound(this, this.#guard, own);
    this.#reader = new FrameReader(this.#inbound, this.#isServer);
    this.#window = new ReceiveWindow(this.out, own.connectionWindow);
    socket
      .on('error', () => undefined)
      .on('end', () => this.destroy())
      .on('close', () => this.destroy());
    greet(this.out, own);
  }

  /** Streams that are open. */
  get open(): number {
    return this.#streams.count;
  }

  /** Streams that may be opened now. */
  get room(): number {
    if (this.leaving || this.#next > greatestStream) return 0;
    return Math.max(0, this.peer.maxConcurrentStreams - this.#streams.count);
  }

  /** Streams that were ever opened by us. */
  get served(): number {
    return this.#next >> 1;
  }

  /** It is no more, or will not be in a moment: its streams were cut. */
  get lost(): boolean {
    return this.#over;
  }

  receive(bytes: Buffer, from: number, to: number): void {
    if (!this.#over) this.#reader.read(bytes, from, to);
  }

  /** A stream for a request; undefined where there is no room. */
  request(fields: Fields, sensitive: Sensitive, end: boolean, listener: StreamListener): Stream | undefined {
    if (this.room === 0) return undefined;
    const stream = this.#add(this.#next, fields, listener);
    this.#next += 2;
    this.out.headers(stream, fields, sensitive, end);
    return stream;
  }

  ping(): void {
    if (!this.#over) this.out.control(types.ping, 0, 0, [], pingPayload);
  }

  /**
   * Takes nothing new, and ends with the last of its streams. A server says GOAWAY in two steps (RFC 9113 §6.8): that no more should come, which refuses nothing that is on its way, and a
   * round trip later, or after a second, which stream was the last.
   */
  goodbye(): void {
    if (this.#over || this.leaving) return;
    this.leaving = true;
    if (this.#isServer) {
      this.#isWarning = true;
      this.out.control(types.goaway, 0, 0, [greatestStream, errors.noError]);
      this.ping();
    } else this.#partIfIdle();
  }

  /** Cuts it now. */
  destroy(): void {
    this.#end(errors.cancel);
    this.#socket.destroy();
    if (this.#closed) return;
    this.#closed = true;
    this.#owner.closed();
  }

  /** Once a second. */
  sweep(): void {
    this.#guard.refill();
    if (this.#parting > 0) this.#parting -= 1;
    else if (this.#parting === 0) this.destroy();
    else if (this.#isWarning && ++this.#warnedSweeps > roundTripSweeps) this.#sayLast();
    if (this.#isServer) this.#sweepHead();
  }

  // From its streams.

  freed(bytes: number): void {
    this.#window.freed(bytes);
  }

  ended(stream: Stream): void {
    this.#remove(stream, 'whole', errors.noError);
  }

  reset(stream: Stream, code: number): void {
    if (stream.gone) return;
    this.out.reset(stream.id, code);
    this.#streams.rememberReset(stream.id);
    this.#remove(stream, 'reset', code);
  }

  // From what comes.

  find(id: number): Stream | undefined {
    return this.#streams.find(id);
  }

  isIdle(id: number): boolean {
    return (id & 1) === 0 || id > (this.#isServer ? this.#lastPeer : this.#next - 2);
  }

  mayHaveReset(id: number): boolean {
    return id > this.#mostTaken || this.#streams.mayHaveReset(id);
  }

  begin(id: number, fields: Fields): Stream | undefined {
    this.#lastPeer = id;
    if (id > this.#mostTaken) return undefined;
    if (this.#streams.count < this.#own.maxConcurrentStreams) return this.#add(id, fields, nobody);
    if (this.#guard.idle()) {
      this.#streams.rememberReset(id);
      this.out.reset(id, errors.refusedStream);
    }
    return undefined;
  }

  begun(stream: Stream, fields: Fields, sensitive: Sensitive, end: boolean): void {
    this.#owner.opened?.(stream, fields, sensitive, end);
  }

  arrived(bytes: number): boolean {
    return this.#window.arrived(bytes);
  }

  fault(id: number, code: number): void {
    if (!this.#guard.reset()) return;
    const stream = this.#streams.find(id);
    if (stream !== undefined) return this.reset(stream, code);
    this.#streams.rememberReset(id);
    this.out.reset(id, code);
  }

  fail(code: number): void {
    if (!this.#over) this.#part(code);
  }

  resetByPeer(stream: Stream, code: number): void {
    this.#remove(stream, 'reset-by-peer', code);
  }

  settings(bytes: Buffer, from: number, to: number): void {
    const before = this.peer.initialWindow;
    const problem = this.peer.read(bytes, from, to, this.#isServer);
    if (problem !== errors.noError) return this.fail(problem);
    this.out.encoder.tableSize = this.peer.headerTableSize;
    const change = this.peer.initialWindow - before;
    if (change !== 0) for (const stream of this.#streams.list()) if (!this.out.grantStream(stream, change)) return this.fail(errors.flowControlError);
    this.out.control(types.settings, flags.ack, 0, []);
    this.greeted = true;
    this.#owner.changed();
  }

  pinged(isAck: boolean, payload: Buffer): void {
    if (!isAck) this.out.control(types.ping, flags.ack, 0, [], payload);
    else if (this.#isWarning) this.#sayLast();
  }

  /** A client that says it opens no more streams by that; a server takes none above `last`. */
  goaway(last: number): void {
    this.leaving = true;
    if (!this.#isServer) for (const stream of this.#streams.list()) if (stream.id > last) this.#remove(stream, 'unsent', errors.refusedStream);
    this.#owner.changed();
    this.#partIfIdle();
  }

  windowUpdate(id: number, bytes: number): void {
    if (id === 0) {
      if (!this.out.grant(bytes)) this.fail(errors.flowControlError);
      return;
    }
    const stream = this.#streams.find(id);
    if (stream === undefined) this.#guard.idle();
    else if (!this.out.grantStream(stream, bytes)) this.fault(id, errors.flowControlError);
  }

  #sweepHead(): void {
    const isWaiting = !this.#inbound.hasTaken && (this.#inbound.isOpen || this.#reader.isWithin);
    this.#headSweeps = isWaiting ? this.#headSweeps + 1 : 0;
    this.#inbound.hasTaken = false;
    if (this.#headSweeps > headSweeps) this.fail(errors.enhanceYourCalm);
  }

  #add(id: number, fields: Fields, listener: StreamListener): Stream {
    const method = fields[fields.indexOf(':method') + 1] ?? '';
    const stream = new Stream(this, id, method, this.peer.initialWindow, this.#own.streamWindow, listener);
    this.#streams.add(stream);
    return stream;
  }

  #remove(stream: Stream, how: Ending, code: number): void {
    if (stream.gone) return;
    stream.gone = true;
    this.#streams.remove(stream);
    this.out.forget(stream);
    stream.close(how, code);
    if (this.#over) return;
    this.#owner.changed();
    this.#partIfIdle();
  }

  #sayLast(): void {
    this.#isWarning = false;
    this.#mostTaken = this.#lastPeer;
    this.out.control(types.goaway, 0, 0, [this.#lastPeer, errors.noError]);
    this.#partIfIdle();
  }

  #partIfIdle(): void {
    if (this.leaving && !this.#isWarning && !this.#over && this.#streams.count === 0) this.#part(errors.noError);
  }

  /** Says why, and closes when that has gone. What the other side still sends is read and dropped for a while: a socket that is closed over it could take our last word back. */
  #part(code: number): void {
    if (code !== errors.noError || this.#mostTaken === greatestStream) this.out.control(types.goaway, 0, 0, [Math.min(this.#lastPeer, this.#mostTaken), code]);
    this.#writer.flush();
    this.#end(code);
    this.#parting = partingSweeps;
    if (this.#isServer) this.#socket.end();
    else {
      this.#socket.setTimeout(partingMs, () => this.#socket.destroy());
      this.#socket.destroySoon();
    }
    this.#owner.changed();
  }

  #end(code: number): void {
    this.#over = this.leaving = this.#reader.stopped = true;
    for (const stream of this.#streams.list()) this.#remove(stream, 'lost', code);
  }
}
