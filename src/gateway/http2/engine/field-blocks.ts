import { mostContinuations } from '../limits.ts';
import { errors, flags } from './codes.ts';

const greatest = 0x7f_ff_ff_ff;

/** Puts the block of a field section together from HEADERS and CONTINUATION (RFC 9113 §4.3). One that is in a single frame, as nearly all are, is not copied. */
export class FieldBlocks {
  /** The stream whose block is not whole yet; 0 for none, and then the rest is the one that is. */
  open = 0;
  id = 0;
  end = false;
  bytes: Buffer = Buffer.alloc(0);
  from = 0;
  to = 0;
  readonly #most: number;
  #parts: Buffer[] = [];
  #size = 0;

  /** `most`: bytes of a block. */
  constructor(most: number) {
    this.#most = most;
  }

  /** HEADERS; the number of the error of the connection that they are, or none. */
  begin(flag: number, id: number, bytes: Buffer, start: number, end: number): number {
    let [from, to] = [start, end];
    if ((flag & flags.padded) !== 0) {
      if (from === end) return errors.frameSizeError;
      to -= bytes[from] ?? 0;
      from += 1;
    }
    if ((flag & flags.priority) !== 0) {
      if (end - from < 5) return errors.frameSizeError;
      // It would depend on itself (RFC 7540 §5.3.1).
      if ((bytes.readUInt32BE(from) & greatest) === id) return errors.protocolError;
      from += 5;
    }
    if (from > to) return errors.protocolError;
    this.id = id;
    this.end = (flag & flags.endStream) !== 0;
    if ((flag & flags.endHeaders) !== 0) this.#take(bytes, from, to);
    else {
      this.open = id;
      this.#parts = [Buffer.from(bytes.subarray(from, to))];
      this.#size = to - from;
    }
    return errors.noError;
  }

  /** CONTINUATION, of the stream that is open. */
  go(flag: number, bytes: Buffer, from: number, to: number): number {
    if (this.open === 0) return errors.protocolError;
    this.#size += to - from;
    this.#parts.push(Buffer.from(bytes.subarray(from, to)));
    if (this.#parts.length > mostContinuations || this.#size > this.#most) return errors.enhanceYourCalm;
    if ((flag & flags.endHeaders) === 0) return errors.noError;
    this.open = 0;
    const block = Buffer.concat(this.#parts);
    this.#parts = [];
    this.#take(block, 0, block.length);
    return errors.noError;
  }

  #take(bytes: Buffer, from: number, to: number): void {
    this.bytes = bytes;
    this.from = from;
    this.to = to;
  }
}
