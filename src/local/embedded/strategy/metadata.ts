import { after, seconds, type Clock, type Random } from '../../../core/index.ts';
import { isObject, objectAt, type JsonObject } from '../json.ts';

/** `2026-11-22T10:00:00Z`: meta/v1 Time. */
export const timestamp = (clock: Clock, plusSeconds = 0): string => new Date(after(clock.now(), seconds(plusSeconds))).toISOString().replace(/\.\d+Z$/, 'Z');

/** A UUID of version 4 from `random`, so that tests can repeat themselves. */
export const newUid = (random: Random): string =>
  'xxxxxxxx-xxxx-4xxx-yxxx-xxxxxxxxxxxx'.replace(/[xy]/g, (digit) => {
    const value = Math.floor(random() * 16);
    return (digit === 'x' ? value : (value & 3) | 8).toString(16);
  });

/** No vowels and nothing that looks like another character: apimachinery `util/rand`. */
const suffixAlphabet = 'bcdfghjklmnpqrstvwxz2456789';
const suffixLength = 5;
const longestBase = 58;

/** `base` and five random characters (apiserver `storage/names`). */
export const generatedName = (base: string, random: Random): string => {
  let name = base.slice(0, longestBase);
  for (let count = 0; count < suffixLength; count += 1) name += suffixAlphabet[Math.floor(random() * suffixAlphabet.length)] ?? 'b';
  return name;
};

const droppedWhenEmpty = new Set(['labels', 'annotations', 'finalizers', 'ownerReferences', 'managedFields']);

const isEmpty = (value: unknown): boolean => (Array.isArray(value) ? value.length === 0 : isObject(value) && Object.keys(value).length === 0);

/** `object` with `metadata` changed by `change`: undefined drops a field, and so does empty for labels and their like. */
export const withMetadata = (object: JsonObject, change: JsonObject): JsonObject => {
  const metadata = Object.entries({ ...objectAt(object, 'metadata'), ...change }).filter(
    ([field, value]) => value !== undefined && value !== null && !(droppedWhenEmpty.has(field) && isEmpty(value)),
  );
  return { ...object, metadata: Object.fromEntries(metadata) };
};
