import test from 'ava';
import { until } from '../../../test/support/until.ts';
import { at, isObject, listAt, textAt, type JsonObject } from './json.ts';
import { brief, deploymentNamed, mergePatch, nextOf, send, startedApi, watchEvents, type Reply } from './testing/embedded.ts';

const configMaps = '/api/v1/namespaces/default/configmaps';
const deployments = '/apis/apps/v1/namespaces/default/deployments';

test('a created object gets a uid, a version, a generation and the defaults that clients rely on', async (t) => {
  const api = await startedApi(t);
  const { code, body } = await send(api, 'POST', deployments, deploymentNamed('web'));
  t.is(code, 201);
  t.is(at(body, 'spec', 'replicas'), 1);
  t.deepEqual(at(body, 'spec', 'strategy'), { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: '25%', maxSurge: '25%' } });
  t.is(at(body, 'metadata', 'generation'), 1);
  t.regex(textAt(body, 'metadata', 'uid') ?? '', /^[0-9a-f-]{36}$/);
  t.is(at(listAt(body, 'spec', 'template', 'spec', 'containers')[0], 'imagePullPolicy'), 'IfNotPresent');
  t.is((await send(api, 'POST', deployments, deploymentNamed('web'))).body['reason'], 'AlreadyExists');
});

test('everything that is wrong with an object is said at once, as causes of a 422', async (t) => {
  const api = await startedApi(t);
  const bad = {
    metadata: { name: 'Bad_Name' },
    spec: { replicas: -1, selector: { matchLabels: { app: 'a' } }, template: { spec: { containers: [{ name: 'app' }] } } },
  };
  const { code, body } = await send(api, 'POST', deployments, bad);
  t.is(code, 422);
  const fields = listAt(body, 'details', 'causes').map((cause) => textAt(cause, 'field'));
  t.deepEqual(fields, ['metadata.name', 'spec.template.metadata.labels', 'spec.replicas', 'spec.template.spec.containers[0].image']);
});

test('a write that changes nothing is not a write', async (t) => {
  const api = await startedApi(t);
  const first = await send(api, 'POST', configMaps, { metadata: { name: 'a' }, data: { k: 'v' } });
  const patched = await mergePatch(api, `${configMaps}/a`, { data: { k: 'v' } });
  t.is(at(patched.body, 'metadata', 'resourceVersion'), at(first.body, 'metadata', 'resourceVersion'));
});

test('a PUT with an old version is a conflict, and one without a version is taken where the kind allows it', async (t) => {
  const api = await startedApi(t);
  const { body } = await send(api, 'POST', configMaps, { metadata: { name: 'a' }, data: { k: '1' } });
  t.is((await send(api, 'PUT', `${configMaps}/a`, { metadata: { name: 'a' }, data: { k: '2' } })).code, 200);
  const stale = await send(api, 'PUT', `${configMaps}/a`, { ...body, data: { k: '3' } });
  t.is(stale.body['reason'], 'Conflict');
  const leases = '/apis/coordination.k8s.io/v1/namespaces/default/leases';
  t.is((await send(api, 'PUT', `${leases}/l`, { metadata: { name: 'l' }, spec: { holderIdentity: 'a' } })).code, 201);
  t.is((await send(api, 'PUT', `${leases}/l`, { metadata: { name: 'l' }, spec: { holderIdentity: 'b' } })).code, 422);
});

test('a patch of /scale changes the replicas of its parent, counts a generation and is owned as such', async (t) => {
  const api = await startedApi(t);
  await send(api, 'POST', deployments, deploymentNamed('web'));
  const path = `${deployments}/web/scale?fieldManager=rouse`;
  const { code, body } = await mergePatch(api, path, { spec: { replicas: 3 } });
  t.is(code, 200);
  t.is(body['kind'], 'Scale');
  t.is(at(body, 'status', 'selector'), 'app=web');
  const parent = await send(api, 'GET', `${deployments}/web`);
  t.is(at(parent.body, 'spec', 'replicas'), 3);
  t.is(at(parent.body, 'metadata', 'generation'), 2);
  t.is(at(parent.body, 'metadata', 'resourceVersion'), at(body, 'metadata', 'resourceVersion'));
  const owners = listAt(parent.body, 'metadata', 'managedFields').map((entry) => `${textAt(entry, 'manager') ?? ''}/${textAt(entry, 'subresource') ?? ''}`);
  t.true(owners.includes('rouse/scale'));
});

test('a write of the status leaves the spec alone, and the other way round', async (t) => {
  const api = await startedApi(t);
  const { body } = await send(api, 'POST', deployments, deploymentNamed('web'));
  const both = { ...body, spec: { ...(isObject(body['spec']) ? body['spec'] : {}), replicas: 7 }, status: { replicas: 5 } };
  const status = await send(api, 'PUT', `${deployments}/web/status`, both);
  t.is(at(status.body, 'spec', 'replicas'), 1);
  t.is(at(status.body, 'status', 'replicas'), 5);
  t.is(at(status.body, 'metadata', 'generation'), 1);
  const main = await send(api, 'PUT', `${deployments}/web`, { ...both, metadata: { name: 'web' }, status: { replicas: 9 } });
  t.is(at(main.body, 'spec', 'replicas'), 7);
  t.is(at(main.body, 'status', 'replicas'), 5);
  t.is(at(main.body, 'metadata', 'generation'), 2);
});

test('a dry run answers as the write would and leaves nothing behind', async (t) => {
  const api = await startedApi(t);
  t.is((await send(api, 'POST', `${deployments}?dryRun=All`, deploymentNamed('web'))).code, 201);
  t.is((await send(api, 'GET', `${deployments}/web`)).code, 404);
});

test('a finalizer keeps a deleted object until it is taken away', async (t) => {
  const api = await startedApi(t);
  await send(api, 'POST', configMaps, { metadata: { name: 'a', finalizers: ['example.com/hold'] } });
  const deleted = await send(api, 'DELETE', `${configMaps}/a`);
  t.is(deleted.code, 200);
  t.not(textAt(deleted.body, 'metadata', 'deletionTimestamp'), undefined);
  await mergePatch(api, `${configMaps}/a`, { metadata: { finalizers: null } });
  t.is((await send(api, 'GET', `${configMaps}/a`)).code, 404);
});

test('a pod on a node gets its grace period, which a second delete can only shorten', async (t) => {
  const api = await startedApi(t);
  const pods = '/api/v1/namespaces/default/pods';
  const pod = { metadata: { name: 'p' }, spec: { containers: [{ name: 'a', image: 'x' }], terminationGracePeriodSeconds: 20 } };
  await send(api, 'POST', pods, pod);
  t.is((await send(api, 'POST', `${pods}/p/binding`, { target: { kind: 'Node', name: 'n1' } })).code, 201);
  t.is((await send(api, 'POST', `${pods}/p/binding`, { target: { kind: 'Node', name: 'n2' } })).code, 409);
  const first = await send(api, 'DELETE', `${pods}/p`);
  t.is(at(first.body, 'metadata', 'deletionGracePeriodSeconds'), 20);
  const longer = await send(api, 'DELETE', `${pods}/p?gracePeriodSeconds=60`);
  t.is(at(longer.body, 'metadata', 'resourceVersion'), at(first.body, 'metadata', 'resourceVersion'));
  t.is(at((await send(api, 'DELETE', `${pods}/p?gracePeriodSeconds=5`)).body, 'metadata', 'deletionGracePeriodSeconds'), 5);
  await send(api, 'DELETE', `${pods}/p?gracePeriodSeconds=0`);
  t.is((await send(api, 'GET', `${pods}/p`)).code, 404);
});

test('pages of a list show one state, whatever is written between them', async (t) => {
  const api = await startedApi(t);
  for (const name of ['a', 'b', 'c', 'd']) await send(api, 'POST', configMaps, { metadata: { name } });
  const first = await send(api, 'GET', `${configMaps}?limit=2`);
  t.is(at(first.body, 'metadata', 'remainingItemCount'), 2);
  await send(api, 'DELETE', `${configMaps}/c`);
  await send(api, 'POST', configMaps, { metadata: { name: 'e' } });
  const token = encodeURIComponent(textAt(first.body, 'metadata', 'continue') ?? '');
  const second = await send(api, 'GET', `${configMaps}?limit=5&continue=${token}`);
  t.deepEqual(
    [...listAt(first.body, 'items'), ...listAt(second.body, 'items')].map((item) => textAt(item, 'metadata', 'name')),
    ['a', 'b', 'c', 'd'],
  );
  t.is(at(listAt(first.body, 'items')[0], 'kind'), undefined);
});

test('a watch tells each change in order, and an object that stops to match as deleted', async (t) => {
  const api = await startedApi(t);
  const end = new AbortController();
  t.teardown(() => {
    end.abort();
  });
  const { body } = await send(api, 'GET', configMaps);
  const from = textAt(body, 'metadata', 'resourceVersion') ?? '';
  await send(api, 'POST', configMaps, { metadata: { name: 'a', labels: { on: 'yes' } } });
  const stream = watchEvents(api, `${configMaps}?watch=1&labelSelector=on%3Dyes&resourceVersion=${from}`, end.signal);
  t.is(brief(await nextOf(stream)), 'ADDED a');
  await mergePatch(api, `${configMaps}/a`, { data: { text: 'line\u2028separator' } });
  t.is(brief(await nextOf(stream)), 'MODIFIED a');
  const { body: changed } = await mergePatch(api, `${configMaps}/a`, { metadata: { labels: { on: 'no' } } });
  const gone = await nextOf(stream);
  t.is(brief(gone), 'DELETED a');
  t.is(at(gone, 'object', 'metadata', 'labels', 'on'), 'yes');
  t.is(at(gone, 'object', 'metadata', 'resourceVersion'), at(changed, 'metadata', 'resourceVersion'));
});

test('no line separator of Unicode goes out unescaped', async (t) => {
  const api = await startedApi(t);
  await send(api, 'POST', configMaps, { metadata: { name: 'a' }, data: { text: 'a\u2028b' } });
  const { text } = await send(api, 'GET', `${configMaps}/a`);
  t.true(text.includes('a\\u2028b'));
});

test('a watch list ends its initial events with the bookmark that clients wait for', async (t) => {
  const api = await startedApi(t);
  const end = new AbortController();
  t.teardown(() => {
    end.abort();
  });
  await send(api, 'POST', configMaps, { metadata: { name: 'a' } });
  const query = 'watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true';
  const stream = watchEvents(api, `${configMaps}?${query}`, end.signal);
  t.is(brief(await nextOf(stream)), 'ADDED a');
  const bookmark = await nextOf(stream);
  t.is(bookmark['type'], 'BOOKMARK');
  t.is(at(bookmark, 'object', 'metadata', 'annotations', 'k8s.io/initial-events-end'), 'true');
  t.is((await send(api, 'GET', `${configMaps}?watch=true&sendInitialEvents=true`)).code, 422);
});

test('a watch from a version that is no longer known ends with 410 inside the stream', async (t) => {
  const api = await startedApi(t);
  const stream = watchEvents(api, `${configMaps}?watch=1&resourceVersion=5`, new AbortController().signal);
  const event = await nextOf(stream);
  t.is(event['type'], 'ERROR');
  t.is(at(event, 'object', 'code'), 410);
  t.is(at(event, 'object', 'reason'), 'Expired');
  t.is((await stream.next()).done, true);
});

test('a watch ends after timeoutSeconds', async (t) => {
  const api = await startedApi(t);
  const seen: JsonObject[] = [];
  for await (const event of watchEvents(api, `${configMaps}?watch=1&timeoutSeconds=1&allowWatchBookmarks=true`, new AbortController().signal)) seen.push(event);
  t.deepEqual(
    seen.map((event) => event['type']),
    ['BOOKMARK'],
  );
});

test('events of the two groups are one store under two views', async (t) => {
  const api = await startedApi(t);
  const event = {
    metadata: { name: 'e' },
    involvedObject: { kind: 'Pod', namespace: 'default', name: 'p' },
    reason: 'Started',
    message: 'hello',
    type: 'Normal',
  };
  await send(api, 'POST', '/api/v1/namespaces/default/events', event);
  const { body } = await send(api, 'GET', '/apis/events.k8s.io/v1/namespaces/default/events/e');
  t.is(body['apiVersion'], 'events.k8s.io/v1');
  t.is(body['note'], 'hello');
  t.is(at(body, 'regarding', 'name'), 'p');
  const { body: list } = await send(api, 'GET', '/api/v1/events?fieldSelector=involvedObject.name%3Dp');
  t.is(listAt(list, 'items').length, 1);
});

test('protobuf bodies are refused with the way around them', async (t) => {
  const api = await startedApi(t);
  const { code, body } = await send(api, 'POST', configMaps, 'k8s', { 'content-type': 'application/vnd.kubernetes.protobuf' });
  t.is(code, 415);
  t.regex(textAt(body, 'message') ?? '', /--dry-run=client -o yaml \| kubectl apply -f -/);
});

test('bodies that are too large, too deep or no JSON are refused with a Status', async (t) => {
  const api = await startedApi(t);
  t.is((await send(api, 'POST', configMaps, '{"a":')).code, 400);
  t.is((await send(api, 'POST', configMaps, `{"metadata":{"name":"a"},"x":${'['.repeat(5000)}${']'.repeat(5000)}}`)).code, 400);
  t.is((await send(api, 'POST', configMaps, '[]')).code, 400);
  const large = await send(api, 'POST', configMaps, JSON.stringify({ data: { a: 'x'.repeat(3 * 1024 * 1024) } })).catch((error: unknown) => error);
  t.true(large instanceof Error || (isObject(large) && large['code'] === 413));
});

test('a namespace gets its ServiceAccount, and nothing new while it goes', async (t) => {
  const api = await startedApi(t);
  await send(api, 'POST', '/api/v1/namespaces', { metadata: { name: 'team' } });
  await until('it has one', async () => (await send(api, 'GET', '/api/v1/namespaces/team/serviceaccounts/default')).code === 200);
  const going = await send(api, 'DELETE', '/api/v1/namespaces/team');
  t.is(at(going.body, 'status', 'phase'), 'Terminating');
  const refused = await send(api, 'POST', '/api/v1/namespaces/team/configmaps', { metadata: { name: 'a' } });
  t.is(refused.code, 403);
  t.is((await send(api, 'POST', '/api/v1/namespaces/nowhere/configmaps', { metadata: { name: 'a' } })).code, 404);
  t.is((await send(api, 'DELETE', '/api/v1/namespaces/default')).code, 403);
});

test('server-side apply creates, takes over only by force, and leaves others their fields', async (t) => {
  const api = await startedApi(t);
  const apply = (manager: string, value: JsonObject, force = false): Promise<Reply> =>
    send(api, 'PATCH', `${configMaps}/a?fieldManager=${manager}&force=${String(force)}`, JSON.stringify(value), {
      'content-type': 'application/apply-patch+yaml',
    });
  const config = (data: JsonObject): JsonObject => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' }, data });
  t.is((await apply('one', config({ k: '1', only: 'x' }))).code, 201);
  t.is((await apply('two', config({ k: '2' }))).code, 409);
  t.is((await apply('two', config({ k: '2' }), true)).code, 200);
  const { body } = await apply('one', config({ other: 'y' }));
  t.deepEqual(at(body, 'data'), { k: '2', other: 'y' });
});
