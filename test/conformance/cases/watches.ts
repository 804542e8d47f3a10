import { deepEqual, equal, match, ok } from 'node:assert/strict';
import type { Context } from '../context.ts';
import { at, nameOf, revisionOf } from '../json.ts';
import { allNamespaces, configMap } from '../objects.ts';
import { one } from '../case.ts';

/** Where a watch of this case's ConfigMaps starts: now. */
const now = async (c: Context): Promise<{ readonly path: string; readonly query: { labelSelector: string; resourceVersion: string } }> => {
  const path = c.path('configmaps');
  const labelSelector = `of=${c.id}`;
  const list = (await c.api.get(path, { query: { labelSelector } })).is(200);
  return { path, query: { labelSelector, resourceVersion: list.text('metadata.resourceVersion') } };
};
const mine = (c: Context, name = c.id, data: Readonly<Record<string, string>> = {}) => configMap(name, data, { of: c.id });
const patch = async (c: Context, body: object, name = c.id): Promise<unknown> => (await c.api.patch(c.path('configmaps', name), 'merge', body)).is(200).body;
const annotation = ['metadata', 'annotations', 'k8s.io/initial-events-end'];

export const watches = [
  one('a watch from a resourceVersion gives what came after, in order', 'GET ?watch&resourceVersion=N', 'Rouse, kubectl get -w', async (c) => {
    await c.make('configmaps', mine(c, `${c.id}-before`));
    const { path, query } = await now(c);
    await using watch = await c.api.watch(path, query);
    equal(watch.status, 200);
    await c.make('configmaps', mine(c));
    await patch(c, { data: { a: '1' } });
    (await c.api.delete(c.path('configmaps', c.id))).is(200);
    deepEqual(await watch.take(3), [`ADDED ${c.id}`, `MODIFIED ${c.id}`, `DELETED ${c.id}`]);
  }),
  one('a watch from an earlier resourceVersion replays what it missed', 'GET ?watch&resourceVersion=N', 'Rouse (reconnect)', async (c) => {
    const { path, query } = await now(c);
    await c.make('configmaps', mine(c));
    await patch(c, { data: { a: '1' } });
    await using watch = await c.api.watch(path, query);
    deepEqual(await watch.take(2), [`ADDED ${c.id}`, `MODIFIED ${c.id}`]);
  }),
  one('events carry whole objects with kind and resourceVersion', 'GET ?watch', 'Rouse', async (c) => {
    const { path, query } = await now(c);
    const made = await c.make('configmaps', mine(c, c.id, { a: '1' }));
    await using watch = await c.api.watch(path, query);
    deepEqual((await watch.next()).object, made.body);
  }),
  one('a watch without resourceVersion starts with what there is', 'GET ?watch', 'kubectl, curl', async (c) => {
    await c.make('configmaps', mine(c));
    await using watch = await c.api.watch(c.path('configmaps'), { labelSelector: `of=${c.id}` });
    deepEqual(await watch.take(1), [`ADDED ${c.id}`]);
    await patch(c, { data: { a: '1' } });
    deepEqual(await watch.take(1), [`MODIFIED ${c.id}`]);
  }),
  one('a watch from 0 starts with what there is', 'GET ?watch&resourceVersion=0', 'informers', async (c) => {
    const made = await c.make('configmaps', mine(c));
    const path = c.path('configmaps');
    // What "any version" holds may lag behind: make sure that it does not.
    (await c.api.get(path, { query: { resourceVersion: revisionOf(made.body), resourceVersionMatch: 'NotOlderThan' } })).is(200);
    await using watch = await c.api.watch(path, { labelSelector: `of=${c.id}`, resourceVersion: 0 });
    deepEqual(await watch.take(1), [`ADDED ${c.id}`]);
  }),
  one('the stream is JSON, a document a line, with headers at once', 'GET ?watch', 'Rouse', async (c) => {
    const { path, query } = await now(c);
    await using watch = await c.api.watch(path, query);
    equal(watch.headers['content-type'], 'application/json');
    await c.make('configmaps', mine(c));
    const { line } = await watch.next();
    ok(line.startsWith('{"type":"ADDED","object":{'), line.slice(0, 60));
  }),
  one('line separators of Unicode are escaped', 'GET ?watch', 'client-node (splits lines at U+2028)', async (c) => {
    const { path, query } = await now(c);
    await using watch = await c.api.watch(path, query);
    await c.make('configmaps', mine(c, c.id, { a: 'x\u2028y\u2029z' }));
    const { line, object } = await watch.next();
    ok(!/[\u2028\u2029]/.test(line));
    equal(at(object, 'data.a'), 'x\u2028y\u2029z');
  }),
  one('an object that begins to match is ADDED, one that ceases to is DELETED', 'GET ?watch&labelSelector=', 'Rouse, informers', async (c) => {
    await c.make('configmaps', configMap(c.id));
    const { path, query } = await now(c);
    await using watch = await c.api.watch(path, query);
    await patch(c, { metadata: { labels: { of: c.id } } });
    await patch(c, { data: { a: '1' } });
    const last = await patch(c, { metadata: { labels: { of: null } } });
    deepEqual(await watch.take(2), [`ADDED ${c.id}`, `MODIFIED ${c.id}`]);
    const gone = await watch.next();
    deepEqual([gone.type, revisionOf(gone.object)], ['DELETED', revisionOf(last)]);
    equal(at(gone.object, 'metadata.labels.of'), c.id);
  }),
  one('a DELETED object carries the resourceVersion of its deletion', 'GET ?watch', 'Rouse (resume)', async (c) => {
    const { path, query } = await now(c);
    const made = await c.make('configmaps', mine(c));
    await using watch = await c.api.watch(path, query);
    (await c.api.delete(c.path('configmaps', c.id))).is(200);
    const gone = await watch.next(({ type }) => type === 'DELETED');
    ok(Number(revisionOf(gone.object)) > Number(revisionOf(made.body)));
  }),
  one('one object is watched by its name', 'GET ?watch&fieldSelector=metadata.name=x', 'kubectl wait, rollout status', async (c) => {
    const { path, query } = await now(c);
    await using watch = await c.api.watch(path, { resourceVersion: query.resourceVersion, fieldSelector: `metadata.name=${c.id}` });
    await c.make('configmaps', mine(c, `${c.id}-other`));
    await c.make('configmaps', mine(c));
    deepEqual(await watch.take(1), [`ADDED ${c.id}`]);
  }),
  one('a watch over all namespaces sees all', 'GET ?watch (cluster-wide)', 'Rouse', async (c) => {
    const other = await c.freshNamespace();
    const { query } = await now(c);
    await using watch = await c.api.watch(allNamespaces('configmaps'), query);
    await c.make('configmaps', mine(c, `${c.id}-here`));
    await c.make('configmaps', mine(c, `${c.id}-there`), other);
    deepEqual(await watch.take(2), [`ADDED ${c.id}-here`, `ADDED ${c.id}-there`]);
  }),
  one('a write that changes nothing is no event', 'GET ?watch', 'Rouse, controllers', async (c) => {
    const made = await c.make('configmaps', mine(c, c.id, { a: '1' }));
    await using watch = await c.api.watch(c.path('configmaps'), { labelSelector: `of=${c.id}`, resourceVersion: revisionOf(made.body) });
    await patch(c, { data: { a: '1' } });
    const real = await patch(c, { data: { a: '2' } });
    equal(revisionOf((await watch.next()).object), revisionOf(real));
  }),
  one('timeoutSeconds ends the stream', 'GET ?watch&timeoutSeconds=N', 'Rouse, kubectl', async (c) => {
    const { path, query } = await now(c);
    const start = Date.now();
    await using watch = await c.api.watch(path, { ...query, timeoutSeconds: 1 });
    await watch.ended(8000);
    ok(Date.now() - start >= 900);
    equal(watch.seen.length, 0);
  }),
  one('bookmarks come before the timeout, with only a resourceVersion', 'GET ?watch&allowWatchBookmarks', 'Rouse (resume without relist)', async (c) => {
    const { path, query } = await now(c);
    await using watch = await c.api.watch(path, { ...query, allowWatchBookmarks: true, timeoutSeconds: 4 });
    const made = await c.make('configmaps', mine(c));
    const mark = await watch.next(({ type }) => type === 'BOOKMARK', 8000);
    equal(at(mark.object, 'kind'), 'ConfigMap');
    equal(nameOf(mark.object), '');
    ok(Number(revisionOf(mark.object)) >= Number(revisionOf(made.body)));
  }),
  one('bookmarks come only to those who ask', 'GET ?watch', 'old clients', async (c) => {
    const { path, query } = await now(c);
    await using watch = await c.api.watch(path, { ...query, timeoutSeconds: 3 });
    await watch.ended(8000);
    deepEqual(watch.seen, []);
  }),
  one('a resourceVersion that is too old is an ERROR event of 410 Expired, then the end', 'GET ?watch&resourceVersion=1', 'Rouse (relist)', async (c) => {
    await using watch = await c.api.watch(c.path('configmaps'), { resourceVersion: 1 });
    equal(watch.status, 200);
    const { type, object } = await watch.next();
    deepEqual([type, at(object, 'kind'), at(object, 'code'), at(object, 'reason')], ['ERROR', 'Status', 410, 'Expired']);
    match(String(at(object, 'message')), /^too old resource version: 1 \(\d+\)$/);
    await watch.ended();
  }),
  one(
    'sendInitialEvents gives what there is, a marked bookmark, and then what comes',
    'GET ?watch&sendInitialEvents',
    'kubectl wait, rollout status, informers',
    async (c) => {
      await c.make('configmaps', mine(c));
      await using watch = await c.api.watch(c.path('configmaps'), {
        labelSelector: `of=${c.id}`,
        sendInitialEvents: true,
        resourceVersionMatch: 'NotOlderThan',
        allowWatchBookmarks: true,
      });
      deepEqual(await watch.take(1), [`ADDED ${c.id}`]);
      const mark = await watch.next();
      deepEqual([mark.type, at(mark.object, annotation)], ['BOOKMARK', 'true']);
      await patch(c, { data: { a: '1' } });
      deepEqual(await watch.take(1), [`MODIFIED ${c.id}`]);
    },
  ),
  one('sendInitialEvents on nothing is the marked bookmark alone', 'GET ?watch&sendInitialEvents', 'kubectl wait --for=delete', async (c) => {
    const query = { labelSelector: `of=${c.id}`, sendInitialEvents: true, resourceVersionMatch: 'NotOlderThan', allowWatchBookmarks: true };
    await using watch = await c.api.watch(c.path('configmaps'), query);
    const mark = await watch.next();
    deepEqual([mark.type, at(mark.object, annotation)], ['BOOKMARK', 'true']);
  }),
  one('sendInitialEvents without resourceVersionMatch is Invalid', 'GET ?watch&sendInitialEvents', 'clients', async (c) => {
    (await c.api.get(c.path('configmaps'), { query: { watch: true, sendInitialEvents: true } })).fails(422, 'Invalid');
  }),
  one('a finalizer shows as MODIFIED with a deletion time before DELETED', 'GET ?watch', 'Rouse, controllers', async (c) => {
    const { path, query } = await now(c);
    await c.make('configmaps', { ...mine(c), metadata: { name: c.id, labels: { of: c.id }, finalizers: ['rouse.dev/test'] } });
    await using watch = await c.api.watch(path, query);
    (await c.api.delete(c.path('configmaps', c.id))).is(200);
    const marked = await watch.next(({ type }) => type === 'MODIFIED');
    match(String(at(marked.object, 'metadata.deletionTimestamp')), /Z$/);
    await patch(c, { metadata: { finalizers: null } });
    await watch.next(({ type }) => type === 'DELETED');
  }),
];
