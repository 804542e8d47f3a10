import { ApiError } from '../api-error.ts';
import { apiAudience, type Identity } from '../identity/identity.ts';
import type { UserInfo } from '../identity/user.ts';
import { frozenObject, listAt, objectAt, textAt, type JsonObject } from '../json.ts';
import { apiVersionOf, type ResourceDefinition } from '../registry.ts';

const allowAll = 'the embedded API allows everything to everyone it knows: rbac objects are stored, not enforced';

const tokenStatus = (identity: Identity, spec: JsonObject | undefined): JsonObject => {
  const token = textAt(spec, 'token') ?? '';
  if (token === '') throw ApiError.badRequest('token is required for TokenReview in authentication');
  const asked = listAt(spec, 'audiences').filter((audience) => typeof audience === 'string');
  const found = identity.authenticate(token, asked.length === 0 ? [apiAudience] : asked);
  if (found === undefined) return { authenticated: false, error: '[invalid bearer token]' };
  return { authenticated: true, user: found.user, audiences: found.audiences };
};

/** Answers the kinds that are questions: TokenReview, the SubjectAccessReviews and SelfSubjectReview. */
export const review = (identity: Identity, resource: ResourceDefinition, namespace: string | undefined, body: JsonObject, user: UserInfo): JsonObject => {
  const spec = objectAt(body, 'spec');
  const statusOf: Readonly<Record<string, () => JsonObject>> = {
    TokenReview: () => tokenStatus(identity, spec),
    SelfSubjectReview: () => ({ userInfo: user }),
  };
  const status = statusOf[resource.kind]?.() ?? accessStatus(resource, spec);
  const metadata = { ...objectAt(body, 'metadata'), ...(namespace === undefined ? {} : { namespace }) };
  return frozenObject({ kind: resource.kind, apiVersion: apiVersionOf(resource), metadata, ...(spec === undefined ? {} : { spec }), status });
};

const accessStatus = (resource: ResourceDefinition, spec: JsonObject | undefined): JsonObject => {
  const subject = textAt(spec, 'user') ?? '';
  if (resource.kind !== 'SelfSubjectAccessReview' && subject === '' && listAt(spec, 'groups').length === 0) {
    throw ApiError.invalid(resource, '', [
      { reason: 'FieldValueRequired', message: 'Required value: at least one of user or group must be specified', field: 'spec.user' },
    ]);
  }
  return subject === 'system:anonymous' ? { allowed: false, reason: 'anonymous' } : { allowed: true, reason: allowAll };
};
