import { isObject, listAt, objectAt, textAt, type JsonObject } from '../json.ts';

export { at, isObject, listAt, numberAt, objectAt, textAt, textsAt, type JsonObject } from '../json.ts';

/** The objects of a list; what is not an object is left out. */
export const objectsAt = (value: unknown, ...path: readonly string[]): readonly JsonObject[] => listAt(value, ...path).filter(isObject);

export const hasField = (value: unknown, ...path: readonly string[]): boolean => objectAt(value, ...path) !== undefined;

/** Is condition `type` of the object True? */
export const isTrue = (object: unknown, type: string): boolean =>
  objectsAt(object, 'status', 'conditions').some((condition) => textAt(condition, 'type') === type && textAt(condition, 'status') === 'True');
