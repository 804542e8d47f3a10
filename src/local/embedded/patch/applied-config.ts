import { ApiError } from '../api-error.ts';
import { isObject, textAt, type JsonObject } from '../json.ts';
import { elementOf } from './typed-value.ts';
import { fieldShape, keyDefaults, ordinary, shapeOf, type FieldShape, type ListShape } from './schema.ts';

interface Kind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}

/**
 * The parts of an applied configuration that count for this (sub)resource: an object of the kind, without managedFields, and without the status
 * (or, through `/status`, without the spec). Throws ApiError: 400 for another kind or version, 500 for list items that cannot be told apart,
 * as kube-apiserver does.
 */
export const checkApplied = (config: unknown, resource: Kind, subresource: string | undefined): JsonObject => {
  if (!isObject(config)) throw ApiError.badRequest('the body of an apply patch must be an object in YAML or JSON');
  const apiVersion = resource.group === '' ? resource.version : `${resource.group}/${resource.version}`;
  const [gotVersion, gotKind] = [textAt(config, 'apiVersion'), textAt(config, 'kind')];
  if (gotKind !== resource.kind)
    throw ApiError.badRequest(`the applied object must be of kind ${resource.kind}, not ${gotKind ?? '(none)'}: set kind: ${resource.kind}`);
  if (gotVersion !== apiVersion) {
    throw ApiError.badRequest(`Incorrect version specified in apply patch. Specified patch version: ${gotVersion ?? ''}, expected: ${apiVersion}`);
  }
  if (isObject(config['metadata']) && config['metadata']['managedFields'] !== undefined && config['metadata']['managedFields'] !== null) {
    throw ApiError.badRequest('metadata.managedFields must be nil');
  }
  checkItems(config, { ...shapeOf(resource), kind: 'object' }, '');
  const ignored = subresource === 'status' ? 'spec' : 'status';
  return Object.fromEntries(Object.entries(config).filter(([name]) => name !== ignored));
};

const isAssociative = (shape: FieldShape | undefined): shape is ListShape => shape?.kind === 'list' && shape.apply !== 'atomic';

const checkItems = (value: unknown, shape: FieldShape | undefined, path: string): void => {
  if (Array.isArray(value) && isAssociative(shape)) {
    const seen = new Set<string>();
    for (const [index, item] of value.entries()) {
      checkKeys(item, shape, path, index);
      const element = elementOf(item, shape);
      if (seen.has(element)) throw untyped(`${path}: duplicate entries for key ${element.slice(2)}`);
      seen.add(element);
      checkItems(item, shape.item, `${path}[${element.slice(2)}]`);
    }
  } else if (isObject(value) && shape?.kind !== 'atomic') {
    const fields = shape?.kind === 'object' ? shape : ordinary;
    for (const [name, inner] of Object.entries(value)) checkItems(inner, fieldShape(fields, name), `${path}.${name}`);
  }
};

const checkKeys = (item: unknown, shape: ListShape, path: string, index: number): void => {
  if (typeof shape.apply === 'string') return;
  const missing = shape.apply.keys.find((key) => (!isObject(item) || item[key] === undefined) && keyDefaults[key] === undefined);
  if (missing === undefined) return;
  throw untyped(
    `${path}: element ${String(index)}: associative list with keys has an element that omits key field ${JSON.stringify(missing)} (and doesn't have default value)`,
  );
};

const untyped = (why: string): ApiError => new ApiError({ code: 500, reason: 'InternalError', message: `failed to create typed patch object: ${why}` });

/** Lists that kube-apiserver keeps when they are empty. */
const keptEmpty = new Set(['containers', 'endpoints', 'rules']);
/** Maps (not objects: an empty object such as `emptyDir: {}` means something) that are the same empty or absent. */
const maps = new Set([
  'labels',
  'annotations',
  'matchLabels',
  'data',
  'stringData',
  'binaryData',
  'limits',
  'requests',
  'nodeSelector',
  'overhead',
  'capacity',
  'allocatable',
]);

/**
 * A copy without what Go's types do not keep: fields that are null, empty lists, and empty maps. What kube-apiserver stores and returns has
 * none of these, and field ownership is computed over that.
 */
export const tidied = (object: JsonObject): JsonObject => Object.fromEntries(Object.entries(object).flatMap(([name, value]) => tidiedField(name, value)));

const tidiedField = (name: string, value: unknown): readonly [string, unknown][] => {
  if (value === null || value === undefined) return [];
  if (Array.isArray(value))
    return value.length === 0 && !keptEmpty.has(name) ? [] : [[name, value.map((item: unknown) => (isObject(item) ? tidied(item) : item))]];
  if (!isObject(value)) return [[name, value]];
  const inner = tidied(value);
  return maps.has(name) && Object.keys(inner).length === 0 ? [] : [[name, inner]];
};
