import type { Entry } from './snapshot-store.ts';

/** What a reflector writes into: a `SnapshotStore`, or something in front of one. */
export interface ReflectorStore<V> {
  entry(namespace: string, name: string): Entry<V> | undefined;
  set(entry: Entry<V>): void;
  /** Told also of objects that are not kept. `resourceVersion`: of the deletion. */
  delete(namespace: string, name: string, resourceVersion: string): void;
  /** The whole content of `namespace` (undefined: of all) as of `resourceVersion`. */
  replace(entries: readonly Entry<V>[], namespace: string | undefined, resourceVersion: string): void;
  /** A list is asked for now. */
  listing?(): void;
}
