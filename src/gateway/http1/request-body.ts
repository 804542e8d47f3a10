import { Readable } from 'node:stream';
import type { IncomingMessage } from 'node:http';

/**
 * A client's body as undici wants it: undici destroys the body stream when an attempt fails, and destroying the client's own message would cut its connection instead of
 * leaving room for an answer. Nothing is read from the client before the first `_read`: while a request is held its body waits in the kernel.
 */
export class RequestBody extends Readable {
  readonly #request: IncomingMessage;
  readonly #wanted: () => void;
  readonly #moved: () => void;
  #started = false;

  /** `wanted` is called once, when the pod's connection is there and takes the body; `moved` with each chunk. */
  constructor(request: IncomingMessage, wanted: () => void, moved: () => void) {
    super({ highWaterMark: 64 * 1024 });
    this.#request = request;
    this.#wanted = wanted;
    this.#moved = moved;
  }

  override _read(): void {
    if (this.#started) {
      this.#request.resume();
      return;
    }
    this.#started = true;
    this.#wanted();
    this.#request.on('data', (chunk: Buffer) => {
      this.#moved();
      if (!this.destroyed && !this.push(chunk)) this.#request.pause();
    });
    this.#request.on('end', () => {
      if (!this.destroyed) this.push(null);
    });
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    // What is left of an upload that nobody wants any more is read and dropped, so that the answer can be seen.
    this.#request.resume();
    callback(error);
  }
}
