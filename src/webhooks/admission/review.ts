import { failed, ok, type Result } from '../../core/index.ts';

/** A JSON object as it came, of which nothing is known. */
export type Json = Readonly<Record<string, unknown>>;

/** The part of an `admission.k8s.io/v1` request that we use. */
export interface AdmissionRequest {
  readonly uid: string;
  readonly operation: 'CREATE' | 'UPDATE';
  readonly group: string;
  readonly resource: string;
  readonly subresource: string;
  readonly namespace: string;
  readonly name: string;
  readonly user: string;
  /** Of the request's options; undefined where the client named none. */
  readonly fieldManager: string | undefined;
  readonly dryRun: boolean;
  readonly object: Json;
  readonly oldObject: Json | undefined;
}

export const isJson = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value);
const text = (value: unknown): string | undefined => (typeof value === 'string' && value.length <= 1024 ? value : undefined);
/** An optional text: absent is empty, anything else that is no text is wrong. */
const optional = (value: unknown): string | undefined => (value === undefined || value === null ? '' : text(value));

/** Far more than any object of the kinds that we judge has; comparing two objects takes a stack frame for each level. */
const deepest = 200;

/** Level by level, so that no depth exhausts the stack. */
const isTooDeep = (body: unknown): boolean => {
  let level: readonly unknown[] = [body];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > deepest) return true;
    level = level.flatMap((value): readonly unknown[] => (typeof value === 'object' && value !== null ? Object.values(value) : []));
  }
  return false;
};

/** Reads an AdmissionReview; the problem is a sentence for whoever sent it. */
export const parseReview = (body: unknown): Result<AdmissionRequest, string> => {
  if (isTooDeep(body)) return failed(`nested more than ${String(deepest)} levels deep`);
  if (!isJson(body) || body['kind'] !== 'AdmissionReview') return failed('want a JSON object of kind AdmissionReview');
  if (body['apiVersion'] !== 'admission.k8s.io/v1') return failed('want apiVersion admission.k8s.io/v1');
  const { request } = body;
  if (!isJson(request)) return failed('want an object "request"');
  const uid = text(request['uid']);
  if (uid === undefined || uid === '') return failed('want a text "request.uid"');
  const { operation, resource, userInfo, options, object, oldObject } = request;
  if (operation !== 'CREATE' && operation !== 'UPDATE') return failed('"request.operation" is neither CREATE nor UPDATE; nothing else is registered');
  if (!isJson(resource)) return failed('want an object "request.resource"');
  const [group, plural] = [optional(resource['group']), text(resource['resource'])];
  if (group === undefined || plural === undefined) return failed('want texts "request.resource.group" and "request.resource.resource"');
  const [namespace, name, subresource] = [optional(request['namespace']), optional(request['name']), optional(request['subResource'])];
  if (namespace === undefined || name === undefined || subresource === undefined) return failed('"request.namespace", "name" and "subResource" are texts');
  const user = isJson(userInfo) ? optional(userInfo['username']) : undefined;
  if (user === undefined) return failed('want an object "request.userInfo" with a text "username"');
  if (!isJson(object)) return failed('want an object "request.object"');
  if (operation === 'UPDATE' ? !isJson(oldObject) : oldObject !== undefined && oldObject !== null)
    return failed('want an object "request.oldObject" with UPDATE, and none with CREATE');
  const manager = isJson(options) ? optional(options['fieldManager']) : '';
  return ok({
    uid,
    operation,
    group,
    resource: plural,
    subresource,
    namespace,
    name,
    user,
    fieldManager: manager === '' ? undefined : manager,
    dryRun: request['dryRun'] === true,
    object,
    oldObject: isJson(oldObject) ? oldObject : undefined,
  });
};
