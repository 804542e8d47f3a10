import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { formatFor, type Exposition, type ExpositionFormat } from '../../metrics/index.ts';

/** An exposition, in a format. */
export type Expose = (format: ExpositionFormat) => Promise<Exposition>;

/** Of 5,000 workloads each holds 60 MB until it is taken. */
const mostAtOnce = 4;

/**
 * Answers scrapes so that nobody else waits for them: an exposition leaves piece by piece, as it is taken. Who asks while one is written gets the same one; when too many are not taken
 * yet, the one that was begun first is cut off: its scraper has waited the longest, and Prometheus does not wait for ever.
 */
export class Scrapes {
  readonly #expose: Expose;
  readonly #written = new Map<ExpositionFormat, Promise<Exposition>>();
  readonly #sent = new Set<ServerResponse>();

  constructor(expose: Expose) {
    this.#expose = expose;
  }

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const exposition = await this.#oneOf(formatFor(request.headers.accept));
    const [first] = this.#sent;
    if (this.#sent.size >= mostAtOnce && first !== undefined) this.#cut(first);
    this.#sent.add(response);
    await send(exposition, response).finally(() => this.#sent.delete(response));
  }

  #oneOf(format: ExpositionFormat): Promise<Exposition> {
    const underWay = this.#written.get(format);
    if (underWay !== undefined) return underWay;
    const written = this.#expose(format).finally(() => this.#written.delete(format));
    this.#written.set(format, written);
    return written;
  }

  #cut(response: ServerResponse): void {
    this.#sent.delete(response);
    response.destroy();
  }
}

const send = async ({ contentType, pieces }: Exposition, response: ServerResponse): Promise<void> => {
  const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
  response.writeHead(200, { 'content-type': contentType, 'content-length': length, vary: 'accept' });
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  for (const piece of pieces) {
    if (response.destroyed) return;
    if (!response.write(piece)) await once(response, 'drain', { signal: gone.signal }).catch(() => undefined);
  }
  response.end();
};
