import test, { type ExecutionContext } from 'ava';
import { millis, seededRandom, silentLogger, systemClock, systemRandom } from '../../src/core/index.ts';
import {
  configMapView,
  createEventRecorder,
  createKubeClient,
  loadKubeConfig,
  printKubeConfig,
  resources,
  runLeaderElection,
  watchResource,
  workloadView,
  type ConfigMapView,
  type KubeClient,
  type KubeConnection,
  type ResourceWatch,
} from '../../src/kube/index.ts';
import { startEmbeddedApi, type EmbeddedApi } from '../../src/local/index.ts';
import { apiClient } from '../support/api-client.ts';
import { startCuttableProxy, type CuttableProxy } from '../support/cuttable-proxy.ts';
import { until } from '../support/until.ts';

const clock = systemClock;

interface Scene {
  readonly cluster: EmbeddedApi;
  readonly connection: KubeConnection;
  readonly client: KubeClient;
}

/** An embedded API and our client on it, over HTTPS with a token. */
const scene = async (t: ExecutionContext, historyPerResource = 1000): Promise<Scene> => {
  const cluster = await startEmbeddedApi({
    clock,
    random: systemRandom,
    logger: silentLogger,
    httpsPort: 0,
    httpPort: 0,
    logSource: { open: () => ({ kind: 'missing', message: 'no kubelet here' }) },
    limits: { historyPerResource, historyBytesPerResource: 1_000_000, objectsPerResource: 10_000 },
  });
  const connection = await loadKubeConfig({ kind: 'text', text: cluster.kubeconfig() });
  t.teardown(async () => {
    connection.close();
    await cluster.close();
  });
  return { cluster, connection, client: createKubeClient({ connection, clock }) };
};

const named = (name: string): { readonly namespace: string; readonly name: string } => ({ namespace: 'default', name });
const labels = { app: 'web' };
const web = {
  metadata: named('web'),
  spec: { replicas: 0, selector: { matchLabels: labels }, template: { metadata: { labels }, spec: { containers: [{ name: 'app', image: 'web:1' }] } } },
};

/** The value of an outcome that must be good. */
const good = async <T>(
  outcome: Promise<{ readonly ok: true; readonly value: T } | { readonly ok: false; readonly problem: { readonly message: string } }>,
): Promise<T> => {
  const result = await outcome;
  if (!result.ok) throw new Error(result.problem.message);
  return result.value;
};

const problemOf = async (outcome: ReturnType<KubeClient['get']> | ReturnType<KubeClient['delete']>): Promise<string> => {
  const result = await outcome;
  return result.ok ? 'none' : result.problem.kind;
};

test('objects are created, read, listed, replaced, patched and deleted, and every refusal has its kind', async (t) => {
  const { client } = await scene(t);
  const created = await good(client.create(resources.configMaps, { metadata: named('c'), data: { a: '1' } }));
  t.is(await problemOf(client.create(resources.configMaps, { metadata: named('c') })), 'already-exists');
  t.is(await problemOf(client.create(resources.configMaps, { metadata: { namespace: 'nowhere', name: 'c' } })), 'not-found');
  t.is(await problemOf(client.create(resources.configMaps, { metadata: named('Not A Name') })), 'invalid');
  t.is(await problemOf(client.get(resources.configMaps, named('other'))), 'not-found');

  const replaced = await good(client.replace(resources.configMaps, { ...created, data: { a: '2' } }));
  t.is(await problemOf(client.replace(resources.configMaps, { ...created, data: { a: '3' } })), 'conflict');
  t.is(
    await problemOf(
      client.mergePatch(resources.configMaps, named('c'), { metadata: { resourceVersion: created.metadata?.resourceVersion }, data: { b: '1' } }),
    ),
    'conflict',
  );
  const patched = await good(
    client.mergePatch(resources.configMaps, named('c'), { metadata: { resourceVersion: replaced.metadata?.resourceVersion }, data: { b: '1' } }),
  );
  t.deepEqual(patched.data, { a: '2', b: '1' });
  t.is(typeof patched.metadata?.creationTimestamp, 'string');
  t.deepEqual([...new Set(patched.metadata?.managedFields?.map(({ manager }) => manager))], ['rouse']);

  const listed = await good(client.list(resources.configMaps, { namespace: 'default', fieldSelector: 'metadata.name=c' }));
  t.deepEqual(
    listed.items.map((each) => each.metadata?.uid),
    [created.metadata?.uid],
  );
  t.is(await problemOf(client.delete(resources.configMaps, named('c'), { uid: 'another' })), 'conflict');
  t.is(await problemOf(client.delete(resources.configMaps, named('c'), { uid: created.metadata?.uid ?? '' })), 'none');
  t.is(await problemOf(client.delete(resources.configMaps, named('c'))), 'not-found');
  t.deepEqual(await good(client.version()), { major: 1, minor: 36 });
});

test('/scale is read and written, conditionally where asked, and the view of the workload says that it was us', async (t) => {
  const { client } = await scene(t);
  await good(client.create(resources.deployments, web));
  const before = await good(client.readScale(resources.deployments, named('web')));
  t.like(before, { replicas: 0, selector: 'app=web' });
  const after = await good(client.writeScale(resources.deployments, named('web'), 3, before.resourceVersion));
  t.is(after.replicas, 3);
  t.is(await problemOf(client.writeScale(resources.deployments, named('web'), 4, before.resourceVersion) as never), 'conflict');
  t.is(await problemOf(client.readScale(resources.deployments, named('other')) as never), 'not-found');
  const view = workloadView('deployments.apps')(await good(client.get(resources.deployments, named('web'))));
  t.is(view.specReplicas, 3);
  t.deepEqual(
    view.scaledBy.map(({ manager }) => manager),
    ['rouse'],
  );
});

test('plain HTTP on loopback works too; a wrong token and a foreign certificate do not', async (t) => {
  const { cluster } = await scene(t);
  const ask = async (text: string): Promise<string> => {
    const connection = await loadKubeConfig({ kind: 'text', text });
    const outcome = await createKubeClient({ connection, clock }).list(resources.pods, {});
    connection.close();
    return outcome.ok ? 'ok' : outcome.problem.kind;
  };
  t.is(await ask(printKubeConfig({ server: cluster.httpUrl ?? '' })), 'ok');
  t.is(await ask(printKubeConfig({ server: cluster.url, caPem: cluster.caPem, token: cluster.adminToken })), 'ok');
  t.is(await ask(printKubeConfig({ server: cluster.url, caPem: cluster.caPem, token: 'wrong' })), 'unauthorized');
  t.is(await ask(printKubeConfig({ server: cluster.url, token: cluster.adminToken })), 'unavailable');
});

test('a token for our audience is recognised with its pod; one for another audience is not', async (t) => {
  const { cluster, client } = await scene(t);
  const api = apiClient({ url: cluster.url, caPem: cluster.caPem, token: cluster.adminToken });
  t.teardown(() => api.close());
  await good(client.create({ group: '', version: 'v1', plural: 'serviceaccounts', kind: 'ServiceAccount', namespaced: true }, { metadata: named('gateway') }));
  const request = (audience: string): Promise<string> =>
    api('POST', '/api/v1/namespaces/default/serviceaccounts/gateway/token', {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      spec: { audiences: [audience], expirationSeconds: 3600 },
    }).then(({ body }) => (body as unknown as { status: { token: string } }).status.token);
  t.like(await good(client.reviewToken(await request('rouse-controller'), ['rouse-controller'])), { user: 'system:serviceaccount:default:gateway' });
  t.is(await good(client.reviewToken(await request('somebody-else'), ['rouse-controller'])), undefined);
  t.is(await good(client.reviewToken('nonsense', ['rouse-controller'])), undefined);
});

/** A watch of ConfigMaps through a proxy that can be cut, and what it told. */
const watched = async (t: ExecutionContext, { cluster }: Scene): Promise<{ proxy: CuttableProxy; watch: ResourceWatch<ConfigMapView>; told: string[] }> => {
  const proxy = await startCuttableProxy({ host: '127.0.0.1', port: Number(new URL(cluster.url).port) });
  const connection = await loadKubeConfig({
    kind: 'text',
    text: printKubeConfig({ server: `https://127.0.0.1:${String(proxy.port)}`, caPem: cluster.caPem, token: cluster.adminToken }),
  });
  const watch = watchResource({
    connection,
    resource: resources.configMaps,
    selection: { namespace: 'default', labelSelector: 'watched' },
    view: configMapView,
    clock,
    random: seededRandom(1),
    logger: silentLogger,
    timing: { firstBackoff: millis(10), longestBackoff: millis(50), healthyAfter: millis(50) },
  });
  const told: string[] = [];
  watch.snapshot.subscribe((event) => told.push(event.type === 'set' ? `${event.key}=${event.value.data['x'] ?? ''}` : `-${event.key}`));
  const stop = new AbortController();
  const running = watch.run(stop.signal);
  t.teardown(async () => {
    stop.abort();
    await running;
    connection.close();
    await proxy.close();
  });
  await watch.snapshot.synced;
  return { proxy, watch, told };
};

const configMap = (
  name: string,
  x: string,
): {
  readonly metadata: { readonly namespace: string; readonly name: string; readonly labels: { readonly watched: string } };
  readonly data: { readonly x: string };
} => ({
  metadata: { ...named(name), labels: { watched: '' } },
  data: { x },
});

test('a watch over HTTPS follows every change, also of labels, and is resumed after a cut without a new list', async (t) => {
  const all = await scene(t);
  const { client } = all;
  await good(client.create(resources.configMaps, configMap('a', '1')));
  const { proxy, watch, told } = await watched(t, all);
  await good(client.mergePatch(resources.configMaps, named('a'), { data: { x: 'one\u2028two' } }));
  await good(client.create(resources.configMaps, configMap('b', '1')));
  await good(client.mergePatch(resources.configMaps, named('b'), { metadata: { labels: { watched: null } } }));
  await until('the label that went is noticed', () => told.includes('-default/b'));
  proxy.cut();
  await good(client.mergePatch(resources.configMaps, named('a'), { data: { x: '3' } }));
  await good(client.delete(resources.configMaps, named('a')));
  await good(client.create(resources.configMaps, configMap('a', '4')));
  proxy.mend();
  await until('the last change is in', () => watch.snapshot.get('default/a')?.data['x'] === '4');
  t.deepEqual(told, ['default/a=1', 'default/a=one\u2028two', 'default/b=1', '-default/b', 'default/a=3', '-default/a', 'default/a=4']);
  t.like(watch.counts(), { lists: 1, unreadable: 0, expired: 0 });
});

test('a watch whose place is forgotten meanwhile (410) lists again and tells what has changed, once', async (t) => {
  const all = await scene(t, 8);
  const { client } = all;
  for (const name of ['same', 'changed', 'deleted']) await good(client.create(resources.configMaps, configMap(name, '1')));
  const { proxy, watch, told } = await watched(t, all);
  proxy.cut();
  await good(client.mergePatch(resources.configMaps, named('changed'), { data: { x: '2' } }));
  await good(client.delete(resources.configMaps, named('deleted')));
  for (let round = 0; round < 20; round++) await good(client.mergePatch(resources.configMaps, named('changed'), { data: { x: `2.${String(round)}` } }));
  proxy.mend();
  await until('the watch has caught up', () => watch.snapshot.get('default/changed')?.data['x'] === '2.19');
  t.deepEqual(told.slice(3).sort(), ['-default/deleted', 'default/changed=2.19']);
  t.like(watch.counts(), { lists: 2, expired: 1 });
  await good(client.mergePatch(resources.configMaps, named('same'), { data: { x: 'after' } }));
  await until('the watch goes on', () => watch.snapshot.get('default/same')?.data['x'] === 'after');
});

test('of three that race for a lease one leads; when it stops, another does; never two at once', async (t) => {
  const { client } = await scene(t);
  const leading = new Set<string>();
  const terms: string[] = [];
  let most = 0;
  const stops = new Map<string, AbortController>();
  const ended = ['a', 'b', 'c'].map((identity) => {
    const stop = new AbortController();
    stops.set(identity, stop);
    return runLeaderElection(
      {
        client,
        identity,
        lease: { namespace: 'default', name: 'leader' },
        clock,
        random: systemRandom,
        logger: silentLogger,
        // A leader that a busy machine keeps from renewing for some seconds leads on, and `retry` is also what handing over may take.
        timing: { lease: millis(10_000), renewDeadline: millis(7000), retry: millis(300) },
        onStarted: () => {
          leading.add(identity);
          terms.push(identity);
          most = Math.max(most, leading.size);
        },
        onStopped: () => leading.delete(identity),
      },
      stop.signal,
    );
  });
  for (let term = 1; term <= 3; term++) {
    await until(`term ${String(term)} has begun`, () => terms.length === term && leading.size === 1);
    stops.get(terms[term - 1] ?? '')?.abort();
  }
  await Promise.all(ended);
  t.is(most, 1);
  t.deepEqual([...terms].sort(), ['a', 'b', 'c']);
});

test('events are found by the object that they are about, and repeated ones are counted', async (t) => {
  const { client } = await scene(t);
  const created = await good(client.create(resources.deployments, web));
  let written = 0;
  const counting: Pick<KubeClient, 'create' | 'mergePatch'> = {
    create: (...call) => client.create(...call).finally(() => (written += 1)),
    mergePatch: (...call) => client.mergePatch(...call),
  };
  const recorder = createEventRecorder({ client: counting, clock, random: systemRandom, logger: silentLogger, instance: 'test' });
  const stop = new AbortController();
  const running = recorder.run(stop.signal);
  const subject = { apiVersion: 'apps/v1', kind: 'Deployment', ...named('web'), uid: created.metadata?.uid ?? '' };
  const found = async (): Promise<readonly string[]> => {
    const { items } = await good(
      client.list(resources.events, { namespace: 'default', fieldSelector: `involvedObject.uid=${subject.uid},involvedObject.name=web` }),
    );
    return items.map(({ reason, count, message }) => `${reason ?? ''} x${String(count)}: ${message ?? ''}`);
  };
  recorder.record(subject, { type: 'Normal', reason: 'Woken', message: '0 → 1: a request is waiting' });
  // Its answer is in: a write that is given up while under way is tried again, and would be a second Event.
  await until('the first is written', () => written === 1);
  t.is((await found()).length, 1);
  recorder.record(subject, { type: 'Normal', reason: 'Woken', message: '0 → 1: a request is waiting' });
  stop.abort();
  await running;
  t.deepEqual(await found(), ['Woken x2: 0 → 1: a request is waiting']);
  t.is(recorder.dropped(), 0);
});
