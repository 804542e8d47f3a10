import type { ReflectorStore } from './reflector-store.ts';
import { isNoNewer } from './resource-version.ts';
import type { Entry, SnapshotStore } from './snapshot-store.ts';

/**
 * How far a namespace is in: `waiting` for its first content; `overlapping`: somebody else has filled it so far and still does; `in`: it is ours.
 * Until it is ours, what was deleted is remembered by version, because a list from before the deletion may still arrive.
 */
export interface Chosen {
  readonly namespace: string;
  state: 'waiting' | 'overlapping' | 'in';
  /** A list of everything that was begun while the namespace was asked for is on its way. */
  covered: boolean;
  readonly deleted: Map<string, string>;
  readonly onIn: () => void;
}

/**
 * What a reflector of all namespaces leaves in a snapshot: the objects of those that are asked for. A namespace that is asked for later has its own
 * list merged in, by version, while the watch goes on: nothing is missed and nothing deleted comes back.
 */
export class ChosenNamespaces<V> implements ReflectorStore<V> {
  readonly #store: SnapshotStore<V>;
  readonly #onWhole: () => void;
  readonly #chosen = new Map<string, Chosen>();
  #lists = 0;
  #isListing = false;

  /** `onWhole` runs after each list of everything: a namespace that was chosen while it came in still lacks its content. */
  constructor(store: SnapshotStore<V>, onWhole: () => void) {
    this.#store = store;
    this.#onWhole = onWhole;
  }

  /** Lists of everything that were begun so far: a namespace's own list is only good if none was begun since. */
  get lists(): number {
    return this.#lists;
  }

  /** From now on also this one. `overlaps`: another reflector fills it until `onIn`, which runs once, when the content is ours. */
  choose(namespace: string, overlaps: boolean, onIn: () => void): void {
    if (!this.#chosen.has(namespace))
      this.#chosen.set(namespace, { namespace, state: overlaps ? 'overlapping' : 'waiting', covered: false, deleted: new Map(), onIn });
  }

  /** No longer this one: its objects go. */
  drop(namespace: string): void {
    if (this.#chosen.delete(namespace)) this.#store.replace([], namespace);
  }

  has(namespace: string): boolean {
    return this.#chosen.has(namespace);
  }

  /** A namespace that needs a list of its own, as no list of everything that could bring it is on its way. */
  nextLacking(): Chosen | undefined {
    if (this.#isListing || this.#lists === 0) return undefined;
    for (const chosen of this.#chosen.values()) if (chosen.state !== 'in') return chosen;
    return undefined;
  }

  /** Puts in what a list of the namespace said, which the watch may have overtaken. One that was dropped since, and chosen again, has missed what came in between. */
  merge(chosen: Chosen, entries: readonly Entry<V>[], resourceVersion: string): void {
    const { namespace } = chosen;
    if (this.#chosen.get(namespace) !== chosen || chosen.state === 'in') return;
    const present = new Set(entries.map(({ name }) => name));
    for (const { name, resourceVersion: stored } of this.#store.entriesOf(namespace))
      if (!present.has(name) && isNoNewer(stored, resourceVersion)) this.#store.delete(namespace, name);
    for (const entry of entries) {
      const stored = this.#store.entry(namespace, entry.name);
      const deleted = chosen.deleted.get(entry.name);
      if (deleted !== undefined && isNoNewer(entry.resourceVersion, deleted)) continue;
      if (stored === undefined || isNoNewer(stored.resourceVersion, entry.resourceVersion)) this.#store.set(entry);
    }
    chosen.state = 'in';
    chosen.deleted.clear();
    chosen.onIn();
  }

  /** The reflector that fills an overlapping namespace has seen a deletion. */
  deletedElsewhere(namespace: string, name: string, resourceVersion: string): void {
    const chosen = this.#chosen.get(namespace);
    if (chosen !== undefined && chosen.state !== 'in') chosen.deleted.set(name, resourceVersion);
  }

  entry(namespace: string, name: string): Entry<V> | undefined {
    return this.#store.entry(namespace, name);
  }

  set(entry: Entry<V>): void {
    if (this.#chosen.has(entry.namespace)) this.#store.set(entry);
  }

  delete(namespace: string, name: string, resourceVersion: string): void {
    this.deletedElsewhere(namespace, name, resourceVersion);
    if (this.#chosen.has(namespace)) this.#store.delete(namespace, name);
  }

  listing(): void {
    this.#lists++;
    this.#isListing = true;
    for (const chosen of this.#chosen.values()) chosen.covered = true;
  }

  /** A namespace that was asked for while the list came in is not whole in it, and is left alone. */
  replace(entries: readonly Entry<V>[], _namespace: undefined, resourceVersion: string): void {
    this.#isListing = false;
    const byNamespace = Map.groupBy(entries, ({ namespace }) => namespace);
    for (const [namespace, chosen] of [...this.#chosen]) {
      if (!chosen.covered) continue;
      const own = byNamespace.get(namespace) ?? [];
      if (chosen.state === 'in') this.#store.replace(own, namespace);
      else this.merge(chosen, own, resourceVersion);
    }
    this.#onWhole();
  }
}
