import type { Instant } from '../core/index.ts';
import { EverywhereWatch } from './everywhere-watch.ts';
import { Reflector } from './reflector.ts';
import type { ReflectorStore } from './reflector-store.ts';
import type { Snapshot } from './snapshot.ts';
import { SnapshotStore, type Entry } from './snapshot-store.ts';
import type { ReflectorCounts, WatchOptions } from './watch-options.ts';

/** One snapshot of exactly the namespaces that are asked for. */
export interface NamespacedSnapshots<V> {
  /** Its `synced` resolves when all namespaces of the first `setNamespaces` are in. */
  readonly snapshot: Snapshot<V>;
  /** From now on exactly these. A namespace that goes takes its objects along, which is told as deletions. */
  setNamespaces(namespaces: ReadonlySet<string>): void;
  /** Resolves when the namespace's first list is in, or it is not asked for (any more). */
  synced(namespace: string): Promise<void>;
  /** Keeps the snapshot up to date until `signal` aborts. Namespaces that were set before are taken up. */
  run(signal: AbortSignal): Promise<void>;
  /** When the server last said anything, of the watch that is silent longest; undefined before the first list of any, and where nothing is watched. */
  lastHeard(): Instant | undefined;
  /** Sums over what is watched now. */
  counts(): ReflectorCounts;
}

export interface NamespacedWatchOptions<V> extends WatchOptions<V> {
  /**
   * Up to so many namespaces each have a watch of their own; beyond that one watch of all namespaces takes their place, for good. Default 32: each
   * watch is a TLS connection and a handful of goroutines in the API server, reopened every 5–10 min, which dozens are no burden and hundreds are;
   * the one watch makes us read every object of the kind in the cluster, which is the greater burden while few namespaces have workloads.
   * Infinity: never (we may read only some namespaces).
   */
  readonly mostWatches?: number;
}

const mostWatchesByDefault = 32;

interface Member {
  readonly synced: Promise<unknown>;
  readonly settle: () => void;
  /** The watch of its own, while it has one. */
  own: OwnWatch | undefined;
}

interface OwnWatch {
  readonly reflector: { run(signal: AbortSignal): Promise<void>; lastHeard(): Instant | undefined; counts(): ReflectorCounts };
  readonly stop: AbortController;
}

/** As `watchResource`, for namespaces that come and go. `selection.namespace` must not be given. */
export const watchNamespaces = <V>(options: NamespacedWatchOptions<V>): NamespacedSnapshots<V> => new Namespaces(options);

class Namespaces<V> implements NamespacedSnapshots<V> {
  readonly #options: NamespacedWatchOptions<V>;
  readonly #store: SnapshotStore<V>;
  readonly #members = new Map<string, Member>();
  readonly #runs = new Set<Promise<void>>();
  /** Of watches that have ended. */
  readonly #ended = { lists: 0, watches: 0, unreadable: 0, expired: 0 };
  #everywhere: EverywhereWatch<V> | undefined;
  #running: AbortSignal | undefined;
  #firstSet = false;

  constructor(options: NamespacedWatchOptions<V>) {
    this.#options = options;
    this.#store = new SnapshotStore<V>((problem) => {
      options.logger.error('a listener of a snapshot threw', { resource: options.resource.plural, problem });
    });
  }

  get snapshot(): Snapshot<V> {
    return this.#store;
  }

  setNamespaces(namespaces: ReadonlySet<string>): void {
    for (const [namespace, member] of [...this.#members]) if (!namespaces.has(namespace)) this.#remove(namespace, member);
    const widens = this.#everywhere === undefined && namespaces.size > (this.#options.mostWatches ?? mostWatchesByDefault);
    if (widens) this.#widen();
    for (const namespace of namespaces) if (!this.#members.has(namespace)) this.#add(namespace);
    // Its first list brings what was chosen before it begins.
    if (widens) this.#startEverywhere();
    if (this.#firstSet) return;
    this.#firstSet = true;
    void Promise.all([...this.#members.values()].map(({ synced }) => synced)).then(() => {
      this.#store.markSynced();
    });
  }

  async synced(namespace: string): Promise<void> {
    await this.#members.get(namespace)?.synced;
  }

  async run(signal: AbortSignal): Promise<void> {
    this.#running = signal;
    for (const { own } of this.#members.values()) if (own !== undefined) this.#start(own);
    this.#startEverywhere();
    await aborted(signal);
    await Promise.all(this.#runs);
  }

  lastHeard(): Instant | undefined {
    let least: Instant | undefined;
    for (const each of this.#reflectors()) {
      const heard = each.lastHeard();
      if (heard === undefined) return undefined;
      if (least === undefined || heard < least) least = heard;
    }
    return least;
  }

  counts(): ReflectorCounts {
    const sum = { ...this.#ended };
    for (const each of this.#reflectors()) addUp(sum, each.counts());
    return sum;
  }

  *#reflectors(): Iterable<Omit<OwnWatch['reflector'], 'run'>> {
    for (const { own } of this.#members.values()) if (own !== undefined) yield own.reflector;
    if (this.#everywhere !== undefined) yield this.#everywhere;
  }

  #add(namespace: string): void {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    const settle = (): void => {
      resolve(undefined);
    };
    const member: Member = { synced: promise, settle, own: undefined };
    this.#members.set(namespace, member);
    if (this.#everywhere !== undefined) this.#everywhere.choose(namespace, false, settle);
    else {
      member.own = this.#ownWatch(namespace, member);
      this.#start(member.own);
    }
  }

  #remove(namespace: string, member: Member): void {
    this.#members.delete(namespace);
    this.#stop(member);
    member.settle();
    this.#everywhere?.drop(namespace);
    this.#store.replace([], namespace);
  }

  /** One watch for all from now on. The watches that there are go on until what the new one brings is in. */
  #widen(): void {
    this.#options.logger.info('many namespaces have workloads: one watch of all namespaces from now on', { resource: this.#options.resource.plural });
    const everywhere = new EverywhereWatch(this.#options, this.#store);
    this.#everywhere = everywhere;
    for (const [namespace, member] of this.#members)
      everywhere.choose(namespace, true, () => {
        this.#stop(member);
        member.settle();
      });
  }

  #ownWatch(namespace: string, member: Member): OwnWatch {
    const stop = new AbortController();
    const store = new OwnStore(this.#store, namespace, stop.signal, (name, resourceVersion) =>
      this.#everywhere?.deletedElsewhere(namespace, name, resourceVersion),
    );
    const reflector = new Reflector({ ...this.#options, selection: { ...this.#options.selection, namespace } }, store, member.settle);
    return { reflector, stop };
  }

  #start({ reflector, stop }: OwnWatch): void {
    if (this.#running !== undefined) this.#keep(reflector.run(AbortSignal.any([this.#running, stop.signal])));
  }

  #startEverywhere(): void {
    if (this.#everywhere !== undefined && this.#running !== undefined) this.#keep(this.#everywhere.run(this.#running));
  }

  #keep(run: Promise<void>): void {
    this.#runs.add(run);
    void run.finally(() => this.#runs.delete(run));
  }

  #stop(member: Member): void {
    if (member.own === undefined) return;
    member.own.stop.abort();
    addUp(this.#ended, member.own.reflector.counts());
    member.own = undefined;
  }
}

/** The part of the snapshot that a watch of one namespace writes, until it is stopped. */
class OwnStore<V> implements ReflectorStore<V> {
  readonly #store: SnapshotStore<V>;
  readonly #namespace: string;
  readonly #stopped: AbortSignal;
  readonly #onDeleted: (name: string, resourceVersion: string) => void;

  constructor(store: SnapshotStore<V>, namespace: string, stopped: AbortSignal, onDeleted: (name: string, resourceVersion: string) => void) {
    [this.#store, this.#namespace, this.#stopped, this.#onDeleted] = [store, namespace, stopped, onDeleted];
  }

  entry(namespace: string, name: string): Entry<V> | undefined {
    return this.#store.entry(namespace, name);
  }

  set(entry: Entry<V>): void {
    if (!this.#stopped.aborted) this.#store.set(entry);
  }

  delete(namespace: string, name: string, resourceVersion: string): void {
    if (this.#stopped.aborted) return;
    this.#onDeleted(name, resourceVersion);
    this.#store.delete(namespace, name);
  }

  replace(entries: readonly Entry<V>[]): void {
    if (!this.#stopped.aborted) this.#store.replace(entries, this.#namespace);
  }
}

const addUp = (
  sum: { lists: number; watches: number; unreadable: number; expired: number },
  { lists, watches, unreadable, expired }: ReflectorCounts,
): void => {
  sum.lists += lists;
  sum.watches += watches;
  sum.unreadable += unreadable;
  sum.expired += expired;
};

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else
      signal.addEventListener(
        'abort',
        () => {
          resolve();
        },
        { once: true },
      );
  });
