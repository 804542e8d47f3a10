import type { StoredObject } from '../in-process-api.ts';
import { frozenObject, isObject, objectAt, textAt, type JsonObject } from '../json.ts';

/** An object as the store holds it: deeply frozen, with apiVersion, kind and metadata complete. */
export type Stored = StoredObject & JsonObject;

const isStored = (object: JsonObject): object is Stored =>
  textAt(object, 'apiVersion') !== undefined &&
  textAt(object, 'kind') !== undefined &&
  textAt(object, 'metadata', 'name') !== undefined &&
  textAt(object, 'metadata', 'uid') !== undefined &&
  textAt(object, 'metadata', 'resourceVersion') !== undefined;

/**
 * Freezes `object` as the state of revision `revision`. Kind and apiVersion come first, so that the items of a list (which carry
 * neither) are the same text as the object without its head: see `serialise.ts`.
 */
export const stored = (object: JsonObject, revision: number): Stored => {
  const { kind, apiVersion, metadata, ...rest } = object;
  const meta = isObject(metadata) ? metadata : {};
  const whole = frozenObject({ kind, apiVersion, metadata: { ...meta, resourceVersion: String(revision) }, ...rest });
  if (!isStored(whole))
    throw new TypeError(`an object without name, uid, kind or apiVersion was about to be stored: ${JSON.stringify(objectAt(object, 'metadata'))}`);
  return whole;
};
