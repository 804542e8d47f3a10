import { deepEqual, equal, match } from 'node:assert/strict';
import { at } from '../json.ts';
import { configMap, deployment } from '../objects.ts';
import { one } from '../case.ts';

const misspelt = (name: string): object => ({ ...deployment(name, 0, { paused: true, replicsa: 3 }) });

export const fields = [
  one('an unknown field is refused with fieldValidation=Strict', 'POST deployments?fieldValidation=Strict', 'kubectl apply, create', async (c) => {
    const answer = (await c.api.post(c.path('deployments'), misspelt(c.id), { query: { fieldValidation: 'Strict' } })).fails(400, 'BadRequest');
    match(answer.text('message'), /unknown field "spec\.replicsa"/);
  }),
  one('an unknown field is a warning with fieldValidation=Warn', 'POST deployments?fieldValidation=Warn', 'kubectl', async (c) => {
    const answer = (await c.api.post(c.path('deployments'), misspelt(c.id), { query: { fieldValidation: 'Warn' } })).is(201);
    match(answer.header('warning'), /299 .*unknown field \\"spec\.replicsa\\"/);
    equal(answer.at('spec.replicsa'), undefined);
  }),
  one('an unknown field is dropped with fieldValidation=Ignore', 'POST deployments?fieldValidation=Ignore', 'clients', async (c) => {
    const answer = (await c.api.post(c.path('deployments'), misspelt(c.id), { query: { fieldValidation: 'Ignore' } })).is(201);
    deepEqual([answer.header('warning'), answer.at('spec.replicsa')], ['', undefined]);
  }),
  one('a field of the wrong type is BadRequest', 'POST deployments', 'kubectl', async (c) => {
    (await c.api.post(c.path('deployments'), deployment(c.id, 0, { replicas: 'three' }))).fails(400, 'BadRequest');
  }),
  one('a number that does not fit 32 bits is BadRequest, and Invalid in a merge patch', 'POST, PATCH deployments', 'clients', async (c) => {
    const problem = (struct: string): RegExp =>
      new RegExp(`cannot unmarshal number 9007199254740992 into Go struct field ${struct}\\.spec\\.replicas of type int32`);
    const spec = { replicas: 9_007_199_254_740_992 };
    const refused = (await c.api.post(c.path('deployments'), deployment(c.id, 0, spec))).fails(400, 'BadRequest');
    match(refused.text('message'), problem('DeploymentSpec'));
    await c.make('deployments', deployment(c.id, 0));
    const patched = (await c.api.patch(c.path('deployments', c.id), 'merge', { spec })).fails(422, 'Invalid');
    match(patched.text('message'), problem('DeploymentSpec'));
    const scaled = (await c.api.patch(c.path('deployments', c.id, 'scale'), 'merge', { spec })).fails(422, 'Invalid');
    match(scaled.text('message'), problem('ScaleSpec'));
  }),
  one('a number that does not fit 64 bits is BadRequest', 'POST pods', 'clients', async (c) => {
    const spec = { containers: [{ name: 'app', image: 'registry.invalid/app:1' }], terminationGracePeriodSeconds: 1e20 };
    const refused = (await c.api.post(c.path('pods'), { apiVersion: 'v1', kind: 'Pod', metadata: { name: c.id }, spec })).fails(400, 'BadRequest');
    match(refused.text('message'), /Go struct field PodSpec\.spec\.terminationGracePeriodSeconds of type int64/);
  }),
  one('a field that is null is as if it were not there', 'POST configmaps', 'clients', async (c) => {
    const made = await c.make('configmaps', { ...configMap(c.id), metadata: { name: c.id, labels: null, annotations: {} }, data: null });
    deepEqual([made.at('data'), made.at('metadata.labels'), made.at('metadata.annotations')], [undefined, undefined, undefined]);
  }),
  one('managedFields name the fieldManager of the request', 'POST configmaps?fieldManager=x', 'Rouse (manual scaling), GitOps tools', async (c) => {
    const made = (await c.api.post(c.path('configmaps'), configMap(c.id, { a: '1' }), { query: { fieldManager: 'tester' } })).is(201);
    const entry = made.list('metadata.managedFields')[0];
    deepEqual([at(entry, 'manager'), at(entry, 'operation'), at(entry, 'apiVersion'), at(entry, 'fieldsType')], ['tester', 'Update', 'v1', 'FieldsV1']);
    deepEqual(at(entry, 'fieldsV1'), { 'f:data': { '.': {}, 'f:a': {} } });
  }),
  one('without a fieldManager it is the first part of the User-Agent', 'POST configmaps', 'Rouse (manual scaling)', async (c) => {
    const made = await c.make('configmaps', configMap(c.id, { a: '1' }));
    equal(made.at('metadata.managedFields.0.manager'), 'rouse-conformance');
  }),
  one('an update moves the changed fields to who changed them', 'PATCH configmaps?fieldManager=x', 'Rouse (webhooks)', async (c) => {
    await c.api.post(c.path('configmaps'), configMap(c.id, { a: '1', b: '1' }), { query: { fieldManager: 'first' } });
    const patched = (await c.api.patch(c.path('configmaps', c.id), 'merge', { data: { b: '2', c: '1' } }, { query: { fieldManager: 'second' } })).is(200);
    const owned = Object.fromEntries(patched.list('metadata.managedFields').map((entry) => [String(at(entry, 'manager')), at(entry, 'fieldsV1')]));
    deepEqual(owned, { first: { 'f:data': { '.': {}, 'f:a': {} } }, second: { 'f:data': { 'f:b': {}, 'f:c': {} } } });
  }),
  one('a list item is owned by its key', 'POST deployments', 'GitOps tools', async (c) => {
    const made = (await c.api.post(c.path('deployments'), deployment(c.id, 0, { paused: true }), { query: { fieldManager: 'tester' } })).is(201);
    const containers = made.at(['metadata', 'managedFields', '0', 'fieldsV1', 'f:spec', 'f:template', 'f:spec', 'f:containers', 'k:{"name":"app"}']);
    deepEqual(at(containers, ['f:image']), {});
    deepEqual(at(containers, ['.']), {});
  }),
  one('one empty entry forgets who owned what', 'PATCH configmaps', 'Rouse (hand back)', async (c) => {
    await c.make('configmaps', configMap(c.id, { a: '1' }));
    const patched = (await c.api.patch(c.path('configmaps', c.id), 'merge', { metadata: { managedFields: [{}] } })).is(200);
    equal(patched.at('metadata.managedFields'), undefined);
  }),
  one('managedFields that a request brings are kept', 'PATCH services', 'Rouse (hand back)', async (c) => {
    await c.make('configmaps', configMap(c.id, { a: '1' }));
    const mine = { manager: 'argocd', operation: 'Apply', apiVersion: 'v1', fieldsType: 'FieldsV1', fieldsV1: { 'f:data': { 'f:a': {} } } };
    const patched = (await c.api.patch(c.path('configmaps', c.id), 'merge', { metadata: { managedFields: [mine] } })).is(200);
    deepEqual(patched.at('metadata.managedFields'), [mine]);
  }),
];
