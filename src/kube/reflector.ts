import { isAbort, millis, type Instant, type Millis, type Result } from '../core/index.ts';
import { Backoff } from './backoff.ts';
import { listMapped, type WholeList } from './list.ts';
import type { Refusal } from './outcome.ts';
import { collectionPath, selectionQuery } from './paths.ts';
import { at, text } from './reader.ts';
import { isNoNewer } from './resource-version.ts';
import type { ReflectorStore } from './reflector-store.ts';
import { SnapshotStore, type Entry } from './snapshot-store.ts';
import { createTransport, type Transport } from './transport.ts';
import { defaultTiming, type ReflectorCounts, type ReflectorState, type ResourceWatch, type WatchOptions, type WatchTiming } from './watch-options.ts';
import { runWatch, type WatchEnd } from './watch-stream.ts';

/** Watches all objects of a kind (of those that `selection` selects) as a snapshot of views. */
export const watchResource = <V>(options: WatchOptions<V>): ResourceWatch<V> => {
  const store = new SnapshotStore<V>((problem) => {
    options.logger.error('a listener of a snapshot threw', { resource: options.resource.plural, problem });
  });
  const reflector = new Reflector(options, store, () => {
    store.markSynced();
  });
  return {
    snapshot: store,
    run: (signal) => reflector.run(signal),
    lastHeard: () => reflector.lastHeard(),
    counts: () => reflector.counts(),
  };
};

/** An object as it came, and what is kept of it. */
interface Taken<V> {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly kept: Entry<V> | undefined;
}

/** After so many answers "too large resource version" the server is not late: its history was reset (e.g. etcd restored), so list anew. */
const patienceAhead = 5;

/**
 * List, then watch from there; whatever happens, go on from the last resourceVersion or list again, and tell the differences. No change
 * is missed and none told twice. Modelled on client-go's reflector (tools/cache/reflector.go).
 */
export class Reflector<V> implements Omit<ResourceWatch<V>, 'snapshot'> {
  readonly #options: WatchOptions<V>;
  readonly #store: ReflectorStore<V>;
  readonly #onFirstList: () => void;
  readonly #send: Transport;
  readonly #timing: WatchTiming;
  readonly #backoff: Backoff;
  readonly #name: string;
  readonly #counts = { lists: 0, watches: 0, unreadable: 0, expired: 0 };
  /** Where to watch from; undefined: list first. */
  #from: string | undefined;
  #timesAhead = 0;
  #lastHeard: Instant | undefined;

  constructor(options: WatchOptions<V>, store: ReflectorStore<V>, onFirstList: () => void) {
    this.#options = options;
    this.#store = store;
    this.#onFirstList = onFirstList;
    this.#timing = { ...defaultTiming, ...options.timing };
    this.#send = createTransport({ connection: options.connection, clock: options.clock, timeout: this.#timing.listTimeout });
    this.#backoff = new Backoff(this.#timing.firstBackoff, this.#timing.longestBackoff, options.random);
    this.#name = options.resource.group === '' ? options.resource.plural : `${options.resource.plural}.${options.resource.group}`;
  }

  lastHeard(): Instant | undefined {
    return this.#lastHeard;
  }

  counts(): ReflectorCounts {
    return { ...this.#counts };
  }

  /** One turn is one of two things: a list, or a watch to its end. A turn that went wrong is followed by a wait. */
  async run(signal: AbortSignal): Promise<void> {
    try {
      while (!signal.aborted) {
        const wait = this.#from === undefined ? await this.#list(signal) : await this.#watch(this.#from, signal);
        if (wait !== undefined) await this.#options.clock.sleep(wait, signal);
      }
    } catch (problem) {
      // Aborted. Anything else would be a mistake of ours, and must be seen.
      if (!signal.aborted && !isAbort(problem)) this.#options.logger.error('a watch stopped', { resource: this.#name, problem });
    }
  }

  async #list(signal: AbortSignal): Promise<Millis | undefined> {
    const { selection = {}, logger } = this.#options;
    this.#tell('listing', undefined);
    this.#store.listing?.();
    const listed = await this.fetch(selection.namespace, signal);
    if (!listed.ok) return this.#failed(listed.problem.message, listed.problem.retryAfterMs, listed.problem.status);
    signal.throwIfAborted();
    const first = this.#lastHeard === undefined;
    this.#lastHeard = this.#options.clock.now();
    this.#from = listed.value.resourceVersion;
    this.#timesAhead = 0;
    this.#store.replace(listed.value.items, selection.namespace, listed.value.resourceVersion);
    if (first) this.#onFirstList();
    logger.debug('listed', { resource: this.#name, namespace: selection.namespace, objects: listed.value.items.length, resourceVersion: this.#from });
    return undefined;
  }

  /** What there is at this moment, in one namespace or everywhere, as it would be kept. Changes nothing here. */
  fetch(namespace: string | undefined, signal: AbortSignal): Promise<Result<WholeList<Entry<V>>, Refusal>> {
    const { resource, selection = {} } = this.#options;
    this.#counts.lists++;
    return listMapped(this.#send, resource, { ...selection, namespace }, (raw) => this.#entryOf(raw)?.kept, signal);
  }

  async #watch(from: string, signal: AbortSignal): Promise<Millis | undefined> {
    const { resource, selection = {}, clock, random } = this.#options;
    this.#counts.watches++;
    const timeoutSeconds = String(Math.max(1, Math.floor((this.#timing.serverTimeout / 1000) * (1 + random()))));
    let openedAt: number | undefined;
    const end = await runWatch(
      {
        connection: this.#options.connection,
        path: collectionPath(resource, selection.namespace),
        query: { ...selectionQuery(selection), resourceVersion: from, allowWatchBookmarks: 'true', timeoutSeconds },
        clock,
        silence: this.#timing.silence,
        lossCheck: this.#timing.lossCheck,
        onOpen: () => {
          openedAt = clock.monotonic();
          this.#lastHeard = clock.now();
          this.#tell('watching', undefined);
        },
        onLife: () => {
          this.#lastHeard = clock.now();
        },
        onEvent: (type, object) => {
          this.#take(type, object);
        },
      },
      signal,
    );
    if (end === undefined) return undefined;
    const healthy = openedAt !== undefined && clock.monotonic() - openedAt >= this.#timing.healthyAfter;
    if (healthy) this.#backoff.reset();
    return this.#afterWatch(end, healthy);
  }

  /** Where to go on from after a watch has ended, and how long to wait before that. */
  #afterWatch(end: WatchEnd, healthy: boolean): Millis | undefined {
    const { logger, selection } = this.#options;
    switch (end.kind) {
      case 'closed':
      case 'silent':
        // The usual end: go on at once. A server that closes every watch as soon as it is open is waited for.
        return healthy ? undefined : this.#failed(end.kind === 'silent' ? 'silent' : end.message, undefined);
      case 'expired':
        this.#counts.expired++;
        this.#from = undefined;
        logger.info('the API server has forgotten our place in its history: listing again', { resource: this.#name, namespace: selection?.namespace });
        return this.#backoff.next();
      case 'garbage':
        this.#counts.unreadable++;
        this.#from = undefined;
        return this.#failed(end.message, undefined);
      case 'ahead':
        if (++this.#timesAhead >= patienceAhead) this.#from = undefined;
        return this.#failed(end.message, this.#timing.aheadRetry);
      case 'refused':
        return this.#failed(end.message, end.retryAfterMs);
    }
  }

  #take(type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK', object: unknown): void {
    const version = text(at(object, 'metadata', 'resourceVersion'));
    if (version === undefined) throw new Error(`${type} without a resourceVersion`);
    this.#timesAhead = 0;
    if (type !== 'BOOKMARK') this.#apply(type, object);
    if (this.#from === undefined || !isNoNewer(version, this.#from)) this.#from = version;
  }

  #apply(type: 'ADDED' | 'MODIFIED' | 'DELETED', object: unknown): void {
    const entry = this.#entryOf(object);
    if (entry === undefined) throw new Error(`${type} of an object without name or uid`);
    const { namespace, name, uid, resourceVersion } = entry;
    const stored = this.#store.entry(namespace, name);
    // An event from before what we have: of a server that repeats itself, or of an earlier object of the same name.
    if (stored !== undefined && isNoNewer(resourceVersion, stored.resourceVersion)) return;
    if (type === 'DELETED') {
      if (stored === undefined || stored.uid === uid) this.#store.delete(namespace, name, resourceVersion);
    } else if (entry.kept === undefined) this.#store.delete(namespace, name, resourceVersion);
    else this.#store.set(entry.kept);
  }

  #entryOf(object: unknown): Taken<V> | undefined {
    const meta = at(object, 'metadata');
    const [name, uid, resourceVersion] = [text(at(meta, 'name')), text(at(meta, 'uid')), text(at(meta, 'resourceVersion'))];
    if (!name || !uid || resourceVersion === undefined) return undefined;
    const identity = { namespace: text(at(meta, 'namespace')) ?? '', name, uid, resourceVersion };
    try {
      const value = this.#options.view(object);
      return { ...identity, kept: value === undefined ? undefined : { ...identity, value } };
    } catch (problem) {
      this.#options.logger.error('an object could not be read, and is left out', { resource: this.#name, ...identity, problem });
      return { ...identity, kept: undefined };
    }
  }

  #failed(problem: string, retryAfterMs: number | undefined, status?: number): Millis {
    const wait = this.#backoff.next();
    const { logger, selection } = this.#options;
    const fields = { resource: this.#name, namespace: selection?.namespace, problem, failures: this.#backoff.failures };
    // Once in a row of failures is enough: the state says the rest.
    if (this.#backoff.failures === 2) logger.warn('out of touch with the API server', fields);
    else logger.debug('a list or watch failed', fields);
    this.#tell('waiting', problem, status);
    return millis(Math.max(wait, retryAfterMs ?? 0));
  }

  #tell(phase: ReflectorState['phase'], problem: string | undefined, status?: number): void {
    const { onState, selection } = this.#options;
    onState?.({ resource: this.#name, namespace: selection?.namespace, phase, failures: this.#backoff.failures, problem, status });
  }
}
