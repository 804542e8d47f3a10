import { ApiError, type StatusCause } from '../api-error.ts';
import { isObject, listAt, numberAt, objectAt, textAt, type JsonObject } from '../json.ts';
import { applyJsonPatch } from '../patch/json-patch.ts';
import type { AdmissionAttributes, Invocation } from './admission.ts';

const apiVersion = 'admission.k8s.io/v1';

const kindOf = ({ kind }: AdmissionAttributes): JsonObject => ({ group: kind.group, version: kind.version, kind: kind.kind });
const resourceOf = ({ resource }: AdmissionAttributes): JsonObject => ({ group: resource.group, version: resource.version, resource: resource.plural });

/** `request` of an AdmissionReview. */
export const requestOf = ({ attributes, original }: Invocation, uid: string): JsonObject => {
  const { subresource, namespace, name, operation, context, object, oldObject } = attributes;
  const sub = subresource === '' ? {} : { subResource: subresource, requestSubResource: subresource };
  return {
    uid,
    kind: kindOf(attributes),
    resource: resourceOf(attributes),
    requestKind: kindOf(original),
    requestResource: resourceOf(original),
    ...sub,
    name,
    ...(namespace === undefined ? {} : { namespace }),
    operation,
    userInfo: context.user,
    object: object ?? null,
    oldObject: oldObject ?? null,
    dryRun: context.dryRun,
    options: context.options,
  };
};

export const reviewOf = (invocation: Invocation, uid: string): JsonObject => ({ kind: 'AdmissionReview', apiVersion, request: requestOf(invocation, uid) });

/** What a webhook said. */
export interface Verdict {
  /** Why it refuses. */
  readonly refusal: ApiError | undefined;
  readonly warnings: readonly string[];
  /** RFC 6902, if it changes the object. */
  readonly patch: unknown;
}

const causesOf = (status: JsonObject | undefined): readonly StatusCause[] =>
  listAt(status, 'details', 'causes')
    .filter(isObject)
    .map((one) => {
      const field = textAt(one, 'field');
      return { reason: textAt(one, 'reason') ?? '', message: textAt(one, 'message') ?? '', ...(field === undefined ? {} : { field }) };
    });

const refusalOf = (name: string, status: JsonObject | undefined): ApiError => {
  const given = textAt(status, 'message') ?? textAt(status, 'reason') ?? '';
  const why = given === '' ? 'denied the request without explanation' : `denied the request: ${given}`;
  const code = numberAt(status, 'code') ?? 400;
  const causes = causesOf(status);
  return new ApiError({
    code: code >= 400 && code < 600 ? code : 400,
    reason: textAt(status, 'reason') ?? '',
    message: `admission webhook ${JSON.stringify(name)} ${why}`,
    ...(causes.length === 0 ? {} : { details: { causes } }),
  });
};

const decodedPatch = (text: string): unknown => {
  try {
    return JSON.parse(Buffer.from(text, 'base64').toString('utf8'));
  } catch {
    throw new Error('the patch is not base64 of JSON');
  }
};

/** Reads an answered AdmissionReview. Throws an Error that says what is wrong with it. */
export const readVerdict = (answer: unknown, name: string, uid: string, mutating: boolean): Verdict => {
  const response = objectAt(answer, 'response');
  const version = textAt(answer, 'apiVersion');
  const kind = textAt(answer, 'kind');
  if (version !== apiVersion || kind !== 'AdmissionReview') {
    throw new Error(`expected webhook response of ${apiVersion}, Kind=AdmissionReview, got ${version ?? ''}, Kind=${kind ?? ''}`);
  }
  if (response === undefined) throw new Error('webhook response was absent');
  if (textAt(response, 'uid') !== uid) throw new Error(`expected response.uid=${JSON.stringify(uid)}, got ${JSON.stringify(response['uid'] ?? '')}`);
  const warnings = listAt(response, 'warnings').filter((one) => typeof one === 'string');
  if (response['allowed'] !== true) return { refusal: refusalOf(name, objectAt(response, 'status')), warnings, patch: undefined };
  const patch = textAt(response, 'patch');
  if (patch === undefined || patch === '') return { refusal: undefined, warnings, patch: undefined };
  if (!mutating) throw new Error('validating webhook responses may not contain a patch');
  if (textAt(response, 'patchType') !== 'JSONPatch') throw new Error('webhook returned response.patch but response.patchType is not "JSONPatch"');
  return { refusal: undefined, warnings, patch: decodedPatch(patch) };
};

/** The object as a webhook's patch leaves it. Throws an Error for a patch that does not fit. */
export const patched = (object: JsonObject | undefined, patch: unknown): JsonObject => {
  if (object === undefined) throw new Error('a patch is not allowed for DELETE');
  return applyJsonPatch(object, patch);
};
