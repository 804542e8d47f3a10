import type { ServerResponse } from 'node:http';
import { millis, seconds } from '../../../core/index.ts';
import { ApiError } from '../api-error.ts';
import type { JsonObject } from '../json.ts';
import type { Operations } from '../operations/operations.ts';
import type { Scope } from '../operations/reader.ts';
import { openWatch, type WatchEvent, type WatchRequest } from '../operations/watch.ts';
import { apiVersionOf } from '../registry.ts';
import { jsonLine } from '../store/serialise.ts';
import { viewOf } from '../strategy/views.ts';
import { flagOf, integerOf, type Call, type StreamAnswer } from './call.ts';
import { presentObject } from './present.ts';
import { awaitRevision, invalidOptions, revisionOf } from './revision.ts';

/** A watcher that reads too slowly is cut off when this much waits beyond its initial events; it lists again, as with kube-apiserver. */
const mostBufferedBytes = 8 * 1024 * 1024;
const bookmarkPeriod = seconds(60);
/** kube-apiserver's `--min-request-timeout`: watches end after one to two times this. */
const minimumDuration = 1800;
/** Seconds of the longest timer that Node takes; a longer one would end the watch at once. */
const longestDuration = 2_147_483;

const requestOf = (call: Call, scope: Scope): WatchRequest => {
  const { query } = call;
  const initial = query.get('sendInitialEvents');
  const match = query.get('resourceVersionMatch') ?? '';
  if (initial === null && match !== '') {
    throw invalidOptions('resourceVersionMatch', 'resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided');
  }
  if (initial !== null && match !== 'NotOlderThan') {
    throw invalidOptions('resourceVersionMatch', 'sendInitialEvents requires setting resourceVersionMatch to NotOlderThan');
  }
  return {
    ...scope,
    afterRevision: revisionOf(query.get('resourceVersion') ?? ''),
    initialEvents: initial !== null && flagOf(query, 'sendInitialEvents'),
    bookmarks: query.has('allowWatchBookmarks') && flagOf(query, 'allowWatchBookmarks'),
  };
};

/** A line per event, written in the same turn as the commit. */
export const watchAnswer = async (operations: Operations, call: Call, scope: Scope): Promise<StreamAnswer> => {
  const parsed = requestOf(call, scope);
  if (parsed.afterRevision !== undefined && parsed.afterRevision > operations.store.revision) await awaitRevision(operations, parsed.afterRevision);
  // Without initial events and without a version, a watch that says "no initial events" starts from now.
  const startsNow = parsed.afterRevision === undefined && call.query.get('sendInitialEvents') === 'false';
  const request = startsNow ? { ...parsed, afterRevision: operations.store.revision } : parsed;
  return {
    stream: (response, signal) => {
      new WatchStream(operations, call, request, response).run(signal);
    },
  };
};

class WatchStream {
  readonly #operations: Operations;
  readonly #call: Call;
  readonly #request: WatchRequest;
  readonly #response: ServerResponse;
  #headersSent = false;
  #mostWaiting = Number.POSITIVE_INFINITY;

  constructor(operations: Operations, call: Call, request: WatchRequest, response: ServerResponse) {
    this.#operations = operations;
    this.#call = call;
    this.#request = request;
    this.#response = response;
  }

  run(signal: AbortSignal): void {
    const { clock, random, store } = this.#operations;
    this.#response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-cache, private' });
    this.#response.flushHeaders();
    let stop = (): void => undefined;
    try {
      stop = openWatch(store, this.#request, (event) => {
        this.#send(event);
      });
    } catch (error) {
      // An HTTP error is too late for a watch: the reason goes down the stream, and the stream ends.
      if (!(error instanceof ApiError)) throw error;
      this.#response.end(`${jsonLine({ type: 'ERROR', object: error.status })}\n`);
      return;
    }
    this.#mostWaiting = this.#response.writableLength + mostBufferedBytes;
    const asked = integerOf(this.#call.query, 'timeoutSeconds');
    const duration = asked === undefined || asked <= 0 ? seconds(minimumDuration * (1 + random())) : seconds(Math.min(asked, longestDuration));
    const timers = [
      clock.after(duration, () => {
        this.#bookmark();
        close();
        this.#response.end();
      }),
      clock.every(millis(bookmarkPeriod), () => {
        this.#bookmark();
      }),
    ];
    const close = (): void => {
      stop();
      for (const timer of timers) timer.cancel();
    };
    signal.addEventListener('abort', close, { once: true });
    if (signal.aborted) close();
  }

  #bookmark(): void {
    if (this.#request.bookmarks) this.#send({ type: 'BOOKMARK', revision: this.#operations.store.revision, endsInitialEvents: false });
  }

  #send(event: WatchEvent): void {
    if (this.#response.writableEnded || this.#response.destroyed) return;
    if (this.#response.writableLength > this.#mostWaiting) {
      this.#response.destroy();
      return;
    }
    this.#response.write(`{"type":"${event.type}","object":${this.#text(event)}}\n`);
  }

  #text(event: WatchEvent): string {
    const { resource } = this.#request;
    if (event.type === 'BOOKMARK') return jsonLine(bookmark(resource.kind, apiVersionOf(resource), event.revision, event.endsInitialEvents));
    const text = presentObject(this.#call, viewOf(resource, event.object), this.#operations.clock, !this.#headersSent);
    this.#headersSent = true;
    return text;
  }
}

const bookmark = (kind: string, apiVersion: string, revision: number, endsInitialEvents: boolean): JsonObject => ({
  kind,
  apiVersion,
  metadata: {
    resourceVersion: String(revision),
    creationTimestamp: null,
    ...(endsInitialEvents ? { annotations: { 'k8s.io/initial-events-end': 'true' } } : {}),
  },
});
