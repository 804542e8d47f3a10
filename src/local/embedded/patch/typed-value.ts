import { equal, isObject } from '../json.ts';
import { field, FieldSet, itemWithKeys, itemWithValue, type PathElement } from './field-set.ts';
import { fieldShape, keyDefaults, ordinary, type FieldShape, type ListShape, type Shape } from './schema.ts';

/*
 * Walks over JSON values that know the shape of their kind: what server-side apply needs to know of two objects.
 * `undefined` is absent and `null` is a value. (structured-merge-diff v6, `typed/`.)
 */

/** Which paths came, went or changed between two objects. */
export interface Comparison {
  readonly added: FieldSet;
  readonly removed: FieldSet;
  readonly modified: FieldSet;
}

type Items = ReadonlyMap<PathElement, unknown>;

const isAssociative = (shape: FieldShape | undefined): shape is ListShape => shape?.kind === 'list' && shape.apply !== 'atomic';
const isNothing = (value: unknown): boolean =>
  value === undefined || value === null || (Array.isArray(value) ? value.length === 0 : isObject(value) && Object.keys(value).length === 0);
const shapeInside = (shape: FieldShape | undefined): Shape => (shape?.kind === 'object' ? shape : ordinary);

/** How an item of an associative list is told apart; a key that the item lacks has its default, or is null. */
export const elementOf = (item: unknown, shape: ListShape): PathElement => {
  if (typeof shape.apply === 'string') return itemWithValue(item);
  const fields = isObject(item) ? item : {};
  return itemWithKeys(shape.apply.keys.map((key) => [key, fields[key] ?? keyDefaults[key] ?? null]));
};

/** Items by element, in order; of duplicates the first stands. */
const itemsOf = (value: unknown, shape: ListShape): Items => {
  const items = new Map<PathElement, unknown>();
  for (const item of Array.isArray(value) ? value : []) {
    const element = elementOf(item, shape);
    if (!items.has(element)) items.set(element, item);
  }
  return items;
};

const descends = (left: unknown, right: unknown, shape: FieldShape | undefined): 'map' | 'list' | undefined => {
  if (shape?.kind === 'atomic' || (isNothing(left) && isNothing(right))) return undefined;
  if (isAssociative(shape)) return Array.isArray(left ?? []) && Array.isArray(right ?? []) ? 'list' : undefined;
  return isObject(left ?? {}) && isObject(right ?? {}) ? 'map' : undefined;
};

const fieldsOf = (value: unknown): Items => new Map(isObject(value) ? Object.entries(value) : []);

/** The children of both sides of a value: element, the two values, and the shape of the child. */
const zip = function* (left: unknown, right: unknown, shape: FieldShape | undefined, as: 'map' | 'list') {
  if (as === 'list' && isAssociative(shape)) {
    const [lefts, rights] = [itemsOf(left, shape), itemsOf(right, shape)];
    for (const element of new Set([...lefts.keys(), ...rights.keys()])) {
      yield { element, left: lefts.get(element), right: rights.get(element), shape: shape.item };
    }
    return;
  }
  const [lefts, rights] = [fieldsOf(left), fieldsOf(right)];
  for (const name of new Set([...lefts.keys(), ...rights.keys()])) {
    yield { element: field(name), left: lefts.get(name), right: rights.get(name), shape: fieldShape(shapeInside(shape), name) };
  }
};

/** Which paths differ between two objects of a kind. */
export const compare = (left: unknown, right: unknown, shape: Shape): Comparison => {
  const comparison = { added: new FieldSet(), removed: new FieldSet(), modified: new FieldSet() };
  compareAt([], left, right, { ...shape, kind: 'object' }, comparison);
  return comparison;
};

const compareAt = (path: readonly PathElement[], left: unknown, right: unknown, shape: FieldShape | undefined, into: Comparison): void => {
  if (left === right) return;
  const as = descends(left, right, shape);
  if (as !== undefined) {
    for (const child of zip(left, right, shape, as)) compareAt([...path, child.element], child.left, child.right, child.shape, into);
  }
  if (left === undefined) into.added.insert(path);
  else if (right === undefined) into.removed.insert(path);
  else if (as === undefined && !equal(left, right)) into.modified.insert(path);
};

/** Every path that an object of a kind sets. */
export const fieldsIn = (value: unknown, shape: Shape): FieldSet => {
  const set = new FieldSet();
  collect([], value, { ...shape, kind: 'object' }, set);
  return set;
};

const collect = (path: readonly PathElement[], value: unknown, shape: FieldShape | undefined, into: FieldSet): void => {
  if (isAssociative(shape) && Array.isArray(value)) {
    for (const [element, item] of itemsOf(value, shape)) {
      collect([...path, element], item, shape.item, into);
      into.insert([...path, element]);
    }
  } else if (isObject(value) && shape?.kind !== 'atomic') {
    if (Object.keys(value).length === 0) into.insert(path);
    for (const [name, inner] of Object.entries(value)) collect([...path, field(name)], inner, fieldShape(shapeInside(shape), name), into);
  } else {
    into.insert(path);
  }
};

/** `config` laid over `live`: what both have is merged, leaves are taken from `config`. */
export const merge = (live: unknown, config: unknown, shape: Shape): unknown => mergeAt(live, config, { ...shape, kind: 'object' });

const mergeAt = (live: unknown, config: unknown, shape: FieldShape | undefined): unknown => {
  if (config === undefined) return live;
  const as = descends(live, config, shape);
  if (as === 'map') {
    const merged = new Map<string, unknown>();
    for (const child of zip(live, config, shape, as)) merged.set(child.element.slice(2), mergeAt(child.left, child.right, child.shape));
    return Object.fromEntries(merged);
  }
  return as === 'list' && isAssociative(shape) ? mergeItems(itemsOf(live, shape), itemsOf(config, shape), shape) : config;
};

/** Items of `config` in its order; items that only `live` has keep their place between the shared ones. */
const mergeItems = (live: Items, config: Items, shape: ListShape): unknown[] => {
  const out: unknown[] = [];
  const [lefts, rights] = [[...live.keys()], [...config.keys()]];
  const shared = rights.filter((element) => live.has(element));
  const done = new Set<PathElement>();
  let [left, right] = [0, 0];
  const take = (element: PathElement): void => {
    out.push(mergeAt(live.get(element), config.get(element), shape.item));
  };
  while (left < lefts.length || right < rights.length) {
    const [ours, theirs] = [lefts[left], rights[right]];
    if (ours !== undefined && (done.has(ours) || (config.has(ours) && theirs !== undefined && shared[0] !== undefined && shared[0] !== ours))) {
      left += 1;
    } else if (ours !== undefined && !config.has(ours)) {
      take(ours);
      left += 1;
    } else if (theirs !== undefined) {
      take(theirs);
      done.add(theirs);
      if (shared[0] === theirs) shared.shift();
      right += 1;
    } else left += 1;
  }
  return out;
};

/** `value` without what lies at the paths of `gone`; an object or list that it empties becomes null. */
export const removeFields = (value: unknown, gone: FieldSet, shape: Shape): unknown => removeAt(value, gone, { ...shape, kind: 'object' });

const removeAt = (value: unknown, gone: FieldSet, shape: FieldShape | undefined): unknown => {
  if (gone.isEmpty) return value;
  if (isAssociative(shape) && Array.isArray(value)) {
    const kept = value
      .map((item: unknown) => ({ item, element: elementOf(item, shape) }))
      .filter(({ element }) => !gone.has(element))
      .map(({ item, element }) => removeAt(item, gone.under(element), shape.item));
    return kept.length === 0 ? null : kept;
  }
  if (!isObject(value)) return Array.isArray(value) ? null : value;
  if (shape?.kind === 'atomic') return null;
  const kept = Object.entries(value)
    .filter(([name]) => !gone.has(field(name)))
    .map(([name, inner]): [string, unknown] => [name, removeAt(inner, gone.under(field(name)), fieldShape(shapeInside(shape), name))]);
  return kept.length === 0 ? null : Object.fromEntries(kept);
};
