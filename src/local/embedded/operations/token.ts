import { ApiError, cause } from '../api-error.ts';
import { apiAudience } from '../identity/identity.ts';
import { frozenObject, listAt, numberAt, objectAt, textAt, type JsonObject } from '../json.ts';
import { findResource } from '../registry.ts';
import type { Operations } from './operations.ts';
import type { Target } from './writer.ts';

const requestKind = { group: 'authentication.k8s.io', plural: 'tokenrequests', kind: 'TokenRequest' };
const shortest = 600;
const longest = 2 ** 32;

const boundPod = ({ store }: Operations, target: Target, reference: JsonObject | undefined): { readonly name: string; readonly uid: string } | undefined => {
  if (reference === undefined) return undefined;
  const kind = textAt(reference, 'kind') ?? '';
  const pods = findResource('', 'v1', 'pods');
  if (kind !== 'Pod' || pods === undefined) {
    throw ApiError.invalid(requestKind, target.name, [cause.unsupported('spec.boundObjectRef.kind', kind, ['Pod'])]);
  }
  const name = textAt(reference, 'name') ?? '';
  const pod = store.get(pods, target.namespace, name);
  if (pod === undefined) throw ApiError.notFound(pods, name);
  const uid = textAt(reference, 'uid') ?? pod.metadata.uid;
  if (uid !== pod.metadata.uid) {
    throw ApiError.conflict(
      pods,
      name,
      `the UID in the bound object reference (${uid}) does not match the UID in record. The object might have been deleted and then recreated`,
    );
  }
  return { name, uid };
};

/** POST of `serviceaccounts/NAME/token`: a TokenRequest with its `status.token`. */
export const requestToken = (operations: Operations, target: Target, request: JsonObject): JsonObject => {
  const account = operations.store.get(target.resource, target.namespace, target.name);
  if (account === undefined) throw ApiError.notFound(target.resource, target.name);
  const seconds = numberAt(request, 'spec', 'expirationSeconds') ?? 3600;
  if (seconds < shortest || seconds > longest) {
    const detail = seconds < shortest ? 'may not specify a duration less than 10 minutes' : 'may not specify a duration larger than 2^32 seconds';
    throw ApiError.invalid(requestKind, target.name, [cause.invalid('spec.expirationSeconds', seconds, detail)]);
  }
  const asked = listAt(request, 'spec', 'audiences').filter((audience) => typeof audience === 'string');
  const audiences = asked.length === 0 ? [apiAudience] : asked;
  const { token, expiresAt } = operations.identity.mint({
    namespace: target.namespace ?? '',
    serviceAccount: { name: target.name, uid: account.metadata.uid },
    pod: boundPod(operations, target, objectAt(request, 'spec', 'boundObjectRef')),
    audiences,
    expirationSeconds: seconds,
  });
  return frozenObject({
    kind: 'TokenRequest',
    apiVersion: 'authentication.k8s.io/v1',
    metadata: { name: target.name, namespace: target.namespace },
    spec: { ...objectAt(request, 'spec'), audiences, expirationSeconds: seconds },
    status: { token, expirationTimestamp: new Date(expiresAt).toISOString().replace(/\.\d+Z$/, 'Z') },
  });
};
