import type { KubeObject, Resource } from '../../../kube/index.ts';
import type { WriteContext } from '../admission/admission.ts';
import { ApiError } from '../api-error.ts';
import { userNamed } from '../identity/user.ts';
import type { InProcessApi, StoredObject, StoreEvent } from '../in-process-api.ts';
import { frozenObject, textAt, type JsonObject } from '../json.ts';
import { findResource, type ResourceDefinition } from '../registry.ts';
import type { ObjectStore } from '../store/object-store.ts';
import { bindPod } from './binding.ts';
import { finalizeFacet, mainFacet, statusFacet } from './facet.ts';
import type { Operations } from './operations.ts';

const definitionOf = (resource: Resource): ResourceDefinition => {
  const found = findResource(resource.group, resource.version, resource.plural);
  if (found?.storedAs !== undefined || found === undefined) throw ApiError.unknownPath();
  return found;
};

/** The wire type of a stored object is what its resource says: this is the one place where that is taken on trust. */
const typed = <T extends KubeObject>(_resource: Resource<T>, object: unknown): T & StoredObject => object as T & StoredObject;

// A field manager has at most 128 characters; controllers are known by their own name, without the prefix of their account.
const managerOf = (user: string): string => user.split(':').at(-1) ?? user;

const contextOf = (user: string, optionsKind: string): WriteContext => ({
  user: userNamed(user),
  manager: managerOf(user),
  dryRun: false,
  options: { kind: optionsKind, apiVersion: 'meta.k8s.io/v1', fieldManager: managerOf(user) },
  warn: () => undefined,
});

const jsonOf = (object: KubeObject): JsonObject => frozenObject(Object.fromEntries(Object.entries(object)));

/** The embedded API for those who live in its process. */
export const inProcessApi = (operations: Operations, store: ObjectStore): InProcessApi => ({
  get: <T extends KubeObject>(resource: Resource<T>, namespace: string | undefined, name: string) => {
    const found = store.get(definitionOf(resource), namespace, name);
    return found === undefined ? undefined : typed(resource, found);
  },
  list: <T extends KubeObject>(resource: Resource<T>, namespace?: string) =>
    store.list(definitionOf(resource), namespace).map((object) => typed(resource, object)),
  create: async <T extends KubeObject>(resource: Resource<T>, object: T, as: string) => {
    const body = jsonOf(object);
    const definition = definitionOf(resource);
    return typed(
      resource,
      await operations.writer.create(
        definition,
        definition.namespaced ? textAt(body, 'metadata', 'namespace') : undefined,
        body,
        contextOf(as, 'CreateOptions'),
      ),
    );
  },
  update: async <T extends KubeObject>(resource: Resource<T>, object: T, as: string, subresource?: 'status' | 'finalize') => {
    const body = jsonOf(object);
    const definition = definitionOf(resource);
    const facet = subresource === 'status' ? statusFacet(definition) : subresource === 'finalize' ? finalizeFacet(definition) : mainFacet(definition);
    const target = { resource: definition, namespace: textAt(body, 'metadata', 'namespace'), name: textAt(body, 'metadata', 'name') ?? '' };
    return typed(resource, await operations.writer.update(target, facet, { apply: () => body }, contextOf(as, 'UpdateOptions')));
  },
  bind: async ({ namespace, name, uid }, node, as) => {
    const binding = { kind: 'Binding', apiVersion: 'v1', metadata: { name, namespace, uid }, target: { kind: 'Node', name: node } };
    await bindPod(operations, { resource: definitionOf(podResource), namespace, name }, binding, contextOf(as, 'CreateOptions'));
  },
  delete: async (resource, namespace, name, options, as) => {
    await operations.deleter.delete({ resource: definitionOf(resource), namespace, name }, options, contextOf(as, 'DeleteOptions'));
  },
  watch: <T extends KubeObject>(resource: Resource<T>, listener: (event: StoreEvent<T & StoredObject>) => void) =>
    store.subscribe(definitionOf(resource), ({ type, object, previous }) => {
      listener({ type, object: typed(resource, object), previous: previous === undefined ? undefined : typed(resource, previous) });
    }),
});

const podResource = { group: '', version: 'v1', plural: 'pods', kind: 'Pod', namespaced: true };
