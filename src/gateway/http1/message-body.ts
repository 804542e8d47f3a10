import { passableTrailers } from './fields.ts';
import { codes, valueCodes } from './grammar.ts';
import { HeadReader } from './head-reader.ts';
import { mostExtensionBytes, mostTrailerBytes } from './limits.ts';

/** How the end of a body is known (RFC 9112 §6): its length in bytes, its chunks, or the end of the connection. */
export type MessageLength = number | 'chunked' | 'until-close';

/** Where a body goes. */
export interface BodySink {
  /** Framing; characters are bytes. */
  text(text: string): void;
  /** Content, and framing as it came. Not copied: `chunk` must stay as it is while `holdsBytes`. */
  bytes(chunk: Buffer, from: number, to: number): void;
  /** Something that was given by `bytes` is still needed, in the place where it was. */
  readonly holdsBytes: boolean;
  /** Content whose characters are bytes, for whoever takes it so, too. */
  contentText?(text: string): void;
  /** Those that may go on, as field lines, of a body in chunks that goes on without them. */
  trailers?(lines: string): void;
}

/** For a body that nobody wants. */
export const nowhere: BodySink = { text: () => undefined, bytes: () => undefined, holdsBytes: false };

/** Reads one body, checks its framing as it comes, and passes it on: bytes as they are, without copying them. */
export interface BodyReader {
  /** The body is whole. */
  readonly done: boolean;
  /** Bytes of content so far: without the framing. */
  readonly content: number;
  /** Passes on what of `chunk`, from `from`, belongs to the body. Gives the index behind that, or -1 where the framing is broken. */
  read(chunk: Buffer, from: number, to: BodySink): number;
  /** The connection has ended. False where the body is not whole. */
  end(to: BodySink): boolean;
}

/** `chunked`: the other side is told lengths by chunks, so those go on with it; `plain`: only the content goes on. */
export type PassAs = 'chunked' | 'plain';

export const bodyReader = (length: MessageLength, passAs: PassAs): BodyReader => {
  if (length === 'chunked') return new ChunkedBody(passAs);
  return length === 'until-close' ? new BodyUntilClose(passAs) : new BodyOfLength(length);
};

class BodyOfLength implements BodyReader {
  readonly #length: number;
  #left: number;

  constructor(length: number) {
    this.#length = this.#left = length;
  }

  get content(): number {
    return this.#length - this.#left;
  }

  get done(): boolean {
    return this.#left === 0;
  }

  read(chunk: Buffer, from: number, to: BodySink): number {
    const end = Math.min(chunk.length, from + this.#left);
    this.#left -= end - from;
    to.bytes(chunk, from, end);
    return end;
  }

  end(): boolean {
    return this.done;
  }
}

class BodyUntilClose implements BodyReader {
  done = false;
  content = 0;
  readonly #passAs: PassAs;

  constructor(passAs: PassAs) {
    this.#passAs = passAs;
  }

  read(chunk: Buffer, from: number, to: BodySink): number {
    if (chunk.length === from) return from;
    if (this.#passAs === 'chunked') to.text(`${(chunk.length - from).toString(16)}\r\n`);
    to.bytes(chunk, from, chunk.length);
    this.content += chunk.length - from;
    if (this.#passAs === 'chunked') to.text('\r\n');
    return chunk.length;
  }

  end(to: BodySink): boolean {
    this.done = true;
    if (this.#passAs === 'chunked') to.text('0\r\n\r\n');
    return true;
  }
}

/** More digits than any length that can be counted exactly has, leading zeros included. */
const mostSizeDigits = 13;

const hexOf = (code: number): number => {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const lower = code | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
};

/**
 * Chunks (RFC 9112 §7.1): each line end exactly CRLF, sizes of digits alone. What is correct goes on as it came, in one piece with its neighbours; extensions end here, and so does a
 * size line that came in two parts: that is written anew. The last chunk goes on when its trailers are here and checked.
 */
class ChunkedBody implements BodyReader {
  done = false;
  content = 0;
  readonly #passAs: PassAs;
  #state: 'size' | 'extension' | 'size-lf' | 'data' | 'data-cr' | 'data-lf' | 'trailers' = 'size';
  #size = 0;
  #digits = 0;
  #extensionBytes = 0;
  #left = 0;
  /** Where what is to be passed on begins in the chunk being read. */
  #from = 0;
  /** Where the size line begins; -1: in an earlier chunk, or it has an extension, so that it is written anew. */
  #lineAt = 0;
  #trailers: HeadReader | undefined;

  constructor(passAs: PassAs) {
    this.#passAs = passAs;
  }

  read(chunk: Buffer, from: number, to: BodySink): number {
    this.#from = from;
    this.#lineAt = this.#state === 'size' && this.#digits === 0 ? from : -1;
    let at = from;
    while (at < chunk.length && !this.done) {
      at = this.#step(chunk, at, to);
      if (at < 0) return -1;
    }
    if (this.#passAs === 'chunked') this.#pass(chunk, this.#inSizeLine ? this.#lineAt : at, to);
    return at;
  }

  end(): boolean {
    return this.done;
  }

  get #inSizeLine(): boolean {
    return this.#state === 'size' || this.#state === 'extension' || this.#state === 'size-lf';
  }

  #pass(chunk: Buffer, until: number, to: BodySink): void {
    if (until > this.#from && this.#state !== 'trailers') to.bytes(chunk, this.#from, until);
    this.#from = until;
  }

  #skipData(chunk: Buffer, at: number, to: BodySink): number {
    const end = Math.min(chunk.length, at + this.#left);
    this.#left -= end - at;
    this.content += end - at;
    if (this.#left === 0) this.#state = 'data-cr';
    if (this.#passAs === 'plain') to.bytes(chunk, at, end);
    return end;
  }

  /** One byte of the framing, or as much as there is of the rest. */
  #step(chunk: Buffer, at: number, to: BodySink): number {
    const code = chunk.readUInt8(at);
    switch (this.#state) {
      case 'size':
        return this.#sizeDigit(chunk, code, at, to);
      case 'extension':
        this.#extensionBytes += 1;
        if (code === codes.carriageReturn) this.#state = 'size-lf';
        else if (valueCodes[code] !== 1 || this.#extensionBytes > mostExtensionBytes) return -1;
        return at + 1;
      case 'size-lf':
        return code === codes.lineFeed ? this.#beginData(chunk, at + 1, to) : -1;
      case 'data-cr':
        this.#state = 'data-lf';
        return code === codes.carriageReturn ? at + 1 : -1;
      case 'data-lf':
        if (code !== codes.lineFeed) return -1;
        this.#state = 'size';
        this.#size = this.#digits = 0;
        this.#lineAt = at + 1;
        return at + 1;
      case 'data':
        return this.#skipData(chunk, at, to);
      case 'trailers':
        return this.#readTrailers(chunk, at, to);
    }
  }

  #sizeDigit(chunk: Buffer, code: number, at: number, to: BodySink): number {
    const digit = hexOf(code);
    if (digit >= 0) {
      this.#size = this.#size * 16 + digit;
      this.#digits += 1;
      return this.#digits > mostSizeDigits ? -1 : at + 1;
    }
    if (this.#digits === 0) return -1;
    if (code === codes.carriageReturn) this.#state = 'size-lf';
    else if (code === codes.semicolon) {
      this.#state = 'extension';
      this.#writeAnew(chunk, to);
    } else return -1;
    return at + 1;
  }

  /** The size line is not passed on as it came. */
  #writeAnew(chunk: Buffer, to: BodySink): void {
    if (this.#lineAt < 0) return;
    if (this.#passAs === 'chunked') this.#pass(chunk, this.#lineAt, to);
    this.#lineAt = -1;
  }

  #beginData(chunk: Buffer, at: number, to: BodySink): number {
    if (this.#size === 0) {
      this.#writeAnew(chunk, to);
      this.#state = 'trailers';
      return at;
    }
    if (this.#passAs === 'chunked' && this.#lineAt < 0) {
      to.text(`${this.#size.toString(16)}\r\n`);
      this.#from = at;
    }
    this.#left = this.#size;
    this.#state = 'data';
    return at;
  }

  #readTrailers(chunk: Buffer, at: number, to: BodySink): number {
    if (this.#trailers === undefined) {
      if (chunk[at] === codes.carriageReturn && chunk[at + 1] === codes.lineFeed) return this.#end('', at + 2, to);
      // The reader of heads looks for the end of a line before the empty one, so it is given one: without trailers there is none.
      this.#trailers = new HeadReader(mostTrailerBytes);
      this.#trailers.read(lineEnd, 0);
    }
    const end = this.#trailers.read(chunk, at);
    if (end === 'more') return chunk.length;
    if (typeof end === 'string') return -1;
    const passed = passableTrailers(this.#trailers.text.slice(lineEnd.length, this.#trailers.length));
    return passed === undefined ? -1 : this.#end(passed, end, to);
  }

  #end(trailers: string, at: number, to: BodySink): number {
    this.done = true;
    if (this.#passAs === 'chunked') to.text(`0\r\n${trailers}\r\n`);
    else if (trailers !== '') to.trailers?.(trailers);
    return at;
  }
}

const lineEnd = Buffer.from('\r\n');
