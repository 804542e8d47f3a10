import { deepEqual, equal, match } from 'node:assert/strict';
import type { Answer } from '../api.ts';
import type { Context } from '../context.ts';
import { at, revisionOf, textAt } from '../json.ts';
import { deployment, replicaSet, statefulSet } from '../objects.ts';
import { one } from '../case.ts';

/** Paused and at zero: no controller but the scale itself changes it. */
const make = (c: Context, replicas = 0): Promise<unknown> => c.make('deployments', deployment(c.id, replicas, { paused: true }));
const path = (c: Context): string => c.path('deployments', c.id, 'scale');

export const scale = [
  one('a Scale has replicas and the selector as a string', 'GET deployments/scale', 'Rouse, HPA, kubectl scale', async (c) => {
    await c.make(
      'deployments',
      deployment(c.id, 0, { paused: true, selector: { matchLabels: { app: c.id }, matchExpressions: [{ key: 'x', operator: 'DoesNotExist' }] } }),
    );
    const answer = (await c.api.get(path(c))).is(200);
    deepEqual([answer.text('apiVersion'), answer.text('kind'), answer.text('metadata.name')], ['autoscaling/v1', 'Scale', c.id]);
    deepEqual([answer.at('spec'), answer.text('status.selector')], [{}, `app=${c.id},!x`]);
  }),
  one("a Scale has its parent's uid and resourceVersion", 'GET deployments/scale', 'Rouse', async (c) => {
    await make(c);
    const [scaled, parent] = await Promise.all([c.api.get(path(c)), c.api.get(c.path('deployments', c.id))]);
    equal(scaled.text('metadata.uid'), parent.text('metadata.uid'));
    match(revisionOf(scaled.body), /^\d+$/);
  }),
  one('a merge patch sets replicas and raises generation', 'PATCH deployments/scale (merge)', 'Rouse, kubectl scale', async (c) => {
    await make(c);
    const answer = (await c.api.patch(path(c), 'merge', { spec: { replicas: 2 } })).is(200);
    deepEqual([answer.text('kind'), answer.at('spec.replicas')], ['Scale', 2]);
    const parent = (await c.api.get(c.path('deployments', c.id))).is(200);
    deepEqual([parent.at('spec.replicas'), parent.number('metadata.generation')], [2, 2]);
  }),
  one(
    'scaling is recorded with subresource scale, and taken from who had replicas',
    'PATCH deployments/scale?fieldManager=x',
    'Rouse (manual scaling)',
    async (c) => {
      await make(c, 1);
      (await c.api.patch(path(c), 'merge', { spec: { replicas: 2 } }, { query: { fieldManager: 'kubectl' } })).is(200);
      const entries = (await c.api.get(c.path('deployments', c.id))).list('metadata.managedFields');
      const entry = entries.find((one) => textAt(one, 'subresource') === 'scale');
      deepEqual([at(entry, 'manager'), at(entry, 'operation'), at(entry, 'apiVersion')], ['kubectl', 'Update', 'apps/v1']);
      deepEqual(at(entry, 'fieldsV1'), { 'f:spec': { 'f:replicas': {} } });
      // Nobody can tell from it when: kube-apiserver writes no time into the first entry of a manager that scales.
      equal(at(entry, 'time'), undefined);
      const creator = entries.find((one) => textAt(one, 'manager') === 'rouse-conformance');
      equal(at(creator, ['fieldsV1', 'f:spec', 'f:replicas']), undefined);
    },
  ),
  one(
    'a Scale of 0 leaves nobody on record, and neither does the next one after it',
    'PATCH deployments/scale?fieldManager=x',
    'Rouse (manual scaling)',
    async (c) => {
      await make(c, 1);
      const owners = async (): Promise<readonly unknown[]> =>
        (await c.api.get(c.path('deployments', c.id)))
          .list('metadata.managedFields')
          .filter((entry) => at(entry, ['fieldsV1', 'f:spec', 'f:replicas']) !== undefined)
          .map((entry) => [at(entry, 'manager'), at(entry, 'subresource')]);
      for (const [replicas, manager] of [
        [2, 'one'],
        [0, 'two'],
        [3, 'three'],
      ] as const) {
        (await c.api.patch(path(c), 'merge', { spec: { replicas } }, { query: { fieldManager: manager } })).is(200);
        deepEqual(await owners(), replicas === 2 ? [['one', 'scale']] : []);
      }
      (await c.api.patch(c.path('deployments', c.id), 'merge', { spec: { replicas: 4 } }, { query: { fieldManager: 'four' } })).is(200);
      deepEqual(await owners(), [['four', undefined]]);
      (await c.api.patch(path(c), 'merge', { spec: { replicas: 5 } }, { query: { fieldManager: 'five' } })).is(200);
      deepEqual(await owners(), [['five', 'scale']]);
    },
  ),
  one('an old resourceVersion is Conflict', 'PATCH deployments/scale (merge)', 'Rouse', async (c) => {
    await make(c);
    const before = (await c.api.get(path(c))).is(200);
    (await c.api.patch(path(c), 'merge', { spec: { replicas: 1 } })).is(200);
    const body = { metadata: { resourceVersion: revisionOf(before.body) }, spec: { replicas: 2 } };
    (await c.api.patch(path(c), 'merge', body)).fails(409, 'Conflict');
  }),
  one('the same count leaves generation and replicas alone', 'PATCH deployments/scale (merge)', 'Rouse', async (c) => {
    await make(c, 2);
    (await c.api.patch(path(c), 'merge', { spec: { replicas: 2 } })).is(200);
    const after = (await c.api.get(c.path('deployments', c.id))).is(200);
    deepEqual([after.number('metadata.generation'), after.at('spec.replicas')], [1, 2]);
  }),
  one('a PUT sets replicas', 'PUT deployments/scale', 'HPA, kubectl scale --current-replicas', async (c) => {
    await make(c);
    const read = async (): Promise<Answer> => (await c.api.get(path(c))).is(200);
    const write = (now: Answer): Promise<Answer> => c.api.put(path(c), { metadata: now.at('metadata'), spec: { replicas: 3 } });
    let current = await read();
    let put = await write(current);
    // The controller writes its status in between, soon after the Deployment was made.
    for (let again = 0; put.status === 409 && again < 20; again += 1) {
      current = await read();
      put = await write(current);
    }
    equal(put.is(200).at('spec.replicas'), 3);
    (await c.api.put(path(c), { metadata: current.at('metadata'), spec: { replicas: 4 } })).fails(409, 'Conflict');
  }),
  one('a negative count is Invalid', 'PATCH deployments/scale', 'Rouse', async (c) => {
    await make(c);
    (await c.api.patch(path(c), 'merge', { spec: { replicas: -1 } })).fails(422, 'Invalid');
  }),
  one('a dry run changes nothing', 'PATCH deployments/scale?dryRun=All', 'kubectl scale --dry-run=server', async (c) => {
    await make(c, 1);
    equal((await c.api.patch(path(c), 'merge', { spec: { replicas: 5 } }, { query: { dryRun: 'All' } })).is(200).at('spec.replicas'), 5);
    equal((await c.api.get(c.path('deployments', c.id))).at('spec.replicas'), 1);
  }),
  one('scaling what does not exist is NotFound', 'PATCH deployments/scale', 'Rouse', async (c) => {
    (await c.api.patch(path(c), 'merge', { spec: { replicas: 1 } })).fails(404, 'NotFound');
  }),
  one('a StatefulSet scales the same way', 'PATCH statefulsets/scale', 'Rouse', async (c) => {
    await c.make('statefulsets', statefulSet(c.id, 0));
    equal((await c.api.patch(c.path('statefulsets', c.id, 'scale'), 'merge', { spec: { replicas: 1 } })).is(200).at('spec.replicas'), 1);
    equal((await c.api.get(c.path('statefulsets', c.id))).number('metadata.generation'), 2);
    (await c.api.delete(c.path('statefulsets', c.id))).is(200);
  }),
  one('a ReplicaSet scales the same way', 'GET, PATCH replicasets/scale', 'Rouse, HPA', async (c) => {
    await c.make('replicasets', replicaSet(c.id, 0));
    equal((await c.api.get(c.path('replicasets', c.id, 'scale'))).is(200).text('status.selector'), `app=${c.id}`);
    equal((await c.api.patch(c.path('replicasets', c.id, 'scale'), 'merge', { spec: { replicas: 1 } })).is(200).at('spec.replicas'), 1);
  }),
  one('a JSON patch of a Scale sets replicas', 'PATCH deployments/scale (json)', 'clients', async (c) => {
    await make(c, 1);
    equal((await c.api.patch(path(c), 'json', [{ op: 'replace', path: '/spec/replicas', value: 4 }])).is(200).at('spec.replicas'), 4);
  }),
  one('a watch of Deployments sees the new count', 'GET deployments?watch', 'Rouse', async (c) => {
    const made = await c.make('deployments', deployment(c.id, 0, { paused: true }));
    await using watch = await c.api.watch(c.path('deployments'), { resourceVersion: revisionOf(made.body), fieldSelector: `metadata.name=${c.id}` });
    (await c.api.patch(path(c), 'merge', { spec: { replicas: 2 } })).is(200);
    await watch.next(({ type, object }) => type === 'MODIFIED' && at(object, 'spec.replicas') === 2);
  }),
];
