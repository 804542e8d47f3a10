import { FieldReader } from '../http1/fields.ts';
import type { BodySink } from '../http1/message-body.ts';
import { noneSensitive } from './engine/sensitive.ts';
import type { Stream } from './engine/stream.ts';

/** Puts an answer of HTTP/1.1 into a stream: what came in one turn goes out together, and an answer that is whole by then ends with its last frame of content. */
export class AnswerWriter implements BodySink {
  /** Bytes of content so far. */
  content = 0;
  readonly #stream: Stream;
  #head: string[] | undefined;
  #pieces: Buffer[] = [];
  #trailers: string[] | undefined;

  constructor(stream: Stream) {
    this.#stream = stream;
  }

  /** The head waits for what comes with it. Names and values in turn, with `:status`. */
  head(fields: string[]): void {
    this.#head = fields;
  }

  /** The head is still to go out. */
  get headWaits(): boolean {
    return this.#head !== undefined;
  }

  text(): void {
    // Framing of HTTP/1.1.
  }

  bytes(chunk: Buffer, from: number, to: number): void {
    this.content += to - from;
    if (from < to) this.#pieces.push(from === 0 && to === chunk.length ? chunk : chunk.subarray(from, to));
  }

  /** The stream has copied what it could not send. */
  get holdsBytes(): boolean {
    return this.#pieces.length > 0;
  }

  trailers(lines: string): void {
    const trailers: string[] = [];
    const fields = new FieldReader(`${lines}\r\n`, 0);
    while (fields.next()) trailers.push(fields.lowerName, fields.value);
    this.#trailers = trailers;
  }

  /** Writes what there is. False where the client has to catch up first: the stream tells by `writable`. */
  flush(): boolean {
    this.#respond(false);
    for (const piece of this.#takePieces()) this.#stream.data(piece, 0, piece.length, false);
    return !this.#stream.isSending;
  }

  /** Writes the rest: the answer is whole. */
  end(): void {
    const [pieces, trailers] = [this.#takePieces(), this.#trailers];
    const isAll = pieces.length === 0 && trailers === undefined;
    const isHeadOnly = this.#respond(isAll);
    pieces.forEach((piece, at) => this.#stream.data(piece, 0, piece.length, trailers === undefined && at === pieces.length - 1));
    if (trailers !== undefined) this.#stream.trailers(trailers, noneSensitive);
    else if (isAll && !isHeadOnly) this.#stream.end();
  }

  /** True where the head went out now. */
  #respond(end: boolean): boolean {
    const head = this.#head;
    if (head === undefined) return false;
    this.#head = undefined;
    this.#stream.headers(head, noneSensitive, end);
    return true;
  }

  #takePieces(): Buffer[] {
    const pieces = this.#pieces;
    this.#pieces = [];
    return pieces;
  }
}
