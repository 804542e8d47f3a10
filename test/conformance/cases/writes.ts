import { deepEqual, equal, match, notEqual, ok } from 'node:assert/strict';
import type { Context } from '../context.ts';
import { at, numberAt, revisionOf } from '../json.ts';
import { configMap, deployment, paths, service } from '../objects.ts';
import { one } from '../case.ts';

const changed = (object: unknown, data: object): object => ({ ...(typeof object === 'object' ? object : {}), data });
const pausedAtZero = (c: Context): object => deployment(c.id, 0, { paused: true });

export const writes = [
  one('a PUT with the current resourceVersion replaces the object', 'PUT configmaps', 'Rouse, kubectl edit', async (c) => {
    const made = await c.make('configmaps', configMap(c.id, { a: '1' }));
    const put = (await c.api.put(c.path('configmaps', c.id), changed(made.body, { b: '2' }))).is(200);
    deepEqual(put.at('data'), { b: '2' });
    ok(Number(revisionOf(put.body)) > Number(revisionOf(made.body)));
  }),
  one('a PUT with an old resourceVersion is Conflict', 'PUT configmaps', 'Rouse (ConfigMap, Lease)', async (c) => {
    const made = await c.make('configmaps', configMap(c.id, { a: '1' }));
    (await c.api.put(c.path('configmaps', c.id), changed(made.body, { a: '2' }))).is(200);
    const answer = (await c.api.put(c.path('configmaps', c.id), changed(made.body, { a: '3' }))).fails(409, 'Conflict');
    equal(
      answer.text('message'),
      `Operation cannot be fulfilled on configmaps "${c.id}": the object has been modified; please apply your changes to the latest version and try again`,
    );
  }),
  one('a PUT without resourceVersion overwrites where the kind allows it', 'PUT configmaps', 'scripts', async (c) => {
    await c.make('configmaps', configMap(c.id, { a: '1' }));
    equal((await c.api.put(c.path('configmaps', c.id), configMap(c.id, { a: '2' }))).is(200).text('data.a'), '2');
  }),
  one('a PUT that changes nothing keeps the resourceVersion', 'PUT configmaps', 'controllers', async (c) => {
    const made = await c.make('configmaps', configMap(c.id, { a: '1' }));
    equal(revisionOf((await c.api.put(c.path('configmaps', c.id), made.body)).is(200).body), revisionOf(made.body));
  }),
  one('a PUT of a name that does not exist is NotFound', 'PUT configmaps', 'Rouse', async (c) => {
    (await c.api.put(c.path('configmaps', c.id), configMap(c.id))).fails(404, 'NotFound');
  }),
  one('a PUT of another name than in the path is BadRequest', 'PUT configmaps', 'clients', async (c) => {
    await c.make('configmaps', configMap(c.id));
    (await c.api.put(c.path('configmaps', c.id), configMap(`${c.id}-x`))).fails(400, 'BadRequest');
  }),
  one('a PUT for another uid is Conflict', 'PUT configmaps', 'Rouse, controllers', async (c) => {
    const made = await c.make('configmaps', configMap(c.id));
    const other = { ...configMap(c.id), metadata: { name: c.id, uid: made.text('metadata.uid').replace(/^.{8}/, '00000000') } };
    (await c.api.put(c.path('configmaps', c.id), other)).fails(409, 'Conflict');
  }),
  one('creationTimestamp and uid cannot be changed', 'PUT configmaps', 'everybody', async (c) => {
    const made = await c.make('configmaps', configMap(c.id, { a: '1' }));
    const body = { ...configMap(c.id, { a: '2' }), metadata: { name: c.id, creationTimestamp: '2001-01-01T00:00:00Z' } };
    const put = (await c.api.put(c.path('configmaps', c.id), body)).is(200);
    deepEqual([put.at('metadata.creationTimestamp'), put.at('metadata.uid')], [made.at('metadata.creationTimestamp'), made.at('metadata.uid')]);
  }),
  one('generation starts at 1 and counts changes of the spec', 'PUT deployments', 'Rouse (observedGeneration), kubectl rollout', async (c) => {
    const made = await c.make('deployments', pausedAtZero(c));
    equal(made.number('metadata.generation'), 1);
    const patched = (await c.api.patch(c.path('deployments', c.id), 'merge', { spec: { minReadySeconds: 3 } })).is(200);
    equal(patched.number('metadata.generation'), 2);
  }),
  one('a change of labels does not raise generation', 'PATCH deployments', 'Rouse (observedGeneration)', async (c) => {
    await c.make('deployments', pausedAtZero(c));
    const patched = (await c.api.patch(c.path('deployments', c.id), 'merge', { metadata: { labels: { x: '1' } } })).is(200);
    equal(patched.number('metadata.generation'), 1);
  }),
  one('a change of the annotations of a Deployment raises its generation', 'PATCH deployments', 'Rouse (onboarding, state)', async (c) => {
    await c.make('deployments', pausedAtZero(c));
    const patched = (await c.api.patch(c.path('deployments', c.id), 'merge', { metadata: { annotations: { 'rouse.dev/enabled': 'true' } } })).is(200);
    equal(patched.number('metadata.generation'), 2);
  }),
  one('a write of the object leaves its status alone', 'PUT deployments', 'kubectl apply', async (c) => {
    await c.make('deployments', pausedAtZero(c));
    const settled = await c.until(c.path('deployments', c.id), (answer) => answer.number('status.observedGeneration') === 1, 'observedGeneration 1');
    const patched = (await c.api.patch(c.path('deployments', c.id), 'merge', { status: { replicas: 7 } })).is(200);
    deepEqual(patched.at('status'), settled.at('status'));
  }),
  one('a write of the status leaves the spec and generation alone', 'PATCH replicasets/status', 'controllers', async (c) => {
    await c.make('statefulsets', { ...deployment(c.id, 0, { serviceName: 'x' }), kind: 'StatefulSet' });
    const patched = (await c.api.patch(c.path('statefulsets', c.id, 'status'), 'merge', { spec: { replicas: 5 }, status: { collisionCount: 3 } })).is(200);
    deepEqual([patched.at('spec.replicas'), patched.at('status.collisionCount'), patched.at('metadata.generation')], [0, 3, 1]);
  }),
  one("a Deployment's selector cannot change", 'PATCH deployments', 'kubectl apply', async (c) => {
    await c.make('deployments', pausedAtZero(c));
    (await c.api.patch(c.path('deployments', c.id), 'merge', { spec: { selector: { matchLabels: { x: 'y' } } } })).fails(422, 'Invalid');
  }),
  one("a Service's clusterIP cannot change", 'PATCH services', 'kubectl apply', async (c) => {
    await c.make('services', service(c.id, undefined));
    (await c.api.patch(c.path('services', c.id), 'merge', { spec: { clusterIP: '10.96.255.250', clusterIPs: ['10.96.255.250'] } })).fails(422, 'Invalid');
  }),
  one('a PUT of a Service without clusterIP keeps the address', 'PUT services', 'kubectl replace', async (c) => {
    const made = await c.make('services', service(c.id, undefined));
    const put = (await c.api.put(c.path('services', c.id), service(c.id, { app: 'x' }))).is(200);
    deepEqual([put.at('spec.clusterIP'), put.at('spec.selector')], [made.at('spec.clusterIP'), { app: 'x' }]);
  }),
  one("a pod's containers cannot be added to", 'PATCH pods', 'kubectl', async (c) => {
    await c.make('pods', {
      metadata: { name: c.id },
      spec: { terminationGracePeriodSeconds: 0, nodeSelector: { a: 'b' }, containers: [{ name: 'a', image: 'a' }] },
    });
    const body = { spec: { containers: [{ name: 'b', image: 'b' }] } };
    (await c.api.patch(c.path('pods', c.id), 'strategic', body)).fails(422, 'Invalid');
  }),
  one('a dry run of a create answers 201 and stores nothing', 'POST configmaps?dryRun=All', 'kubectl --dry-run=server', async (c) => {
    (await c.api.post(c.path('configmaps'), configMap(c.id), { query: { dryRun: 'All' } })).is(201);
    (await c.api.get(c.path('configmaps', c.id))).fails(404, 'NotFound');
  }),
  one('a dry run of an update shows the result and stores nothing', 'PATCH deployments?dryRun=All', 'kubectl diff', async (c) => {
    const made = await c.make('deployments', pausedAtZero(c));
    const patched = (await c.api.patch(c.path('deployments', c.id), 'merge', { spec: { minReadySeconds: 9 } }, { query: { dryRun: 'All' } })).is(200);
    deepEqual([patched.at('spec.minReadySeconds'), patched.at('metadata.generation')], [9, 2]);
    equal((await c.api.get(c.path('deployments', c.id))).at('spec.minReadySeconds'), made.at('spec.minReadySeconds'));
  }),
  one('a dry run of a delete leaves the object', 'DELETE configmaps?dryRun=All', 'kubectl --dry-run=server', async (c) => {
    await c.make('configmaps', configMap(c.id));
    (await c.api.delete(c.path('configmaps', c.id), { query: { dryRun: 'All' } })).is(200);
    (await c.api.get(c.path('configmaps', c.id))).is(200);
  }),
  one('an unknown dryRun is Invalid', 'POST configmaps?dryRun=x', 'clients', async (c) => {
    (await c.api.post(c.path('configmaps'), configMap(c.id), { query: { dryRun: 'Some' } })).fails(422, 'Invalid');
  }),
  one('an unknown method is refused', 'POST configmaps/NAME', 'clients', async (c) => {
    await c.make('configmaps', configMap(c.id));
    (await c.api.post(c.path('configmaps', c.id), configMap(c.id))).fails(405, 'MethodNotAllowed');
  }),
  one('resourceVersions of all kinds grow together', 'POST configmaps, services', 'Rouse (ordering)', async (c) => {
    const first = await c.make('configmaps', configMap(c.id));
    const second = await c.make('services', service(c.id, undefined));
    const third = (await c.api.patch(c.path('configmaps', c.id), 'merge', { data: { a: '1' } })).is(200);
    const numbers = [first, second, third].map((answer) => Number(revisionOf(answer.body)));
    deepEqual(
      numbers.toSorted((left, right) => left - right),
      numbers,
    );
    notEqual(numbers[0], numbers[1]);
  }),
  one('a create that names a resourceVersion is refused', 'POST configmaps', 'clients', async (c) => {
    const body = { ...configMap(c.id), metadata: { name: c.id, resourceVersion: '5' } };
    const answer = (await c.api.post(c.path('configmaps'), body)).is(400, 500);
    match(answer.text('message'), /resourceVersion should not be set on objects to be created/);
  }),
  one('a ConfigMap of more than 1 MiB is Invalid', 'POST configmaps', 'Rouse (bounded state)', async (c) => {
    const answer = await c.api.post(paths('configmaps', c.ns), configMap(c.id, { a: 'x'.repeat(1_100_000) }));
    equal(answer.status, 422);
    ok(numberAt(answer.body, 'code') === 422 && at(answer.body, 'reason') === 'Invalid');
  }),
];
