import { isObject, listAt, textAt, type JsonObject } from '../json.ts';
import { FieldSet } from './field-set.ts';

export type ManagerOperation = 'Apply' | 'Update';

/** One entry of `metadata.managedFields`. */
export interface ManagedEntry {
  readonly manager: string;
  readonly operation: ManagerOperation;
  readonly apiVersion: string;
  readonly subresource: string | undefined;
  readonly time: string | undefined;
  readonly fields: FieldSet;
}

/** Who is who: an Apply entry of a manager stays the same one over API versions, an Update entry does not. */
export const isSameManager = (left: Omit<ManagedEntry, 'time' | 'fields'>, right: Omit<ManagedEntry, 'time' | 'fields'>): boolean =>
  left.manager === right.manager &&
  left.operation === right.operation &&
  left.subresource === right.subresource &&
  (left.operation === 'Apply' || left.apiVersion === right.apiVersion);

/** The legible entries of an object; an illegible one is dropped, as kube-apiserver resets what it cannot decode. */
export const readEntries = (object: JsonObject | undefined): ManagedEntry[] =>
  listAt(object, 'metadata', 'managedFields').flatMap((entry) => {
    if (!isObject(entry)) return [];
    const { operation, fieldsV1 } = entry;
    if ((operation !== 'Apply' && operation !== 'Update') || !isObject(fieldsV1)) return [];
    return [
      {
        manager: textAt(entry, 'manager') ?? '',
        operation,
        apiVersion: textAt(entry, 'apiVersion') ?? '',
        subresource: textAt(entry, 'subresource') || undefined,
        time: textAt(entry, 'time'),
        fields: FieldSet.parse(fieldsV1),
      },
    ];
  });

/** True for `managedFields: [{}]`, by which a client forgets all ownership. */
export const isReset = (object: JsonObject): boolean => {
  const entries = listAt(object, 'metadata', 'managedFields');
  const [only] = entries;
  return entries.length === 1 && isObject(only) && Object.keys(only).length === 0;
};

const seconds = (entry: ManagedEntry): number => (entry.time === undefined ? 0 : Math.floor(Date.parse(entry.time) / 1000));
const text = (left: string, right: string): number => (left < right ? -1 : left > right ? 1 : 0);

const inOrder = (left: ManagedEntry, right: ManagedEntry): number =>
  text(left.operation, right.operation) ||
  seconds(left) - seconds(right) ||
  text(left.manager, right.manager) ||
  text(left.apiVersion, right.apiVersion) ||
  text(left.subresource ?? '', right.subresource ?? '');

/** `object` with these entries as its managedFields, in kube-apiserver's order; without the field if there are none. */
export const withEntries = (object: JsonObject, entries: readonly ManagedEntry[]): JsonObject => {
  const { managedFields: _, ...metadata } = isObject(object['metadata']) ? object['metadata'] : {};
  const printed = entries
    .filter((entry) => !entry.fields.isEmpty)
    .toSorted(inOrder)
    .map(print);
  return { ...object, metadata: printed.length === 0 ? metadata : { ...metadata, managedFields: printed } };
};

const print = (entry: ManagedEntry): JsonObject => ({
  manager: entry.manager,
  operation: entry.operation,
  apiVersion: entry.apiVersion,
  ...(entry.time === undefined ? {} : { time: entry.time }),
  fieldsType: 'FieldsV1',
  fieldsV1: entry.fields.print(),
  ...(entry.subresource === undefined ? {} : { subresource: entry.subresource }),
});

const mostUpdaters = 10;
const bucket = 'ancient-changes';

/** At most ten Update entries: the oldest of an API version are merged into one named `ancient-changes` (apimachinery `capmanagers.go`). */
export const capUpdaters = (entries: readonly ManagedEntry[]): readonly ManagedEntry[] => {
  const updaters = entries.filter((entry) => entry.operation === 'Update').sort(inOrder);
  if (updaters.length <= mostUpdaters) return entries;
  const kept = new Set(entries);
  const firstOf = new Map<string, ManagedEntry>();
  let count = updaters.length;
  for (const entry of updaters) {
    if (count <= mostUpdaters) break;
    const first = firstOf.get(entry.apiVersion);
    if (first !== undefined) {
      kept.delete(first);
      kept.delete(entry);
      count -= 1;
    }
    const merged = first === undefined ? entry : { ...entry, manager: bucket, subresource: undefined, fields: first.fields.union(entry.fields) };
    kept.add(merged);
    firstOf.set(entry.apiVersion, merged);
  }
  return [...kept];
};

/** What nobody owns: identity and what the server writes itself. */
export const withoutServerFields = (fields: FieldSet): FieldSet => fields.difference(serverFields);

const serverFields = FieldSet.parse({
  'f:apiVersion': {},
  'f:kind': {},
  'f:metadata': {
    '.': {},
    'f:name': {},
    'f:namespace': {},
    'f:creationTimestamp': {},
    'f:selfLink': {},
    'f:uid': {},
    'f:clusterName': {},
    'f:generation': {},
    'f:managedFields': {},
    'f:resourceVersion': {},
  },
});
