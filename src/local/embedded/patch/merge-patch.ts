import { ApiError } from '../api-error.ts';
import { isObject, type JsonObject } from '../json.ts';

/** RFC 7396: objects merge field by field, `null` removes, everything else replaces. `target` is not modified. */
export const mergeValues = (target: unknown, patch: unknown): unknown => {
  if (!isObject(patch)) return patch;
  const merged = new Map(Object.entries(isObject(target) ? target : {}));
  for (const [field, value] of Object.entries(patch)) {
    if (value === null) merged.delete(field);
    else merged.set(field, mergeValues(merged.get(field), value));
  }
  // Not Object.assign: a field named __proto__ stays a field.
  return Object.fromEntries(merged);
};

/** As `mergeValues`, for a whole object. Throws ApiError 400 if the patch is not a JSON object. */
export const applyMergePatch = (current: JsonObject, body: unknown): JsonObject => {
  if (!isObject(body)) throw ApiError.badRequest('the body of a merge patch must be a JSON object');
  const merged = mergeValues(current, body);
  return isObject(merged) ? merged : current;
};
