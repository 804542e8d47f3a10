import type { Socket } from 'node:net';
import type { Clock } from '../../core/index.ts';
import type { Scheme } from '../request.ts';
import { breakOff } from '../splice.ts';
import { AcceptedSocket, type Reader } from './accepted-socket.ts';
import { HeadReader } from './head-reader.ts';
import {
  endedClientSeconds,
  firstRequestSeconds,
  headWithinSeconds,
  keepIdleSeconds,
  lingerSeconds,
  longestLingerSeconds,
  mostAheadBytes,
  mostHeadBytes,
  probeSilentClientSeconds,
} from './limits.ts';
import { bodyReader, nowhere, type BodyReader, type BodySink, type PassAs } from './message-body.ts';
import { Outbox } from './outbox.ts';
import type { Member } from '../roster.ts';
import type { Visitor } from '../trusted-proxies.ts';
import { Head, type HeadProblem } from './request-head.ts';
import { Unread } from './unread.ts';

/** Who answers the requests of a connection. */
export interface ConnectionOwner {
  /** Nothing new is taken any more: every answer is the last of its connection. */
  readonly closing: boolean;
  /** Sweeps so far, one a second; what waits too long is measured in them, without a look at the clock. */
  readonly sweeps: number;
  /** By which it is told when a head began; undefined: nobody asks. */
  readonly headClock: Clock | undefined;
  /** A head has come. Whoever takes it on says so by `take`. */
  request(client: ClientConnection, head: Head): void;
  /** The first thing that came is the preface of HTTP/2. Whoever goes on with it begins by `leave`. */
  http2(client: ClientConnection): void;
  /** What came is no request. */
  unreadable(client: ClientConnection, problem: HeadProblem | { readonly status: 408 | 431; readonly detail: string }): void;
  closed(client: ClientConnection): void;
}

/** The request that a connection is busy with, as far as its client goes. */
export interface RequestListener {
  /** A part of the body is in the outbox that was named. */
  bodyArrived(): void;
  /** The body is not framed as RFC 9112 has it. */
  bodyBroken(): void;
  /** The client takes more of the answer again. */
  clientDrained(): void;
  /** The client will not see the answer, or not finish its request. */
  clientGone(): void;
  /** The answer has begun: a client that ends its side then still waits for the rest. */
  readonly answering: boolean;
}

/**
 * A client's connection: cuts what comes into heads and bodies, one request at a time, in order; what comes behind a request that is not answered yet waits. It knows when the
 * connection ends, and nothing of where requests go.
 */
export class ClientConnection implements Member, Reader, Visitor {
  /** Among those of its listener. */
  place = -1;
  /** The client's address. */
  readonly peer: string;
  readonly scheme: Scheme;
  standing: Visitor['standing'];
  readonly out: Outbox;
  /** When the first of the newest head was read, where somebody asks (monotonic). */
  headAt: number | undefined;
  readonly #owner: ConnectionOwner;
  readonly #socket: Socket;
  readonly #heads = new HeadReader(mostHeadBytes);
  #state: 'idle' | 'head' | 'request' | 'lingering' | 'gone' = 'idle';
  /** The sweep at which the state began. */
  #since: number;
  #lingerUntil = Infinity;
  readonly #unread = new Unread();
  #reading = false;
  #head: Head | undefined;
  #listener: RequestListener | undefined;
  #body: BodyReader | undefined;
  #bodyTo: BodySink | undefined;
  /** Where what was read last of a body went. */
  #wentTo: BodySink | undefined;
  #keepsAlive = true;
  #endsByClose = false;
  /** A request has come over it. */
  #used = false;
  /** The client has ended its side. */
  #ended = false;
  /** What had been written when it had, or since. */
  #written = 0;
  /** The pod has to catch up with the body. */
  #blocked = false;
  #paused = false;
  /** The kernel finds out whether a silent client is still there. */
  #isProbed = false;

  constructor(owner: ConnectionOwner, socket: Socket, peer: string, scheme: Scheme) {
    this.#owner = owner;
    this.#socket = socket;
    this.#since = owner.sweeps;
    this.peer = peer;
    this.scheme = scheme;
    this.out = new Outbox(socket);
    if (socket instanceof AcceptedSocket) socket.reader = this;
    else socket.on('data', this.readStream);
    socket.on('end', this.#onEnd).on('drain', this.#onDrain).on('error', this.#onError).on('close', this.#onClose);
  }

  // For whoever answers.

  /** The request whose head was handed out is `listener`'s from now on, until `answered`. */
  take(listener: RequestListener): void {
    this.#listener = listener;
  }

  /** Passes on the body, in the form in which it came, as much as there is now and the rest as it comes. */
  passBody(to: BodySink): void {
    this.#bodyTo = to;
    this.#readBody();
    this.#read();
  }

  /** Nobody takes the body for now, and nobody has to catch up with it: what comes waits for the next `passBody`. */
  keepBody(): void {
    this.#bodyTo = undefined;
    this.#blocked = false;
  }

  /** Read from the connection, and neither passed on nor dropped yet. */
  get unreadBytes(): number {
    return (this.#unread.chunk?.length ?? 0) + this.#socket.readableLength;
  }

  /** Content of the body that has been passed on. */
  get bodyBytes(): number {
    return this.#body?.content ?? 0;
  }

  /** The request has been read whole. */
  get requestWhole(): boolean {
    return this.#body === undefined || this.#body.done;
  }

  /** The pod has to catch up with the body, or has done so. */
  block(blocked: boolean): void {
    this.#blocked = blocked;
    this.#read();
  }

  /**
   * What the head of the answer says of the connection, and what `answered` will do. `byClose`: the end of the connection is the end of the answer.
   * `mayGoOn` false: what follows could not be told from the rest of this request.
   */
  connectionHeader(byClose: boolean, mayGoOn = true): 'close' | 'keep-alive' | undefined {
    const head = this.#head;
    this.#endsByClose = byClose;
    this.#keepsAlive = !byClose && mayGoOn && head?.keepsAlive === true && !this.#owner.closing && !this.#ended && this.requestWhole;
    if (!this.#keepsAlive) return 'close';
    return head?.minorVersion === 0 ? 'keep-alive' : undefined;
  }

  /** Reads what is here of a body that nobody wants, so that the connection may go on where that is all of it. */
  dropBody(): void {
    this.#bodyTo = nowhere;
    this.#readBody();
  }

  /** The answer is whole and on its way: on to the next request, or to the end. */
  answered(): void {
    if (this.#state !== 'request') return;
    this.#listener = undefined;
    this.#bodyTo = undefined;
    this.#blocked = false;
    if (!this.#keepsAlive || !this.requestWhole || this.#ended) return this.#finish(!this.requestWhole || this.#unread.chunk !== undefined);
    this.#head = this.#body = undefined;
    this.#enter('idle');
    this.#read();
  }

  /** The last words over this connection. */
  finish(text: string): void {
    this.out.text(text);
    this.#finish(true);
  }

  /** Ends at once, behind what was passed on: the client must not take that for a whole answer. Where the end of the connection would say so, it is a reset. */
  cut(): void {
    this.#listener = undefined;
    this.out.flushNow();
    if (this.#endsByClose) breakOff(this.#socket);
    else this.#socket.destroy();
  }

  /** Closes it between two requests: whoever is just sending the next one finds it closed, and asks again on another. One that has just been made is given time for its first. */
  closeIdle(): void {
    if (this.#state === 'idle' && this.#used) this.#finish(false);
  }

  /** Leaves the connection to whoever speaks another protocol over it; `rest` is what has come of that already. */
  leave(): { readonly socket: Socket; readonly rest: Buffer } {
    const socket = this.#socket;
    const rest = this.#unread.take();
    if (socket instanceof AcceptedSocket) socket.reader = undefined;
    this.out.flushNow();
    this.#probe();
    this.#listener = undefined;
    this.#state = 'gone';
    socket.off('data', this.readStream).off('end', this.#onEnd).off('drain', this.#onDrain).off('error', this.#onError);
    return { socket, rest };
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /** Once a second: ends what has waited too long. */
  sweep(): void {
    this.#probe();
    const seconds = this.#owner.sweeps - this.#since;
    if (this.#state === 'head' && seconds > headWithinSeconds)
      this.#owner.unreadable(this, { status: 408, detail: `the head of the request did not come within ${headWithinSeconds} s` });
    else if (this.#state === 'idle' && seconds > (this.#owner.closing ? firstRequestSeconds : keepIdleSeconds)) this.#finish(false);
    else if (this.#state === 'request' && this.#ended) this.#sweepEnded(seconds);
    else if (this.#state === 'lingering' && (seconds > lingerSeconds || this.#owner.sweeps > this.#lingerUntil)) this.#socket.destroy();
  }

  /** A client that has ended its side waits for the rest of its answer, or is gone: a browser whose page was closed looks like that. While the pod says something the kernel finds out. */
  #sweepEnded(seconds: number): void {
    const { bytesWritten, writableLength } = this.#socket;
    if (bytesWritten !== this.#written || writableLength > 0) {
      this.#written = bytesWritten;
      this.#since = this.#owner.sweeps;
    } else if (seconds > endedClientSeconds) this.#socket.destroy();
  }

  // From the socket.

  get passesBody(): boolean {
    return this.#bodyTo !== undefined && this.#state === 'request' && !this.requestWhole;
  }

  readShared(chunk: Buffer): void {
    if (this.#state === 'request' && !this.requestWhole) return this.readStream(Buffer.from(chunk));
    this.#take(chunk, true);
    this.#unread.keep();
  }

  readOwn(chunk: Buffer): boolean {
    this.#wentTo = undefined;
    this.#take(chunk, false);
    return this.#isHeld;
  }

  readonly readStream = (chunk: Buffer): void => this.#take(chunk, false);

  get #isHeld(): boolean {
    return this.#unread.chunk !== undefined || this.#wentTo?.holdsBytes === true;
  }

  #take(chunk: Buffer, isLent: boolean): void {
    if (this.#state === 'lingering') {
      this.#since = this.#owner.sweeps;
      return;
    }
    this.#unread.add(chunk, isLent);
    this.#read();
  }

  readonly #onEnd = (): void => {
    this.#ended = true;
    // Whoever ends its side before the answer has begun is gone, as far as HTTP servers go; so is an upload that ends too soon.
    if (this.#state !== 'request') this.#finish(false);
    else if (this.#listener?.answering !== true || !this.requestWhole) this.#socket.destroy();
    else this.#since = this.#owner.sweeps;
  };

  readonly #onDrain = (): void => {
    if (this.#listener === undefined) this.#read();
    else this.#listener.clientDrained();
  };

  readonly #onError = (): void => {
    this.#socket.destroy();
  };

  readonly #onClose = (): void => {
    const listener = this.#listener;
    this.#listener = undefined;
    this.#state = 'gone';
    this.#owner.closed(this);
    listener?.clientGone();
  };

  // Reading.

  /** Reads as far as it gets: up to a request that is not answered yet, or to the end of what there is. */
  #read(): void {
    if (this.#reading) return;
    this.#reading = true;
    while (this.#unread.chunk !== undefined && this.#readOne());
    this.#reading = false;
    this.#flow();
  }

  #readOne(): boolean {
    if (this.#state === 'idle' || this.#state === 'head') return !this.#socket.writableNeedDrain && this.#readHead();
    if (this.#state !== 'request' || this.#bodyTo === undefined || this.requestWhole || this.#blocked) return false;
    this.#readBody();
    this.#listener?.bodyArrived();
    return true;
  }

  #readHead(): boolean {
    const unread = this.#unread;
    const { chunk } = unread;
    if (chunk === undefined) return false;
    // An empty line ahead of a request is passed over (RFC 9112 §2.2): some send one behind a body.
    if (this.#state === 'idle' && chunk[unread.at] === 0x0d && chunk[unread.at + 1] === 0x0a) {
      unread.readTo(unread.at + 2);
      if (unread.bytes === 0) return false;
    }
    if (this.#state === 'idle' && this.#owner.headClock !== undefined) this.headAt = this.#owner.headClock.monotonic();
    const heads = this.#heads;
    const at = heads.read(chunk, unread.at);
    if (at === 'more') {
      unread.drop();
      if (this.#state === 'idle') this.#enter('head');
      return false;
    }
    if (typeof at === 'string') {
      this.#owner.unreadable(this, unreadable[at]);
      return false;
    }
    unread.readTo(at);
    const head = Head.read(heads.text, heads.length, heads.bytes, heads.start);
    heads.done();
    if (!head.ok) {
      if (!this.#used && heads.length === http2Preface.length && heads.text.startsWith(http2Preface)) this.#owner.http2(this);
      else this.#owner.unreadable(this, head.problem);
      return false;
    }
    this.#enter('request');
    // Who takes a body takes its bytes as they are.
    if (head.value.hasBody) unread.keep();
    this.#used = true;
    this.#head = head.value;
    this.#body = head.value.hasBody ? bodyReader(head.value.length, bodyForm(head.value)) : undefined;
    this.#owner.request(this, head.value);
    return true;
  }

  #readBody(): void {
    const [{ chunk }, body, to] = [this.#unread, this.#body, this.#bodyTo];
    if (chunk === undefined || body === undefined || to === undefined || body.done) return;
    this.#wentTo = to;
    const at = body.read(chunk, this.#unread.at, to);
    if (at < 0) {
      this.#unread.drop();
      this.#bodyTo = undefined;
      this.#keepsAlive = false;
      this.#listener?.bodyBroken();
    } else this.#unread.readTo(at);
  }

  /** Reads from the socket while there is room for what comes. */
  #flow(): void {
    const most = this.requestWhole ? mostAheadBytes : 0;
    const pause = this.#state !== 'lingering' && (this.#blocked || this.#unread.bytes > most);
    if (pause === this.#paused) return;
    this.#paused = pause;
    if (pause) this.#socket.pause();
    else this.#socket.resume();
  }

  /** Ends the connection behind what is still on its way. `moreComes`: the client is still sending, so that the connection lingers until it has ended, too. */
  #finish(moreComes: boolean): void {
    if (this.#state === 'gone' || this.#state === 'lingering') return;
    this.#listener = undefined;
    this.#unread.drop();
    this.#lingerUntil = this.#owner.sweeps + longestLingerSeconds;
    this.#enter('lingering');
    this.out.flushNow();
    if (moreComes) this.#socket.end();
    // The kernel sends what it has, and then the end, by itself; TLS has its own to say.
    else if (this.scheme === 'http' && this.#socket.writableLength === 0) this.#socket.destroy();
    else this.#socket.destroySoon();
    this.#flow();
  }

  /** Not at once: it is four system calls, and many connections have only one request. */
  #probe(): void {
    if (!this.#isProbed) this.#socket.setKeepAlive(true, probeSilentClientSeconds * 1000);
    this.#isProbed = true;
  }

  #enter(state: 'idle' | 'head' | 'request' | 'lingering'): void {
    this.#state = state;
    this.#since = this.#owner.sweeps;
  }
}

/** What of the connection preface (RFC 9113 §3.4) looks like a head, so that HTTP/1.1 refuses it (RFC 9113 §11.6). */
export const http2Preface = 'PRI * HTTP/2.0\r\n\r\n';

const unreadable = {
  'too-long': { status: 431, detail: `the head of the request is longer than ${mostHeadBytes / 1024} KiB` },
  malformed: { status: 400, detail: 'the request is not HTTP/1.1 as RFC 9112 has it' },
} as const;

const bodyForm = (head: Head): PassAs => (head.length === 'chunked' ? 'chunked' : 'plain');
