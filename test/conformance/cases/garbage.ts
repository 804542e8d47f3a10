import { deepEqual, equal, ok } from 'node:assert/strict';
import type { Context } from '../context.ts';
import { at, nameOf } from '../json.ts';
import { configMap, deployment, ownedBy, service, slice } from '../objects.ts';
import { one } from '../case.ts';

/** An owner and what it owns, both ConfigMaps: no other controller cares about them. */
const family = async (c: Context, more: object = {}): Promise<{ readonly owner: string; readonly child: string }> => {
  const made = await c.make('configmaps', configMap(c.id));
  const reference = ownedBy('v1', 'ConfigMap', c.id, made.text('metadata.uid'), more);
  await c.make('configmaps', { ...configMap(`${c.id}-child`), metadata: { name: `${c.id}-child`, ownerReferences: [reference] } });
  return { owner: c.path('configmaps', c.id), child: c.path('configmaps', `${c.id}-child`) };
};

export const garbage = [
  one('dependents go after their owner', 'DELETE (Background)', 'kubectl delete, Rouse', async (c) => {
    const { owner, child } = await family(c);
    (await c.api.delete(owner, { body: { propagationPolicy: 'Background' } })).is(200);
    (await c.api.get(owner)).fails(404, 'NotFound');
    await c.gone(child);
  }),
  one('Background is the default', 'DELETE', 'Rouse', async (c) => {
    const { owner, child } = await family(c);
    (await c.api.delete(owner)).is(200);
    await c.gone(child);
  }),
  one('orphaned dependents stay and lose the reference', 'DELETE (Orphan)', 'kubectl delete --cascade=orphan', async (c) => {
    const { owner, child } = await family(c);
    (await c.api.delete(owner, { body: { propagationPolicy: 'Orphan' } })).is(200);
    await c.gone(owner);
    equal((await c.api.get(child)).is(200).at('metadata.ownerReferences'), undefined);
  }),
  one('in the foreground the owner goes after its dependents', 'DELETE (Foreground)', 'kubectl delete --cascade=foreground', async (c) => {
    const { owner, child } = await family(c, { blockOwnerDeletion: true });
    (await c.api.patch(child, 'merge', { metadata: { finalizers: ['rouse.dev/test'] } })).is(200);
    (await c.api.delete(owner, { body: { propagationPolicy: 'Foreground' } })).is(200);
    const waiting = (await c.api.get(owner)).is(200);
    deepEqual(waiting.at('metadata.finalizers'), ['foregroundDeletion']);
    await c.until(child, (answer) => answer.at('metadata.deletionTimestamp') !== undefined, 'the deletion of the dependent');
    (await c.api.get(owner)).is(200);
    (await c.api.patch(child, 'merge', { metadata: { finalizers: null } })).is(200);
    await c.gone(owner);
    await c.gone(child);
  }),
  one('a dependent of several owners stays while one is there', 'DELETE', 'controllers', async (c) => {
    const owners = [await c.make('configmaps', configMap(`${c.id}-a`)), await c.make('configmaps', configMap(`${c.id}-b`))];
    const ownerReferences = owners.map((owner) => ownedBy('v1', 'ConfigMap', nameOf(owner.body), owner.text('metadata.uid')));
    await c.make('configmaps', { ...configMap(c.id), metadata: { name: c.id, ownerReferences } });
    (await c.api.delete(c.path('configmaps', `${c.id}-a`))).is(200);
    await c.until(c.path('configmaps', c.id), (answer) => answer.list('metadata.ownerReferences').length === 1, 'one owner left');
    (await c.api.delete(c.path('configmaps', `${c.id}-b`))).is(200);
    await c.gone(c.path('configmaps', c.id));
  }),
  one('what has an owner that never was is collected', 'POST', 'controllers', async (c) => {
    const reference = ownedBy('v1', 'ConfigMap', 'never', '00000000-0000-4000-8000-000000000000');
    await c.make('configmaps', { ...configMap(c.id), metadata: { name: c.id, ownerReferences: [reference] } });
    await c.gone(c.path('configmaps', c.id));
  }),
  one('an owner of the same name and another uid does not count', 'POST', 'Rouse (a Service made anew)', async (c) => {
    await c.make('configmaps', configMap(c.id));
    const reference = ownedBy('v1', 'ConfigMap', c.id, '00000000-0000-4000-8000-000000000001');
    await c.make('configmaps', { ...configMap(`${c.id}-child`), metadata: { name: `${c.id}-child`, ownerReferences: [reference] } });
    await c.gone(c.path('configmaps', `${c.id}-child`));
    (await c.api.get(c.path('configmaps', c.id))).is(200);
  }),
  one('our EndpointSlice goes with its Service', 'DELETE services', 'Rouse (takeover)', async (c) => {
    const made = await c.make('services', service(c.id, undefined));
    await c.make('endpointslices', slice(c.id, c.id, 'rouse.dev', '10.77.0.1', ownedBy('v1', 'Service', c.id, made.text('metadata.uid'))));
    (await c.api.delete(c.path('services', c.id))).is(200);
    await c.gone(c.path('endpointslices', c.id));
  }),
  one('a ControllerRevision goes with its Deployment', 'DELETE deployments', 'Rouse (revisions)', async (c) => {
    const made = await c.make('deployments', deployment(c.id, 0, { paused: true }));
    const reference = ownedBy('apps/v1', 'Deployment', c.id, made.text('metadata.uid'), { controller: false });
    await c.make('controllerrevisions', { metadata: { name: c.id, ownerReferences: [reference] }, revision: 1, data: {} });
    (await c.api.delete(c.path('deployments', c.id))).is(200);
    await c.gone(c.path('controllerrevisions', c.id));
  }),
  one('a Deployment takes its ReplicaSets and pods with it', 'DELETE deployments', 'kubectl delete', async (c) => {
    await c.make('deployments', deployment(c.id, 2));
    const query = { labelSelector: `app=${c.id}` };
    await c.until(c.path('pods'), (answer) => answer.list('items').length === 2, 'two pods', 25_000, query);
    (await c.api.delete(c.path('deployments', c.id), { body: { propagationPolicy: 'Background' } })).is(200);
    await c.until(c.path('replicasets'), (answer) => answer.list('items').length === 0, 'the ReplicaSet to go', 25_000, query);
    await c.until(c.path('pods'), (answer) => answer.list('items').length === 0, 'the pods to go', 25_000, query);
  }),
  one('orphaned pods stay', 'DELETE deployments (Orphan)', 'kubectl delete --cascade=orphan', async (c) => {
    await c.make('deployments', deployment(c.id, 1));
    const query = { labelSelector: `app=${c.id}` };
    await c.until(c.path('pods'), (answer) => answer.list('items').length === 1, 'a pod', 25_000, query);
    (await c.api.delete(c.path('deployments', c.id), { body: { propagationPolicy: 'Orphan' } })).is(200);
    await c.gone(c.path('deployments', c.id));
    const set = (await c.api.get(c.path('replicasets'), { query })).list('items')[0];
    ok(set !== undefined);
    equal(at(set, 'metadata.ownerReferences'), undefined);
    (await c.api.delete(c.path('replicasets', nameOf(set)))).is(200);
  }),
];
