import { codes } from './grammar.ts';

const blankLine = Buffer.from('\r\n\r\n');
const nothing = Buffer.alloc(0);
/** Up to here it costs less to look through what came as text. */
const shortBytes = 2048;

/**
 * Cuts heads out of what comes over a connection, however it is split. What cannot become a head (a bare CR or LF, another control character) is told at once, not when the time for the
 * head is over: somebody speaks TLS to a plain port, or ends lines in LF alone.
 */
export class HeadReader {
  /** Begins with the last head that was read whole, and its empty line; what follows in the same short piece may be behind it. Each character is one byte. */
  text = '';
  /** Of that head. */
  length = 0;
  /** The same as bytes, from `start` on: until `done`, and no longer than they are there. */
  bytes: Buffer = nothing;
  start = 0;
  readonly #limit: number;
  #kept: Buffer | undefined;
  #keptLength = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** How much of what follows the head `text` has. */
  get behind(): number {
    return this.text.length - this.length;
  }

  /** Reads `chunk` from `from`. Gives the index behind the head, whose text is then in `text`; `more` while it is not whole. */
  read(chunk: Buffer, from: number): number | 'more' | 'too-long' | 'malformed' {
    if (this.#kept !== undefined) return this.#readOn(this.#kept, chunk, from);
    if (chunk.length - from <= shortBytes) return this.#readShort(chunk, from);
    const at = chunk.indexOf(blankLine, from);
    if (at < 0) return this.#keep(chunk, from);
    const end = at + blankLine.length;
    if (end - from > this.#limit) return 'too-long';
    this.text = chunk.toString('latin1', from, end);
    return this.#whole(chunk, from, end - from);
  }

  /** The bytes are not needed any more: they may be a small part of much memory. */
  done(): void {
    this.bytes = nothing;
  }

  #readShort(chunk: Buffer, from: number): number | 'more' | 'too-long' | 'malformed' {
    const text = chunk.toString('latin1', from);
    const at = text.indexOf('\r\n\r\n');
    if (at < 0) return this.#keep(chunk, from);
    const length = at + blankLine.length;
    if (length > this.#limit) return 'too-long';
    // Not cut off: to read a piece of a string, character by character, costs V8 twice the time.
    this.text = text;
    return this.#whole(chunk, from, length);
  }

  #whole(bytes: Buffer, start: number, length: number): number {
    this.bytes = bytes;
    this.start = start;
    this.length = length;
    return start + length;
  }

  #keep(chunk: Buffer, from: number): 'more' | 'too-long' | 'malformed' {
    const length = chunk.length - from;
    if (length > this.#limit) return 'too-long';
    if (length === 0) return 'more';
    if (!mayBecomeHead(chunk, from, from, chunk.length)) return 'malformed';
    this.#kept = Buffer.allocUnsafe(Math.max(1024, length));
    this.#keptLength = chunk.copy(this.#kept, 0, from);
    return 'more';
  }

  #readOn(kept: Buffer, chunk: Buffer, from: number): number | 'more' | 'too-long' | 'malformed' {
    const before = this.#keptLength;
    const added = Math.min(chunk.length - from, this.#limit + 1 - before);
    const buffer = grown(kept, before, before + added);
    this.#kept = buffer;
    this.#keptLength = before + chunk.copy(buffer, before, from, from + added);
    const at = buffer.subarray(0, this.#keptLength).indexOf(blankLine, Math.max(0, before - blankLine.length + 1));
    if (at < 0) {
      if (this.#keptLength > this.#limit) return 'too-long';
      return mayBecomeHead(buffer, 0, Math.max(0, before - 1), this.#keptLength) ? 'more' : 'malformed';
    }
    const end = at + blankLine.length;
    if (end > this.#limit) return 'too-long';
    this.text = buffer.toString('latin1', 0, end);
    this.#whole(buffer, 0, end);
    this.#kept = undefined;
    this.#keptLength = 0;
    return from + end - before;
  }
}

/** `buffer` with room for `wanted` bytes, the first `used` of them kept. Doubles, so that a head that comes byte by byte costs no more than twice its length. */
const grown = (buffer: Buffer, used: number, wanted: number): Buffer => {
  if (wanted <= buffer.length) return buffer;
  const larger = Buffer.allocUnsafe(Math.max(wanted, buffer.length * 2));
  buffer.copy(larger, 0, 0, used);
  return larger;
};

/** False as soon as the head that begins at `start` of `buffer` has a control character that none has; a CR may still be followed by its LF. Looks at `from` to `to`. */
const mayBecomeHead = (buffer: Buffer, start: number, from: number, to: number): boolean => {
  for (let index = from; index < to; index += 1) {
    const code = buffer.readUInt8(index);
    if (code >= codes.space || code === codes.tab) continue;
    if (code === codes.carriageReturn) {
      if (index + 1 < to && buffer[index + 1] !== codes.lineFeed) return false;
    } else if (code !== codes.lineFeed || index === start || buffer[index - 1] !== codes.carriageReturn) return false;
  }
  return true;
};
