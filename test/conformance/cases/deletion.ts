import { deepEqual, equal, match } from 'node:assert/strict';
import { nameOf, revisionOf } from '../json.ts';
import { configMap, deployment, paths, service } from '../objects.ts';
import { one } from '../case.ts';

const held = (name: string): object => ({ ...configMap(name), metadata: { name, finalizers: ['rouse.dev/test'] } });
const release = { metadata: { finalizers: null } };

export const deletion = [
  one('a delete answers Success with the uid', 'DELETE configmaps', 'kubectl delete, Rouse', async (c) => {
    const made = await c.make('configmaps', configMap(c.id));
    const answer = (await c.api.delete(c.path('configmaps', c.id))).is(200);
    deepEqual([answer.text('kind'), answer.text('status'), answer.text('details.uid')], ['Status', 'Success', made.text('metadata.uid')]);
    (await c.api.get(c.path('configmaps', c.id))).fails(404, 'NotFound');
  }),
  one('a delete of what does not exist is NotFound', 'DELETE configmaps', 'Rouse', async (c) => {
    (await c.api.delete(c.path('configmaps', c.id))).fails(404, 'NotFound');
  }),
  one('a delete for another uid is Conflict', 'DELETE ?preconditions.uid', 'Rouse, kubelet', async (c) => {
    await c.make('configmaps', configMap(c.id));
    (await c.api.delete(c.path('configmaps', c.id), { body: { preconditions: { uid: '00000000-0000-4000-8000-000000000000' } } })).fails(409, 'Conflict');
  }),
  one('a delete of an older version is Conflict', 'DELETE ?preconditions.resourceVersion', 'Rouse', async (c) => {
    const made = await c.make('configmaps', configMap(c.id));
    (await c.api.patch(c.path('configmaps', c.id), 'merge', { data: { a: '1' } })).is(200);
    const body = { preconditions: { resourceVersion: revisionOf(made.body) } };
    (await c.api.delete(c.path('configmaps', c.id), { body })).fails(409, 'Conflict');
  }),
  one('a finalizer holds the object, with a deletion time', 'DELETE configmaps', 'Rouse, controllers', async (c) => {
    await c.make('configmaps', held(c.id));
    const answer = (await c.api.delete(c.path('configmaps', c.id))).is(200);
    equal(answer.text('kind'), 'ConfigMap');
    const still = (await c.api.get(c.path('configmaps', c.id))).is(200);
    match(still.text('metadata.deletionTimestamp'), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    (await c.api.patch(c.path('configmaps', c.id), 'merge', release)).is(200);
    (await c.api.get(c.path('configmaps', c.id))).fails(404, 'NotFound');
  }),
  one('deleting raises generation where there is one', 'DELETE deployments', 'controllers', async (c) => {
    await c.make('deployments', { ...deployment(c.id, 0, { paused: true }), metadata: { name: c.id, finalizers: ['rouse.dev/test'] } });
    (await c.api.delete(c.path('deployments', c.id))).is(200);
    equal((await c.api.get(c.path('deployments', c.id))).number('metadata.generation'), 2);
    (await c.api.patch(c.path('deployments', c.id), 'merge', release)).is(200);
    await c.gone(c.path('deployments', c.id));
  }),
  one('no finalizer can be added to what is being deleted', 'PATCH configmaps', 'controllers', async (c) => {
    await c.make('configmaps', held(c.id));
    (await c.api.delete(c.path('configmaps', c.id))).is(200);
    const body = { metadata: { finalizers: ['rouse.dev/test', 'rouse.dev/more'] } };
    (await c.api.patch(c.path('configmaps', c.id), 'merge', body)).is(403, 422);
    (await c.api.patch(c.path('configmaps', c.id), 'merge', release)).is(200);
  }),
  one('a collection is deleted by its labels', 'DELETE configmaps?labelSelector=', 'kubectl delete -l', async (c) => {
    await c.make('configmaps', configMap(`${c.id}-a`, {}, { of: c.id, go: 'yes' }));
    await c.make('configmaps', configMap(`${c.id}-b`, {}, { of: c.id }));
    (await c.api.delete(c.path('configmaps'), { query: { labelSelector: `of=${c.id},go=yes` } })).is(200);
    const left = (await c.api.get(c.path('configmaps'), { query: { labelSelector: `of=${c.id}` } })).list('items').map(nameOf);
    deepEqual(left, [`${c.id}-b`]);
  }),
  one('the name of a deleted object is free again, with another uid', 'DELETE, POST services', 'Rouse', async (c) => {
    const first = await c.make('services', service(c.id, undefined));
    (await c.api.delete(c.path('services', c.id))).is(200);
    const second = await c.make('services', service(c.id, undefined));
    equal(first.text('metadata.uid') === second.text('metadata.uid'), false);
  }),
  one('a deleted namespace takes its contents with it', 'DELETE namespaces', 'kubectl delete ns', async (c) => {
    const name = await c.freshNamespace();
    await c.make('configmaps', configMap('a'), name);
    await c.make('deployments', deployment('web', 1), name);
    const answer = (await c.api.delete(`/api/v1/namespaces/${name}`)).is(200);
    equal(answer.text('status.phase'), 'Terminating');
    await c.gone(`/api/v1/namespaces/${name}`, 60_000);
    equal((await c.api.get(paths('configmaps', name))).list('items').length, 0);
  }),
  one('nothing can be created in a namespace that is going', 'POST configmaps', 'Rouse, controllers', async (c) => {
    const name = await c.freshNamespace();
    await c.make('configmaps', held('held'), name);
    (await c.api.delete(`/api/v1/namespaces/${name}`)).is(200);
    const refused = (await c.api.post(paths('configmaps', name), configMap('late'))).fails(403, 'Forbidden');
    equal(refused.text('message'), `configmaps "late" is forbidden: unable to create new content in namespace ${name} because it is being terminated`);
    await c.until(paths('configmaps', name, 'held'), (one) => one.at('metadata.deletionTimestamp') !== undefined, 'the deletion of what is in it', 60_000);
    (await c.api.patch(paths('configmaps', name, 'held'), 'merge', release)).is(200);
    await c.gone(`/api/v1/namespaces/${name}`, 60_000);
  }),
];
