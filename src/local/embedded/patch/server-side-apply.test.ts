import test from 'ava';
import { ApiError } from '../api-error.ts';
import { at, isObject, listAt, textAt, type JsonObject } from '../json.ts';
import { managerName, recordUpdate } from './field-manager.ts';
import { serverSideApply } from './server-side-apply.ts';

const resource = { group: 'apps', version: 'v1', kind: 'Deployment' };
const head = { apiVersion: 'apps/v1', kind: 'Deployment' };
const web = (replicas: number, extra: object = {}): JsonObject => ({
  ...head,
  metadata: { name: 'web', namespace: 'default', labels: { app: 'web' } },
  spec: {
    replicas,
    selector: { matchLabels: { app: 'web' } },
    template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'app', image: 'app:1', resources: {} }] } },
    ...extra,
  },
});

let second = 0;
const at2026 = (): string => new Date(Date.UTC(2026, 0, 1, 0, 0, second++)).toISOString().replace('.000', '');
const created = (object: JsonObject, manager = 'kubectl-create'): JsonObject =>
  recordUpdate({ before: undefined, after: object, resource, writer: { manager, time: at2026() } });
const apply = (current: JsonObject | undefined, config: object, manager: string, force = false): JsonObject =>
  serverSideApply({ current, config: { ...head, ...config }, resource, writer: { manager, time: at2026() }, force }).object;
const entry = (object: JsonObject, manager: string, subresource?: string): JsonObject | undefined =>
  listAt(object, 'metadata', 'managedFields')
    .filter(isObject)
    .find((candidate) => candidate['manager'] === manager && candidate['subresource'] === subresource);

test('A write through /scale is its own entry, and takes replicas from who had it', (t) => {
  const before = created(web(1));
  const after = recordUpdate({
    before,
    after: { ...before, ...web(3), metadata: before['metadata'] },
    resource,
    writer: { manager: 'rouse', subresource: 'scale', time: at2026() },
  });
  t.deepEqual(at(entry(after, 'rouse', 'scale'), 'fieldsV1'), { 'f:spec': { 'f:replicas': {} } });
  t.is(at(entry(after, 'rouse', 'scale'), 'operation'), 'Update');
  t.is(at(entry(after, 'kubectl-create'), 'fieldsV1', 'f:spec', 'f:replicas'), undefined);
});

test('A write that changes nothing leaves managedFields as they were', (t) => {
  const before = created(web(1));
  t.deepEqual(recordUpdate({ before, after: before, resource, writer: { manager: 'other', time: at2026() } }), before);
});

test('Applying a field that another manager set to another value is a conflict that names it', (t) => {
  const live = created(web(1), 'rouse');
  const error = t.throws(() => apply(live, { metadata: { name: 'web' }, spec: { replicas: 2 } }, 'argocd'), { instanceOf: ApiError });
  t.is(error.code, 409);
  t.is(error.reason, 'Conflict');
  t.regex(error.message, /^Apply failed with 1 conflict: conflict with "rouse" using apps\/v1 at 2026-01-01T00:00:\d\dZ: \.spec\.replicas$/);
  t.deepEqual(
    error.status.details?.causes?.map(({ reason, field }) => ({ reason, field })),
    [{ reason: 'FieldManagerConflict', field: '.spec.replicas' }],
  );
});

test('The same value is no conflict: both own the field then', (t) => {
  const live = created(web(2), 'rouse');
  const after = apply(live, { metadata: { name: 'web' }, spec: { replicas: 2 } }, 'argocd');
  t.deepEqual(at(entry(after, 'argocd'), 'fieldsV1'), { 'f:spec': { 'f:replicas': {} } });
  t.deepEqual(at(entry(after, 'rouse'), 'fieldsV1', 'f:spec', 'f:replicas'), {});
});

test('A forced apply takes the field', (t) => {
  const after = apply(created(web(1), 'rouse'), { metadata: { name: 'web' }, spec: { replicas: 2 } }, 'argocd', true);
  t.is(at(after, 'spec', 'replicas'), 2);
  t.is(at(entry(after, 'rouse'), 'fieldsV1', 'f:spec', 'f:replicas'), undefined);
});

test('What a manager no longer applies goes, unless somebody else owns it', (t) => {
  const first = apply(created(web(1)), { metadata: { name: 'web', annotations: { mine: '1', shared: '1' } } }, 'argocd');
  const shared = apply(first, { metadata: { name: 'web', annotations: { shared: '1' } } }, 'flux');
  const after = apply(shared, { metadata: { name: 'web' } }, 'argocd');
  t.deepEqual(at(after, 'metadata', 'annotations'), { shared: '1' });
  t.is(textAt(after, 'metadata', 'name'), 'web');
});

test('Containers are merged by name, ports by number and protocol', (t) => {
  const live = created(web(1));
  const after = apply(
    live,
    { metadata: { name: 'web' }, spec: { template: { spec: { containers: [{ name: 'side', image: 's:1', ports: [{ containerPort: 80 }] }] } } } },
    'argocd',
  );
  t.deepEqual(
    listAt(after, 'spec', 'template', 'spec', 'containers').map((container) => textAt(container, 'name')),
    ['app', 'side'],
  );
  const owned = at(entry(after, 'argocd'), 'fieldsV1', 'f:spec', 'f:template', 'f:spec', 'f:containers', 'k:{"name":"side"}', 'f:ports');
  t.deepEqual(owned, { 'k:{"containerPort":80,"protocol":"TCP"}': { '.': {}, 'f:containerPort': {} } });
});

test('Applying to nothing creates the object, owned by the manager', (t) => {
  const { object, changed } = serverSideApply({ current: undefined, config: web(1), resource, writer: { manager: 'argocd', time: at2026() }, force: false });
  t.true(changed);
  t.is(at(entry(object, 'argocd'), 'operation'), 'Apply');
});

test('Applying the same again changes nothing, not even the time', (t) => {
  const config = { metadata: { name: 'web' }, spec: { replicas: 2 } };
  const once = apply(created(web(2)), config, 'argocd');
  const again = serverSideApply({ current: once, config: { ...head, ...config }, resource, writer: { manager: 'argocd', time: at2026() }, force: false });
  t.false(again.changed);
  t.deepEqual(again.object, once);
});

test('An object of which nobody owns anything belongs to before-first-apply', (t) => {
  const error = t.throws(() => apply(web(1), { metadata: { name: 'web' }, spec: { replicas: 2 } }, 'argocd'), { instanceOf: ApiError });
  t.regex(error.message, /"before-first-apply"/);
});

test('kubectl moves from client-side to server-side apply without a conflict', (t) => {
  const config = web(1);
  const live = created(
    {
      ...config,
      metadata: {
        name: 'web',
        namespace: 'default',
        labels: { app: 'web' },
        annotations: { 'kubectl.kubernetes.io/last-applied-configuration': JSON.stringify(config) },
      },
    },
    'kubectl-client-side-apply',
  );
  const next = { ...web(4), metadata: { name: 'web', namespace: 'default', labels: { app: 'web' } } };
  t.is(at(apply(live, next, 'kubectl'), 'spec', 'replicas'), 4);
  t.throws(() => apply(live, next, 'argocd'), { instanceOf: ApiError });
});

test('Status is nobody to apply to but through /status', (t) => {
  const after = apply(created(web(1)), { metadata: { name: 'web' }, status: { replicas: 7 } }, 'argocd');
  t.is(at(after, 'status', 'replicas'), undefined);
});

const wrong: readonly (readonly [string, object, number])[] = [
  ['another kind', { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'web' } }, 400],
  ['another version', { apiVersion: 'apps/v2', kind: 'Deployment', metadata: { name: 'web' } }, 400],
  ['managedFields', { ...head, metadata: { name: 'web', managedFields: [{ manager: 'x' }] } }, 400],
  ['a container without a name', { ...head, spec: { template: { spec: { containers: [{ image: 'x' }] } } } }, 500],
  ['two containers of one name', { ...head, spec: { template: { spec: { containers: [{ name: 'x' }, { name: 'x' }] } } } }, 500],
];
test('A configuration that cannot be applied is refused as kube-apiserver refuses it', (t) => {
  for (const [what, config, code] of wrong) {
    const refused = (): unknown => serverSideApply({ current: created(web(1)), config, resource, writer: { manager: 'argocd', time: at2026() }, force: true });
    t.is(t.throws(refused, { instanceOf: ApiError }).code, code, what);
  }
});

test('Ownership can be put back by an update that brings managedFields, and forgotten by one empty entry', (t) => {
  const first = apply(undefined, web(1), 'argocd');
  const reset = recordUpdate({
    before: first,
    after: { ...first, metadata: { name: 'web', namespace: 'default', labels: { app: 'web' }, managedFields: [{}] } },
    resource,
    writer: { manager: 'rouse', time: at2026() },
  });
  t.is(at(reset, 'metadata', 'managedFields'), undefined);
  const restored = recordUpdate({ before: reset, after: first, resource, writer: { manager: 'rouse', time: at2026() } });
  t.deepEqual(at(entry(restored, 'argocd'), 'fieldsV1'), at(entry(first, 'argocd'), 'fieldsV1'));
});

test('More than ten updaters are merged into ancient-changes', (t) => {
  let live = created(web(1));
  for (let number = 0; number < 14; number += 1) {
    const labels = Object.fromEntries(Array.from({ length: number + 1 }, (_, index) => [`l${String(index)}`, '1']));
    const metadata = isObject(live['metadata']) ? live['metadata'] : {};
    live = recordUpdate({
      before: live,
      after: { ...live, metadata: { ...metadata, labels: { app: 'web', ...labels } } },
      resource,
      writer: { manager: `m${String(number)}`, time: at2026() },
    });
  }
  t.is(listAt(live, 'metadata', 'managedFields').length, 10);
  t.truthy(entry(live, 'ancient-changes'));
});

test('The manager is the query, else the first part of the User-Agent', (t) => {
  t.is(managerName('me', 'kubectl/v1.36.3 (linux)'), 'me');
  t.is(managerName(undefined, 'kubectl/v1.36.3 (linux)'), 'kubectl');
  t.is(managerName('', undefined), 'unknown');
});
