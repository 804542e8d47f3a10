/** A change of a snapshot, told after the snapshot has it. */
export type SnapshotEvent<T> =
  | { readonly type: 'set'; readonly key: string; readonly value: T; readonly previous: T | undefined }
  | { readonly type: 'delete'; readonly key: string; readonly previous: T };

/** A live, trimmed copy of a set of objects. Keys are `namespace/name`, or `name` for cluster-scoped kinds. Read-only for everyone but the reflector behind it. */
export interface Snapshot<T> {
  /** Resolves when the first complete list is in. */
  readonly synced: Promise<void>;
  readonly size: number;
  get(key: string): T | undefined;
  values(): IterableIterator<T>;
  /** Objects of one namespace. */
  inNamespace(namespace: string): Iterable<T>;
  /** `listener` runs synchronously for each change from now on; it must not throw. Returns the way to stop. */
  subscribe(listener: (event: SnapshotEvent<T>) => void): () => void;
}
