import test from 'ava';
import { request, type IncomingMessage } from 'node:http';
import { at, listAt, objectAt, textAt, type JsonObject } from '../json.ts';
import { brief, deploymentNamed, mergePatch, nextOf, send, startedApi, watchEvents } from '../testing/embedded.ts';

const configMaps = '/api/v1/namespaces/default/configmaps';
const configMapResource = { group: '', version: 'v1', plural: 'configmaps', kind: 'ConfigMap', namespaced: true };
const pods = '/api/v1/namespaces/default/pods';
const table = 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json';

const ready = { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] };

const podNamed = (name: string, containers: readonly string[] = ['app']): JsonObject => ({
  metadata: { name, labels: { app: 'web' } },
  spec: { containers: containers.map((container) => ({ name: container, image: 'x:1' })) },
});

test('discovery answers in both forms, and kubectl gets the OpenAPI answers that it goes on with', async (t) => {
  const api = await startedApi(t);
  const plain = await send(api, 'GET', '/apis/apps/v1');
  t.deepEqual(
    listAt(plain.body, 'resources')
      .map((resource) => textAt(resource, 'name'))
      .filter((name) => name?.startsWith('deployments')),
    ['deployments', 'deployments/scale', 'deployments/status'],
  );
  const accept = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json';
  const aggregated = await send(api, 'GET', '/apis', undefined, { accept });
  t.is(aggregated.headers.get('content-type'), 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList');
  t.true(listAt(aggregated.body, 'items').some((group) => textAt(group, 'metadata', 'name') === 'autoscaling' && listAt(group, 'versions').length === 2));
  const openApi = await send(api, 'GET', '/openapi/v2');
  t.is(openApi.headers.get('content-type'), 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf');
  t.is(openApi.text, '');
  t.is((await send(api, 'GET', '/apis/nothing.example/v1/things')).code, 404);
});

test('lists and watches come as tables to those who ask for them', async (t) => {
  const api = await startedApi(t);
  await send(api, 'POST', pods, podNamed('a'));
  const { body } = await send(api, 'GET', pods, undefined, { accept: table });
  t.is(body['kind'], 'Table');
  t.is(listAt(listAt(body, 'rows')[0], 'cells')[0], 'a');
  t.is(at(listAt(body, 'rows')[0], 'object', 'kind'), 'PartialObjectMetadata');
  const response = await fetch(`${api.httpUrl ?? ''}${pods}?watch=1&timeoutSeconds=1`, { headers: { accept: table } });
  const [first = ''] = (await response.text()).split('\n');
  t.regex(first, /^\{"type":"ADDED","object":\{"kind":"Table"/);
  t.is((await send(api, 'GET', pods, undefined, { accept: 'application/vnd.kubernetes.protobuf' })).code, 406);
});

test('a patch that names a version is a conflict once the object has changed, one that does not is applied to what is there', async (t) => {
  const api = await startedApi(t);
  const { body } = await send(api, 'POST', configMaps, { metadata: { name: 'a' }, data: { one: '1' } });
  t.is((await mergePatch(api, `${configMaps}/a`, { data: { two: '2' } })).code, 200);
  const stale = await mergePatch(api, `${configMaps}/a`, { metadata: { resourceVersion: at(body, 'metadata', 'resourceVersion') }, data: { three: '3' } });
  t.is(stale.body['reason'], 'Conflict');
  const other = await mergePatch(api, `${configMaps}/a`, { metadata: { uid: 'another' } });
  t.is(other.body['reason'], 'Conflict');
  const jsonPatch = [{ op: 'replace', path: '/data/one', value: 'x' }];
  const patched = await send(api, 'PATCH', `${configMaps}/a`, jsonPatch, { 'content-type': 'application/json-patch+json' });
  t.deepEqual(at(patched.body, 'data'), { one: 'x', two: '2' });
  t.is((await send(api, 'PATCH', `${configMaps}/a`, {}, { 'content-type': 'application/json' })).code, 415);
});

test('patches of the same object at once are all applied', async (t) => {
  const api = await startedApi(t);
  await send(api, 'POST', configMaps, { metadata: { name: 'a' }, data: {} });
  const keys = Array.from({ length: 20 }, (_, index) => `k${String(index)}`);
  await Promise.all(keys.map((key) => mergePatch(api, `${configMaps}/a`, { data: { [key]: 'v' } })));
  const { body } = await send(api, 'GET', `${configMaps}/a`);
  t.deepEqual(Object.keys(objectAt(body, 'data') ?? {}).sort(), [...keys].sort());
});

test('YAML bodies are read, duplicate keys are not', async (t) => {
  const api = await startedApi(t);
  const headers = { 'content-type': 'application/yaml' };
  t.is((await send(api, 'POST', configMaps, 'metadata: {name: a}\ndata:\n  k: v\n', headers)).code, 201);
  const twice = await send(api, 'POST', configMaps, 'metadata: {name: b}\ndata:\n  k: v\n  k: w\n', headers);
  t.is(twice.code, 400);
  t.regex(textAt(twice.body, 'message') ?? '', /unique/);
});

test('a generated name is the base and five characters, and unlike the one before', async (t) => {
  const api = await startedApi(t);
  const names = [];
  for (let count = 0; count < 3; count += 1) {
    const { body } = await send(api, 'POST', configMaps, { metadata: { generateName: 'base-' } });
    names.push(textAt(body, 'metadata', 'name') ?? '');
  }
  t.is(new Set(names).size, 3);
  for (const name of names) t.regex(name, /^base-[bcdfghjklmnpqrstvwxz2456789]{5}$/);
});

test('logs need the name of a container where there are several, and stream what the kubelet has', async (t) => {
  const asked: unknown[] = [];
  const api = await startedApi(t, {
    logSource: {
      open: ({ signal: _, ...request }) => {
        asked.push(request);
        return {
          kind: 'stream',
          chunks: (async function* chunks() {
            yield await Promise.resolve(Buffer.from('one\ntwo\n'));
          })(),
        };
      },
    },
  });
  await send(api, 'POST', pods, podNamed('many', ['a', 'b']));
  await send(api, 'POST', pods, podNamed('one'));
  t.is((await send(api, 'GET', `${pods}/one/log`)).code, 204, 'no node, no log');
  await send(api, 'POST', `${pods}/one/binding`, { target: { kind: 'Node', name: 'n1' } });
  t.is((await send(api, 'GET', `${pods}/many/log`)).body['message'], 'a container name must be specified for pod many, choose one of: [a b]');
  t.is((await send(api, 'GET', `${pods}/many/log?container=c`)).body['message'], 'container c is not valid for pod many');
  const log = await send(api, 'GET', `${pods}/one/log?tailLines=2&timestamps=true`);
  t.is(log.text, 'one\ntwo\n');
  t.is(log.headers.get('content-type'), 'text/plain');
  t.like(asked[0], { pod: 'one', container: 'app', tailLines: 2, timestamps: true, follow: false, previous: false });
});

test('an eviction waits for the disruption budget', async (t) => {
  const api = await startedApi(t);
  for (const name of ['a', 'b']) {
    await send(api, 'POST', pods, podNamed(name));
    await mergePatch(api, `${pods}/${name}/status`, { status: ready });
  }
  const budget = { metadata: { name: 'b' }, spec: { minAvailable: 1, selector: { matchLabels: { app: 'web' } } } };
  await send(api, 'POST', '/apis/policy/v1/namespaces/default/poddisruptionbudgets', budget);
  const evict = (name: string): ReturnType<typeof send> =>
    send(api, 'POST', `${pods}/${name}/eviction`, { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name } });
  t.is((await evict('a')).code, 201);
  const refused = await evict('b');
  t.is(refused.code, 429);
  t.is(refused.headers.get('retry-after'), '10');
  t.is(at(listAt(refused.body, 'details', 'causes')[0], 'reason'), 'DisruptionBudget');
});

test('a collection is deleted by its selector', async (t) => {
  const api = await startedApi(t);
  for (const [name, app] of [
    ['a', 'x'],
    ['b', 'x'],
    ['c', 'y'],
  ] as const)
    await send(api, 'POST', configMaps, { metadata: { name, labels: { app } } });
  const { code, body } = await send(api, 'DELETE', `${configMaps}?labelSelector=app%3Dx`);
  t.is(code, 200);
  t.is(listAt(body, 'items').length, 2);
  t.deepEqual(
    listAt((await send(api, 'GET', configMaps)).body, 'items').map((item) => textAt(item, 'metadata', 'name')),
    ['c'],
  );
});

test('a watch by field selector sees a pod when it comes to its node', async (t) => {
  const api = await startedApi(t);
  const end = new AbortController();
  t.teardown(() => {
    end.abort();
  });
  const stream = watchEvents(api, `${pods}?watch=1&fieldSelector=spec.nodeName%3Dn1`, end.signal);
  const first = nextOf(stream);
  await send(api, 'POST', pods, podNamed('a'));
  await send(api, 'POST', `${pods}/a/binding`, { target: { kind: 'Node', name: 'n1' } });
  const added = await first;
  t.is(brief(added), 'ADDED a');
  t.is(at(listAt(added, 'object', 'status', 'conditions')[0], 'type'), 'PodScheduled');
  t.is((await send(api, 'GET', `${pods}?fieldSelector=spec.image%3Dx`)).code, 400);
});

test('a watcher that does not read is cut off, and what it was owed is let go', async (t) => {
  const api = await startedApi(t);
  const outgoing = request(`${api.httpUrl ?? ''}${configMaps}?watch=1`);
  outgoing.end();
  const response: IncomingMessage = await new Promise((resolve) => outgoing.once('response', resolve));
  response.on('error', () => undefined);
  const closed = new Promise<void>((resolve) => response.once('close', resolve));
  response.pause();
  const text = 'x'.repeat(900_000);
  for (let count = 0; count < 30; count += 1) {
    await api.api.create(configMapResource, { metadata: { name: `big-${String(count)}`, namespace: 'default' }, ...{ data: { text } } }, 'test');
  }
  response.resume();
  await closed;
  t.false(response.complete);
});

test('a selector, an address and a type that may not change are refused when they do', async (t) => {
  const api = await startedApi(t);
  const deployments = '/apis/apps/v1/namespaces/default/deployments';
  await send(api, 'POST', deployments, deploymentNamed('web'));
  const changed = { spec: { selector: { matchLabels: { app: 'other' } }, template: { metadata: { labels: { app: 'other' } } } } };
  t.regex((await mergePatch(api, `${deployments}/web`, changed)).text, /spec\.selector: Invalid value: .* field is immutable/);
  const services = '/api/v1/namespaces/default/services';
  const { body } = await send(api, 'POST', services, { metadata: { name: 's' }, spec: { ports: [{ port: 80 }], selector: { app: 'web' } } });
  t.regex(textAt(body, 'spec', 'clusterIP') ?? '', /^10\.96\./);
  t.is((await mergePatch(api, `${services}/s`, { spec: { clusterIP: '10.96.9.9' } })).code, 422);
  const replaced = await send(api, 'PUT', `${services}/s`, { metadata: { name: 's' }, spec: { ports: [{ port: 81 }] } });
  t.is(at(replaced.body, 'spec', 'clusterIP'), at(body, 'spec', 'clusterIP'));
});
