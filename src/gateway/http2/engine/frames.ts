import { errors, flags, frameBytes, frameHeadBytes, preface, types } from './codes.ts';

/** Who takes the frames of a connection. Bytes are only there until the call returns. */
export interface FrameSink {
  /** One other than DATA, whole: its payload is `bytes[from, to)`. */
  frame(type: number, flags: number, stream: number, bytes: Buffer, from: number, to: number): void;
  /** A frame of DATA begins, with `length` bytes, padding among them. */
  dataHead(flags: number, stream: number, length: number): void;
  /** Some of its content, which may come in several pieces; `isLast`: the last of them. There is always one, though it may be empty. */
  data(bytes: Buffer, from: number, to: number, isLast: boolean): void;
  /** What came is no HTTP/2. The reader must be stopped. */
  broken(code: number): void;
}

/** Where the reader is in a frame: before its head, in a payload that is read whole, at the length of the padding, in the content of DATA, in its padding. */
type Part = 'head' | 'payload' | 'pad-length' | 'data' | 'padding';

/** Cuts what comes over a connection into frames (RFC 9113 §4), in whatever pieces it comes. Nothing is copied but what does not come in one piece, DATA never. */
export class FrameReader {
  /** Nothing more is read. */
  stopped = false;
  readonly #sink: FrameSink;
  #part: Part = 'head';
  /** Of the preface that are still to come. */
  #prefaceLeft: number;
  readonly #head = Buffer.alloc(frameHeadBytes);
  #headRead = 0;
  #type = 0;
  #flags = 0;
  #stream = 0;
  /** Bytes of the part that are still to come. */
  #left = 0;
  #padding = 0;
  #payload: Buffer | undefined;
  #payloadRead = 0;

  constructor(sink: FrameSink, expectsPreface: boolean) {
    this.#sink = sink;
    this.#prefaceLeft = expectsPreface ? preface.length : 0;
  }

  /** Of a frame other than DATA some has come, and not all. */
  get isWithin(): boolean {
    return this.#part === 'payload' || this.#headRead > 0;
  }

  read(bytes: Buffer, from: number, to: number): void {
    let at = from;
    while (this.#prefaceLeft > 0 && at < to) {
      if (bytes[at] !== preface[preface.length - this.#prefaceLeft]) return this.#broken(errors.protocolError);
      this.#prefaceLeft -= 1;
      at += 1;
    }
    while (at < to && !this.stopped)
      switch (this.#part) {
        case 'head':
          at = this.#readHead(bytes, at, to);
          break;
        case 'payload':
          at = this.#readPayload(bytes, at, to);
          break;
        case 'pad-length':
          this.#readPadLength(bytes, at);
          at += 1;
          break;
        case 'data':
          at = this.#readData(bytes, at, to);
          break;
        case 'padding': {
          const end = Math.min(to, at + this.#left);
          this.#left -= end - at;
          at = end;
          if (this.#left === 0) this.#part = 'head';
          break;
        }
      }
  }

  #broken(code: number): void {
    this.stopped = true;
    this.#sink.broken(code);
  }

  #readHead(bytes: Buffer, from: number, to: number): number {
    if (this.#headRead === 0 && to - from >= frameHeadBytes) {
      this.#begin(bytes, from);
      return from + frameHeadBytes;
    }
    let at = from;
    while (at < to && this.#headRead < frameHeadBytes) this.#head[this.#headRead++] = bytes[at++] ?? 0;
    if (this.#headRead < frameHeadBytes) return at;
    this.#headRead = 0;
    this.#begin(this.#head, 0);
    return at;
  }

  #begin(head: Buffer, at: number): void {
    const length = ((head[at] ?? 0) << 16) | ((head[at + 1] ?? 0) << 8) | (head[at + 2] ?? 0);
    const type = (this.#type = head[at + 3] ?? 0);
    this.#flags = head[at + 4] ?? 0;
    this.#stream = (((head[at + 5] ?? 0) & 0x7f) << 24) | ((head[at + 6] ?? 0) << 16) | ((head[at + 7] ?? 0) << 8) | (head[at + 8] ?? 0);
    if (length > frameBytes) return this.#broken(errors.frameSizeError);
    this.#left = length;
    if (type !== types.data) {
      if (length === 0) this.#sink.frame(type, this.#flags, this.#stream, head, 0, 0);
      else this.#part = 'payload';
      return;
    }
    const isPadded = (this.#flags & flags.padded) !== 0;
    if (isPadded && length === 0) return this.#broken(errors.frameSizeError);
    this.#padding = 0;
    this.#sink.dataHead(this.#flags, this.#stream, length);
    if (isPadded) this.#part = 'pad-length';
    else if (length > 0) this.#part = 'data';
    else this.#sink.data(head, 0, 0, true);
  }

  #readPayload(bytes: Buffer, from: number, to: number): number {
    const end = Math.min(to, from + this.#left);
    this.#left -= end - from;
    if (this.#left === 0 && this.#payload === undefined) {
      this.#part = 'head';
      this.#sink.frame(this.#type, this.#flags, this.#stream, bytes, from, end);
      return end;
    }
    this.#payload ??= Buffer.allocUnsafe(end - from + this.#left);
    bytes.copy(this.#payload, this.#payloadRead, from, end);
    this.#payloadRead += end - from;
    if (this.#left > 0) return end;
    const payload = this.#payload;
    this.#payload = undefined;
    this.#payloadRead = 0;
    this.#part = 'head';
    this.#sink.frame(this.#type, this.#flags, this.#stream, payload, 0, payload.length);
    return end;
  }

  #readPadLength(bytes: Buffer, at: number): void {
    const padding = bytes[at] ?? 0;
    const content = this.#left - 1 - padding;
    if (content < 0) return this.#broken(errors.protocolError);
    this.#padding = padding;
    this.#left = content;
    this.#part = 'data';
    if (content > 0) return;
    this.#endData();
    this.#sink.data(bytes, at, at, true);
  }

  #readData(bytes: Buffer, from: number, to: number): number {
    const end = Math.min(to, from + this.#left);
    this.#left -= end - from;
    const isLast = this.#left === 0;
    if (isLast) this.#endData();
    this.#sink.data(bytes, from, end, isLast);
    return end;
  }

  #endData(): void {
    this.#left = this.#padding;
    this.#part = this.#left > 0 ? 'padding' : 'head';
  }
}
