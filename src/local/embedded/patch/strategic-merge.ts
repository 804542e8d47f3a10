import { ApiError, cause } from '../api-error.ts';
import { equal, isObject, type JsonObject } from '../json.ts';
import { mergeOrder } from './element-order.ts';
import { fieldShape, ordinary, type ListShape, type Shape } from './schema.ts';

const orderPrefix = '$setElementOrder/';
const deletePrefix = '$deleteFromPrimitiveList/';
const retainKeys = '$retainKeys';
const directive = '$patch';

/**
 * Strategic merge patch: like RFC 7396, but lists that have a merge key are merged item by item. Directives: `$patch: replace | delete`, in
 * objects and in list items, `$deleteFromPrimitiveList/FIELD`, `$setElementOrder/FIELD`, `$retainKeys`. Neither argument is modified.
 * Throws ApiError: 400 for a malformed patch, 422 for lists of lists and unknown directives, 500 where kube-apiserver has that too.
 * Algorithm: apimachinery `pkg/util/strategicpatch/patch.go`.
 */
export const applyStrategicMerge = (current: JsonObject, body: unknown, shape: Shape): JsonObject => {
  if (!isObject(body)) throw ApiError.badRequest('the body of a strategic merge patch must be a JSON object');
  return mergeObject(current, body, shape);
};

const mergeObject = (original: JsonObject, patch: JsonObject, shape: Shape): JsonObject => {
  if (Object.hasOwn(patch, directive)) return directed(patch);
  const merged = new Map(Object.entries(retain(original, patch)));
  for (const field of orderedFields(patch)) mergeOrdered(merged, field, patch, shape);
  for (const [name, value] of Object.entries(patch)) {
    if (name === retainKeys || name.startsWith(orderPrefix)) continue;
    const deletes = name.startsWith(deletePrefix);
    const field = deletes ? name.slice(deletePrefix.length) : name;
    if (Object.hasOwn(patch, orderPrefix + field) && !deletes && value !== null) continue;
    mergeField(merged, field, value, fieldShape(shape, field), deletes);
  }
  return Object.fromEntries(merged);
};

type MaybeShape = ReturnType<typeof fieldShape>;

const directed = (patch: JsonObject): JsonObject => {
  const { [directive]: name, ...rest } = patch;
  if (name === 'replace') return rest;
  if (name === 'delete') return {};
  throw unprocessable(`unknown patch type: ${JSON.stringify(name)}`);
};

/** `$retainKeys`: fields of the original that it does not name go away; it must name every field that the patch sets. */
const retain = (original: JsonObject, patch: JsonObject): JsonObject => {
  const kept: unknown = patch[retainKeys];
  if (kept === undefined) return original;
  if (!Array.isArray(kept)) throw ApiError.badRequest('invalid patch format of $retainKeys');
  for (const [field, value] of Object.entries(patch)) {
    if (value === null || field === retainKeys || field.startsWith(orderPrefix) || field.startsWith(deletePrefix)) continue;
    if (!kept.includes(field)) throw ApiError.badRequest('invalid patch format of $retainKeys');
  }
  return Object.fromEntries(Object.entries(original).filter(([field]) => kept.includes(field)));
};

const mergeField = (merged: Map<string, unknown>, field: string, value: unknown, shape: MaybeShape, deletes: boolean): void => {
  const original = merged.get(field);
  if (value === null) {
    merged.delete(field);
  } else if (isObject(value) && isObject(original) && !deletes) {
    if (shape?.kind === 'atomic' && shape.replace === true) merged.set(field, value);
    else merged.set(field, mergeObject(original, value, shape?.kind === 'object' ? shape : ordinary));
  } else if (Array.isArray(value) && Array.isArray(original)) {
    merged.set(field, mergeList(original, value, shape?.kind === 'list' ? shape : undefined, deletes));
  } else if (!deletes) {
    if (isObject(value) && Object.hasOwn(value, directive)) merged.delete(field);
    else merged.set(field, withoutDirectives(value));
  }
};

/** What a new value leaves once nulls and directives are out of it. */
const withoutDirectives = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.filter((item) => !(isObject(item) && Object.hasOwn(item, directive))).map(withoutDirectives);
  if (!isObject(value)) return value;
  const kept = Object.entries(value).filter(
    ([field, inner]) => inner !== null && !isDirectiveField(field) && !(isObject(inner) && Object.hasOwn(inner, directive)),
  );
  return Object.fromEntries(kept.map(([field, inner]) => [field, withoutDirectives(inner)]));
};

const isDirectiveField = (field: string): boolean => field === retainKeys || field.startsWith(orderPrefix) || field.startsWith(deletePrefix);

const mergeList = (original: readonly unknown[], patch: readonly unknown[], shape: ListShape | undefined, deletes: boolean): readonly unknown[] => {
  const merge = shape?.merge ?? 'replace';
  if (deletes) return original.filter((item) => !patch.some((gone) => equal(gone, item)));
  if (merge === 'replace' || shape === undefined) return patch.map(withoutDirectives);
  checkItems([...original, ...patch]);
  const key = merge === 'value' || ![...original, ...patch].some(isObject) ? undefined : merge.key;
  const merged =
    key === undefined ? [...new Set([...original, ...patch])] : mergeItems(original, patch, key, shape.item.kind === 'object' ? shape.item : ordinary);
  return mergeOrder(merged, patch, original, key);
};

const checkItems = (items: readonly unknown[]): void => {
  if (items.some((item) => Array.isArray(item))) throw unprocessable('lists of lists are not supported');
  const [first] = items;
  if (items.some((item) => isObject(item) !== isObject(first) || typeof item !== typeof first)) {
    throw ApiError.internal('list element types are not identical');
  }
};

const mergeItems = (original: readonly unknown[], patch: readonly unknown[], key: string, shape: Shape): unknown[] => {
  const sets: JsonObject[] = [];
  let items = [...original];
  let replaces = false;
  for (const item of patch) {
    if (!isObject(item)) continue;
    if (!Object.hasOwn(item, directive)) sets.push(item);
    else if (item[directive] === 'delete') items = items.filter((existing) => !(isObject(existing) && equal(existing[key], keyOf(item, key))));
    else if (item[directive] === 'replace') replaces = true;
    else throw unprocessable(`unknown patch type: ${JSON.stringify(item[directive])}`);
  }
  if (replaces) return sets;
  for (const item of sets) {
    const wanted = keyOf(item, key);
    const at = items.findIndex((existing) => isObject(existing) && equal(existing[key], wanted));
    const existing = items[at];
    if (isObject(existing)) items[at] = mergeObject(existing, item, shape);
    else items.push(withoutDirectives(item));
  }
  return items;
};

const keyOf = (item: JsonObject, key: string): unknown => {
  if (item[key] === undefined) throw ApiError.internal(`map: ${JSON.stringify(item)} does not contain declared merge key: ${key}`);
  return item[key];
};

const orderedFields = (patch: JsonObject): string[] =>
  Object.keys(patch)
    .filter((name) => name.startsWith(orderPrefix))
    .map((name) => name.slice(orderPrefix.length));

/** A list together with its `$setElementOrder`. */
const mergeOrdered = (merged: Map<string, unknown>, field: string, patch: JsonObject, shape: Shape): void => {
  const order: unknown = patch[orderPrefix + field];
  const original = merged.get(field);
  const changes = patch[field];
  if (!Array.isArray(order)) throw ApiError.badRequest('invalid patch format of setElementOrder list');
  if (changes === null) return;
  if ((original !== undefined && !Array.isArray(original)) || (changes !== undefined && !Array.isArray(changes))) {
    throw ApiError.internal(`expected a list for ${field}`);
  }
  const rule = fieldShape(shape, field);
  const list = rule?.kind === 'list' ? rule : undefined;
  const key = list !== undefined && typeof list.merge === 'object' ? list.merge.key : undefined;
  if (changes !== undefined) checkOrder(changes, order, key);
  const combined = combine(original, changes, list);
  if (combined !== undefined) merged.set(field, mergeOrder(combined, order, original ?? [], key));
};

const combine = (
  original: readonly unknown[] | undefined,
  changes: readonly unknown[] | undefined,
  shape: ListShape | undefined,
): readonly unknown[] | undefined => {
  if (changes === undefined) return original;
  if (original !== undefined) return mergeList(original, changes, shape, false);
  const added = withoutDirectives(changes);
  return Array.isArray(added) ? added : undefined;
};

/** Every item that the patch sets must appear in the order list, in the same sequence. */
const checkOrder = (changes: readonly unknown[], order: readonly unknown[], key: string | undefined): void => {
  if (order.length === 0) return;
  const identity = (item: unknown): unknown => (key !== undefined && isObject(item) ? item[key] : item);
  let at = 0;
  for (const item of changes) {
    if (isObject(item) && Object.hasOwn(item, directive)) continue;
    while (at < order.length && !equal(identity(order[at]), identity(item))) at += 1;
    if (at >= order.length) throw ApiError.internal(`The order in patch list doesn't match $setElementOrder list: ${JSON.stringify(order)}`);
    at += 1;
  }
};

const unprocessable = (message: string): ApiError =>
  new ApiError({
    code: 422,
    reason: 'Invalid',
    message: 'the server rejected our request due to an error in our request',
    details: { causes: [cause.invalid('patch', null, message)] },
  });
