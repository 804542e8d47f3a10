import { Reflector } from './reflector.ts';
import type { Snapshot } from './snapshot.ts';
import { SnapshotStore } from './snapshot-store.ts';
import type { ReflectorCounts, WatchOptions } from './watch-options.ts';

/** One snapshot over watches of exactly the namespaces that are asked for. */
export interface NamespacedSnapshots<V> {
  /** Its `synced` resolves when all namespaces of the first `setNamespaces` are in. */
  readonly snapshot: Snapshot<V>;
  /** From now on exactly these. A namespace that goes takes its objects along, which is told as deletions. */
  setNamespaces(namespaces: ReadonlySet<string>): void;
  /** Resolves when the namespace's first list is in, or it is not asked for (any more). */
  synced(namespace: string): Promise<void>;
  /** Keeps the snapshot up to date until `signal` aborts. Namespaces that were set before are taken up. */
  run(signal: AbortSignal): Promise<void>;
  /** Sums over the namespaces that are watched now. */
  counts(): ReflectorCounts;
}

/** As `watchResource`, for namespaces that come and go. `selection.namespace` must not be given. */
export const watchNamespaces = <V>(options: WatchOptions<V>): NamespacedSnapshots<V> => {
  const store = new SnapshotStore<V>((problem) => {
    options.logger.error('a listener of a snapshot threw', { resource: options.resource.plural, problem });
  });
  const watched = new Map<string, NamespaceWatch>();
  let running: AbortSignal | undefined;
  let firstSet = false;

  const add = (namespace: string): void => {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    const settle = (): void => {
      resolve(undefined);
    };
    const reflector = new Reflector({ ...options, selection: { ...options.selection, namespace } }, store, settle);
    const watch: NamespaceWatch = { reflector, stop: new AbortController(), synced: promise, settle, done: undefined };
    watched.set(namespace, watch);
    start(watch);
  };
  const start = (watch: NamespaceWatch): void => {
    if (running !== undefined && !running.aborted) watch.done ??= watch.reflector.run(AbortSignal.any([running, watch.stop.signal]));
  };
  const remove = (namespace: string, watch: NamespaceWatch): void => {
    watch.stop.abort();
    watched.delete(namespace);
    watch.settle();
    store.replace([], namespace);
  };

  return {
    snapshot: store,
    setNamespaces: (namespaces) => {
      for (const [namespace, watch] of [...watched]) if (!namespaces.has(namespace)) remove(namespace, watch);
      for (const namespace of namespaces) if (!watched.has(namespace)) add(namespace);
      if (firstSet) return;
      firstSet = true;
      void Promise.all([...watched.values()].map(({ synced }) => synced)).then(() => {
        store.markSynced();
      });
    },
    synced: async (namespace) => {
      await watched.get(namespace)?.synced;
    },
    run: async (signal) => {
      running = signal;
      for (const watch of watched.values()) start(watch);
      await aborted(signal);
      await Promise.all([...watched.values()].flatMap(({ done }) => done ?? []));
    },
    counts: () => {
      const sum = { lists: 0, watches: 0, unreadable: 0, expired: 0 };
      for (const { reflector } of watched.values()) {
        const counts = reflector.counts();
        sum.lists += counts.lists;
        sum.watches += counts.watches;
        sum.unreadable += counts.unreadable;
        sum.expired += counts.expired;
      }
      return sum;
    },
  };
};

interface NamespaceWatch {
  readonly reflector: { run(signal: AbortSignal): Promise<void>; counts(): ReflectorCounts };
  readonly stop: AbortController;
  readonly synced: Promise<unknown>;
  readonly settle: () => void;
  done: Promise<void> | undefined;
}

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
