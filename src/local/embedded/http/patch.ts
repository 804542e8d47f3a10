import { ApiError, cause } from '../api-error.ts';
import { isObject, textAt, withField, type JsonObject } from '../json.ts';
import type { Facet } from '../operations/facet.ts';
import type { Operations } from '../operations/operations.ts';
import type { Change, Target } from '../operations/writer.ts';
import { applyPatch, patchTypeOf, type PatchType } from '../patch/apply-patch.ts';
import { serverSideApply } from '../patch/server-side-apply.ts';
import { DecodeError } from '../schema/decode.ts';
import { timestamp } from '../strategy/metadata.ts';
import { viewOf } from '../strategy/views.ts';
import { parseBody, parseYaml } from './body.ts';
import { decoded, flagOf, writeContext, type Answer, type Call } from './call.ts';
import { objectAnswer } from './present.ts';
import { facetOf } from './write.ts';
import type { WriteContext } from '../admission/admission.ts';

const targetOf = ({ path }: Call): Target => {
  if (path.name === undefined) throw ApiError.methodNotAllowed('PATCH');
  return { resource: path.resource, namespace: path.namespace, name: path.name };
};

const parsePatch = (type: PatchType, bytes: Buffer): unknown => (type === 'apply' ? parseYaml(bytes.toString('utf8')) : parseBody(bytes, 'application/json'));

/** PATCH of an object or a sub-resource, by the content type. */
export const patch = async (operations: Operations, call: Call): Promise<Answer> => {
  const target = targetOf(call);
  const facet = facetOf(call);
  const type = patchTypeOf(call.headers['content-type']);
  const context = writeContext(call);
  const body = parsePatch(type, await call.body());
  if (type === 'apply') return apply(operations, call, { target, facet, context, config: body });
  if (call.query.has('force')) throw ApiError.invalid(patchOptions, '', [cause.forbidden('force', 'may not be specified for non-apply patch')]);
  const change: Change = { apply: (current) => typedResult(call, facet, applyPatch({ type, current, body, resource: facet.kind })) };
  const patched = await operations.writer.update(target, facet, change, context);
  return objectAnswer(call, 200, facet.show(patched), operations.clock);
};

/** What a patch leaves, read into its kind's type. Where that fails the patch is told to be Invalid, and with what result. */
const typedResult = (call: Call, facet: Facet, result: JsonObject): JsonObject => {
  try {
    return decoded(call, facet.kind, result);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    const problem = cause.invalid('patch', JSON.stringify(result), error.problem);
    throw new ApiError({ code: 422, reason: 'Invalid', message: ` "" is invalid: patch: ${problem.message}`, details: { causes: [problem] } });
  }
};

interface Apply {
  readonly target: Target;
  readonly facet: Facet;
  readonly context: WriteContext;
  readonly config: unknown;
}

/** Admission sees an apply that creates as a create. */
const creating = (context: WriteContext): WriteContext => ({ ...context, options: { ...context.options, kind: 'CreateOptions' } });

const patchOptions = { group: 'meta.k8s.io', plural: 'patchoptions', kind: 'PatchOptions' };

/** Server-side apply: creates what is not there. */
const apply = async (operations: Operations, call: Call, { target, facet, context, config }: Apply): Promise<Answer> => {
  const { resource, namespace, name } = target;
  if ((call.query.get('fieldManager') ?? '') === '') {
    throw ApiError.invalid(patchOptions, '', [cause.required('fieldManager', 'is required for apply patch')]);
  }
  if (facet.subresource === 'scale') throw ApiError.unsupportedMediaType('server-side apply of a Scale is not supported here: use a merge patch');
  const force = call.query.has('force') && flagOf(call.query, 'force');
  const subresource = facet.subresource === '' ? {} : { subresource: facet.subresource };
  const applied = (current: JsonObject | undefined): JsonObject => {
    const writer = { manager: context.manager, time: timestamp(operations.clock), ...subresource };
    const typed = isObject(config) ? decoded(call, resource, config) : config;
    return serverSideApply({ current, config: typed, resource, writer, force }).object;
  };
  if (operations.store.get(resource, namespace, name) === undefined && facet.subresource === '') {
    const own = isObject(config) ? (textAt(config, 'metadata', 'name') ?? name) : name;
    if (own !== name) throw ApiError.badRequest(`name in URL does not match name in the object: ${name} and ${own}`);
    const created = await operations.writer.create(resource, namespace, withField(applied(undefined), ['metadata', 'name'], name), creating(context), true);
    return objectAnswer(call, 201, viewOf(resource, created), operations.clock);
  }
  const updated = await operations.writer.update(target, facet, { apply: applied, tracksFields: true }, context);
  return objectAnswer(call, 200, facet.show(updated), operations.clock);
};
