import { ApiError } from '../api-error.ts';
import { isObject, type JsonObject } from '../json.ts';
import { apiVersionOf } from '../registry.ts';
import table from './fields.json' with { type: 'json' };
import { asScalar, mismatch, type Place } from './scalars.ts';

/**
 * Reads an object as Go's decoder would read it into the type of its kind: a value of another type is a 400, a field that the type does
 * not have is told and left out. Which fields there are is in `fields.json` (made by `test/support/kubernetes-fields.ts`).
 */
export interface Decoded {
  readonly object: JsonObject;
  /** Paths that the kind does not have. */
  readonly unknownFields: readonly string[];
}

/** 400: a value is not of its field's type, in the words of Go's decoder; `problem` are these words alone. */
export class DecodeError extends ApiError {
  readonly problem: string;

  constructor({ version, kind }: { readonly version: string; readonly kind: string }, problem: string) {
    super({ code: 400, reason: 'BadRequest', message: `${kind} in version "${version}" cannot be handled as a ${kind}: ${problem}` });
    this.problem = problem;
  }
}

type Fields = ReadonlyMap<string, string>;

const types: Readonly<Record<string, string>> = table.types;
const models: Readonly<Record<string, string>> = table.kinds;
const parsed = new Map<string, Fields>();

/** `name:type` separated by spaces; types are `string`, `int32`, `[]T`, `{}T`, `V1PodSpec` … */
const fieldsOf = (type: string): Fields | undefined => {
  const known = parsed.get(type);
  if (known !== undefined) return known;
  const text = Object.hasOwn(types, type) ? types[type] : undefined;
  if (text === undefined) return undefined;
  const pairs = text.split(' ').map((field): [string, string] => {
    const colon = field.indexOf(':');
    return [field.slice(0, colon), field.slice(colon + 1)];
  });
  const fields = new Map(pairs);
  parsed.set(type, fields);
  return fields;
};

class Decoder {
  readonly unknownFields: string[] = [];

  value(value: unknown, type: string, place: Place): unknown {
    // Null is absent; what is frozen has been through here already.
    if (value === null || value === undefined || type === 'any' || (typeof value === 'object' && Object.isFrozen(value))) return value;
    if (type.startsWith('[]')) return this.#list(value, type, place);
    if (type.startsWith('{}')) return this.#map(value, type, place);
    const fields = fieldsOf(type);
    if (fields !== undefined) return this.#object(value, fields, type, place);
    const scalar = asScalar(value, type);
    if (scalar === undefined) throw mismatch(value, type, place);
    return scalar;
  }

  #list(value: unknown, type: string, place: Place): unknown {
    if (!Array.isArray(value)) throw mismatch(value, type, place);
    const items: readonly unknown[] = value;
    return items.map((item, index) => this.value(item, type.slice(2), { ...place, path: `${place.path}[${String(index)}]` }));
  }

  #map(value: unknown, type: string, place: Place): unknown {
    if (!isObject(value)) throw mismatch(value, type, place);
    const entries = Object.entries(value);
    return Object.fromEntries(entries.map(([key, inner]) => [key, this.value(inner, type.slice(2), { ...place, path: `${place.path}.${key}` })]));
  }

  #object(value: unknown, fields: Fields, type: string, place: Place): unknown {
    if (!isObject(value)) throw mismatch(value, type, place);
    const kept: [string, unknown][] = [];
    for (const [field, inner] of Object.entries(value)) {
      const fieldType = fields.get(field);
      const inside = { path: joined(place.path, field), struct: type, fields: joined(place.fields, field) };
      if (fieldType === undefined) this.unknownFields.push(inside.path);
      else if (!isDropped(field, inner, fieldType)) kept.push([field, this.value(inner, fieldType, inside)]);
    }
    return Object.fromEntries(kept);
  }
}

const joined = (path: string, field: string): string => (path === '' ? field : `${path}.${field}`);

/** Lists that are told from absent ones: Go's type has them without `omitempty`. */
const keptEmpty = new Set(['containers', 'endpoints', 'rules']);

/** Null is absent, and so is an empty list or map (an empty object is not: `emptyDir: {}` says something). */
const isDropped = (field: string, value: unknown, type: string): boolean => {
  if (value === null || value === undefined) return true;
  if (type.startsWith('[]')) return Array.isArray(value) && value.length === 0 && !keptEmpty.has(field);
  return type.startsWith('{}') && isObject(value) && Object.keys(value).length === 0;
};

/** Throws a `DecodeError` for a value of the wrong type. A kind without a table is taken as it is. */
export const decode = (kind: { readonly group: string; readonly version: string; readonly kind: string }, object: JsonObject): Decoded => {
  const type = models[`${apiVersionOf(kind)} ${kind.kind}`];
  if (type === undefined) return { object, unknownFields: [] };
  const decoder = new Decoder();
  try {
    const decoded = decoder.value(object, type, { path: '', struct: type, fields: '' });
    return { object: isObject(decoded) ? decoded : object, unknownFields: decoder.unknownFields };
  } catch (error) {
    throw error instanceof TypeError ? new DecodeError(kind, error.message) : error;
  }
};
