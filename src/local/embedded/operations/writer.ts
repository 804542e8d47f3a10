import type { Clock, Random } from '../../../core/index.ts';
import type { Admission, AdmissionAttributes, WriteContext } from '../admission/admission.ts';
import { ApiError } from '../api-error.ts';
import { recordScale, recordUpdate } from '../patch/field-manager.ts';
import { at, equal, frozenObject, listAt, numberAt, objectAt, textAt, withField, type JsonObject } from '../json.ts';
import { findResource, type ResourceDefinition } from '../registry.ts';
import type { ObjectStore } from '../store/object-store.ts';
import { generatedName, timestamp, withMetadata } from '../strategy/metadata.ts';
import { checkNamespace, complete, prepareForCreate } from '../strategy/prepare.ts';
import { withServiceAddresses } from '../strategy/service-addresses.ts';
import { storedForm, viewOf } from '../strategy/views.ts';
import { validate, validateStatus } from '../validation/validate.ts';
import type { Facet } from './facet.ts';

/** The object that a request is about. */
export interface Target {
  readonly resource: ResourceDefinition;
  readonly namespace: string | undefined;
  readonly name: string;
}

/** How an update gets from what is there to what is wanted. */
export interface Change {
  /** Runs again on the newer state when another write came between. */
  readonly apply: (shown: JsonObject) => JsonObject;
  /** True: `apply` keeps managedFields itself (server-side apply). */
  readonly tracksFields?: true;
}

export interface WriterParts {
  readonly store: ObjectStore;
  readonly admission: Admission;
  readonly clock: Clock;
  readonly random: Random;
}

const attempts = 6;
const nameAttempts = 8;

/** Creates and updates: preparation, admission, validation, commit. What it returns is the stored form (of a dry run: what would be stored). */
export class Writer {
  readonly #parts: WriterParts;

  constructor(parts: WriterParts) {
    this.#parts = parts;
  }

  /** `tracked`: the body comes from a server-side apply and brings its managedFields. */
  async create(resource: ResourceDefinition, namespace: string | undefined, body: JsonObject, context: WriteContext, tracked = false): Promise<JsonObject> {
    const { admission, clock, random, store } = this.#parts;
    const placed = checkNamespace(resource, body, namespace);
    this.#checkNamespaceOpen(resource, namespace, placed);
    const prepared = prepareForCreate(resource, placed, clock, random);
    const owned = tracked
      ? withMetadata(prepared, { managedFields: listAt(placed, 'metadata', 'managedFields') })
      : this.#owned(resource, undefined, prepared, '', context);
    const attributes = this.#attributes(resource, 'CREATE', namespace, textAt(prepared, 'metadata', 'name') ?? '', context);
    const admitted = await admission.mutate({ ...attributes, object: viewOf(resource, owned) }, (object) => this.#completeView(resource, object));
    const named = this.#named(resource, namespace, admitted === undefined ? owned : complete(resource, storedForm(resource, admitted)));
    validate(resource, named, undefined);
    const name = textAt(named, 'metadata', 'name') ?? '';
    await admission.validate({ ...attributes, object: viewOf(resource, named), name });
    // Webhooks take time, in which both may have changed.
    this.#checkNamespaceOpen(resource, namespace, placed);
    if (store.get(resource, namespace, name) !== undefined) throw ApiError.alreadyExists(resource, name);
    this.#checkRoom(resource, name);
    const final = resource.kind === 'Service' ? withServiceAddresses(named, undefined, store.list(resource), random) : named;
    return context.dryRun ? frozenObject(final) : store.put(resource, final);
  }

  /** Updates one facet of an object. Another write in between leads to another attempt, unless the change names a resourceVersion. */
  async update(target: Target, facet: Facet, change: Change, context: WriteContext): Promise<JsonObject> {
    const { store } = this.#parts;
    for (let attempt = 1; ; attempt += 1) {
      const current = this.#current(target);
      const final = await this.#proposal(target, facet, change, current, context);
      if (store.get(target.resource, target.namespace, target.name) === current) return this.#commit(target.resource, current, final, context);
      if (attempt === attempts) throw ApiError.conflict(target.resource, target.name);
    }
  }

  #current({ resource, namespace, name }: Target): JsonObject {
    const current = this.#parts.store.get(resource, namespace, name);
    if (current === undefined) throw ApiError.notFound(resource, name);
    return current;
  }

  async #proposal(target: Target, facet: Facet, change: Change, current: JsonObject, context: WriteContext): Promise<JsonObject> {
    const { admission, random, store } = this.#parts;
    const { resource, namespace, name } = target;
    const shown = facet.show(current);
    const wanted = checkIdentity(target, change.apply(shown), current);
    const put = facet.put(wanted, current);
    const proposed = change.tracksFields === true ? put : this.#owned(resource, current, put, facet.subresource, context);
    const attributes = {
      ...this.#attributes(resource, 'UPDATE', namespace, name, context),
      subresource: facet.subresource,
      kind: facet.kind,
      oldObject: shown,
    };
    if (facet.isAdmitted === true) return proposed;
    const object = facet.show(proposed);
    const admitted = await admission.mutate({ ...attributes, object }, (changed) => facet.show(facet.put(changed, current)));
    const mutated = admitted === undefined || admitted === object ? proposed : keepOwners(facet, facet.put(admitted, current), proposed);
    const whole = resource.kind === 'Service' ? withServiceAddresses(mutated, current, store.list(resource), random) : mutated;
    if (facet.wholeIsChecked) validate(resource, whole, current);
    else validateStatus(resource, whole, current);
    await admission.validate({ ...attributes, object: facet.show(whole) });
    return whole;
  }

  /** Ownership is worked out before webhooks change anything, as kube-apiserver does. */
  #owned(resource: ResourceDefinition, before: JsonObject | undefined, after: JsonObject, subresource: string, context: WriteContext): JsonObject {
    const record = subresource === 'scale' ? recordScale : recordUpdate;
    const recorded = record({
      before: before === undefined ? undefined : viewOf(resource, before),
      after: viewOf(resource, after),
      resource,
      writer: { manager: context.manager, time: timestamp(this.#parts.clock), ...(subresource === '' ? {} : { subresource }) },
    });
    return withMetadata(after, { managedFields: at(recorded, 'metadata', 'managedFields') });
  }

  #completeView(resource: ResourceDefinition, object: JsonObject): JsonObject {
    return viewOf(resource, complete(resource, storedForm(resource, object)));
  }

  #commit(resource: ResourceDefinition, current: JsonObject, final: JsonObject, context: WriteContext): JsonObject {
    if (unchanged(current, final)) return current;
    if (context.dryRun) return frozenObject(final);
    return isReleased(resource, final) ? this.#parts.store.remove(resource, final) : this.#parts.store.put(resource, final);
  }

  /** Names an object that asked for a generated name. */
  #named(resource: ResourceDefinition, namespace: string | undefined, object: JsonObject): JsonObject {
    const base = textAt(object, 'metadata', 'generateName') ?? '';
    if ((textAt(object, 'metadata', 'name') ?? '') !== '' || base === '') return object;
    let name = generatedName(base, this.#parts.random);
    for (let attempt = 1; attempt < nameAttempts && this.#parts.store.get(resource, namespace, name) !== undefined; attempt += 1) {
      name = generatedName(base, this.#parts.random);
    }
    return complete(resource, withMetadata(object, { name }));
  }

  /** The bounds of the store are told as those of a quota are. */
  #checkRoom(resource: ResourceDefinition, name: string): void {
    const bound = this.#parts.store.exceededBy(resource);
    if (bound === undefined) return;
    throw ApiError.forbidden(resource, name, `exceeded quota: the embedded cluster holds at most ${String(bound)} ${resource.plural} in all`);
  }

  /** Nothing new goes into a namespace that is not there or on its way out. */
  #checkNamespaceOpen(resource: ResourceDefinition, namespace: string | undefined, object: JsonObject): void {
    if (!resource.namespaced || namespace === undefined) return;
    const namespaces = findResource('', 'v1', 'namespaces');
    if (namespaces === undefined) return;
    const holder = this.#parts.store.get(namespaces, undefined, namespace);
    if (holder === undefined) throw ApiError.notFound(namespaces, namespace);
    if (holder.metadata.deletionTimestamp === undefined) return;
    const name = textAt(object, 'metadata', 'name') ?? '';
    throw ApiError.namespaceTerminating(resource, name, namespace);
  }

  #attributes(
    resource: ResourceDefinition,
    operation: 'CREATE' | 'UPDATE',
    namespace: string | undefined,
    name: string,
    context: WriteContext,
  ): AdmissionAttributes {
    // For a Namespace itself, the request's namespace is its own name, as kube-apiserver has it.
    const own = resource.kind === 'Namespace' ? name : namespace;
    return { operation, resource, subresource: '', kind: resource, namespace: own, name, object: undefined, oldObject: undefined, context };
  }
}

/** Facets that do not show managedFields cannot carry them through admission. */
const keepOwners = (facet: Facet, object: JsonObject, proposed: JsonObject): JsonObject =>
  facet.wholeIsChecked ? object : withMetadata(object, { managedFields: at(proposed, 'metadata', 'managedFields') });

/** Throws where the wanted object is of another name, another life or another version of the stored one. */
const checkIdentity = ({ resource, namespace, name }: Target, wanted: JsonObject, current: JsonObject): JsonObject => {
  const own = textAt(wanted, 'metadata', 'name') ?? '';
  if (own !== '' && own !== name) {
    throw ApiError.badRequest(`the name of the object (${own}) does not match the name on the URL (${name})`);
  }
  const uid = textAt(wanted, 'metadata', 'uid') ?? '';
  const currentUid = textAt(current, 'metadata', 'uid') ?? '';
  if (uid !== '' && uid !== currentUid) {
    throw ApiError.conflict(resource, name, `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${currentUid}`);
  }
  const version = textAt(wanted, 'metadata', 'resourceVersion') ?? '';
  if (version !== '' && version !== textAt(current, 'metadata', 'resourceVersion')) throw ApiError.conflict(resource, name);
  return checkNamespace(resource, withMetadata(wanted, { name }), namespace);
};

/** True once nothing keeps a deleted object. */
const isReleased = (resource: ResourceDefinition, object: JsonObject): boolean => {
  const metadata = objectAt(object, 'metadata');
  if (metadata?.['deletionTimestamp'] === undefined || listAt(metadata, 'finalizers').length > 0) return false;
  if (resource.kind === 'Namespace' && listAt(object, 'spec', 'finalizers').length > 0) return false;
  return (numberAt(metadata, 'deletionGracePeriodSeconds') ?? 0) === 0;
};

const withoutTimes = (object: JsonObject): JsonObject => {
  const entries = listAt(object, 'metadata', 'managedFields');
  const plain = entries.map((entry) => withField({ ...objectAt({ entry }, 'entry') }, ['time'], undefined));
  return withField(object, ['metadata', 'managedFields'], plain.length === 0 ? undefined : plain);
};

/** A write that changes nothing is none: no new version, no event, or controllers would chase each other. */
const unchanged = (current: JsonObject, final: JsonObject): boolean => final === current || equal(withoutTimes(current), withoutTimes(final));
