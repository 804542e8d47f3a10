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
    const lines = new LineCounter();
    let events = 0;
    let open = false;
    let settled = false;
    let retryAfterMs: number | undefined;
    let check: Timer | undefined;
    let silence = silent();

    const finish = (end: WatchEnd | undefined): void => {
      if (settled) return;
      settled = true;
      silence.cancel();
      check?.cancel();
      signal.removeEventListener('abort', onAbort);
      close();
      resolve(end);
    };
    const onAbort = (): void => {
      finish(undefined);
    };
    /** client-node's `Watch` drops what it cannot parse without a word (and its line reader also splits at U+2028), so lines are counted against events. */
    const isLossy = (): boolean => events < lines.count;
    const lossy = (): WatchEnd => ({ kind: 'garbage', message: `${String(lines.count)} lines came, ${String(events)} of them could be read` });

    const close = request.connection.openWatch(request.path, request.query, {
      inactivityMs: request.silence * 2,
      tap: {
        onOpen: (status, headers) => {
          if (status < 200) return;
          open = status === 200;
          const after = Number(headers['retry-after']);
          if (after >= 0) retryAfterMs = after * 1000;
          if (open && !settled) request.onOpen();
        },
        onChunk: (chunk) => {
          if (!open || settled) return;
          lines.add(chunk);
          silence.cancel();
          silence = silent();
          request.onLife();
          if (lines.pending > maxLineBytes) finish({ kind: 'garbage', message: `a line is longer than ${String(maxLineBytes)} bytes` });
          const due = lines.count;
          check ??= request.clock.after(request.lossCheck, () => {
            check = undefined;
            if (events < due) finish(lossy());
          });
        },
      },
      event: (type, object) => {
        events++;
        if (settled) return;
        if (type === 'ADDED' || type === 'MODIFIED' || type === 'DELETED' || type === 'BOOKMARK') {
          try {
            request.onEvent(type, object);
          } catch (problem) {
            finish({ kind: 'garbage', message: `an event could not be taken in: ${messageOf(problem)}` });
          }
          return;
        }
        finish(type === 'ERROR' ? errorEnd(object) : { kind: 'garbage', message: `unknown event type ${JSON.stringify(type)}` });
      },
      done: (error) => {
        const status = integer(at(error, 'statusCode'));
        if (status === 410) finish({ kind: 'expired', message: 'HTTP 410' });
        else if (status !== undefined) finish({ kind: 'refused', message: `HTTP ${String(status)}`, status, retryAfterMs });
        else if (!open) finish({ kind: 'refused', message: reasonFor(error), status: undefined, retryAfterMs: undefined });
        else finish(isLossy() ? lossy() : { kind: 'closed', message: error ? reasonFor(error) : 'closed by the server' });
      },
    });

    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });

    function silent(): Timer {
      return request.clock.after(request.silence, () => {
        finish({ kind: 'silent' });
      });
    }
  });

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
