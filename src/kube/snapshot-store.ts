import type { Snapshot, SnapshotEvent } from './snapshot.ts';

/** What a snapshot keeps of one object. */
export interface Entry<T> {
  /** Empty for cluster-scoped kinds. */
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly value: T;
}

export const snapshotKey = (namespace: string, name: string): string => (namespace === '' ? name : `${namespace}/${name}`);

/** The writable side of a `Snapshot`: a reflector's, or a test's. Every change is told once, after it is in; an object that did not change is not told again. */
export class SnapshotStore<T> implements Snapshot<T> {
  readonly synced: Promise<void>;
  readonly #resolveSynced: () => void;
  readonly #byNamespace = new Map<string, Map<string, Entry<T>>>();
  readonly #listeners = new Set<(event: SnapshotEvent<T>) => void>();
  readonly #onListenerError: (problem: unknown) => void;
  #size = 0;

  /** A listener that throws is reported and does not keep the others from hearing. */
  constructor(onListenerError: (problem: unknown) => void) {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    this.synced = promise;
    this.#resolveSynced = () => {
      resolve(undefined);
    };
    this.#onListenerError = onListenerError;
  }

  get size(): number {
    return this.#size;
  }

  get(key: string): T | undefined {
    const slash = key.indexOf('/');
    return slash === -1 ? this.entry('', key)?.value : this.entry(key.slice(0, slash), key.slice(slash + 1))?.value;
  }

  *values(): IterableIterator<T> {
    for (const names of this.#byNamespace.values()) for (const { value } of names.values()) yield value;
  }

  *inNamespace(namespace: string): Iterable<T> {
    for (const { value } of this.#byNamespace.get(namespace)?.values() ?? []) yield value;
  }

  subscribe(listener: (event: SnapshotEvent<T>) => void): () => void {
    // A wrapper of its own each time: the same function may subscribe twice.
    const own = (event: SnapshotEvent<T>): void => {
      listener(event);
    };
    this.#listeners.add(own);
    return () => {
      this.#listeners.delete(own);
    };
  }

  entry(namespace: string, name: string): Entry<T> | undefined {
    return this.#byNamespace.get(namespace)?.get(name);
  }

  entriesOf(namespace: string): readonly Entry<T>[] {
    return [...(this.#byNamespace.get(namespace)?.values() ?? [])];
  }

  markSynced(): void {
    this.#resolveSynced();
  }

  /** Puts the object in. An object of the same name but another uid was deleted in between, and that is told first. */
  set(entry: Entry<T>): void {
    let previous = this.entry(entry.namespace, entry.name);
    if (previous?.uid === entry.uid && previous.resourceVersion === entry.resourceVersion) return;
    if (previous !== undefined && previous.uid !== entry.uid) {
      this.delete(entry.namespace, entry.name);
      previous = undefined;
    }
    let names = this.#byNamespace.get(entry.namespace);
    if (names === undefined) {
      names = new Map<string, Entry<T>>();
      this.#byNamespace.set(entry.namespace, names);
    }
    if (previous === undefined) this.#size++;
    names.set(entry.name, entry);
    this.#tell({ type: 'set', key: snapshotKey(entry.namespace, entry.name), value: entry.value, previous: previous?.value });
  }

  delete(namespace: string, name: string): void {
    const names = this.#byNamespace.get(namespace);
    const previous = names?.get(name);
    if (names === undefined || previous === undefined) return;
    names.delete(name);
    if (names.size === 0) this.#byNamespace.delete(namespace);
    this.#size--;
    this.#tell({ type: 'delete', key: snapshotKey(namespace, name), previous: previous.value });
  }

  /** Makes the content (of one namespace, or all of it) exactly `entries`, telling only the differences: deletions first. */
  replace(entries: readonly Entry<T>[], namespace?: string): void {
    const present = new Set(entries.map((entry) => snapshotKey(entry.namespace, entry.name)));
    for (const gone of this.#namesIn(namespace)) if (!present.has(snapshotKey(gone.namespace, gone.name))) this.delete(gone.namespace, gone.name);
    for (const entry of entries) this.set(entry);
  }

  #namesIn(namespace: string | undefined): readonly { readonly namespace: string; readonly name: string }[] {
    const chosen = namespace === undefined ? [...this.#byNamespace] : [[namespace, this.#byNamespace.get(namespace)] as const];
    return chosen.flatMap(([each, names]) => [...(names?.keys() ?? [])].map((name) => ({ namespace: each, name })));
  }

  #tell(event: SnapshotEvent<T>): void {
    for (const listener of [...this.#listeners]) {
      try {
        listener(event);
      } catch (problem) {
        this.#onListenerError(problem);
      }
    }
  }
}
