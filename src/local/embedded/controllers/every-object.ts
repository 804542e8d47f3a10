import type { KubeObject } from '../../../kube/index.ts';
import type { InProcessApi, StoredObject } from '../in-process-api.ts';
import { registry, resourceKey, type ResourceDefinition } from '../registry.ts';

export interface Entry {
  readonly resource: ResourceDefinition;
  readonly object: StoredObject;
}

/** Kinds that are stored under their own name; Events own nothing and are owned by nothing. */
export const storedKinds: readonly ResourceDefinition[] = registry.filter(
  ({ storage, storedAs, kind }) => storage === 'stored' && storedAs === undefined && kind !== 'Event',
);

export const entryKey = (resource: ResourceDefinition, namespace: string | undefined, name: string): string =>
  `${resourceKey(resource)} ${namespace ?? ''} ${name}`;

export interface EntryChange extends Entry {
  readonly isGone: boolean;
  readonly previous: StoredObject | undefined;
}

/** Every object of every kind by uid, and who is owned by whom. */
export class EveryObject {
  readonly #byUid = new Map<string, Entry>();
  readonly #byKey = new Map<string, Entry>();
  /** Owner's uid → uids of its dependents. */
  readonly #dependents = new Map<string, Set<string>>();
  readonly #listeners = new Set<(change: EntryChange) => void>();
  readonly #stops: (() => void)[] = [];

  constructor(api: InProcessApi) {
    for (const resource of storedKinds) {
      for (const object of api.list<KubeObject>(resource)) this.#set({ resource, object }, undefined);
      this.#stops.push(
        api.watch<KubeObject>(resource, ({ type, object, previous }) => {
          const isGone = type === 'DELETED';
          if (isGone) this.#remove({ resource, object: previous ?? object });
          else this.#set({ resource, object }, previous);
          for (const listener of this.#listeners) listener({ resource, object, previous, isGone });
        }),
      );
    }
  }

  get(uid: string): Entry | undefined {
    return this.#byUid.get(uid);
  }

  byKey(key: string): Entry | undefined {
    return this.#byKey.get(key);
  }

  values(): Iterable<Entry> {
    return this.#byUid.values();
  }

  dependentsOf(uid: string): readonly Entry[] {
    return [...(this.#dependents.get(uid) ?? [])].flatMap((dependent) => this.#byUid.get(dependent) ?? []);
  }

  subscribe(listener: (change: EntryChange) => void): void {
    this.#listeners.add(listener);
  }

  close(): void {
    for (const stop of this.#stops) stop();
  }

  #set(entry: Entry, previous: StoredObject | undefined): void {
    const { resource, object } = entry;
    if (previous !== undefined) this.#remove({ resource, object: previous });
    this.#byUid.set(object.metadata.uid, entry);
    this.#byKey.set(entryKey(resource, object.metadata.namespace, object.metadata.name), entry);
    for (const { uid } of object.metadata.ownerReferences ?? []) {
      const dependents = this.#dependents.get(uid) ?? new Set<string>();
      dependents.add(object.metadata.uid);
      this.#dependents.set(uid, dependents);
    }
  }

  #remove({ resource, object }: Entry): void {
    this.#byUid.delete(object.metadata.uid);
    this.#byKey.delete(entryKey(resource, object.metadata.namespace, object.metadata.name));
    for (const { uid } of object.metadata.ownerReferences ?? []) {
      const dependents = this.#dependents.get(uid);
      dependents?.delete(object.metadata.uid);
      if (dependents?.size === 0) this.#dependents.delete(uid);
    }
  }
}
