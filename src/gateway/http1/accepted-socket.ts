import type { Server, Socket, SocketConstructorOpts } from 'node:net';
import { DirectSocket } from '../direct-socket.ts';
import { mostBytes, ReadBuffer } from './read-buffer.ts';

/** Who takes what comes over an accepted connection, in place of its stream. */
export interface Reader {
  /** Somebody takes a body of which more is to come. While much of it comes at a time it is read into memory of the connection's own, and not copied. */
  readonly passesBody: boolean;
  /** `chunk` is read into again as soon as this has returned. */
  readShared(chunk: Buffer): void;
  /** The same where this gives false; true: it is still needed. */
  readOwn(chunk: Buffer): boolean;
  /** `chunk` is nobody else's. */
  readStream(chunk: Buffer): void;
}

/** All connections read into it: what comes is short, as heads are, and has been dealt with when the next one reads. */
const shared = Buffer.allocUnsafeSlow(64 * 1024);
/** From here on a read is worth memory that may be kept. An upload that trickles has none. */
const longReadBytes = 16 * 1024;
/** What was read last: requests of one client have often the same length. */
let sharedView = shared;

/** What one connection reads into, and who takes it. */
class Intake {
  reader: Reader | undefined;
  isPaused = false;
  /** Which takes what comes for as long as nobody else does. */
  stream: Socket | undefined;
  /** What the next read goes into, if not into `shared`. */
  #own: ReadBuffer | undefined;
  #wasLong = false;

  /** For the next read. */
  readonly next = (): Buffer => {
    if (!this.#wasLong || this.isPaused || this.reader?.passesBody !== true) {
      this.#own = undefined;
      return shared;
    }
    this.#own ??= new ReadBuffer(mostBytes);
    return this.#own.next();
  };

  /** False: no more for now. */
  readonly read = (bytes: number): boolean => {
    this.#wasLong = bytes >= longReadBytes;
    const own = this.#own;
    const chunk = own === undefined ? viewOfShared(bytes) : own.read(bytes);
    const reader = this.isPaused ? undefined : this.reader;
    let takesMore = true;
    let isHeld = false;
    // A copy: the memory is read into again before whoever reads the stream has seen it.
    if (reader === undefined) takesMore = this.stream?.push(Buffer.from(chunk)) === true;
    else if (own === undefined) reader.readShared(chunk);
    else isHeld = reader.readOwn(chunk);
    own?.done(isHeld);
    return takesMore;
  };
}

const viewOfShared = (bytes: number): Buffer => {
  if (sharedView.length !== bytes) sharedView = shared.subarray(0, bytes);
  return sharedView;
};

/** A client's TCP connection that is not read by way of its stream while it has a reader, unless that has paused it; without one it is a socket as any other. */
export class AcceptedSocket extends DirectSocket {
  readonly #intake: Intake;

  /** `handle`: the connection as the kernel's part of Node has it. */
  constructor(handle: object) {
    const intake = new Intake();
    const onread = { buffer: intake.next, callback: intake.read };
    super({ handle, allowHalfOpen: true, onread } as SocketConstructorOpts);
    intake.stream = this;
    this.#intake = intake;
  }

  set reader(reader: Reader | undefined) {
    this.#intake.reader = reader;
  }

  /** With a reader what comes goes on into the stream, as far as that has room: a client that ends its side before anything more is noticed all the same. */
  override pause(): this {
    if (this.#intake.reader === undefined) return super.pause();
    this.#intake.isPaused = true;
    return this;
  }

  override resume(): this {
    const intake = this.#intake;
    const { reader } = intake;
    if (reader === undefined) return super.resume();
    intake.isPaused = false;
    for (let chunk = this.#nextFor(reader); chunk !== null; chunk = this.#nextFor(reader)) reader.readStream(chunk);
    return this;
  }

  /** What is in the stream. Null also where what came before has made `reader` pause, or leave. */
  #nextFor(reader: Reader): Buffer | null {
    return this.#intake.isPaused || this.#intake.reader !== reader ? null : (this.read() as Buffer | null);
  }
}

interface ListeningHandle {
  onconnection: (this: ListeningHandle, status: number, handle?: object) => void;
}

const isListeningHandle = (value: unknown): value is ListeningHandle =>
  typeof value === 'object' && value !== null && 'onconnection' in value && typeof value.onconnection === 'function';

/**
 * From now on `accepted` has the connections of `server`, which listens, and the server neither tells of them nor counts them. For Node makes a buffer of 64 KiB for every read of a connection that it accepts, and
 * has `onread` (read-buffer.ts) for sockets that connect alone. It goes by what lib/net.js does itself: `onconnection` of a server's handle, and a socket's `handle`, of which its documentation says
 * nothing. With a Node that has them no more this gives false, a test fails, and connections come as before.
 */
export const acceptFrom = (server: Server, accepted: (socket: AcceptedSocket) => void): boolean => {
  const listening = '_handle' in server ? server._handle : undefined;
  if (!isListeningHandle(listening)) return false;
  const { onconnection } = listening;
  listening.onconnection = (status, handle) => {
    if (handle === undefined) onconnection.call(listening, status);
    else accepted(new AcceptedSocket(handle).setNoDelay(true));
  };
  return true;
};
