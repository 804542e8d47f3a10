import type { KubeObject, Resource } from '../../../kube/index.ts';
import type { InProcessApi, StoredObject, StoreEvent } from '../in-process-api.ts';
import { controllerOf } from './owners.ts';

export type Stored<T> = T & StoredObject;

export const namespaceOf = (object: StoredObject): string => object.metadata.namespace ?? '';
export const keyOf = (object: StoredObject): string => `${namespaceOf(object)}/${object.metadata.name}`;
/** `namespace/name` in its two parts. */
export const splitKey = (key: string): readonly [namespace: string, name: string] => {
  const slash = key.indexOf('/');
  return [key.slice(0, slash), key.slice(slash + 1)];
};

const orphansOf = (namespace: string): string => `orphans of ${namespace}`;
const groupsOf = (object: StoredObject): readonly string[] => [`in ${namespaceOf(object)}`, controllerOf(object)?.uid ?? orphansOf(namespaceOf(object))];

/**
 * Every object of one kind, indexed by name, namespace and controlling owner. Kept by the commits themselves, so that it is never behind the
 * store: what a controller has just written it sees (no expectations needed, unlike in kube-controller-manager).
 */
export class Objects<T extends KubeObject> {
  readonly #byKey = new Map<string, Stored<T>>();
  readonly #groups = new Map<string, Map<string, Stored<T>>>();
  readonly #listeners = new Set<(event: StoreEvent<Stored<T>>) => void>();
  readonly #stop: () => void;

  constructor(api: InProcessApi, resource: Resource<T>) {
    for (const object of api.list(resource)) this.#set(object, undefined);
    this.#stop = api.watch(resource, (event) => {
      if (event.type === 'DELETED') this.#remove(event.previous ?? event.object);
      else this.#set(event.object, event.previous);
      for (const listener of this.#listeners) listener(event);
    });
  }

  get(key: string): Stored<T> | undefined {
    return this.#byKey.get(key);
  }

  values(): Iterable<Stored<T>> {
    return this.#byKey.values();
  }

  inNamespace(namespace: string): readonly Stored<T>[] {
    return this.#group(`in ${namespace}`);
  }

  /** Those whose controller has this uid. */
  controlledBy(uid: string): readonly Stored<T>[] {
    return this.#group(uid);
  }

  /** Those of a namespace that have no controller. */
  orphans(namespace: string): readonly Stored<T>[] {
    return this.#group(orphansOf(namespace));
  }

  /** `listener` is told each change after the index has it, and first of all what exists now. It must not throw. */
  subscribe(listener: (event: StoreEvent<Stored<T>>) => void): void {
    for (const object of [...this.#byKey.values()]) listener({ type: 'ADDED', object, previous: undefined });
    this.#listeners.add(listener);
  }

  close(): void {
    this.#stop();
    this.#listeners.clear();
  }

  #group(name: string): readonly Stored<T>[] {
    return [...(this.#groups.get(name)?.values() ?? [])];
  }

  #set(object: Stored<T>, previous: Stored<T> | undefined): void {
    if (previous !== undefined) this.#remove(previous);
    const key = keyOf(object);
    this.#byKey.set(key, object);
    for (const name of groupsOf(object)) {
      const group = this.#groups.get(name) ?? new Map<string, Stored<T>>();
      group.set(key, object);
      this.#groups.set(name, group);
    }
  }

  #remove(object: Stored<T>): void {
    const key = keyOf(object);
    this.#byKey.delete(key);
    for (const name of groupsOf(object)) {
      const group = this.#groups.get(name);
      group?.delete(key);
      if (group?.size === 0) this.#groups.delete(name);
    }
  }
}
