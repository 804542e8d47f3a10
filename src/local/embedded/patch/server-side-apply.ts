import { ApiError, type StatusCause } from '../api-error.ts';
import { equal, isObject, objectAt, textAt, type JsonObject } from '../json.ts';
import { checkApplied, tidied } from './applied-config.ts';
import { apiVersionOf, differences, recordUpdate, withoutManagedFields, type Kind, type Writer } from './field-manager.ts';
import { FieldSet } from './field-set.ts';
import { capUpdaters, isSameManager, readEntries, withEntries, withoutServerFields, type ManagedEntry } from './managed-fields.ts';
import { shapeOf } from './schema.ts';
import { compare, fieldsIn, merge, removeFields } from './typed-value.ts';

interface Conflict {
  readonly entry: ManagedEntry;
  readonly fields: FieldSet;
}

const lastAppliedAnnotation = 'kubectl.kubernetes.io/last-applied-configuration';

/**
 * Server-side apply of `config` by `writer`: merges it into `current` (undefined: the object is to be created), removes what the same manager
 * applied before and no longer does unless somebody else owns it, and records ownership. The result is not defaulted or validated and holds no
 * nulls; `changed` is false if it is `current` in all but managedFields. Throws ApiError: 400 for a config that is not one of this kind, 409 with a
 * `FieldManagerConflict` cause per field where another manager owns a field with another value and `force` is not set.
 */
export const serverSideApply = (request: {
  readonly current: JsonObject | undefined;
  readonly config: unknown;
  readonly resource: Kind;
  readonly writer: Writer;
  readonly force: boolean;
}): { readonly object: JsonObject; readonly changed: boolean } => {
  const { resource, writer } = request;
  const current = owned(request.current, resource, writer);
  const config = named(checkApplied(request.config, resource, writer.subresource), current);
  const self = { manager: writer.manager, operation: 'Apply' as const, apiVersion: apiVersionOf(resource), subresource: writer.subresource };
  const live = withoutManagedFields(current ?? { apiVersion: self.apiVersion, kind: resource.kind });
  const entries = readEntries(current);
  const last = entries.find((entry) => isSameManager(entry, self));
  const others = entries.filter((entry) => entry !== last);
  const shape = shapeOf(resource);

  const applied = fieldsIn(config, shape);
  const merged = merge(live, config, shape);
  const pruned = last === undefined ? merged : prune(merged, last.fields, [applied, ...others.map((entry) => entry.fields)], resource);
  const laid = isObject(pruned) ? pruned : live;

  const { added, removed, modified } = differences(current, laid, resource);
  const touched = added.union(modified);
  const conflicts: Conflict[] = others.map((entry) => ({ entry, fields: entry.fields.intersection(touched) })).filter(({ fields }) => !fields.isEmpty);
  if (conflicts.length > 0 && !request.force && !mayUpgrade(current, conflicts, writer, resource)) throw conflictError(conflicts);

  const object = tidied(laid);
  const changed = current === undefined || !equal(live, object);
  const left = others.map((entry) => ({ ...entry, fields: entry.fields.difference(touched).difference(removed) }));
  const time = changed ? writer.time : last?.time;
  const entriesNow = capUpdaters([...left, { ...self, time, fields: withoutServerFields(applied) }]);
  return { object: withEntries(syncLastApplied(object, config, writer), entriesNow), changed };
};

/** Identity need not be repeated in what is applied, and never goes away. */
const named = (config: JsonObject, current: JsonObject | undefined): JsonObject => {
  const { name, namespace } = objectAt(current, 'metadata') ?? {};
  if (name === undefined) return config;
  return { ...config, metadata: { ...objectAt(config, 'metadata'), name, ...(namespace === undefined ? {} : { namespace }) } };
};

/** An object that nobody ever owned anything of belongs to `before-first-apply`, so that an apply cannot silently take it. */
const owned = (current: JsonObject | undefined, resource: Kind, writer: Writer): JsonObject | undefined => {
  if (current === undefined || readEntries(current).length > 0) return current;
  return recordUpdate({ before: undefined, after: current, resource, writer: { manager: 'before-first-apply', time: writer.time } });
};

/** Takes out what the manager owned and no longer applies, unless anybody owns it (structured-merge-diff `Updater.prune`). */
const prune = (merged: unknown, last: FieldSet, owners: readonly FieldSet[], resource: Kind): unknown => {
  const shape = shapeOf(resource);
  const before = last.withNamedAncestors();
  const all = fieldsIn(merged, shape).withNamedAncestors();
  const kept = fieldsIn(removeFields(merged, before, shape), shape).withNamedAncestors();
  const managed = owners.reduce((union, fields) => union.union(fields), new FieldSet()).withNamedAncestors();
  const withOwned = removeFields(merged, all.difference(kept.union(managed)), shape);
  const left = fieldsIn(withOwned, shape).withNamedAncestors();
  return removeFields(merged, all.difference(left).intersection(before), shape);
};

/**
 * Moving from client-side to server-side apply with kubectl is no conflict: what the last-applied annotation holds, with the value that is
 * live, was kubectl's already (apimachinery `lastappliedmanager.go`).
 */
const mayUpgrade = (current: JsonObject | undefined, conflicts: readonly Conflict[], writer: Writer, resource: Kind): boolean => {
  const text = textAt(current, 'metadata', 'annotations', lastAppliedAnnotation);
  if (writer.manager !== 'kubectl' || text === undefined) return false;
  const applied = parsed(text);
  if (textAt(applied, 'apiVersion') !== apiVersionOf(resource)) return false;
  const shape = shapeOf(resource);
  const { added, removed, modified } = compare(applied, current, shape);
  const allowed = fieldsIn(applied, shape).difference(added).difference(removed).difference(modified);
  return conflicts.every(({ fields }) => fields.difference(allowed).isEmpty);
};

const parsed = (text: string): JsonObject => {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : {};
  } catch {
    return {};
  }
};

/** kubectl's annotation follows what kubectl applies on the server side. */
const syncLastApplied = (object: JsonObject, config: JsonObject, writer: Writer): JsonObject => {
  const metadata = objectAt(object, 'metadata');
  const annotations = objectAt(metadata, 'annotations');
  if (writer.manager !== 'kubectl' || annotations?.[lastAppliedAnnotation] === undefined) return object;
  return { ...object, metadata: { ...metadata, annotations: { ...annotations, [lastAppliedAnnotation]: `${JSON.stringify(config)}\n` } } };
};

const printManager = ({ manager, operation, apiVersion, subresource, time }: ManagedEntry): string => {
  const name = `${JSON.stringify(manager)}${subresource === undefined ? '' : ` with subresource ${JSON.stringify(subresource)}`}`;
  if (operation === 'Apply') return name;
  return `${name} using ${apiVersion}${time === undefined ? '' : ` at ${time}`}`;
};

const conflictError = (conflicts: readonly Conflict[]): ApiError => {
  const listed = conflicts
    .map(({ entry, fields }) => ({ manager: printManager(entry), paths: fields.paths() }))
    .toSorted((left, right) => (left.manager < right.manager ? -1 : 1));
  const causes = listed.flatMap(({ manager, paths }) =>
    paths.map((path): StatusCause => ({ reason: 'FieldManagerConflict', message: `conflict with ${manager}`, field: path })),
  );
  const [only] = listed;
  const message =
    causes.length === 1 && only !== undefined
      ? `Apply failed with 1 conflict: conflict with ${only.manager}: ${only.paths.join('')}`
      : `Apply failed with ${String(causes.length)} conflicts: ${listed.map(({ manager, paths }) => [`conflicts with ${manager}:`, ...paths.map((path) => `- ${path}`)].join('\n')).join('\n')}`;
  return ApiError.applyConflict(causes, message);
};
