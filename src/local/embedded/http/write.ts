import { ApiError, cause } from '../api-error.ts';
import { isObject, numberAt, textAt, type JsonObject } from '../json.ts';
import type { Deletion, DeleteOptions } from '../operations/delete.ts';
import { facetNamed, type Facet } from '../operations/facet.ts';
import type { Operations } from '../operations/operations.ts';
import { listPage } from '../operations/reader.ts';
import type { Target } from '../operations/writer.ts';
import { decode, DecodeError } from '../schema/decode.ts';
import { checkKind, checkNamespace } from '../strategy/prepare.ts';
import { viewOf } from '../strategy/views.ts';
import { parseObject } from './body.ts';
import { decoded, integerOf, writeContext, type Answer, type Call } from './call.ts';
import { objectAnswer } from './present.ts';

/** POST of a collection. */
export const create = async (operations: Operations, call: Call): Promise<Answer> => {
  const { resource, namespace } = call.path;
  const context = writeContext(call);
  const body = decoded(call, resource, checkKind(resource, parseObject(await call.body(), call.headers['content-type'])));
  if ((textAt(body, 'metadata', 'resourceVersion') ?? '') !== '') {
    // kube-apiserver does not tell this one from a failure of its own.
    throw new ApiError({ code: 500, reason: '', message: 'resourceVersion should not be set on objects to be created' });
  }
  const created = await operations.writer.create(resource, namespace, body, context);
  return objectAnswer(call, 201, viewOf(resource, created), operations.clock);
};

const targetOf = ({ path }: Call): Target => {
  if (path.name === undefined) throw ApiError.methodNotAllowed('PUT');
  return { resource: path.resource, namespace: path.namespace, name: path.name };
};

export const facetOf = ({ path, method }: Call): Facet => {
  const facet = facetNamed(path.resource, path.subresource);
  if (facet === undefined) throw ApiError.methodNotAllowed(method);
  return facet;
};

/** PUT. */
export const replace = async (operations: Operations, call: Call): Promise<Answer> => {
  const target = targetOf(call);
  const { resource, namespace, name } = target;
  const facet = facetOf(call);
  const context = writeContext(call);
  const body = decoded(call, facet.kind, checkKind(facet.kind, parseObject(await call.body(), call.headers['content-type'])));
  const exists = operations.store.get(resource, namespace, name) !== undefined;
  if (!exists && resource.createOnUpdate && facet.subresource === '' && (textAt(body, 'metadata', 'uid') ?? '') === '') {
    const created = await operations.writer.create(resource, namespace, checkNamespace(resource, body, namespace), context);
    return objectAnswer(call, 201, viewOf(resource, created), operations.clock);
  }
  if (!resource.unconditionalUpdate && facet.subresource !== 'scale' && (textAt(body, 'metadata', 'resourceVersion') ?? '') === '') {
    throw ApiError.invalid(resource, name, [cause.invalid('metadata.resourceVersion', 0, 'must be specified for an update')]);
  }
  if ((textAt(body, 'metadata', 'name') ?? '') === '')
    throw ApiError.badRequest('the name of the object (based on URL) was not found in the body: name must be provided');
  const updated = await operations.writer.update(target, facet, { apply: () => body }, context);
  return objectAnswer(call, 200, facet.show(updated), operations.clock);
};

const propagations = ['Background', 'Foreground', 'Orphan'] as const;

const propagationOf = (call: Call, body: JsonObject): DeleteOptions['propagation'] => {
  const text = textAt(body, 'propagationPolicy') ?? call.query.get('propagationPolicy') ?? '';
  const orphan = body['orphanDependents'] ?? call.query.get('orphanDependents') ?? undefined;
  if (text === '') return orphan === true || orphan === 'true' ? 'Orphan' : undefined;
  const found = propagations.find((one) => one === text);
  if (found !== undefined) return found;
  throw ApiError.invalid({ group: 'meta.k8s.io', plural: 'deleteoptions', kind: 'DeleteOptions' }, '', [
    cause.unsupported('propagationPolicy', text, ['Foreground', 'Background', 'Orphan']),
  ]);
};

/** DeleteOptions of the body, or of the query. */
export const deleteOptions = (call: Call, body: JsonObject): DeleteOptions => ({
  uid: textAt(body, 'preconditions', 'uid'),
  resourceVersion: textAt(body, 'preconditions', 'resourceVersion'),
  gracePeriodSeconds: numberAt(body, 'gracePeriodSeconds') ?? integerOf(call.query, 'gracePeriodSeconds'),
  propagation: propagationOf(call, body),
});

const asDeleteOptions = (body: JsonObject): JsonObject => {
  try {
    return decode({ group: '', version: 'v1', kind: 'DeleteOptions' }, body).object;
  } catch (error) {
    throw error instanceof DecodeError ? ApiError.badRequest(error.problem) : error;
  }
};

const optionsOf = async (call: Call): Promise<{ readonly options: DeleteOptions; readonly dryRun: boolean }> => {
  const bytes = await call.body();
  const body = bytes.length === 0 ? {} : asDeleteOptions(parseObject(bytes, call.headers['content-type']));
  const dryRun = Array.isArray(body['dryRun']) && body['dryRun'].includes('All');
  return { options: deleteOptions(call, body), dryRun };
};

/** What kube-apiserver answers with the object itself when it is gone at once. */
const answeredWithObject = new Set(['Pod', 'Service', 'ServiceAccount']);

const gone = ({ path }: Call, object: JsonObject): JsonObject => ({
  kind: 'Status',
  apiVersion: 'v1',
  metadata: {},
  status: 'Success',
  details: {
    name: path.name ?? '',
    ...(path.resource.group === '' ? {} : { group: path.resource.group }),
    kind: path.resource.plural,
    uid: textAt(object, 'metadata', 'uid'),
  },
});

/** DELETE of one object: the object while something keeps it, a Status once it is gone. */
export const remove = async (operations: Operations, call: Call): Promise<Answer> => {
  if (call.path.subresource !== '') throw ApiError.methodNotAllowed(call.method);
  const target = targetOf(call);
  const { options, dryRun } = await optionsOf(call);
  const context = writeContext(call);
  const deletion: Deletion = await operations.deleter.delete(target, options, { ...context, dryRun: context.dryRun || dryRun });
  const isObjectShown = !deletion.gone || answeredWithObject.has(target.resource.kind);
  return objectAnswer(call, 200, isObjectShown ? viewOf(target.resource, deletion.object) : gone(call, deletion.object), operations.clock);
};

/** DELETE of a collection: each object for itself, those that go meanwhile are no error. */
export const removeAll = async (operations: Operations, call: Call): Promise<Answer> => {
  const { resource, namespace } = call.path;
  if (resource.kind === 'Namespace') throw ApiError.methodNotAllowed(call.method);
  const { options, dryRun } = await optionsOf(call);
  const context = writeContext(call);
  const page = listPage(operations.store, {
    resource,
    namespace,
    labelSelector: call.query.get('labelSelector') ?? '',
    fieldSelector: call.query.get('fieldSelector') ?? '',
    limit: integerOf(call.query, 'limit') ?? 0,
    continueToken: call.query.get('continue') ?? '',
    exactRevision: undefined,
  });
  const left: JsonObject[] = [];
  for (const object of page.items) {
    const target = { resource, namespace: object.metadata.namespace, name: object.metadata.name };
    try {
      const deletion = await operations.deleter.delete(target, options, { ...context, dryRun: context.dryRun || dryRun });
      left.push(viewOf(resource, deletion.object));
    } catch (error) {
      if (!(error instanceof ApiError) || error.reason !== 'NotFound') throw error;
    }
  }
  const list = {
    kind: `${resource.kind}List`,
    apiVersion: resource.group === '' ? resource.version : `${resource.group}/${resource.version}`,
    metadata: { resourceVersion: String(operations.store.revision) },
    items: left.filter(isObject),
  };
  return { code: 200, body: JSON.stringify(list), contentType: 'application/json' };
};
