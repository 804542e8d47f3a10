import { ByteQueue } from './byte-queue.ts';
import { errors } from './codes.ts';
import { noneSensitive, type Sensitive } from './sensitive.ts';

/** Names and values in turn, each character a byte: pseudo fields first, names in lower case. */
export type Fields = readonly string[];

/**
 * How a stream has ended: `whole`, in both directions; by a reset of the other side, or of ours; `lost`, with its connection; `unsent`, of a client: the other side has said that it
 * has never looked at it, and it may be sent again (RFC 9113 §6.8).
 */
export type Ending = 'whole' | 'reset-by-peer' | 'reset' | 'lost' | 'unsent';

/** Who hears what comes over a stream. Each may write, reset and pause right in the call. */
export interface StreamListener {
  /** The head of an answer; an interim one where `status` is below 200. Only of streams that we have opened. `end`: nothing follows. */
  answer(stream: Stream, status: number, fields: Fields, sensitive: Sensitive, end: boolean): void;
  /** A piece of the body, which is there until the call returns, and takes from the window until it is `consumed`. */
  data(stream: Stream, bytes: Buffer, from: number, to: number, end: boolean): void;
  /** They end what comes. */
  trailers(stream: Stream, fields: Fields, sensitive: Sensitive): void;
  /** All that was given to `data` is on its way. Only after `data` has said false. */
  writable(stream: Stream): void;
  /** The last that is heard, once, whoever has ended it. */
  closed(stream: Stream, how: Ending, code: number): void;
}

/** Where what streams send goes. */
export interface StreamOutput {
  headers(stream: Stream, fields: Fields, sensitive: Sensitive, end: boolean): void;
  /** False where not all of it has gone. */
  data(stream: Stream, bytes: Uint8Array, from: number, to: number, end: boolean): boolean;
  trailers(stream: Stream, fields: Fields, sensitive: Sensitive): void;
  windowUpdate(id: number, bytes: number): void;
}

/** What the connection does for its streams. */
export interface StreamKeeper {
  readonly out: StreamOutput;
  /** So much of what has come is no longer in memory. */
  freed(bytes: number): void;
  /** It has ended in both directions. */
  ended(stream: Stream): void;
  reset(stream: Stream, code: number): void;
}

/** One stream of a connection (RFC 9113 §5). */
export class Stream {
  readonly id: number;
  /** What the head of the request had as its method. */
  readonly method: string;
  listener: StreamListener;
  /** The rest is the engine's. What may be sent: */
  sendWindow: number;
  unsent: ByteQueue | undefined;
  endsBehind = false;
  trailersBehind: Fields | undefined;
  sensitiveBehind: Sensitive = noneSensitive;
  wantsRoom = false;
  nextReady: Stream | undefined;
  previousReady: Stream | undefined;
  /** END_STREAM has gone, or come. */
  localEnded = false;
  remoteEnded = false;
  /** Of an answer: its final head, and how many came before that. */
  hasHead = false;
  interims = 0;
  /** What may still come: of the window, and by the content length (-1 for any). */
  receiveWindow: number;
  contentLeft = -1;
  /** No more in its table. */
  gone = false;
  readonly #keeper: StreamKeeper;
  readonly #grantFrom: number;
  #unconsumed = 0;
  /** Of the window, taken by what has been consumed, and not given back. */
  #owed = 0;
  #isPaused = false;
  #drops = false;
  #closed = false;
  /** Not given to the listener, who has paused. */
  #held: ByteQueue | undefined;
  #heldEnd = false;
  #heldTrailers: Fields | undefined;
  #heldSensitive: Sensitive = noneSensitive;

  constructor(keeper: StreamKeeper, id: number, method: string, sendWindow: number, receiveWindow: number, listener: StreamListener) {
    this.#keeper = keeper;
    this.id = id;
    this.method = method;
    this.sendWindow = sendWindow;
    this.receiveWindow = receiveWindow;
    this.#grantFrom = receiveWindow >> 1;
    this.listener = listener;
  }

  /** Nothing more is heard or sent. */
  get isClosed(): boolean {
    return this.#closed || this.gone;
  }

  /** Not all that was given to `data` is on its way. */
  get isSending(): boolean {
    return this.unsent !== undefined;
  }

  /** What has come and is kept here until `resume`. */
  get heldBytes(): number {
    return this.#held?.size ?? 0;
  }

  /** A head: of the answer, or an interim one. */
  headers(fields: Fields, sensitive: Sensitive, end: boolean): void {
    if (!this.isClosed && !this.localEnded) this.#keeper.out.headers(this, fields, sensitive, end);
  }

  /** A piece of the body, which may be used again when this returns. False where not all of it has gone: `writable` tells when it has. */
  data(bytes: Uint8Array, from: number, to: number, end: boolean): boolean {
    if (this.isClosed || this.localEnded) return true;
    return this.#keeper.out.data(this, bytes, from, to, end);
  }

  /** Nothing more comes behind what was given to `data`. */
  end(): void {
    this.data(emptyBytes, 0, 0, true);
  }

  /** Behind the body, whose end they are. */
  trailers(fields: Fields, sensitive: Sensitive): void {
    if (!this.isClosed && !this.localEnded) this.#keeper.out.trailers(this, fields, sensitive);
  }

  /** Ends it at once in both directions. What was not sent never is. */
  reset(code: number): void {
    if (!this.gone) this.#keeper.reset(this, code);
    else if (!this.#closed) this.close('reset', code);
  }

  /** Nothing that still comes is heard; behind the end of what is sent the other side is told so, by a reset without an error (RFC 9113 §8.1). */
  dropRest(): void {
    if (this.isClosed || this.remoteEnded) return this.resume();
    this.#drops = true;
    this.resume();
    if (this.localEnded) this.#keeper.reset(this, errors.noError);
  }

  /** So many of the bytes that came are no longer in memory: as many more may come. */
  consumed(bytes: number): void {
    if (this.#closed) return;
    this.#unconsumed -= bytes;
    this.#keeper.freed(bytes);
    this.#owed += bytes;
    if (this.#owed < this.#grantFrom || this.remoteEnded || this.gone) return;
    this.receiveWindow += this.#owed;
    this.#keeper.out.windowUpdate(this.id, this.#owed);
    this.#owed = 0;
  }

  /** What comes is kept, and the window is not given back. */
  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#deliverHeld();
  }

  // From the connection.

  receivedHead(status: number, fields: Fields, sensitive: Sensitive, end: boolean): void {
    if (end) this.remoteEnded = true;
    this.listener.answer(this, status, fields, sensitive, end);
    if (end) this.#endIfDone();
  }

  /** Padding, which nobody consumes. */
  skipped(bytes: number): void {
    this.#unconsumed += bytes;
    this.consumed(bytes);
  }

  received(bytes: Buffer, from: number, to: number, end: boolean): void {
    this.#unconsumed += to - from;
    if (end) this.remoteEnded = true;
    if (this.#drops) this.consumed(to - from);
    else if (this.#isPaused || this.#held !== undefined) {
      this.#held ??= new ByteQueue();
      this.#held.push(bytes, from, to);
      this.#heldEnd = end;
    } else this.listener.data(this, bytes, from, to, end);
    if (end) this.#endIfDone();
  }

  receivedTrailers(fields: Fields, sensitive: Sensitive): void {
    this.remoteEnded = true;
    if (this.#drops) return this.#endIfDone();
    if (this.#isPaused || this.#held !== undefined) {
      this.#heldTrailers = fields;
      this.#heldSensitive = sensitive;
    } else this.listener.trailers(this, fields, sensitive);
    this.#endIfDone();
  }

  /** END_STREAM has gone. */
  sentEnd(): void {
    this.localEnded = true;
    if (this.#drops && !this.remoteEnded) this.#keeper.reset(this, errors.noError);
    else this.#endIfDone();
  }

  /** Tells its listener, unless that has not yet heard all of a whole stream. */
  close(how: Ending, code: number): void {
    if (this.#closed) return;
    if (how === 'whole' && (this.#held !== undefined || this.#heldTrailers !== undefined || this.#heldEnd)) return;
    this.#closed = true;
    this.#held = undefined;
    this.unsent = undefined;
    if (this.#unconsumed > 0) this.#keeper.freed(this.#unconsumed);
    this.listener.closed(this, how, code);
  }

  #endIfDone(): void {
    if (this.localEnded && this.remoteEnded && !this.gone) this.#keeper.ended(this);
  }

  #deliverHeld(): void {
    const held = this.#held;
    if (this.#drops && held !== undefined) {
      this.consumed(held.size);
      held.clear();
    }
    while (held !== undefined && held.size > 0 && !this.#isPaused && !this.#closed)
      held.shift(Infinity, (bytes, from, to) => {
        const end = this.#heldEnd && held.size === 0;
        if (end) this.#heldEnd = false;
        this.listener.data(this, bytes, from, to, end);
      });
    if (this.#isPaused || this.#closed) return;
    this.#held = undefined;
    if (this.#heldEnd) {
      this.#heldEnd = false;
      this.listener.data(this, emptyBytes, 0, 0, true);
    }
    const trailers = this.#heldTrailers;
    if (trailers !== undefined) {
      this.#heldTrailers = undefined;
      this.listener.trailers(this, trailers, this.#heldSensitive);
    }
    if (this.gone) this.close('whole', errors.noError);
  }
}

const emptyBytes = Buffer.alloc(0);
