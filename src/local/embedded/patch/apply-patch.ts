import { ApiError } from '../api-error.ts';
import type { JsonObject } from '../json.ts';
import { applyJsonPatch } from './json-patch.ts';
import { applyMergePatch } from './merge-patch.ts';
import { shapeOf } from './schema.ts';
import { applyStrategicMerge } from './strategic-merge.ts';

export type PatchType = 'json' | 'merge' | 'strategic' | 'apply';

const contentTypes: Readonly<Record<string, PatchType>> = {
  'application/json-patch+json': 'json',
  'application/merge-patch+json': 'merge',
  'application/strategic-merge-patch+json': 'strategic',
  'application/apply-patch+yaml': 'apply',
};

/** The kind of patch that a Content-Type header (parameters ignored) announces. Throws ApiError 415 for any other. */
export const patchTypeOf = (contentType: string | undefined): PatchType => {
  const name = (contentType ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
  const type = Object.hasOwn(contentTypes, name) ? contentTypes[name] : undefined;
  if (type !== undefined) return type;
  const accepted = Object.keys(contentTypes).join(', ');
  throw ApiError.unsupportedMediaType(`the body of the request was in an unknown format - accepted media types include: ${accepted}`);
};

/**
 * `current` after a JSON, merge or strategic merge patch (`body` is the parsed JSON). Pure: neither argument is modified, and the result may
 * share parts with both; nothing is defaulted or validated, and the result may still hold nulls from the patch's lists.
 * Server-side apply is `serverSideApply`. Throws ApiError.
 */
export const applyPatch = (patch: {
  readonly type: 'json' | 'merge' | 'strategic';
  readonly current: JsonObject;
  readonly body: unknown;
  readonly resource: { readonly group: string; readonly kind: string };
}): JsonObject => {
  switch (patch.type) {
    case 'json':
      return applyJsonPatch(patch.current, patch.body);
    case 'merge':
      return applyMergePatch(patch.current, patch.body);
    case 'strategic':
      return applyStrategicMerge(patch.current, patch.body, shapeOf(patch.resource));
  }
};
