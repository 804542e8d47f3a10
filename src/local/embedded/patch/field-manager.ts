import { numberAt, type JsonObject } from '../json.ts';
import { withAlwaysThere } from './always-there.ts';
import { FieldSet } from './field-set.ts';
import { capUpdaters, isReset, isSameManager, readEntries, withEntries, withoutServerFields, type ManagedEntry } from './managed-fields.ts';
import { shapeOf } from './schema.ts';
import { compare, type Comparison } from './typed-value.ts';

/** Who writes, through which door, and when. */
export interface Writer {
  /** From `managerName`. */
  readonly manager: string;
  /** `status`, `scale`, …; undefined for the object itself. */
  readonly subresource?: string | undefined;
  /** RFC 3339 with whole seconds, e.g. `2026-01-02T03:04:05Z`. */
  readonly time: string;
}

/** What is needed to know of a kind. */
export interface Kind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}

export const apiVersionOf = ({ group, version }: Kind): string => (group === '' ? version : `${group}/${version}`);

/** The field manager of a request: `?fieldManager=`, else the first part of the User-Agent, as kube-apiserver takes it. */
export const managerName = (fieldManager: string | undefined, userAgent: string | undefined): string => {
  if (fieldManager !== undefined && fieldManager !== '') return fieldManager;
  const first = (userAgent ?? '').split('/')[0] ?? '';
  // Only printable characters count, at most 128 of them.
  return first.replaceAll(/[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/gu, '').slice(0, 128) || 'unknown';
};

export const withoutManagedFields = (object: JsonObject): JsonObject => withEntries(object, []);

/** The entries that an update starts from: those the request brings (a client may edit them), else the stored ones. */
const entriesFor = (before: JsonObject | undefined, after: JsonObject, subresource: string | undefined): ManagedEntry[] => {
  if (subresource !== undefined) return readEntries(before);
  if (isReset(after)) return [];
  const brought = readEntries(after);
  return brought.length === 0 ? readEntries(before) : brought;
};

export interface RecordedChange {
  readonly before: JsonObject | undefined;
  readonly after: JsonObject;
  readonly resource: Kind;
  readonly writer: Writer;
}

/**
 * `after` with `metadata.managedFields` as they are once `writer` has turned `before` (undefined: created) into `after` by anything but
 * server-side apply: it owns what it added or changed, others lose it, and what went away nobody owns. kube-apiserver computes this from the
 * decoded and defaulted object **before** mutating webhooks run, so a change that a webhook takes back still moves the ownership.
 * An entry that a write through `/scale` makes has no time (apimachinery `managedfields/scalehandler.go` takes it from the parent's entry).
 * Both objects must be free of nulls. Pure. (apimachinery `managedfields`, structured-merge-diff `merge/update.go`.)
 */
export const recordUpdate = ({ before, after, resource, writer }: RecordedChange): JsonObject => {
  const { added, removed, modified } = differences(before, after, resource);
  const taken = withoutServerFields(added.union(modified));
  const gone = added.union(modified).union(removed);
  const others = entriesFor(before, after, writer.subresource).map((entry) => ({ ...entry, fields: entry.fields.difference(gone) }));
  if (taken.isEmpty) return withEntries(after, others);
  const self = { manager: writer.manager, operation: 'Update' as const, apiVersion: apiVersionOf(resource), subresource: writer.subresource };
  const previous = others.find((entry) => isSameManager(entry, self));
  const fields = previous === undefined ? taken : previous.fields.union(taken);
  const rest = others.filter((entry) => entry !== previous && !entry.fields.isEmpty);
  return withEntries(after, capUpdaters([...rest, { ...self, time: writer.subresource === 'scale' ? previous?.time : writer.time, fields }]));
};

/** `recordUpdate` for a write through `/scale`, of which not every one is told of (`isScaleTracked`). */
export const recordScale = (change: RecordedChange): JsonObject => {
  const { before, after } = change;
  if (isScaleTracked(before, after)) return recordUpdate(change);
  const isSame = numberAt(before, 'spec', 'replicas') === numberAt(after, 'spec', 'replicas');
  return withEntries(after, isSame ? readEntries(before) : withoutReplicas(readEntries(before)));
};

const replicas = FieldSet.parse({ 'f:spec': { 'f:replicas': {} } });

const withoutReplicas = (entries: readonly ManagedEntry[]): ManagedEntry[] => entries.map((entry) => ({ ...entry, fields: entry.fields.difference(replicas) }));

/**
 * Of a write through `/scale` nobody is told where the count becomes 0 (a Scale of 0 has no such field), and where nobody owned it before: an object
 * that has no managers at all, as this Scale then, is not tracked at updates (apimachinery `managedfields/internal/skipnonapplied.go`).
 */
const isScaleTracked = (before: JsonObject | undefined, after: JsonObject): boolean =>
  numberAt(after, 'spec', 'replicas') !== 0 && readEntries(before).some(({ fields }) => !fields.intersection(replicas).isEmpty);

/** What changes between two states of an object, over all that its kind always has. */
export const differences = (before: JsonObject | undefined, after: JsonObject, resource: Kind): Comparison =>
  compare(withoutManagedFields(withAlwaysThere(before, resource)), withoutManagedFields(withAlwaysThere(after, resource)), shapeOf(resource));
