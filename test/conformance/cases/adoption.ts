import { deepEqual, equal, notEqual } from 'node:assert/strict';
import { one } from '../case.ts';
import { nameOf, uidOf } from '../json.ts';
import { pod, replicaSet } from '../objects.ts';
import { podCount, podsOf } from '../ready.ts';

export const adoption = [
  one('a ReplicaSet adopts a pod that matches and nobody owns', 'replicaset controller', 'kubectl', async (c) => {
    await c.make('pods', pod(c.id, { app: c.id }));
    const set = await c.make('replicasets', replicaSet(c.id, 1));
    const adopted = await c.until(c.path('pods', c.id), (answer) => answer.list('metadata.ownerReferences').length === 1, 'the adoption');
    equal(adopted.at('metadata.ownerReferences.0.uid'), uidOf(set.body));
    deepEqual(await podsOf(c), [c.id]);
  }),
  one('a pod that no longer matches is let go and replaced', 'replicaset controller', 'kubectl label', async (c) => {
    await c.make('replicasets', replicaSet(c.id, 1));
    const [name = ''] = await podCount(c, 1);
    (await c.api.patch(c.path('pods', name), 'merge', { metadata: { labels: { app: 'other' } } })).is(200);
    const released = await c.until(c.path('pods', name), (answer) => answer.list('metadata.ownerReferences').length === 0, 'the release');
    const [other] = await podCount(c, 1);
    notEqual(other, nameOf(released.body));
  }),
];
