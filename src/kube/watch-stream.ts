import { messageOf, type Clock, type Millis, type Timer } from '../core/index.ts';
import type { KubeConnection } from './connection.ts';
import { isTooLargeResourceVersion } from './outcome.ts';
import { at, integer, text } from './reader.ts';

/** Why a watch ended. */
export type WatchEnd =
  /** The server closed it, at its time limit or because it stopped, or the connection broke: go on from where it was. */
  | { readonly kind: 'closed'; readonly message: string }
  /** Nothing came for too long, not even a bookmark: the connection may be dead without either side knowing. */
  | { readonly kind: 'silent' }
  /** 410: the server no longer has the events since our resourceVersion. */
  | { readonly kind: 'expired'; readonly message: string }
  /** The server is behind the one that we had our resourceVersion from. */
  | { readonly kind: 'ahead'; readonly message: string }
  /** Never opened, or ended by an ERROR event. */
  | { readonly kind: 'refused'; readonly message: string; readonly status: number | undefined; readonly retryAfterMs: number | undefined }
  /** Something came that could not be read, so an event is lost. */
  | { readonly kind: 'garbage'; readonly message: string };

export interface WatchRequest {
  readonly connection: KubeConnection;
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly clock: Pick<Clock, 'after'>;
  /** Longest silence that is believed. */
  readonly silence: Millis;
  /** How long after its bytes an event may take to be delivered before it counts as lost. */
  readonly lossCheck: Millis;
  readonly onOpen: () => void;
  /** Something came, be it a bookmark. */
  readonly onLife: () => void;
  readonly onEvent: (type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK', object: unknown) => void;
}

/** No single object is larger (etcd takes 1.5 MiB, an API server 3 MiB): past this, it is no watch that we talk to. */
const maxLineBytes = 16 * 1024 * 1024;

/** Runs one watch to its end; ends it (resolving `undefined`) when `signal` aborts. Never rejects. */
export const runWatch = (request: WatchRequest, signal: AbortSignal): Promise<WatchEnd | undefined> =>
  new Promise((resolve) => {
    const run = new WatchRun(request, (end) => {
      signal.removeEventListener('abort', run.cancel);
      resolve(end);
    });
    signal.addEventListener('abort', run.cancel, { once: true });
    if (signal.aborted) run.cancel();
  });

/**
 * One watch under way. client-node's `Watch` drops a line that it cannot parse without a word (and its line reader also splits at U+2028), so the
 * lines that come are counted on their way to it, and compared with the events that come out.
 */
class WatchRun {
  readonly cancel: () => void;
  readonly #request: WatchRequest;
  readonly #onEnd: (end: WatchEnd | undefined) => void;
  readonly #lines = new LineCounter();
  readonly #close: () => void;
  #events = 0;
  #open = false;
  #ended = false;
  #retryAfterMs: number | undefined;
  #silence: Timer;
  #lossCheck: Timer | undefined;

  constructor(request: WatchRequest, onEnd: (end: WatchEnd | undefined) => void) {
    this.#request = request;
    this.#onEnd = onEnd;
    this.cancel = () => {
      this.#finish(undefined);
    };
    this.#silence = this.#expectLife();
    this.#close = request.connection.openWatch(request.path, request.query, {
      inactivityMs: request.silence * 2,
      tap: {
        onOpen: (status, headers) => {
          this.#opened(status, headers['retry-after']);
        },
        onChunk: (chunk) => {
          this.#came(chunk);
        },
      },
      event: (type, object) => {
        this.#take(type, object);
      },
      done: (error) => {
        this.#finish(this.#endFor(error));
      },
    });
  }

  #opened(status: number, retryAfter: unknown): void {
    // 1xx: the real one is still to come.
    if (status < 200 || this.#ended) return;
    const seconds = Number(retryAfter);
    if (seconds >= 0) this.#retryAfterMs = seconds * 1000;
    this.#open = status === 200;
    if (this.#open) this.#request.onOpen();
  }

  #came(chunk: Buffer): void {
    if (!this.#open || this.#ended) return;
    this.#lines.add(chunk);
    this.#silence.cancel();
    this.#silence = this.#expectLife();
    this.#request.onLife();
    if (this.#lines.pending > maxLineBytes) this.#finish({ kind: 'garbage', message: `a line is longer than ${String(maxLineBytes)} bytes` });
    const due = this.#lines.count;
    this.#lossCheck ??= this.#request.clock.after(this.#request.lossCheck, () => {
      this.#lossCheck = undefined;
      if (this.#events < due) this.#finish(this.#loss());
    });
  }

  #take(type: string, object: unknown): void {
    this.#events++;
    if (this.#ended) return;
    if (type === 'ADDED' || type === 'MODIFIED' || type === 'DELETED' || type === 'BOOKMARK') {
      try {
        this.#request.onEvent(type, object);
      } catch (problem) {
        this.#finish({ kind: 'garbage', message: `an event could not be taken in: ${messageOf(problem)}` });
      }
    } else this.#finish(type === 'ERROR' ? errorEnd(object) : { kind: 'garbage', message: `unknown event type ${JSON.stringify(type)}` });
  }

  #endFor(error: unknown): WatchEnd {
    const status = integer(at(error, 'statusCode'));
    if (status === 410) return { kind: 'expired', message: 'HTTP 410' };
    if (status !== undefined) return { kind: 'refused', message: `HTTP ${String(status)}`, status, retryAfterMs: this.#retryAfterMs };
    if (!this.#open) return { kind: 'refused', message: reasonFor(error), status: undefined, retryAfterMs: undefined };
    if (this.#events < this.#lines.count) return this.#loss();
    return { kind: 'closed', message: error ? reasonFor(error) : 'closed by the server' };
  }

  #loss(): WatchEnd {
    return { kind: 'garbage', message: `${String(this.#lines.count)} lines came, ${String(this.#events)} of them could be read` };
  }

  #expectLife(): Timer {
    return this.#request.clock.after(this.#request.silence, () => {
      this.#finish({ kind: 'silent' });
    });
  }

  #finish(end: WatchEnd | undefined): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#silence.cancel();
    this.#lossCheck?.cancel();
    this.#close();
    this.#onEnd(end);
  }
}

/** The object of an ERROR event is a `Status`. */
const errorEnd = (status: unknown): WatchEnd => {
  const message = text(at(status, 'message')) ?? 'an error without a message';
  const code = integer(at(status, 'code'));
  if (code === 410 || text(at(status, 'reason')) === 'Expired') return { kind: 'expired', message };
  if (isTooLargeResourceVersion(status)) return { kind: 'ahead', message };
  const seconds = integer(at(status, 'details', 'retryAfterSeconds'));
  return { kind: 'refused', message, status: code, retryAfterMs: seconds === undefined ? undefined : seconds * 1000 };
};

/** fetch wraps what went wrong into `TypeError: fetch failed` or `terminated`. */
const reasonFor = (error: unknown): string => (error instanceof Error && error.cause !== undefined ? messageOf(error.cause) : messageOf(error));

/** Counts complete lines that hold something. */
class LineCounter {
  count = 0;
  /** Bytes since the last line end. */
  pending = 0;
  #blank = true;

  add(chunk: Buffer): void {
    let from = 0;
    for (let end = chunk.indexOf(newline); end !== -1; end = chunk.indexOf(newline, from)) {
      this.#see(chunk, from, end);
      if (!this.#blank) this.count++;
      this.#blank = true;
      this.pending = 0;
      from = end + 1;
    }
    this.#see(chunk, from, chunk.length);
    this.pending += chunk.length - from;
  }

  #see(chunk: Buffer, from: number, to: number): void {
    for (let index = from; this.#blank && index < to; index++) {
      const byte = chunk[index];
      if (byte !== 0x20 && byte !== 0x0d && byte !== 0x09) this.#blank = false;
    }
  }
}

const newline = 0x0a;
