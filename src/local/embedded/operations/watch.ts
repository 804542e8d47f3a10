import { ApiError } from '../api-error.ts';
import type { Change } from '../store/event-ring.ts';
import type { ObjectStore } from '../store/object-store.ts';
import { stored, type Stored } from '../store/stored.ts';
import { selects, type Scope, type Selects } from './reader.ts';

export type WatchEvent =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: Stored }
  | { readonly type: 'BOOKMARK'; readonly revision: number; readonly endsInitialEvents: boolean };

export interface WatchRequest extends Scope {
  /** Events after this revision; undefined: the objects as they are now, as ADDED, and what follows. */
  readonly afterRevision: number | undefined;
  /** Objects as they are now first, and a bookmark after them (WatchList). */
  readonly initialEvents: boolean;
  readonly bookmarks: boolean;
}

/**
 * Starts a watch: `send` gets the first events before this returns, then each change synchronously after its commit. Throws 410 where the
 * history does not reach back to `afterRevision`. Returns the way to stop.
 */
export const openWatch = (store: ObjectStore, request: WatchRequest, send: (event: WatchEvent) => void): (() => void) => {
  const { resource, namespace, afterRevision } = request;
  const matches = selects(request);
  const missed = afterRevision === undefined || request.initialEvents ? [] : store.changesAfter(resource, afterRevision);
  if (missed === undefined) {
    throw ApiError.expired(`too old resource version: ${String(afterRevision)} (${String(store.revision)})`);
  }
  if (afterRevision === undefined || request.initialEvents) {
    for (const object of store.list(resource, namespace)) if (matches(object)) send({ type: 'ADDED', object });
    if (request.initialEvents && request.bookmarks) send({ type: 'BOOKMARK', revision: store.revision, endsInitialEvents: true });
  }
  const forward = (change: Change): void => {
    const event = eventFor(change, matches);
    if (event !== undefined) send(event);
  };
  for (const change of missed) forward(change);
  return store.subscribe(resource, forward);
};

/** What a change is to a watcher that sees only some objects: one that no longer matches is gone for it, one that now does is new. */
const eventFor = ({ type, object, previous, revision }: Change, matches: Selects): WatchEvent | undefined => {
  const before = previous !== undefined && matches(previous);
  if (type === 'DELETED') return before ? { type, object } : undefined;
  const now = matches(object);
  if (before && now) return { type: 'MODIFIED', object };
  if (now) return { type: 'ADDED', object };
  return before ? { type: 'DELETED', object: stored(previous, revision) } : undefined;
};
