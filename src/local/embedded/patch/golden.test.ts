import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import test from 'ava';
import { ApiError } from '../api-error.ts';
import { isObject, listAt, objectAt, textAt, type JsonObject } from '../json.ts';
import { tidied } from './applied-config.ts';
import { applyPatch } from './apply-patch.ts';
import { recordUpdate } from './field-manager.ts';
import { serverSideApply } from './server-side-apply.ts';

/*
 * What Kubernetes itself answers: k8s.io/apimachinery v0.36.3 (`strategicpatch`, and `managedfields` with the type converter of client-go) on random
 * Deployments and Services. Times are not compared.
 */
const cases = gunzipSync(readFileSync(new URL('../../../../test/data/patch-golden.jsonl.gz', import.meta.url)))
  .toString()
  .trim()
  .split('\n')
  .map((line): unknown => JSON.parse(line));

const resourceOf = (kind: string) => ({ group: kind === 'Service' ? '' : 'apps', version: 'v1', kind });

/** Without what Go adds or drops by itself: empty values. */
const bare = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(bare);
  if (!isObject(value)) return value;
  const kept = Object.entries(value)
    .filter(([name]) => name !== 'managedFields')
    .map(([name, inner]): [string, unknown] => [name, bare(inner)])
    .filter(([, inner]) => inner !== null && inner !== undefined && inner !== '' && !(typeof inner === 'object' && Object.keys(inner).length === 0));
  return Object.fromEntries(kept);
};

/** The one default that field ownership sees: a container always has `resources`. */
const withResources = (object: JsonObject): JsonObject => {
  const spec = objectAt(object, 'spec');
  const template = objectAt(spec, 'template');
  const podSpec = objectAt(template, 'spec');
  if (!Array.isArray(podSpec?.['containers'])) return object;
  const containers = listAt(podSpec, 'containers').map((container) => ({ resources: {}, ...(isObject(container) ? container : {}) }));
  return { ...object, spec: { ...spec, template: { ...template, spec: { ...podSpec, containers } } } };
};

const identity = (entry: JsonObject): string => ['operation', 'manager', 'subresource'].map((name) => textAt(entry, name) ?? '').join(' ');

const entriesOf = (object: unknown): unknown[] =>
  listAt(object, 'metadata', 'managedFields')
    .filter(isObject)
    .map(({ time: _, ...entry }) => entry)
    .sort((left, right) => (identity(left) < identity(right) ? -1 : 1));

test('A strategic merge patch gives what Kubernetes gives', (t) => {
  let count = 0;
  for (const example of cases) {
    if (!isObject(example) || example['type'] !== 'strategic') continue;
    const patched = (): JsonObject =>
      applyPatch({
        type: 'strategic',
        current: objectAt(example, 'current') ?? {},
        body: example['patch'],
        resource: resourceOf(textAt(example, 'kind') ?? ''),
      });
    if (textAt(example, 'want', 'error') !== undefined) t.throws(patched, { instanceOf: ApiError }, JSON.stringify(example));
    else t.deepEqual(bare(patched()), objectAt(example, 'want', 'object'), JSON.stringify(example['patch']));
    count += 1;
  }
  t.true(count >= 50);
});

/** The fields in conflict, or the object. */
const step = (live: JsonObject | undefined, wanted: JsonObject, kind: string, at: number): JsonObject | string[] => {
  const resource = resourceOf(kind);
  const writer = { manager: textAt(wanted, 'manager') ?? '', subresource: textAt(wanted, 'subresource'), time: `2026-01-01T00:00:0${String(at)}Z` };
  const object = objectAt(wanted, 'object') ?? {};
  if (wanted['op'] === 'update') return recordUpdate({ before: live, after: withResources(tidied(object)), resource, writer });
  try {
    return withResources(serverSideApply({ current: live, config: object, resource, writer, force: wanted['force'] === true }).object);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    return (error.status.details?.causes ?? []).map((cause) => cause.field ?? '').sort();
  }
};

test('Updates and applies by several managers leave the objects, the owners and the conflicts that Kubernetes leaves', (t) => {
  let count = 0;
  for (const example of cases) {
    if (!isObject(example) || example['type'] !== 'managed') continue;
    let live: JsonObject | undefined;
    for (const [at, wanted] of listAt(example, 'steps').filter(isObject).entries()) {
      const got = step(live, wanted, textAt(example, 'kind') ?? '', at);
      const conflicts = listAt(wanted, 'want', 'conflicts');
      const where = `${JSON.stringify(example['steps'])} step ${String(at)}`;
      if (Array.isArray(got) || conflicts.length > 0) {
        t.deepEqual(got, [...conflicts], where);
        continue;
      }
      live = got;
      t.deepEqual(bare(got), objectAt(wanted, 'want', 'object'), where);
      t.deepEqual(entriesOf(got), entriesOf({ metadata: objectAt(wanted, 'want') }), where);
      count += 1;
    }
  }
  t.true(count >= 200);
});
