import type { ResourceDefinition } from '../registry.ts';
import { resourceKey } from '../registry.ts';
import type { JsonObject } from '../json.ts';
import { EventRing, type Change } from './event-ring.ts';
import { stored, type Stored } from './stored.ts';

export interface StoreLimits {
  /** Changes kept per resource for watches that reconnect. */
  readonly historyPerResource: number;
  /** … and their size as JSON. */
  readonly historyBytesPerResource: number;
  /** Objects of one kind; a create beyond it fails. */
  readonly objectsPerResource: number;
  /** Bounds of their own, by the plural of the resource, e.g. `pods`. */
  readonly objectsOf: Readonly<Record<string, number>>;
}

/** Pods: far more than a machine runs, few enough that a count with some digits too many does no harm. */
export const defaultLimits: StoreLimits = {
  historyPerResource: 2000,
  historyBytesPerResource: 32 * 1024 * 1024,
  objectsPerResource: 200_000,
  objectsOf: { pods: 1000 },
};

type Listener = (change: Change) => void;

/** The objects of one namespace (or all, of a cluster-scoped kind). */
interface Shelf {
  readonly objects: Map<string, Stored>;
  /** Names in order; undefined after an addition or removal. */
  sorted: readonly string[] | undefined;
}

interface Collection {
  readonly shelves: Map<string, Shelf>;
  size: number;
  readonly ring: EventRing;
  readonly listeners: Set<Listener>;
}

const emptyShelf: Shelf = { objects: new Map(), sorted: [] };

const inOrder = (shelf: Shelf): readonly Stored[] => {
  shelf.sorted ??= [...shelf.objects.keys()].sort();
  return shelf.sorted.flatMap((name) => shelf.objects.get(name) ?? []);
};

/**
 * Objects by kind under one strictly increasing revision. Commits are synchronous; listeners run right after each, in commit order,
 * also where a listener itself commits. Knows nothing of what the objects mean.
 */
export class ObjectStore {
  readonly #limits: StoreLimits;
  readonly #collections = new Map<string, Collection>();
  readonly #undelivered: { readonly collection: Collection; readonly change: Change }[] = [];
  readonly #firstRevision: number;
  #revision: number;
  #delivering = false;

  /**
   * `firstRevision` must lie above every revision of an earlier life of the same server, or a client that comes back with an old one would
   * miss changes: the time in ms does it.
   */
  constructor(limits: StoreLimits, firstRevision: number) {
    this.#limits = limits;
    this.#firstRevision = firstRevision;
    this.#revision = firstRevision;
  }

  /** The revision of the latest commit. */
  get revision(): number {
    return this.#revision;
  }

  get(resource: ResourceDefinition, namespace: string | undefined, name: string): Stored | undefined {
    return this.#collection(resource)
      .shelves.get(namespace ?? '')
      ?.objects.get(name);
  }

  /** How many objects of a kind there may be, where a create would go beyond it. */
  exceededBy(resource: ResourceDefinition): number | undefined {
    const { objectsOf, objectsPerResource } = this.#limits;
    const bound = objectsOf[resource.plural] ?? objectsPerResource;
    return this.#collection(resource).size >= bound ? bound : undefined;
  }

  /** Ordered by namespace, then by name. */
  list(resource: ResourceDefinition, namespace?: string): readonly Stored[] {
    const { shelves } = this.#collection(resource);
    if (namespace !== undefined) return inOrder(shelves.get(namespace) ?? emptyShelf);
    return [...shelves.keys()].sort().flatMap((name) => inOrder(shelves.get(name) ?? emptyShelf));
  }

  /** Adds an object, or replaces the one of the same name. */
  put(resource: ResourceDefinition, object: JsonObject): Stored {
    const collection = this.#collection(resource);
    const next = stored(object, this.#revision + 1);
    const namespace = next.metadata.namespace ?? '';
    const shelf = collection.shelves.get(namespace) ?? { objects: new Map<string, Stored>(), sorted: [] };
    const previous = shelf.objects.get(next.metadata.name);
    shelf.objects.set(next.metadata.name, next);
    if (previous === undefined) {
      collection.shelves.set(namespace, shelf);
      collection.size += 1;
      shelf.sorted = undefined;
    }
    this.#revision += 1;
    this.#commit(collection, { type: previous === undefined ? 'ADDED' : 'MODIFIED', object: next, previous, revision: this.#revision });
    return next;
  }

  /** Removes the object of this name; `last` is its final state as watchers see it. */
  remove(resource: ResourceDefinition, last: JsonObject): Stored {
    const collection = this.#collection(resource);
    const final = stored(last, this.#revision + 1);
    const namespace = final.metadata.namespace ?? '';
    const shelf = collection.shelves.get(namespace);
    const previous = shelf?.objects.get(final.metadata.name);
    if (shelf === undefined || previous === undefined) return final;
    shelf.objects.delete(final.metadata.name);
    shelf.sorted = undefined;
    if (shelf.objects.size === 0) collection.shelves.delete(namespace);
    collection.size -= 1;
    this.#revision += 1;
    this.#commit(collection, { type: 'DELETED', object: final, previous, revision: this.#revision });
    return final;
  }

  /** Changes after `revision`; undefined if the history no longer reaches so far back. */
  changesAfter(resource: ResourceDefinition, revision: number): readonly Change[] | undefined {
    return this.#collection(resource).ring.after(revision);
  }

  /** `listener` must not throw. Returns the way to stop. */
  subscribe(resource: ResourceDefinition, listener: Listener): () => void {
    const { listeners } = this.#collection(resource);
    listeners.add(listener);
    return () => {
      listeners.delete(listener);
    };
  }

  #collection(resource: ResourceDefinition): Collection {
    const key = resourceKey(resource.storedAs ?? resource);
    const found = this.#collections.get(key);
    if (found !== undefined) return found;
    const fresh: Collection = {
      shelves: new Map(),
      size: 0,
      ring: new EventRing({ changes: this.#limits.historyPerResource, bytes: this.#limits.historyBytesPerResource }, this.#firstRevision),
      listeners: new Set(),
    };
    this.#collections.set(key, fresh);
    return fresh;
  }

  #commit(collection: Collection, change: Change): void {
    collection.ring.push(change);
    this.#undelivered.push({ collection, change });
    if (this.#delivering) return;
    this.#delivering = true;
    try {
      for (let next = this.#undelivered.shift(); next !== undefined; next = this.#undelivered.shift()) {
        for (const listener of [...next.collection.listeners]) listener(next.change);
      }
    } finally {
      this.#delivering = false;
    }
  }
}
