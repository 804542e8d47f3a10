import { deepEqual, equal, match, ok } from 'node:assert/strict';
import type { Context } from '../context.ts';
import { at, nameOf, textAt } from '../json.ts';
import { allNamespaces, configMap, paths, pod } from '../objects.ts';
import { one } from '../case.ts';

const three = async (c: Context): Promise<void> => {
  await c.make('configmaps', configMap(`${c.id}-a`, {}, { of: c.id, tier: 'front' }));
  await c.make('configmaps', configMap(`${c.id}-b`, {}, { of: c.id, tier: 'back' }));
  await c.make('configmaps', configMap(`${c.id}-c`, {}, { of: c.id }));
};

const selected = async (c: Context, labelSelector: string): Promise<string[]> =>
  (await c.api.get(c.path('configmaps'), { query: { labelSelector: `of=${c.id},${labelSelector}` } }))
    .is(200)
    .list('items')
    .map((item) => nameOf(item).slice(-1));

export const lists = [
  one('a list has a kind, a resourceVersion, and items without kind, by name', 'GET configmaps', 'everybody', async (c) => {
    await three(c);
    const answer = (await c.api.get(c.path('configmaps'), { query: { labelSelector: `of=${c.id}` } })).is(200);
    deepEqual([answer.text('kind'), answer.text('apiVersion')], ['ConfigMapList', 'v1']);
    match(answer.text('metadata.resourceVersion'), /^\d+$/);
    deepEqual(
      answer.list('items').map((item) => [nameOf(item).slice(-1), at(item, 'kind')]),
      [
        ['a', undefined],
        ['b', undefined],
        ['c', undefined],
      ],
    );
  }),
  one('an empty list has empty items, not null', 'GET configmaps', 'clients', async (c) => {
    deepEqual((await c.api.get(c.path('configmaps'), { query: { labelSelector: `of=${c.id}` } })).at('items'), []);
  }),
  one('a list over all namespaces has all of them', 'GET configmaps (cluster-wide)', 'Rouse', async (c) => {
    const other = await c.freshNamespace();
    await c.make('configmaps', configMap(c.id, {}, { of: c.id }));
    await c.make('configmaps', configMap(c.id, {}, { of: c.id }), other);
    const items = (await c.api.get(allNamespaces('configmaps'), { query: { labelSelector: `of=${c.id}` } })).is(200).list('items');
    deepEqual(items.map((item) => textAt(item, 'metadata.namespace')).sort(), [c.ns, other].sort());
  }),
  one('labels are selected by =, ==, != and existence', 'GET ?labelSelector=', 'Rouse, kubectl -l', async (c) => {
    await three(c);
    deepEqual(await selected(c, 'tier=front'), ['a']);
    deepEqual(await selected(c, 'tier==front'), ['a']);
    deepEqual(await selected(c, 'tier!=front'), ['b', 'c']);
    deepEqual(await selected(c, 'tier'), ['a', 'b']);
    deepEqual(await selected(c, '!tier'), ['c']);
  }),
  one('labels are selected by sets', 'GET ?labelSelector=', 'Rouse, kubectl -l', async (c) => {
    await three(c);
    deepEqual(await selected(c, 'tier in (front, back)'), ['a', 'b']);
    deepEqual(await selected(c, 'tier notin (front)'), ['b', 'c']);
  }),
  one('what is no label selector is BadRequest', 'GET ?labelSelector=', 'kubectl -l', async (c) => {
    (await c.api.get(c.path('configmaps'), { query: { labelSelector: 'a in' } })).fails(400, 'BadRequest');
  }),
  one('one object is selected by its name', 'GET ?fieldSelector=metadata.name', 'kubectl wait, rollout status', async (c) => {
    await three(c);
    const items = (await c.api.get(c.path('configmaps'), { query: { fieldSelector: `metadata.name=${c.id}-b` } })).is(200).list('items');
    deepEqual(items.map(nameOf), [`${c.id}-b`]);
  }),
  one('pods are selected by node and phase', 'GET pods ?fieldSelector=', 'kubectl describe node, kubelet', async (c) => {
    await c.make('pods', pod(c.id, { of: c.id }));
    const count = async (fieldSelector: string): Promise<number> =>
      (await c.api.get(c.path('pods'), { query: { fieldSelector, labelSelector: `of=${c.id}` } })).is(200).list('items').length;
    deepEqual([await count('spec.nodeName='), await count('status.phase=Pending,spec.nodeName!=x'), await count('status.phase!=Pending')], [1, 1, 0]);
  }),
  one('Events are selected by the object they are about', 'GET events ?fieldSelector=', 'kubectl describe', async (c) => {
    await c.make('events', {
      metadata: { name: c.id },
      involvedObject: { kind: 'Pod', namespace: c.ns, name: c.id, uid: 'u-1' },
      reason: 'Tested',
      message: 'm',
      type: 'Normal',
    });
    const names = async (fieldSelector: string): Promise<string[]> =>
      (await c.api.get(c.path('events'), { query: { fieldSelector } })).is(200).list('items').map(nameOf);
    deepEqual(await names(`involvedObject.name=${c.id},involvedObject.uid=u-1,reason=Tested`), [c.id]);
    deepEqual(await names(`involvedObject.name=${c.id},involvedObject.kind!=Pod`), []);
  }),
  one('an unknown field is BadRequest and named', 'GET pods ?fieldSelector=', 'kubectl', async (c) => {
    const answer = (await c.api.get(c.path('pods'), { query: { fieldSelector: 'spec.unknown=x' } })).fails(400, 'BadRequest');
    match(answer.text('message'), /field label not supported: spec\.unknown/);
  }),
  one('a long list comes in pages', 'GET ?limit=&continue=', 'kubectl get, Rouse', async (c) => {
    const ns = await c.freshNamespace();
    for (const name of ['a', 'b', 'c', 'd', 'e']) await c.make('secrets', { metadata: { name } }, ns);
    const path = paths('secrets', ns);
    const first = (await c.api.get(path, { query: { limit: 2 } })).is(200);
    deepEqual([first.list('items').map(nameOf), first.number('metadata.remainingItemCount')], [['a', 'b'], 3]);
    const second = (await c.api.get(path, { query: { limit: 2, continue: first.text('metadata.continue') } })).is(200);
    deepEqual(second.list('items').map(nameOf), ['c', 'd']);
    const third = (await c.api.get(path, { query: { limit: 2, continue: second.text('metadata.continue') } })).is(200);
    deepEqual([third.list('items').map(nameOf), third.at('metadata.continue')], [['e'], undefined]);
  }),
  one('pages are of one moment', 'GET ?limit=&continue=', 'Rouse', async (c) => {
    const ns = await c.freshNamespace();
    for (const name of ['a', 'b', 'c']) await c.make('secrets', { metadata: { name } }, ns);
    const path = paths('secrets', ns);
    const first = (await c.api.get(path, { query: { limit: 1 } })).is(200);
    await c.make('secrets', { metadata: { name: 'bb' } }, ns);
    const rest = (await c.api.get(path, { query: { continue: first.text('metadata.continue') } })).is(200);
    deepEqual(rest.list('items').map(nameOf), ['b', 'c']);
    equal(rest.text('metadata.resourceVersion'), first.text('metadata.resourceVersion'));
  }),
  one('a selector leaves the remaining count out', 'GET ?limit=&labelSelector=', 'kubectl get', async (c) => {
    await three(c);
    const answer = (await c.api.get(c.path('configmaps'), { query: { limit: 1, labelSelector: `of=${c.id}` } })).is(200);
    equal(answer.at('metadata.remainingItemCount'), undefined);
    ok(answer.text('metadata.continue') !== '');
  }),
  one('a continue token that is none is BadRequest', 'GET ?continue=', 'clients', async (c) => {
    (await c.api.get(c.path('configmaps'), { query: { limit: 1, continue: 'nonsense' } })).fails(400, 'BadRequest');
  }),
  one('resourceVersion=0 lists what there is', 'GET ?resourceVersion=0', 'informers, kubectl rollout status', async (c) => {
    await three(c);
    const items = (await c.api.get(c.path('configmaps'), { query: { resourceVersion: 0, labelSelector: `of=${c.id}` } })).is(200).list('items');
    ok(items.length <= 3);
  }),
  one('a list not older than a write has the write', 'GET ?resourceVersion=N&resourceVersionMatch=NotOlderThan', 'Rouse', async (c) => {
    const made = await c.make('configmaps', configMap(c.id, {}, { of: c.id }));
    const query = { resourceVersion: made.text('metadata.resourceVersion'), resourceVersionMatch: 'NotOlderThan', labelSelector: `of=${c.id}` };
    equal((await c.api.get(c.path('configmaps'), { query })).is(200).list('items').length, 1);
  }),
  one('resourceVersionMatch without a resourceVersion is Invalid', 'GET ?resourceVersionMatch=', 'clients', async (c) => {
    (await c.api.get(c.path('configmaps'), { query: { resourceVersionMatch: 'NotOlderThan' } })).fails(422, 'Invalid');
  }),
  one('a resourceVersion of the future times out and says so', 'GET ?resourceVersion=N', 'Rouse (a cluster put back)', async (c) => {
    const now = (await c.api.get(c.path('configmaps'))).text('metadata.resourceVersion');
    const query = { resourceVersion: String(Number(now) + 1_000_000), resourceVersionMatch: 'NotOlderThan' };
    const answer = (await c.api.get(c.path('configmaps'), { query })).fails(504, 'Timeout');
    equal(at(answer.list('details.causes')[0], 'reason'), 'ResourceVersionTooLarge');
  }),
];
