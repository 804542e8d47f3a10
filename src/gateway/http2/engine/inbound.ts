import { mostInterims } from '../limits.ts';
import { errors, flags, types } from './codes.ts';
import { FieldBlocks } from './field-blocks.ts';
import { answerLength, answerStatus, areTrailers, malformed, noLength, requestLength } from './field-rules.ts';
import type { FrameSink } from './frames.ts';
import type { Guard } from './guard.ts';
import { Decoder } from './hpack/decoder.ts';
import type { Sensitive } from './sensitive.ts';
import type { OwnSettings } from './settings.ts';
import type { Fields, Stream } from './stream.ts';

/** What the connection does with what comes. */
export interface InboundKeeper {
  /** Undefined for one that is idle or closed. */
  find(id: number): Stream | undefined;
  /** It has not begun yet. */
  isIdle(id: number): boolean;
  /** Frames may still be on their way that are no error. */
  mayHaveReset(id: number): boolean;
  /** A stream that the other side opens; undefined where it is not taken. */
  begin(id: number, fields: Fields): Stream | undefined;
  begun(stream: Stream, fields: Fields, sensitive: Sensitive, end: boolean): void;
  /** Bytes that take from the window of the connection; false where they are more than it has. */
  arrived(bytes: number): boolean;
  freed(bytes: number): void;
  /** An error of the stream, of the other side's making. */
  fault(id: number, code: number): void;
  /** An error of the whole connection. */
  fail(code: number): void;
  resetByPeer(stream: Stream, code: number): void;
  settings(bytes: Buffer, from: number, to: number): void;
  pinged(isAck: boolean, payload: Buffer): void;
  goaway(last: number): void;
  windowUpdate(id: number, bytes: number): void;
}

/** Takes the frames of a connection as RFC 9113 §6 wants them, and gives what they hold to their streams. */
export class Inbound implements FrameSink {
  /** A frame has come, and with it all of its field block, since this was last set to false. */
  hasTaken = false;
  readonly #keeper: InboundKeeper;
  readonly #guard: Guard;
  readonly #decoder: Decoder;
  readonly #isServer: boolean;
  readonly #canTunnel: boolean;
  readonly #blocks: FieldBlocks;
  #isGreeted = false;
  /** Of the DATA frame that comes. */
  #data: Stream | undefined;
  #dataEnds = false;
  /** Of its bytes, those that have not come, at the end its padding. */
  #padded = 0;

  constructor(keeper: InboundKeeper, guard: Guard, { role, connectProtocol, maxHeaderListSize }: OwnSettings) {
    this.#keeper = keeper;
    this.#guard = guard;
    this.#decoder = new Decoder(maxHeaderListSize);
    this.#isServer = role === 'server';
    this.#canTunnel = connectProtocol;
    this.#blocks = new FieldBlocks(2 * maxHeaderListSize);
  }

  /** A field block has begun, and not ended. */
  get isOpen(): boolean {
    return this.#blocks.open !== 0;
  }

  broken(code: number): void {
    this.#keeper.fail(code);
  }

  frame(type: number, flag: number, id: number, bytes: Buffer, from: number, to: number): void {
    if (!this.#expects(type, flag, id)) return this.#keeper.fail(errors.protocolError);
    const problem = this.#take(type, flag, id, bytes, from, to);
    if (problem !== errors.noError) this.#keeper.fail(problem);
    if (!this.isOpen) this.hasTaken = true;
  }

  dataHead(flag: number, id: number, length: number): void {
    this.#data = undefined;
    if (!this.#expects(types.data, flag, id) || id === 0) return this.#keeper.fail(errors.protocolError);
    if (!this.#keeper.arrived(length)) return this.#keeper.fail(errors.flowControlError);
    const end = (flag & flags.endStream) !== 0;
    if (length > 0) this.#guard.useful();
    else if (!end && !this.#guard.idle()) return;
    const stream = this.#keeper.find(id);
    // Padding, and what nobody gets, is gone at once.
    if (stream === undefined || stream.remoteEnded) {
      this.#keeper.freed(length);
      return this.#strayed(id, stream);
    }
    if (length > stream.receiveWindow) {
      this.#keeper.freed(length);
      return this.#keeper.fault(id, errors.flowControlError);
    }
    stream.receiveWindow -= length;
    this.#data = stream;
    this.#dataEnds = end;
    this.#padded = length;
  }

  data(bytes: Buffer, from: number, to: number, isLast: boolean): void {
    const stream = this.#data;
    if (stream === undefined) return;
    const length = to - from;
    this.#padded -= length;
    const end = isLast && this.#dataEnds;
    if (isLast) this.#data = undefined;
    if (stream.gone) return this.#keeper.freed(length + (isLast ? this.#padded : 0));
    if (stream.contentLeft >= 0) {
      stream.contentLeft -= length;
      if (stream.contentLeft < 0 || (end && stream.contentLeft > 0)) {
        this.#data = undefined;
        this.#keeper.freed(length + this.#padded);
        return this.#keeper.fault(stream.id, errors.protocolError);
      }
    }
    if (!this.#isServer && !stream.hasHead) {
      this.#data = undefined;
      this.#keeper.freed(length + this.#padded);
      return this.#keeper.fault(stream.id, errors.protocolError);
    }
    if (length > 0 || end) stream.received(bytes, from, to, end);
    if (isLast && this.#padded > 0) stream.skipped(this.#padded);
  }

  /** False where this frame may not come now. */
  #expects(type: number, flag: number, id: number): boolean {
    const { open } = this.#blocks;
    if (open !== 0) return type === types.continuation && id === open;
    if (this.#isGreeted) return true;
    this.#isGreeted = type === types.settings && (flag & flags.ack) === 0;
    return this.#isGreeted;
  }

  #take(type: number, flag: number, id: number, bytes: Buffer, from: number, to: number): number {
    const length = to - from;
    switch (type) {
      case types.headers:
        return this.#block(id === 0 ? errors.protocolError : this.#blocks.begin(flag, id, bytes, from, to));
      case types.continuation:
        return this.#block(this.#blocks.go(flag, bytes, from, to));
      case types.windowUpdate:
        return this.#windowUpdate(id, bytes, from, length);
      case types.reset:
        return this.#reset(id, bytes, from, length);
      case types.settings:
        if (id !== 0) return errors.protocolError;
        if (length % 6 !== 0 || ((flag & flags.ack) !== 0 && length !== 0)) return errors.frameSizeError;
        if (this.#guard.idle() && (flag & flags.ack) === 0) this.#keeper.settings(bytes, from, to);
        return errors.noError;
      case types.ping:
        if (id !== 0) return errors.protocolError;
        if (length !== 8) return errors.frameSizeError;
        if (this.#guard.idle()) this.#keeper.pinged((flag & flags.ack) !== 0, Buffer.from(bytes.subarray(from, to)));
        return errors.noError;
      case types.goaway:
        if (id !== 0) return errors.protocolError;
        if (length < 8) return errors.frameSizeError;
        if (this.#guard.idle()) this.#keeper.goaway(bytes.readUInt32BE(from) & 0x7f_ff_ff_ff);
        return errors.noError;
      case types.priority:
        if (id === 0) return errors.protocolError;
        if (!this.#guard.idle()) return errors.noError;
        if (length !== 5) this.#priorityFault(id);
        return length === 5 && (bytes.readUInt32BE(from) & 0x7f_ff_ff_ff) === id ? errors.protocolError : errors.noError;
      case types.pushPromise:
        return errors.protocolError;
      default:
        // Extensions (RFC 9113 §5.5).
        this.#guard.idle();
        return errors.noError;
    }
  }

  #priorityFault(id: number): void {
    if (this.#keeper.isIdle(id)) this.#keeper.fail(errors.frameSizeError);
    else this.#keeper.fault(id, errors.frameSizeError);
  }

  #block(problem: number): number {
    if (problem !== errors.noError || this.#blocks.open !== 0) return problem;
    const { bytes, from, to, id, end } = this.#blocks;
    this.#blocks.bytes = noBytes;
    this.#guard.useful();
    const decoded = this.#decoder.decode(bytes, from, to);
    if (decoded === 'broken') return errors.compressionError;
    const stream = this.#keeper.find(id);
    if (stream === undefined && this.#isServer && this.#keeper.isIdle(id)) {
      if ((id & 1) === 0) return errors.protocolError;
      this.#request(id, end, decoded === 'large');
    } else if (stream === undefined || stream.remoteEnded) {
      if (this.#keeper.isIdle(id)) return errors.protocolError;
      this.#strayed(id, stream);
    } else if (decoded === 'large') this.#keeper.fault(id, errors.enhanceYourCalm);
    else if (this.#isServer || stream.hasHead) this.#trailers(stream, end);
    else this.#answer(stream, end);
    return errors.noError;
  }

  #request(id: number, end: boolean, isLarge: boolean): void {
    const { fields, kinds, sensitive } = this.#decoder;
    const stream = this.#keeper.begin(id, fields);
    if (stream === undefined) return;
    const length = isLarge ? noLength : requestLength(fields, kinds, this.#canTunnel);
    if (isLarge) this.#keeper.fault(id, errors.enhanceYourCalm);
    else if (length === malformed || (end && length > 0)) this.#keeper.fault(id, errors.protocolError);
    else {
      stream.contentLeft = length;
      stream.remoteEnded = end;
      this.#keeper.begun(stream, fields, sensitive, end);
    }
  }

  #answer(stream: Stream, end: boolean): void {
    const { fields, kinds, sensitive } = this.#decoder;
    const length = answerLength(fields, kinds);
    const status = answerStatus();
    const isInterim = status < 200;
    const isBodyless = stream.method === 'HEAD' || status === 204 || status === 304;
    if (length === malformed || (isInterim && end) || (end && length > 0 && !isBodyless)) return this.#keeper.fault(stream.id, errors.protocolError);
    if (isInterim) {
      stream.interims += 1;
      if (stream.interims > mostInterims) return this.#keeper.fault(stream.id, errors.enhanceYourCalm);
    } else {
      stream.hasHead = true;
      // Of an answer to CONNECT the length says nothing (RFC 9110 §9.3.6).
      stream.contentLeft = isBodyless ? 0 : stream.method === 'CONNECT' ? noLength : length;
    }
    stream.receivedHead(status, fields, sensitive, end);
  }

  #trailers(stream: Stream, end: boolean): void {
    const { fields, kinds, sensitive } = this.#decoder;
    if (!end || !areTrailers(fields, kinds) || stream.contentLeft > 0) this.#keeper.fault(stream.id, errors.protocolError);
    else stream.receivedTrailers(fields, sensitive);
  }

  /** DATA or HEADERS where none may come: behind END_STREAM, or of a stream that is no more. */
  #strayed(id: number, stream: Stream | undefined): void {
    if (stream !== undefined) this.#keeper.fault(id, errors.streamClosed);
    else if (this.#keeper.isIdle(id)) this.#keeper.fail(errors.protocolError);
    else if (!this.#keeper.mayHaveReset(id)) this.#keeper.fail(errors.streamClosed);
    else this.#guard.idle();
  }

  #reset(id: number, bytes: Buffer, from: number, length: number): number {
    if (length !== 4) return errors.frameSizeError;
    if (id === 0 || this.#keeper.isIdle(id)) return errors.protocolError;
    const stream = this.#keeper.find(id);
    if (stream === undefined) this.#guard.idle();
    else if (this.#guard.reset()) this.#keeper.resetByPeer(stream, bytes.readUInt32BE(from));
    return errors.noError;
  }

  #windowUpdate(id: number, bytes: Buffer, from: number, length: number): number {
    if (length !== 4) return errors.frameSizeError;
    const increment = bytes.readUInt32BE(from) & 0x7f_ff_ff_ff;
    if (this.#keeper.isIdle(id) && id !== 0) return errors.protocolError;
    if (increment > 0) this.#keeper.windowUpdate(id, increment);
    else if (id === 0) return errors.protocolError;
    else this.#keeper.fault(id, errors.protocolError);
    return errors.noError;
  }
}

const noBytes: Buffer = Buffer.alloc(0);
