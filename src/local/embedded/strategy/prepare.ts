import type { Clock, Random } from '../../../core/index.ts';
import { ApiError } from '../api-error.ts';
import { equal, listAt, numberAt, objectAt, textAt, type JsonObject } from '../json.ts';
import { apiVersionOf, type ResourceDefinition } from '../registry.ts';
import { withDefaults } from './defaults.ts';
import { newUid, timestamp, withMetadata } from './metadata.ts';
import { qosClass } from './qos.ts';
import { storedForm } from './views.ts';

/** Throws 400 unless the object says it is of this resource (saying nothing is taken as saying so). */
export const checkKind = (resource: Pick<ResourceDefinition, 'group' | 'version' | 'kind'>, object: JsonObject): JsonObject => {
  const apiVersion = textAt(object, 'apiVersion') ?? '';
  const kind = textAt(object, 'kind') ?? '';
  const wanted = apiVersionOf(resource);
  if (apiVersion !== '' && apiVersion !== wanted) {
    throw ApiError.badRequest(
      `${kind} in version "${apiVersion}" cannot be handled as a ${resource.kind}: the API version in the data (${apiVersion}) does not match the expected API version (${wanted})`,
    );
  }
  if (kind !== '' && kind !== resource.kind) {
    throw ApiError.badRequest(
      `${kind} in version "${wanted}" cannot be handled as a ${resource.kind}: converting (${kind}) to (${resource.kind}): unknown conversion`,
    );
  }
  return { ...object, kind: resource.kind, apiVersion: wanted };
};

/** Throws 400 where the body names another namespace than the URL. */
export const checkNamespace = (resource: ResourceDefinition, object: JsonObject, namespace: string | undefined): JsonObject => {
  const own = textAt(object, 'metadata', 'namespace') ?? '';
  if (!resource.namespaced) {
    if (own !== '') throw ApiError.badRequest('namespace may not be set on a cluster-scoped object');
    return withMetadata(object, { namespace: undefined });
  }
  if (own !== '' && own !== namespace) throw ApiError.badRequest('the namespace of the provided object does not match the namespace sent on the request');
  return withMetadata(object, { namespace });
};

const isPod = (resource: ResourceDefinition): boolean => resource.kind === 'Pod';
const isNamespace = (resource: ResourceDefinition): boolean => resource.kind === 'Namespace';

/** Fills in what the server alone says of a new object, in its stored form. The name may still be missing (generateName). */
export const prepareForCreate = (resource: ResourceDefinition, body: JsonObject, clock: Clock, random: Random): JsonObject => {
  const checked = checkKind(resource, body);
  const object = withMetadata(storedForm(resource, checked), {
    uid: newUid(random),
    creationTimestamp: timestamp(clock),
    generation: resource.hasGeneration ? 1 : undefined,
    resourceVersion: undefined,
    deletionTimestamp: undefined,
    deletionGracePeriodSeconds: undefined,
    selfLink: undefined,
    managedFields: undefined,
  });
  const { status: _, ...plain } = object;
  const bare = resource.hasStatus ? plain : object;
  if (isPod(resource)) return complete(resource, { ...bare, status: { qosClass: qosClass(bare) } });
  if (isNamespace(resource)) return complete(resource, { ...bare, spec: { ...objectAt(bare, 'spec'), finalizers: ['kubernetes'] } });
  return complete(resource, bare);
};

/** Defaults; again after each webhook. */
export const complete = (resource: ResourceDefinition, object: JsonObject): JsonObject => withDefaults(resource, object);

/** All but metadata and status: what a generation counts the changes of. */
const substance = (object: JsonObject): JsonObject => {
  const { metadata: _metadata, status: _status, kind: _kind, apiVersion: _apiVersion, ...rest } = object;
  return rest;
};

/** Does the generation count this change? Of a Deployment it counts changes of the annotations too (registry `apps/deployment/strategy.go`). */
const isCounted = (resource: ResourceDefinition, object: JsonObject, previous: JsonObject): boolean =>
  !equal(substance(object), substance(previous)) ||
  (resource.kind === 'Deployment' && !equal(objectAt(object, 'metadata', 'annotations') ?? {}, objectAt(previous, 'metadata', 'annotations') ?? {}));

const checkFinalizers = (resource: ResourceDefinition, object: JsonObject, previous: JsonObject): void => {
  if (textAt(previous, 'metadata', 'deletionTimestamp') === undefined) return;
  const before = listAt(previous, 'metadata', 'finalizers');
  const added = listAt(object, 'metadata', 'finalizers').filter((one) => !before.includes(one));
  if (added.length === 0) return;
  throw ApiError.invalid(resource, textAt(object, 'metadata', 'name') ?? '', [
    {
      reason: 'FieldValueForbidden',
      message: `Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers ${JSON.stringify(added)}`,
      field: 'metadata.finalizers',
    },
  ]);
};

/** What only the server may change, put back; a missing uid means the old one. */
const keepSystemFields = (object: JsonObject, previous: JsonObject): JsonObject => {
  const old = objectAt(previous, 'metadata') ?? {};
  const given = objectAt(object, 'metadata') ?? {};
  return withMetadata(object, {
    uid: given['uid'] ?? old['uid'],
    creationTimestamp: old['creationTimestamp'],
    generateName: given['generateName'] ?? old['generateName'],
    deletionTimestamp: old['deletionTimestamp'],
    deletionGracePeriodSeconds: old['deletionGracePeriodSeconds'],
    generation: old['generation'],
    resourceVersion: old['resourceVersion'],
  });
};

/** A new main state: everything but status, with the generation counted. */
export const prepareForUpdate = (resource: ResourceDefinition, wanted: JsonObject, previous: JsonObject): JsonObject => {
  const kept = keepSystemFields(storedForm(resource, wanted), previous);
  const { status: given, ...plain } = kept;
  const status = resource.hasStatus ? previous['status'] : given;
  const inherited = resource.kind === 'Namespace' ? { ...plain, spec: previous['spec'] } : resource.kind === 'Service' ? withAddresses(plain, previous) : plain;
  const object = complete(resource, { ...inherited, ...(status === undefined ? {} : { status }) });
  checkFinalizers(resource, object, previous);
  if (!resource.hasGeneration || !isCounted(resource, object, previous)) return object;
  return withMetadata(object, { generation: (numberAt(previous, 'metadata', 'generation') ?? 0) + 1 });
};

/** A PUT of a Service may leave out the address that it was given. */
const withAddresses = (service: JsonObject, previous: JsonObject): JsonObject => {
  const spec = objectAt(service, 'spec');
  const old = objectAt(previous, 'spec');
  if (spec === undefined || spec['type'] === 'ExternalName' || spec['clusterIP'] !== undefined) return service;
  return { ...service, spec: { ...spec, clusterIP: old?.['clusterIP'], clusterIPs: old?.['clusterIPs'] } };
};

/** A new status. Beside it only annotations, finalizers and (outside apps) labels may change. */
export const prepareStatus = (resource: ResourceDefinition, wanted: JsonObject, previous: JsonObject): JsonObject => {
  const kept = keepSystemFields(storedForm(resource, wanted), previous);
  const labels = resource.group === 'apps' ? objectAt(previous, 'metadata')?.['labels'] : objectAt(kept, 'metadata')?.['labels'];
  const object = withMetadata(
    { ...previous, metadata: kept['metadata'], status: kept['status'] },
    { labels, ownerReferences: objectAt(previous, 'metadata')?.['ownerReferences'] },
  );
  checkFinalizers(resource, object, previous);
  return object;
};
