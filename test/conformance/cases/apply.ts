import { deepEqual, equal, match, ok } from 'node:assert/strict';
import type { Answer, Ask } from '../api.ts';
import type { Context } from '../context.ts';
import { at, revisionOf, textAt } from '../json.ts';
import { configMap, deployment, service } from '../objects.ts';
import { one } from '../case.ts';

const as = (fieldManager: string, more: object = {}): Ask => ({ query: { fieldManager, ...more } });
const forced = { force: true };

const apply = (c: Context, plural: string, object: object, manager: string, more: object = {}): Promise<Answer> =>
  c.api.patch(c.path(plural, c.id), 'apply', object, as(manager, more));

const config = (c: Context, spec: object, metadata: object = {}): object => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: c.id, ...metadata },
  spec,
});

const data = (c: Context, values: Readonly<Record<string, string>>): object => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: c.id },
  data: values,
});

const entryOf = (answer: Answer, manager: string, operation = 'Apply'): unknown =>
  answer.list('metadata.managedFields').find((entry) => textAt(entry, 'manager') === manager && textAt(entry, 'operation') === operation);

export const applyCases = [
  one('applying creates the object', 'PATCH (apply)', 'kubectl apply --server-side, Flux, Helm', async (c) => {
    const made = (await apply(c, 'configmaps', data(c, { a: '1' }), 'gitops')).is(201);
    deepEqual(at(entryOf(made, 'gitops'), 'fieldsV1'), { 'f:data': { 'f:a': {} } });
  }),
  one('the body may be YAML', 'PATCH (apply)', 'kubectl apply --server-side', async (c) => {
    const body = `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ${c.id}\ndata:\n  a: "1"\n`;
    equal((await c.api.patch(c.path('configmaps', c.id), 'apply', body, as('gitops'))).is(201).text('data.a'), '1');
  }),
  one('applying the same again changes nothing', 'PATCH (apply)', 'GitOps tools', async (c) => {
    const first = (await apply(c, 'configmaps', data(c, { a: '1' }), 'gitops')).is(201);
    const again = (await apply(c, 'configmaps', data(c, { a: '1' }), 'gitops')).is(200);
    equal(revisionOf(again.body), revisionOf(first.body));
  }),
  one('applying without a fieldManager is refused', 'PATCH (apply)', 'clients', async (c) => {
    (await c.api.patch(c.path('configmaps', c.id), 'apply', data(c, {}))).fails(422, 'Invalid');
  }),
  one('force is for apply alone', 'PATCH (merge) ?force=true', 'clients', async (c) => {
    await c.make('configmaps', configMap(c.id));
    (await c.api.patch(c.path('configmaps', c.id), 'merge', { data: { a: '1' } }, { query: forced })).fails(422, 'Invalid');
  }),
  one('what is no longer applied goes', 'PATCH (apply)', 'GitOps tools', async (c) => {
    (await apply(c, 'configmaps', data(c, { a: '1', b: '1' }), 'gitops')).is(201);
    deepEqual((await apply(c, 'configmaps', data(c, { a: '1' }), 'gitops')).is(200).at('data'), { a: '1' });
  }),
  one('what others own too stays', 'PATCH (apply)', 'GitOps tools', async (c) => {
    (await apply(c, 'configmaps', data(c, { a: '1', b: '1' }), 'one')).is(201);
    (await apply(c, 'configmaps', data(c, { b: '1' }), 'two')).is(200);
    deepEqual((await apply(c, 'configmaps', data(c, { a: '1' }), 'one')).is(200).at('data'), { a: '1', b: '1' });
  }),
  one('what nobody applied is left alone', 'PATCH (apply)', 'Rouse (annotations beside GitOps)', async (c) => {
    (await apply(c, 'configmaps', data(c, { a: '1' }), 'gitops')).is(201);
    (await c.api.patch(c.path('configmaps', c.id), 'merge', { metadata: { annotations: { 'rouse.dev/state': 'x' } } })).is(200);
    const again = (await apply(c, 'configmaps', data(c, { a: '2' }), 'gitops')).is(200);
    equal(again.at(['metadata', 'annotations', 'rouse.dev/state']), 'x');
  }),
  one('another value of a field of another applier is a conflict that names it', 'PATCH (apply)', 'GitOps tools', async (c) => {
    (await apply(c, 'configmaps', data(c, { a: '1' }), 'one')).is(201);
    const answer = (await apply(c, 'configmaps', data(c, { a: '2' }), 'two')).fails(409, 'Conflict');
    equal(answer.text('message'), 'Apply failed with 1 conflict: conflict with "one": .data.a');
    deepEqual(answer.at('details.causes'), [{ reason: 'FieldManagerConflict', message: 'conflict with "one"', field: '.data.a' }]);
  }),
  one('the same value is no conflict', 'PATCH (apply)', 'GitOps tools', async (c) => {
    (await apply(c, 'configmaps', data(c, { a: '1' }), 'one')).is(201);
    const both = (await apply(c, 'configmaps', data(c, { a: '1' }), 'two')).is(200);
    ok(entryOf(both, 'one') !== undefined && entryOf(both, 'two') !== undefined);
  }),
  one('a forced apply takes the field over', 'PATCH (apply) ?force=true', 'Flux, Helm', async (c) => {
    (await apply(c, 'configmaps', data(c, { a: '1' }), 'one')).is(201);
    const after = (await apply(c, 'configmaps', data(c, { a: '2' }), 'two', forced)).is(200);
    deepEqual([after.text('data.a'), entryOf(after, 'one')], ['2', undefined]);
  }),
  one('replicas that Rouse scaled conflict with a manifest that holds replicas', 'PATCH (apply)', 'Rouse beside GitOps', async (c) => {
    (await apply(c, 'deployments', { ...config(c, { ...deployment(c.id, 1, { paused: true }).spec }) }, 'gitops')).is(201);
    (await c.api.patch(c.path('deployments', c.id, 'scale'), 'merge', { spec: { replicas: 3 } }, as('rouse'))).is(200);
    const answer = (await apply(c, 'deployments', config(c, { ...deployment(c.id, 1, { paused: true }).spec }), 'gitops')).fails(409, 'Conflict');
    match(answer.text('message'), /conflict with "rouse" with subresource "scale" using apps\/v1.*: \.spec\.replicas/);
  }),
  one('a manifest without replicas leaves the scaled count', 'PATCH (apply)', 'Rouse beside GitOps', async (c) => {
    const { replicas: _, ...spec } = deployment(c.id, 0, { paused: true }).spec;
    (await apply(c, 'deployments', config(c, spec), 'gitops')).is(201);
    (await c.api.patch(c.path('deployments', c.id, 'scale'), 'merge', { spec: { replicas: 3 } }, as('rouse'))).is(200);
    const again = (await apply(c, 'deployments', config(c, { ...spec, minReadySeconds: 1 }), 'gitops')).is(200);
    equal(again.at('spec.replicas'), 3);
  }),
  one('containers are merged by name', 'PATCH (apply)', 'GitOps tools', async (c) => {
    await c.make('deployments', deployment(c.id, 0, { paused: true }));
    const side = { template: { spec: { containers: [{ name: 'side', image: 'side:1' }] } } };
    const both = (await apply(c, 'deployments', config(c, side), 'gitops')).is(200);
    deepEqual(
      both
        .list('spec.template.spec.containers')
        .map((item) => textAt(item, 'name'))
        .sort(),
      ['app', 'side'],
    );
    const without = (await apply(c, 'deployments', config(c, { minReadySeconds: 1 }), 'gitops')).is(200);
    deepEqual(
      without.list('spec.template.spec.containers').map((item) => textAt(item, 'name')),
      ['app'],
    );
  }),
  one("a Service's selector is owned whole", 'PATCH (apply)', 'Rouse (takeover)', async (c) => {
    const applied = { apiVersion: 'v1', kind: 'Service', metadata: { name: c.id }, spec: service(c.id, { app: 'x' }).spec };
    const made = (await apply(c, 'services', applied, 'gitops')).is(201);
    deepEqual(at(entryOf(made, 'gitops'), ['fieldsV1', 'f:spec', 'f:selector']), {});
  }),
  one('saved managedFields put back by a second update let the next apply through', 'PATCH services', 'Rouse (hand back)', async (c) => {
    const applied = (app: string): object => ({ apiVersion: 'v1', kind: 'Service', metadata: { name: c.id }, spec: service(c.id, { app }).spec });
    const made = (await apply(c, 'services', applied('x'), 'gitops')).is(201);
    (await c.api.patch(c.path('services', c.id), 'merge', { spec: { selector: null } }, as('rouse'))).is(200);
    (await c.api.patch(c.path('services', c.id), 'merge', { spec: { selector: { app: 'x' } } }, as('rouse'))).is(200);
    (await apply(c, 'services', applied('y'), 'gitops')).fails(409, 'Conflict');
    const body = { metadata: { managedFields: made.at('metadata.managedFields') } };
    (await c.api.patch(c.path('services', c.id), 'merge', body, as('rouse'))).is(200);
    deepEqual((await apply(c, 'services', applied('y'), 'gitops')).is(200).at('spec.selector'), { app: 'y' });
  }),
  one('kubectl moves from client-side to server-side apply without a conflict', 'PATCH (apply)', 'kubectl apply --server-side', async (c) => {
    const last = { ...data(c, { a: '1' }) };
    const annotations = { 'kubectl.kubernetes.io/last-applied-configuration': JSON.stringify(last) };
    const first = { ...last, metadata: { name: c.id, annotations } };
    (await c.api.post(c.path('configmaps'), first, as('kubectl-client-side-apply'))).is(201);
    (await apply(c, 'configmaps', data(c, { a: '2' }), 'gitops')).fails(409, 'Conflict');
    equal((await apply(c, 'configmaps', data(c, { a: '2' }), 'kubectl')).is(200).text('data.a'), '2');
  }),
  one('managedFields cannot be applied', 'PATCH (apply)', 'clients', async (c) => {
    const body = { ...data(c, { a: '1' }), metadata: { name: c.id, managedFields: [{ manager: 'x', operation: 'Apply', apiVersion: 'v1' }] } };
    (await apply(c, 'configmaps', body, 'gitops')).fails(400, 'BadRequest');
  }),
  one('a status is applied through /status, in an entry of its own', 'PATCH (apply) deployments/status', 'controllers', async (c) => {
    await c.make('statefulsets', { ...deployment(c.id, 0, { serviceName: 'x' }), kind: 'StatefulSet' });
    const body = { apiVersion: 'apps/v1', kind: 'StatefulSet', metadata: { name: c.id }, status: { collisionCount: 4, replicas: 0 } };
    const after = (await c.api.patch(c.path('statefulsets', c.id, 'status'), 'apply', body, as('me', forced))).is(200);
    const entry = entryOf(after, 'me');
    deepEqual([after.at('status.collisionCount'), at(entry, 'subresource')], [4, 'status']);
  }),
  one('a dry run of an apply stores nothing', 'PATCH (apply) ?dryRun=All', 'kubectl diff --server-side', async (c) => {
    (await apply(c, 'configmaps', data(c, { a: '1' }), 'gitops', { dryRun: 'All' })).is(201);
    (await c.api.get(c.path('configmaps', c.id))).fails(404, 'NotFound');
  }),
];
