/** A JSON object whose shape is not known. */
export interface JsonObject {
  readonly [field: string]: unknown;
}

export const isObject = (value: unknown): value is JsonObject => typeof value === 'object' && value !== null && !Array.isArray(value);

/** What lies at a path of object fields; undefined if any step is missing. */
export const at = (value: unknown, ...path: readonly string[]): unknown => {
  let found = value;
  for (const step of path) {
    if (!isObject(found) || !Object.hasOwn(found, step)) return undefined;
    found = found[step];
  }
  return found;
};

export const objectAt = (value: unknown, ...path: readonly string[]): JsonObject | undefined => {
  const found = at(value, ...path);
  return isObject(found) ? found : undefined;
};

export const listAt = (value: unknown, ...path: readonly string[]): readonly unknown[] => {
  const found = at(value, ...path);
  return Array.isArray(found) ? found : [];
};

export const textAt = (value: unknown, ...path: readonly string[]): string | undefined => {
  const found = at(value, ...path);
  return typeof found === 'string' ? found : undefined;
};

export const numberAt = (value: unknown, ...path: readonly string[]): number | undefined => {
  const found = at(value, ...path);
  return typeof found === 'number' ? found : undefined;
};

/** The string-valued entries of a map such as labels. */
export const textsAt = (value: unknown, ...path: readonly string[]): Readonly<Record<string, string>> => {
  const texts: Record<string, string> = {};
  for (const [name, text] of Object.entries(objectAt(value, ...path) ?? {})) if (typeof text === 'string') texts[name] = text;
  return texts;
};

/** A copy of `object` with `value` at `path`; `undefined` removes the field. What lies beside the path is shared. */
export const withField = (object: JsonObject, path: readonly string[], value: unknown): JsonObject => {
  const [first, ...rest] = path;
  if (first === undefined) return object;
  const inner = rest.length === 0 ? value : withField(objectAt(object, first) ?? {}, rest, value);
  if (inner === undefined) {
    if (!(first in object)) return object;
    return Object.fromEntries(Object.entries(object).filter(([field]) => field !== first));
  }
  return { ...object, [first]: inner };
};

const equalLists = (left: readonly unknown[], right: unknown): boolean =>
  Array.isArray(right) && left.length === right.length && left.every((value, index) => equal(value, right[index]));

/** Equality of JSON values; a field that is undefined counts as absent. */
export const equal = (left: unknown, right: unknown): boolean => {
  if (left === right) return true;
  if (Array.isArray(left)) return equalLists(left, right);
  if (!isObject(left) || !isObject(right)) return false;
  for (const field of Object.keys(left)) if (!equal(left[field], right[field])) return false;
  for (const field of Object.keys(right)) if (right[field] !== undefined && left[field] === undefined) return false;
  return true;
};

/**
 * A deeply frozen copy without the fields that are null or undefined (Go's decoder drops both). A frozen value counts as deeply frozen
 * and is shared, so that unchanged parts of stored objects are never copied again.
 */
export const frozen = (value: unknown): unknown => {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  if (Array.isArray(value)) return Object.freeze(value.map(frozen));
  const copy: Record<string, unknown> = {};
  for (const [field, inner] of Object.entries(value)) {
    if (inner === undefined || inner === null) continue;
    if (field === '__proto__') Object.defineProperty(copy, field, { value: frozen(inner), enumerable: true });
    else copy[field] = frozen(inner);
  }
  return Object.freeze(copy);
};

/** As `frozen`, of an object. */
export const frozenObject = (value: JsonObject): JsonObject => {
  const copy = frozen(value);
  return isObject(copy) ? copy : value;
};
