import { codes } from './grammar.ts';

const blankLine = Buffer.from('\r\n\r\n');
/** Up to here it costs less to look through what came as text. */
const shortBytes = 2048;

/**
 * Cuts heads out of what comes over a connection, however it is split. What cannot become a head (a bare CR or LF, another control character) is told at once, not when the time for the
 * head is over: somebody speaks TLS to a plain port, or ends lines in LF alone.
 */
export class HeadReader {
  /** The last head that was read whole, with its empty line; each character is one byte. */
  text = '';
  readonly #limit: number;
  #kept: Buffer | undefined;
  #length = 0;

  constructor(limit: number) {
    this.#limit = limit;
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
    return end;
  }

  #readShort(chunk: Buffer, from: number): number | 'more' | 'too-long' | 'malformed' {
    const text = chunk.toString('latin1', from);
    const at = text.indexOf('\r\n\r\n');
    if (at < 0) return this.#keep(chunk, from);
    const length = at + blankLine.length;
    if (length > this.#limit) return 'too-long';
    this.text = text.slice(0, length);
    return from + length;
  }

  #keep(chunk: Buffer, from: number): 'more' | 'too-long' | 'malformed' {
    const length = chunk.length - from;
    if (length > this.#limit) return 'too-long';
    if (length === 0) return 'more';
    if (!mayBecomeHead(chunk, from, from, chunk.length)) return 'malformed';
    this.#kept = Buffer.allocUnsafe(Math.max(1024, length));
    this.#length = chunk.copy(this.#kept, 0, from);
    return 'more';
  }

  #readOn(kept: Buffer, chunk: Buffer, from: number): number | 'more' | 'too-long' | 'malformed' {
    const before = this.#length;
    const added = Math.min(chunk.length - from, this.#limit + 1 - before);
    const buffer = grown(kept, before, before + added);
    this.#kept = buffer;
    this.#length = before + chunk.copy(buffer, before, from, from + added);
    const at = buffer.subarray(0, this.#length).indexOf(blankLine, Math.max(0, before - blankLine.length + 1));
    if (at < 0) {
      if (this.#length > this.#limit) return 'too-long';
      return mayBecomeHead(buffer, 0, Math.max(0, before - 1), this.#length) ? 'more' : 'malformed';
    }
    const end = at + blankLine.length;
    if (end > this.#limit) return 'too-long';
    this.text = buffer.toString('latin1', 0, end);
    this.#kept = undefined;
    this.#length = 0;
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
