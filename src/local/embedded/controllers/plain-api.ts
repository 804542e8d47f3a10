import { randomUUID } from 'node:crypto';
import type { Clock, Random } from '../../../core/index.ts';
import type { KubeObject, Resource } from '../../../kube/index.ts';
import { ApiError } from '../api-error.ts';
import type { InProcessApi, StoredObject, StoreEvent } from '../in-process-api.ts';
import { equal, listAt, numberAt, textAt, withField, type JsonObject } from '../json.ts';
import { findResource, type ResourceDefinition } from '../registry.ts';
import { defaultLimits, ObjectStore } from '../store/object-store.ts';
import { generatedName, timestamp, withMetadata } from '../strategy/metadata.ts';
import { prepareForCreate, prepareForUpdate, prepareStatus } from '../strategy/prepare.ts';

const json = (value: object): JsonObject => Object.fromEntries(Object.entries(value));

/** The embedded API without admission, validation and HTTP, for the tests of controllers and kubelet: the store and the strategies are the real ones. */
export class PlainApi implements InProcessApi {
  readonly #store: ObjectStore;
  readonly #clock: Clock;
  readonly #random: Random;
  /** Throws to refuse a write. */
  refuse: (verb: string, resource: Resource, object: KubeObject) => void = () => undefined;
  writes = 0;

  constructor(clock: Clock, random: Random) {
    this.#store = new ObjectStore(defaultLimits, 1000);
    this.#clock = clock;
    this.#random = random;
  }

  get<T extends KubeObject>(resource: Resource<T>, namespace: string | undefined, name: string): (T & StoredObject) | undefined {
    return this.#store.get(definition(resource), namespace, name) as (T & StoredObject) | undefined;
  }

  list<T extends KubeObject>(resource: Resource<T>, namespace?: string): readonly (T & StoredObject)[] {
    return this.#store.list(definition(resource), namespace) as unknown as readonly (T & StoredObject)[];
  }

  async create<T extends KubeObject>(resource: Resource<T>, object: T): Promise<T & StoredObject> {
    await Promise.resolve();
    this.refuse('create', resource, object);
    const name = object.metadata?.name ?? generatedName(object.metadata?.generateName ?? '', this.#random);
    if (this.get(resource, object.metadata?.namespace, name) !== undefined) throw ApiError.alreadyExists(resource, name);
    const ready = withMetadata(prepareForCreate(definition(resource), json(object), this.#clock, this.#random), { name, uid: randomUUID() });
    this.writes += 1;
    return this.#store.put(definition(resource), ready) as unknown as T & StoredObject;
  }

  async update<T extends KubeObject>(resource: Resource<T>, object: T, _as: string, subresource?: 'status' | 'finalize'): Promise<T & StoredObject> {
    await Promise.resolve();
    this.refuse('update', resource, object);
    const before = this.#existing(resource, object.metadata?.namespace, object.metadata?.name ?? '');
    const version = object.metadata?.resourceVersion;
    if (version !== undefined && version !== before.metadata.resourceVersion) throw ApiError.conflict(resource, before.metadata.name);
    const prepare = subresource === 'status' ? prepareStatus : prepareForUpdate;
    const next =
      subresource === 'finalize' ? withField(json(before), ['spec'], json(object)['spec']) : prepare(definition(resource), json(object), json(before));
    if (equal(withMetadata(next, { resourceVersion: before.metadata.resourceVersion }), before)) return before as T & StoredObject;
    this.writes += 1;
    return this.#putOrFinish(resource, next) as T & StoredObject;
  }

  async delete(
    resource: Resource,
    namespace: string | undefined,
    name: string,
    options: { readonly uid?: string; readonly gracePeriodSeconds?: number; readonly propagation?: 'Background' | 'Foreground' | 'Orphan' },
  ): Promise<void> {
    await Promise.resolve();
    const before = this.#existing(resource, namespace, name);
    this.refuse('delete', resource, before);
    if (options.uid !== undefined && options.uid !== before.metadata.uid) throw ApiError.conflict(resource, name, 'uid');
    const finalizer = { Foreground: 'foregroundDeletion', Orphan: 'orphan', Background: undefined }[options.propagation ?? 'Background'];
    const finalizers = [...new Set([...listAt(before, 'metadata', 'finalizers'), ...(finalizer === undefined ? [] : [finalizer])])];
    const object = json(before);
    const phase = textAt(object, 'status', 'phase');
    const isGraceful = resource.kind === 'Pod' && textAt(object, 'spec', 'nodeName') !== undefined && phase !== 'Succeeded' && phase !== 'Failed';
    const grace = isGraceful ? (options.gracePeriodSeconds ?? numberAt(object, 'spec', 'terminationGracePeriodSeconds') ?? 30) : 0;
    this.writes += 1;
    if (grace === 0 && finalizers.length === 0 && resource.kind !== 'Namespace') {
      this.#store.remove(definition(resource), object);
      return;
    }
    const marked = withMetadata(object, {
      ...(finalizers.length === 0 ? {} : { finalizers }),
      deletionTimestamp: before.metadata.deletionTimestamp ?? timestamp(this.#clock, grace),
      deletionGracePeriodSeconds: grace,
      generation: (before.metadata.generation ?? 0) + 1,
    });
    this.#store.put(definition(resource), resource.kind === 'Namespace' ? withField(marked, ['status', 'phase'], 'Terminating') : marked);
  }

  async bind(pod: { readonly namespace: string; readonly name: string; readonly uid: string }, node: string): Promise<void> {
    await Promise.resolve();
    const resource = { group: '', version: 'v1', plural: 'pods', kind: 'Pod', namespaced: true };
    const before = this.#existing(resource, pod.namespace, pod.name);
    if (textAt(before, 'spec', 'nodeName') !== undefined || before.metadata.uid !== pod.uid) throw ApiError.conflict(resource, pod.name, 'bound');
    const condition = { type: 'PodScheduled', status: 'True', lastTransitionTime: timestamp(this.#clock) };
    const others = listAt(before, 'status', 'conditions').filter((one) => textAt(one, 'type') !== 'PodScheduled');
    this.#store.put(definition(resource), withField(withField(json(before), ['spec', 'nodeName'], node), ['status', 'conditions'], [...others, condition]));
  }

  watch<T extends KubeObject>(resource: Resource<T>, listener: (event: StoreEvent<T & StoredObject>) => void): () => void {
    return this.#store.subscribe(definition(resource), (change) => listener(change as unknown as StoreEvent<T & StoredObject>));
  }

  #existing(resource: Resource, namespace: string | undefined, name: string): StoredObject {
    const before = this.get(resource, namespace, name);
    if (before === undefined) throw ApiError.notFound(resource, name);
    return before;
  }

  #putOrFinish(resource: Resource, next: JsonObject): StoredObject {
    const isLast = listAt(next, 'metadata', 'finalizers').length === 0 && listAt(next, 'spec', 'finalizers').length === 0;
    const isGraceful = resource.kind === 'Pod' && numberAt(next, 'metadata', 'deletionGracePeriodSeconds') !== 0;
    if (textAt(next, 'metadata', 'deletionTimestamp') === undefined || !isLast || isGraceful) return this.#store.put(definition(resource), next);
    return this.#store.remove(definition(resource), next);
  }
}

const definition = (resource: Resource): ResourceDefinition => {
  const found = findResource(resource.group, resource.version, resource.plural);
  if (found === undefined) throw new TypeError(`no such resource: ${resource.plural}`);
  return found;
};
