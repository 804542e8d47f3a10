import { ApiError } from '../api-error.ts';
import { isObject, type JsonObject } from '../json.ts';
import { apiVersionOf } from '../registry.ts';
import table from './fields.json' with { type: 'json' };

/**
 * Reads an object as Go's decoder would read it into the type of its kind: a value of another type is a 400, a field that the type does
 * not have is told and left out. Which fields there are is in `fields.json` (made by `test/support/kubernetes-fields.ts`).
 */
export interface Decoded {
  readonly object: JsonObject;
  /** Paths that the kind does not have. */
  readonly unknownFields: readonly string[];
}

type Fields = ReadonlyMap<string, string>;

const types: Readonly<Record<string, string>> = table.types;
const models: Readonly<Record<string, string>> = table.kinds;
const parsed = new Map<string, Fields>();

/** `name:type` separated by spaces; types are `string`, `number`, `[]T`, `{}T`, `V1PodSpec` … */
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

const goNames: Readonly<Record<string, string>> = { string: 'string', number: 'int32', boolean: 'bool' };

const goType = (type: string): string => {
  if (type.startsWith('[]')) return `[]${goType(type.slice(2))}`;
  if (type.startsWith('{}')) return `map[string]${goType(type.slice(2))}`;
  return goNames[type] ?? type.replace(/^[A-Za-z]*V\d/, '');
};

const found = (value: unknown): string =>
  Array.isArray(value)
    ? 'array'
    : typeof value === 'object'
      ? 'object'
      : typeof value === 'number' && !Number.isInteger(value)
        ? `number ${String(value)}`
        : typeof value;

/** The scalar as it is kept, or undefined if it is none of this type. A quantity may be written as a number; it is a string ever after. */
const asScalar = (value: unknown, type: string): string | number | boolean | undefined => {
  if (typeof value === 'string') return type === 'string' || type === 'either' || type === 'quantity' ? value : undefined;
  if (typeof value === 'boolean') return type === 'boolean' ? value : undefined;
  if (typeof value !== 'number') return undefined;
  if (type === 'quantity') return String(value);
  return Number.isInteger(value) && (type === 'number' || type === 'either') ? value : undefined;
};

class Decoder {
  readonly unknownFields: string[] = [];

  value(value: unknown, type: string, path: string): unknown {
    // Null is absent; what is frozen has been through here already.
    if (value === null || value === undefined || type === 'any' || (typeof value === 'object' && Object.isFrozen(value))) return value;
    if (type.startsWith('[]')) return this.#list(value, type, path);
    if (type.startsWith('{}')) return this.#map(value, type, path);
    const fields = fieldsOf(type);
    if (fields !== undefined) return this.#object(value, fields, type, path);
    const scalar = asScalar(value, type);
    if (scalar === undefined) throw mismatch(value, type, path);
    return scalar;
  }

  #list(value: unknown, type: string, path: string): unknown {
    if (!Array.isArray(value)) throw mismatch(value, type, path);
    const items: readonly unknown[] = value;
    return items.map((item, index) => this.value(item, type.slice(2), `${path}[${String(index)}]`));
  }

  #map(value: unknown, type: string, path: string): unknown {
    if (!isObject(value)) throw mismatch(value, type, path);
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, this.value(inner, type.slice(2), `${path}.${key}`)]));
  }

  #object(value: unknown, fields: Fields, type: string, path: string): unknown {
    if (!isObject(value)) throw mismatch(value, type, path);
    const kept: [string, unknown][] = [];
    for (const [field, inner] of Object.entries(value)) {
      const inside = path === '' ? field : `${path}.${field}`;
      const fieldType = fields.get(field);
      if (fieldType === undefined) this.unknownFields.push(inside);
      else if (!isDropped(field, inner, fieldType)) kept.push([field, this.value(inner, fieldType, inside)]);
    }
    return Object.fromEntries(kept);
  }
}

/** Lists that are told from absent ones: Go's type has them without `omitempty`. */
const keptEmpty = new Set(['containers', 'endpoints', 'rules']);

/** Null is absent, and so is an empty list or map (an empty object is not: `emptyDir: {}` says something). */
const isDropped = (field: string, value: unknown, type: string): boolean => {
  if (value === null || value === undefined) return true;
  if (type.startsWith('[]')) return Array.isArray(value) && value.length === 0 && !keptEmpty.has(field);
  return type.startsWith('{}') && isObject(value) && Object.keys(value).length === 0;
};

const mismatch = (value: unknown, type: string, path: string): TypeError =>
  new TypeError(`json: cannot unmarshal ${found(value)} into Go struct field ${path} of type ${goType(type)}`);

/** Throws 400 for a value of the wrong type. A kind without a table is taken as it is. */
export const decode = (kind: { readonly group: string; readonly version: string; readonly kind: string }, object: JsonObject): Decoded => {
  const type = models[`${apiVersionOf(kind)} ${kind.kind}`];
  if (type === undefined) return { object, unknownFields: [] };
  const decoder = new Decoder();
  try {
    const decoded = decoder.value(object, type, '');
    return { object: isObject(decoded) ? decoded : object, unknownFields: decoder.unknownFields };
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw ApiError.badRequest(`${kind.kind} in version "${kind.version}" cannot be handled as a ${kind.kind}: ${error.message}`);
  }
};
