/**
 * Who owns `spec.selector` of a Service in the sense of server-side apply. Removing the selector strips that ownership from everybody, so it is
 * saved before and put back after: else Rouse would own the user's selector for ever, and the user's next server-side apply that changes it
 * would be refused as a conflict with us.
 */

/** An entry of `metadata.managedFields` as on the wire. */
export interface ManagedFields {
  readonly manager?: string;
  readonly operation?: string;
  readonly apiVersion?: string;
  readonly time?: string;
  readonly subresource?: string;
  readonly fieldsType?: string;
  readonly fieldsV1?: object;
}

/** A set of fields as a trie (`fieldsV1`): an empty object is the field itself. */
export interface FieldSet {
  readonly [path: string]: FieldSet;
}

/** One manager's saved ownership: its entry with only the part below `f:spec` / `f:selector`. */
export interface SelectorOwner {
  readonly manager: string;
  readonly operation: string;
  readonly apiVersion: string;
  readonly time?: string;
  readonly subresource?: string;
  readonly fields: FieldSet;
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> => typeof value === 'object' && value !== null && !Array.isArray(value);

/** Deep enough for any real object, shallow enough that a hostile one cannot exhaust the stack. */
const deepest = 32;

const fieldSet = (value: unknown, depth = 0): FieldSet | undefined => {
  if (!isRecord(value) || depth > deepest) return undefined;
  const result: Record<string, FieldSet> = {};
  for (const [path, below] of Object.entries(value)) {
    const parsed = fieldSet(below, depth + 1);
    if (parsed === undefined) return undefined;
    result[path] = parsed;
  }
  return result;
};

const selectorFields = (fieldsV1: unknown): FieldSet | undefined => {
  const spec = isRecord(fieldsV1) ? fieldsV1['f:spec'] : undefined;
  return isRecord(spec) && isRecord(spec['f:selector']) ? fieldSet(spec['f:selector']) : undefined;
};

/** The part of `managedFields` that owns the selector. */
export const selectorOwners = (managedFields: readonly ManagedFields[] | undefined): readonly SelectorOwner[] =>
  (managedFields ?? []).flatMap(({ manager = '', operation = '', apiVersion = '', time, subresource, fieldsV1 }) => {
    const fields = selectorFields(fieldsV1);
    if (fields === undefined) return [];
    return [{ manager, operation, apiVersion, ...(time === undefined ? {} : { time }), ...(subresource === undefined ? {} : { subresource }), fields }];
  });

type Identity = Pick<ManagedFields, 'manager' | 'operation' | 'apiVersion' | 'subresource'>;
const sameManager = (a: Identity, b: Identity): boolean =>
  a.manager === b.manager && a.operation === b.operation && a.apiVersion === b.apiVersion && (a.subresource ?? '') === (b.subresource ?? '');

/** The time changes with every write of the same: an entry that says no more than the one that is known stands as it was, or each re-apply would be a change. */
const sameOwner = (a: SelectorOwner, b: SelectorOwner): boolean => sameManager(a, b) && JSON.stringify(a.fields) === JSON.stringify(b.fields);

/** `newer`, with those who own what they owned before as they are in `known`. */
export const settleOwners = (known: readonly SelectorOwner[], newer: readonly SelectorOwner[]): readonly SelectorOwner[] =>
  newer.map((owner) => known.find((other) => sameOwner(owner, other)) ?? owner);

/** `known` with everything of `newer`; where one manager is in both, the newer entry stands, in the place of the other. */
export const mergeOwners = (known: readonly SelectorOwner[], newer: readonly SelectorOwner[]): readonly SelectorOwner[] => [
  ...known.map((owner) => newer.find((other) => sameManager(owner, other)) ?? owner),
  ...newer.filter((owner) => !known.some((other) => sameManager(owner, other))),
];

const withoutSelector = (entry: ManagedFields): ManagedFields | undefined => {
  const fields = fieldSet(entry.fieldsV1);
  if (fields?.['f:spec']?.['f:selector'] === undefined) return entry;
  const { ['f:selector']: _, ...spec } = fields['f:spec'];
  const { ['f:spec']: __, ...rest } = fields;
  const left = Object.keys(spec).length === 0 ? rest : { ...rest, 'f:spec': spec };
  return Object.keys(left).length === 0 ? undefined : { ...entry, fieldsV1: left };
};

const withSelector = (entry: ManagedFields, selector: FieldSet): ManagedFields => {
  const fields = fieldSet(entry.fieldsV1) ?? {};
  return { ...entry, fieldsV1: { ...fields, 'f:spec': { ...fields['f:spec'], 'f:selector': selector } } };
};

/** `managedFields` with the selector given back to `owners` and taken from `self`, our own field manager. */
export const restoreOwners = (managedFields: readonly ManagedFields[], owners: readonly SelectorOwner[], self: string): readonly ManagedFields[] => {
  const kept = managedFields.flatMap((entry) => {
    const without = entry.manager === self ? withoutSelector(entry) : entry;
    return without === undefined ? [] : [without];
  });
  const known = kept.map((entry) => {
    const owner = owners.find((candidate) => sameManager(candidate, entry));
    return owner === undefined ? entry : withSelector(entry, owner.fields);
  });
  const gone = owners.filter((owner) => !kept.some((entry) => sameManager(owner, entry)));
  return [...known, ...gone.map(({ fields, ...identity }) => withSelector({ ...identity, fieldsType: 'FieldsV1' }, fields))];
};

/** The reverse of what JSON.stringify makes of owners; undefined if `value` is anything else. */
export const parseOwners = (value: unknown): readonly SelectorOwner[] | undefined => {
  if (!Array.isArray(value)) return undefined;
  const owners: SelectorOwner[] = [];
  for (const entry of value as readonly unknown[]) {
    if (!isRecord(entry) || typeof entry['manager'] !== 'string' || typeof entry['operation'] !== 'string' || typeof entry['apiVersion'] !== 'string')
      return undefined;
    const fields = fieldSet(entry['fields']);
    if (fields === undefined) return undefined;
    const { manager, operation, apiVersion, time, subresource } = entry;
    owners.push({
      manager,
      operation,
      apiVersion,
      ...(typeof time === 'string' ? { time } : {}),
      ...(typeof subresource === 'string' ? { subresource } : {}),
      fields,
    });
  }
  return owners;
};
