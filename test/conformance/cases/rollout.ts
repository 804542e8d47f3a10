import { deepEqual, equal, match, notEqual, ok } from 'node:assert/strict';
import type { Context } from '../context.ts';
import { at, listAt, nameOf, numberAt, textAt, uidOf } from '../json.ts';
import { deployment } from '../objects.ts';
import { podCount, report } from '../ready.ts';
import { one } from '../case.ts';

const revisionKey = ['metadata', 'annotations', 'deployment.kubernetes.io/revision'];
const path = (c: Context): string => c.path('deployments', c.id);
const query = (c: Context) => ({ labelSelector: `app=${c.id}` });

const setsWhen = async (c: Context, good: (sets: readonly unknown[]) => boolean, what: string): Promise<readonly unknown[]> =>
  (await c.until(c.path('replicasets'), (answer) => good(answer.list('items')), what, 25_000, query(c))).list('items');

const newImage = async (c: Context, image: string): Promise<unknown> =>
  (await c.api.patch(path(c), 'strategic', { spec: { template: { spec: { containers: [{ name: 'app', image }] } } } })).is(200);

const condition = (object: unknown, type: string): unknown => listAt(object, 'status.conditions').find((one) => textAt(one, 'type') === type);
const replicasOf = (set: unknown): number => numberAt(set, 'spec.replicas');
const imageOf = (set: unknown): string => textAt(set, 'spec.template.spec.containers.0.image');
const withImage = (sets: readonly unknown[], image: string): unknown => sets.find((set) => imageOf(set) === image);

const readyDeployment = async (c: Context, count: number, spec: object = {}): Promise<string[]> => {
  await c.make('deployments', deployment(c.id, count, spec));
  const names = await podCount(c, count);
  for (const name of names) await report(c, name, true);
  return names;
};

export const rollout = [
  one('a Deployment makes a ReplicaSet named by its template hash, which it owns', 'deployment controller', 'Rouse (revisions), kubectl', async (c) => {
    const made = await c.make('deployments', deployment(c.id, 0));
    const [set] = await setsWhen(c, (sets) => sets.length === 1, 'a ReplicaSet');
    const hash = textAt(set, 'metadata.labels.pod-template-hash');
    equal(nameOf(set), `${c.id}-${hash}`);
    deepEqual(at(set, 'metadata.ownerReferences'), [
      { apiVersion: 'apps/v1', kind: 'Deployment', name: c.id, uid: uidOf(made.body), controller: true, blockOwnerDeletion: true },
    ]);
    equal(textAt(set, 'spec.selector.matchLabels.pod-template-hash'), hash);
    equal(textAt(set, 'spec.template.metadata.labels.pod-template-hash'), hash);
  }),
  one('the revision stands on the Deployment and on its ReplicaSet', 'deployment controller', 'kubectl rollout history, Rouse', async (c) => {
    await c.make('deployments', deployment(c.id, 0));
    const settled = await c.until(path(c), (answer) => answer.at(revisionKey) === '1', 'revision 1');
    const [set] = await setsWhen(c, (sets) => sets.length === 1, 'a ReplicaSet');
    deepEqual([settled.at(revisionKey), at(set, revisionKey)], ['1', '1']);
  }),
  one('annotations of the Deployment are copied to its ReplicaSet', 'deployment controller', 'Rouse (rollout undo)', async (c) => {
    await c.make('deployments', { ...deployment(c.id, 0), metadata: { name: c.id, labels: { app: c.id }, annotations: { 'rouse.dev/enabled': 'true' } } });
    const [set] = await setsWhen(c, (sets) => sets.length === 1, 'a ReplicaSet');
    equal(at(set, ['metadata', 'annotations', 'rouse.dev/enabled']), 'true');
    equal(at(set, ['metadata', 'annotations', 'deployment.kubernetes.io/desired-replicas']), '0');
  }),
  one('pods carry the hash and belong to the ReplicaSet', 'replicaset controller', 'Rouse (pod → revision)', async (c) => {
    await c.make('deployments', deployment(c.id, 2));
    const names = await podCount(c, 2);
    const [set] = await setsWhen(c, (sets) => sets.length === 1, 'a ReplicaSet');
    const first = (await c.api.get(c.path('pods', names[0]))).is(200);
    match(names[0] ?? '', new RegExp(`^${nameOf(set)}-[bcdfghjklmnpqrstvwxz2456789]{5}$`));
    equal(first.at('metadata.labels.pod-template-hash'), at(set, 'metadata.labels.pod-template-hash'));
    deepEqual([first.at('metadata.ownerReferences.0.kind'), first.at('metadata.ownerReferences.0.uid')], ['ReplicaSet', uidOf(set)]);
    equal(first.text('metadata.generateName'), `${nameOf(set)}-`);
  }),
  one('observedGeneration follows generation', 'deployment controller', 'Rouse, kubectl rollout status', async (c) => {
    await c.make('deployments', deployment(c.id, 0));
    await c.until(path(c), (answer) => answer.number('status.observedGeneration') === 1, 'observedGeneration 1');
    (await c.api.patch(path(c), 'merge', { spec: { minReadySeconds: 1 } })).is(200);
    await c.until(path(c), (answer) => answer.number('status.observedGeneration') === 2, 'observedGeneration 2');
  }),
  one('the status counts pods, ready pods and available pods', 'deployment controller', 'Rouse, kubectl get', async (c) => {
    await c.make('deployments', deployment(c.id, 2));
    const names = await podCount(c, 2);
    await report(c, names[0] ?? '', true);
    const half = await c.until(path(c), (answer) => answer.number('status.readyReplicas') === 1, 'one ready');
    deepEqual([half.number('status.replicas'), half.number('status.updatedReplicas'), half.number('status.unavailableReplicas')], [2, 2, 1]);
    equal(at(condition(half.body, 'Progressing'), 'status'), 'True');
    await report(c, names[1] ?? '', true);
    const full = await c.until(path(c), (answer) => answer.number('status.availableReplicas') === 2, 'two available');
    equal(at(condition(full.body, 'Available'), 'status'), 'True');
    const done = await c.until(path(c), (answer) => at(condition(answer.body, 'Progressing'), 'reason') === 'NewReplicaSetAvailable', 'the end of the rollout');
    equal(done.at('status.unavailableReplicas'), undefined);
  }),
  one('scaling to zero deletes every pod and keeps the ReplicaSet', 'PATCH deployments/scale', 'Rouse (sleep)', async (c) => {
    await readyDeployment(c, 2);
    (await c.api.patch(c.path('deployments', c.id, 'scale'), 'merge', { spec: { replicas: 0 } })).is(200);
    await podCount(c, 0);
    const [set] = await setsWhen(c, (sets) => sets.length === 1 && numberAt(sets[0], 'spec.replicas') === 0, 'the ReplicaSet at 0');
    ok(set !== undefined);
    const settled = await c.until(
      path(c),
      (answer) => answer.at('status.replicas') === undefined && answer.number('status.observedGeneration') === 2,
      'no replicas',
    );
    equal(settled.at('status.readyReplicas'), undefined);
  }),
  one('scaling up from zero makes pods of the same revision', 'PATCH deployments/scale', 'Rouse (wake)', async (c) => {
    await c.make('deployments', deployment(c.id, 0));
    await c.until(path(c), (answer) => answer.at(revisionKey) === '1', 'revision 1');
    (await c.api.patch(c.path('deployments', c.id, 'scale'), 'merge', { spec: { replicas: 3 } })).is(200);
    await podCount(c, 3);
    equal((await c.api.get(path(c))).at(revisionKey), '1');
    equal((await c.api.get(c.path('replicasets'), { query: query(c) })).list('items').length, 1);
  }),
  one('a pod that is deleted is replaced', 'replicaset controller', 'Rouse', async (c) => {
    const [first = ''] = await readyDeployment(c, 1);
    (await c.api.delete(c.path('pods', first))).is(200);
    const after = await c.until(c.path('pods'), (answer) => answer.list('items').some((one) => nameOf(one) !== first), 'another pod', 25_000, query(c));
    ok(after.list('items').length >= 1);
  }),
  one('scale-in takes the pod with the lowest deletion cost', 'replicaset controller', 'Rouse (idle pods first)', async (c) => {
    const names = await readyDeployment(c, 3);
    const [idle = ''] = names.slice(1);
    await c.until(path(c), (answer) => answer.number('status.readyReplicas') === 3, 'three ready');
    (await c.api.patch(c.path('pods', idle), 'merge', { metadata: { annotations: { 'controller.kubernetes.io/pod-deletion-cost': '-10' } } })).is(200);
    (await c.api.patch(c.path('deployments', c.id, 'scale'), 'merge', { spec: { replicas: 2 } })).is(200);
    deepEqual((await podCount(c, 2)).sort(), names.filter((name) => name !== idle).sort());
  }),
  one('scale-in takes a pod that is not ready before one that is, whatever their cost', 'replicaset controller', 'Rouse', async (c) => {
    await c.make('deployments', deployment(c.id, 2));
    const [ready = '', starting = ''] = await podCount(c, 2);
    await report(c, ready, true);
    (await c.api.patch(c.path('pods', ready), 'merge', { metadata: { annotations: { 'controller.kubernetes.io/pod-deletion-cost': '-10' } } })).is(200);
    await c.until(path(c), (answer) => answer.number('status.readyReplicas') === 1, 'one ready');
    (await c.api.patch(c.path('deployments', c.id, 'scale'), 'merge', { spec: { replicas: 1 } })).is(200);
    deepEqual(await podCount(c, 1), [ready]);
    ok(starting !== '');
  }),
  one('a new template makes a second ReplicaSet and revision 2', 'PATCH deployments', 'kubectl set image, Rouse', async (c) => {
    await c.make('deployments', deployment(c.id, 0));
    await c.until(path(c), (answer) => answer.at(revisionKey) === '1', 'revision 1');
    await newImage(c, 'registry.invalid/app:2');
    await c.until(path(c), (answer) => answer.at(revisionKey) === '2', 'revision 2');
    const sets = await setsWhen(c, (all) => all.length === 2, 'two ReplicaSets');
    notEqual(at(sets[0], 'metadata.labels.pod-template-hash'), at(sets[1], 'metadata.labels.pod-template-hash'));
    equal(at(withImage(sets, 'registry.invalid/app:2'), revisionKey), '2');
  }),
  one('an old template again uses its old ReplicaSet, as the newest revision', 'PATCH deployments', 'kubectl rollout undo', async (c) => {
    await c.make('deployments', deployment(c.id, 0));
    await c.until(path(c), (answer) => answer.at(revisionKey) === '1', 'revision 1');
    await newImage(c, 'registry.invalid/app:2');
    await c.until(path(c), (answer) => answer.at(revisionKey) === '2', 'revision 2');
    await newImage(c, 'registry.invalid/app:1');
    await c.until(path(c), (answer) => answer.at(revisionKey) === '3', 'revision 3');
    const sets = await setsWhen(c, (all) => at(withImage(all, 'registry.invalid/app:1'), revisionKey) === '3', 'the old ReplicaSet at revision 3');
    equal(sets.length, 2);
    equal(at(withImage(sets, 'registry.invalid/app:1'), ['metadata', 'annotations', 'deployment.kubernetes.io/revision-history']), '1');
  }),
  one(
    "an undo puts the old ReplicaSet's template and annotations back",
    'PATCH deployments (json)',
    'kubectl rollout undo, Rouse (carries its annotations over)',
    async (c) => {
      const metadata = { name: c.id, labels: { app: c.id }, annotations: { note: 'old' } };
      await c.make('deployments', { ...deployment(c.id, 0), metadata });
      const [old] = await setsWhen(c, (sets) => at(sets[0], ['metadata', 'annotations', 'note']) === 'old', 'the first ReplicaSet');
      (await c.api.patch(path(c), 'merge', { metadata: { annotations: { 'rouse.dev/enabled': 'true', note: 'new' } } })).is(200);
      await newImage(c, 'registry.invalid/app:2');
      await c.until(path(c), (answer) => answer.at(revisionKey) === '2', 'revision 2');
      const template = { metadata: { labels: { app: c.id } }, spec: at(old, 'spec.template.spec') };
      const undo = [
        { op: 'replace', path: '/spec/template', value: template },
        { op: 'replace', path: '/metadata/annotations', value: { note: 'old', 'deployment.kubernetes.io/revision': '2' } },
      ];
      (await c.api.patch(path(c), 'json', undo)).is(200);
      const undone = await c.until(path(c), (answer) => answer.at(revisionKey) === '3', 'revision 3');
      deepEqual([undone.at(['metadata', 'annotations', 'note']), undone.at(['metadata', 'annotations', 'rouse.dev/enabled'])], ['old', undefined]);
      equal((await c.api.get(c.path('replicasets'), { query: query(c) })).list('items').length, 2);
    },
  ),
  one('a restart annotation in the template rolls the pods', 'PATCH deployments (strategic)', 'kubectl rollout restart', async (c) => {
    await c.make('deployments', deployment(c.id, 0));
    await c.until(path(c), (answer) => answer.at(revisionKey) === '1', 'revision 1');
    const body = { spec: { template: { metadata: { annotations: { 'kubectl.kubernetes.io/restartedAt': '2026-01-01T00:00:00Z' } } } } };
    (await c.api.patch(path(c), 'strategic', body)).is(200);
    await c.until(path(c), (answer) => answer.at(revisionKey) === '2', 'revision 2');
  }),
  one('an annotation of the Deployment alone makes no new revision', 'PATCH deployments', 'Rouse (onboarding restarts nothing)', async (c) => {
    await c.make('deployments', deployment(c.id, 0));
    await c.until(path(c), (answer) => answer.at(revisionKey) === '1', 'revision 1');
    (await c.api.patch(path(c), 'merge', { metadata: { annotations: { 'rouse.dev/enabled': 'true' } } })).is(200);
    await setsWhen(c, (sets) => at(sets[0], ['metadata', 'annotations', 'rouse.dev/enabled']) === 'true', 'the annotation on the ReplicaSet');
    deepEqual([(await c.api.get(path(c))).at(revisionKey), (await c.api.get(c.path('replicasets'), { query: query(c) })).list('items').length], ['1', 1]);
  }),
  one('a rolling update keeps the old pods until new ones are ready', 'deployment controller', 'Rouse, kubectl rollout status', async (c) => {
    await readyDeployment(c, 2, { strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } } });
    await c.until(path(c), (answer) => answer.number('status.availableReplicas') === 2, 'two available');
    await newImage(c, 'registry.invalid/app:2');
    const sets = await setsWhen(c, (all) => replicasOf(withImage(all, 'registry.invalid/app:2')) === 1, 'one new pod');
    equal(replicasOf(withImage(sets, 'registry.invalid/app:1')), 2);
    const names = await podCount(c, 3);
    const hash = textAt(withImage(sets, 'registry.invalid/app:2'), 'metadata.labels.pod-template-hash');
    await report(c, names.find((name) => name.includes(hash)) ?? '', true);
    const next = await setsWhen(c, (all) => replicasOf(withImage(all, 'registry.invalid/app:2')) === 2, 'two new pods');
    equal(replicasOf(withImage(next, 'registry.invalid/app:1')), 1);
  }),
  one('Recreate ends all old pods before the first new one', 'deployment controller', 'Rouse', async (c) => {
    const old = await readyDeployment(c, 2, { strategy: { type: 'Recreate' } });
    await newImage(c, 'registry.invalid/app:2');
    const sets = await setsWhen(c, (all) => replicasOf(withImage(all, 'registry.invalid/app:2')) === 2, 'the new ReplicaSet');
    equal(replicasOf(withImage(sets, 'registry.invalid/app:1')), 0);
    const names = await podCount(c, 2);
    ok(names.every((name) => !old.includes(name)));
  }),
  one('scaling amid a rollout shares the pods out', 'PATCH deployments/scale', 'Rouse (scaling while rolling)', async (c) => {
    await readyDeployment(c, 2, { strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } } });
    await c.until(path(c), (answer) => answer.number('status.availableReplicas') === 2, 'two available');
    await newImage(c, 'registry.invalid/app:2');
    await setsWhen(c, (all) => replicasOf(withImage(all, 'registry.invalid/app:2')) === 1, 'one new pod');
    (await c.api.patch(c.path('deployments', c.id, 'scale'), 'merge', { spec: { replicas: 6 } })).is(200);
    const sets = await setsWhen(c, (all) => all.reduce<number>((sum, set) => sum + replicasOf(set), 0) === 7, 'seven pods in all');
    deepEqual(sets.map((set) => [imageOf(set).slice(-1), replicasOf(set)]).sort(), [
      ['1', 5],
      ['2', 2],
    ]);
  }),
  one('a paused Deployment scales but does not roll', 'PATCH deployments', 'Rouse (gradual rollout)', async (c) => {
    await c.make('deployments', deployment(c.id, 0));
    await c.until(path(c), (answer) => answer.at(revisionKey) === '1', 'revision 1');
    (await c.api.patch(path(c), 'merge', { spec: { paused: true } })).is(200);
    await newImage(c, 'registry.invalid/app:2');
    (await c.api.patch(c.path('deployments', c.id, 'scale'), 'merge', { spec: { replicas: 1 } })).is(200);
    const [name = ''] = await podCount(c, 1);
    equal((await c.api.get(c.path('pods', name))).at('spec.containers.0.image'), 'registry.invalid/app:1');
    equal((await c.api.get(c.path('replicasets'), { query: query(c) })).list('items').length, 1);
    equal(at(condition((await c.api.get(path(c))).body, 'Progressing'), 'reason'), 'DeploymentPaused');
  }),
  one('a rollout that does not get on is reported', 'deployment controller', 'Rouse (wake failed), kubectl rollout status', async (c) => {
    await c.make('deployments', deployment(c.id, 1, { progressDeadlineSeconds: 1 }));
    const stuck = await c.until(path(c), (answer) => at(condition(answer.body, 'Progressing'), 'reason') === 'ProgressDeadlineExceeded', 'the deadline');
    equal(at(condition(stuck.body, 'Progressing'), 'status'), 'False');
  }),
  one('old ReplicaSets beyond revisionHistoryLimit go', 'deployment controller', 'Rouse (revisions)', async (c) => {
    await c.make('deployments', deployment(c.id, 0, { revisionHistoryLimit: 1 }));
    for (const number of ['1', '2', '3']) {
      if (number !== '1') await newImage(c, `registry.invalid/app:${number}`);
      await c.until(path(c), (answer) => answer.at(revisionKey) === number, `revision ${number}`);
    }
    const sets = await setsWhen(c, (all) => all.length === 2, 'two ReplicaSets');
    deepEqual(sets.map((set) => imageOf(set).slice(-1)).sort(), ['2', '3']);
  }),
  one('a pod counts as available after minReadySeconds', 'replicaset controller', 'Rouse', async (c) => {
    await c.make('deployments', deployment(c.id, 1, { minReadySeconds: 2 }));
    const [name = ''] = await podCount(c, 1);
    const start = Date.now();
    await report(c, name, true);
    const ready = await c.until(path(c), (answer) => answer.number('status.readyReplicas') === 1, 'one ready');
    equal(ready.at('status.availableReplicas'), undefined);
    await c.until(path(c), (answer) => answer.number('status.availableReplicas') === 1, 'one available');
    ok(Date.now() - start >= 1000);
  }),
];
