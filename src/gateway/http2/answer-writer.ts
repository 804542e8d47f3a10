import type { OutgoingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import { FieldReader } from '../http1/fields.ts';
import type { BodySink } from '../http1/message-body.ts';

/** Puts an answer of HTTP/1.1 into a stream: what came in one turn goes out together, and an answer that is whole by then ends with its last frame of content. */
export class AnswerWriter implements BodySink {
  /** Bytes of content so far. */
  content = 0;
  readonly #stream: ServerHttp2Stream;
  #head: string[] | undefined;
  #pieces: Buffer[] = [];
  #trailers: OutgoingHttpHeaders | undefined;

  constructor(stream: ServerHttp2Stream) {
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

  trailers(lines: string): void {
    const trailers: Record<string, string[]> = {};
    const fields = new FieldReader(`${lines}\r\n`, 0);
    while (fields.next()) (trailers[fields.lowerName] ??= []).push(fields.value);
    this.#trailers = trailers;
  }

  /** Writes what there is. False where the client has to catch up first: the stream tells by `drain`. Throws where HTTP/2 cannot say the head. */
  flush(): boolean {
    // Without `waitForTrailers` Node ends a stream well (END_STREAM) that is told to close with an error code.
    this.#respond({ waitForTrailers: true });
    for (const piece of this.#takePieces()) this.#stream.write(piece);
    return !this.#stream.writableNeedDrain;
  }

  /** Writes the rest: the answer is whole. Throws as `flush` does. */
  end(): void {
    const pieces = this.#takePieces();
    const [last] = pieces.splice(-1);
    if (this.#trailers !== undefined) this.#respond({ waitForTrailers: true });
    else this.#respond({ endStream: last === undefined });
    for (const piece of pieces) this.#stream.write(piece);
    if (last === undefined) this.#stream.end();
    else this.#stream.end(last);
  }

  #respond(options: { readonly waitForTrailers?: boolean; readonly endStream?: boolean }): void {
    const head = this.#head;
    if (head === undefined) return;
    if (options.waitForTrailers === true) this.#stream.on('wantTrailers', () => this.#stream.sendTrailers(this.#trailers ?? {}));
    this.#stream.respond(head, options);
    this.#head = undefined;
  }

  #takePieces(): Buffer[] {
    const pieces = this.#pieces;
    this.#pieces = [];
    return pieces;
  }
}
