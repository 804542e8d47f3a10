import test, { type ExecutionContext } from 'ava';
import { once } from 'node:events';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { createAuthority } from '../../src/certificates/index.ts';
import { annotation, printSavedSelector, silentLogger, systemClock, systemRandom } from '../../src/core/index.ts';
import { createKubeClient, loadKubeConfig, serviceView, resources, type KubeClient, type KubeObject } from '../../src/kube/index.ts';
import { startControllers, startEmbeddedApi, type EmbeddedApi } from '../../src/local/index.ts';
import { autoscalerLookup, createWebhookApp, registerWebhooks, unregisterWebhooks } from '../../src/webhooks/index.ts';
import { apiClient, type ApiClient } from '../support/api-client.ts';

/**
 * The webhooks as the embedded API server really calls them: over TLS, by its own match conditions. One after the other: it goes on without an answer after 2 s,
 * and all of them in this one process at once are a machine that stands still.
 */

interface Scene {
  readonly cluster: EmbeddedApi;
  readonly client: KubeClient;
  readonly call: ApiClient;
  /** Paths that the API server has asked us for. */
  readonly asked: string[];
  stopWebhooks(): void;
}

const path = '/apis/apps/v1/namespaces/default/deployments';

const scene = async (t: ExecutionContext): Promise<Scene> => {
  const cluster = await startEmbeddedApi({
    clock: systemClock,
    random: systemRandom,
    logger: silentLogger,
    httpsPort: 0,
    logSource: { open: () => ({ kind: 'missing', message: 'no logs' }) },
  });
  const controllers = startControllers(cluster.api, systemClock, systemRandom, silentLogger);
  const connection = await loadKubeConfig({ kind: 'text', text: cluster.kubeconfig() });
  const client = createKubeClient({ connection, clock: systemClock });
  const app = createWebhookApp({
    isSelf: ({ user }) => user === 'system:serviceaccount:rouse-system:rouse-controller',
    inherited: () => ({ cluster: {}, namespace: {} }),
    servicesIn: (namespace) => cluster.api.list(resources.services, namespace).map(serviceView),
    autoscalerOf: autoscalerLookup(client),
    onboarded: ({ name }) =>
      cluster.api.get(resources.deployments, 'default', name)?.metadata.annotations?.[annotation.enabled] === 'true'
        ? { mode: 'enforce', adoptHpa: false }
        : undefined,
    clock: systemClock,
    logger: silentLogger,
  });
  const authority = await createAuthority({ commonName: 'rouse', clock: systemClock, validDays: 1 });
  const serving = await authority.issue({ commonName: 'webhooks', dnsNames: ['localhost'], ipAddresses: ['127.0.0.1'], validDays: 1 });
  const asked: string[] = [];
  const server = createServer({ cert: serving.certificatePem, key: serving.keyPem }, (request, response) => {
    asked.push(request.url?.split('?')[0] ?? '');
    app(request, response);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const registered = await registerWebhooks(client, { url, caBundle: Buffer.from(authority.certificatePem).toString('base64') });
  t.deepEqual(registered, { ok: true, value: true });
  t.deepEqual(await registerWebhooks(client, { url, caBundle: Buffer.from(authority.certificatePem).toString('base64') }), { ok: true, value: false });
  const call = apiClient({ url: cluster.url, caPem: cluster.caPem, token: cluster.adminToken });
  const stopWebhooks = (): void => {
    server.closeAllConnections();
    server.close();
  };
  t.teardown(async () => {
    await call.close();
    controllers.close();
    connection.close();
    await cluster.close();
    stopWebhooks();
  });
  return { cluster, client, call, asked, stopWebhooks };
};

const deployment = (name: string, annotations: Record<string, string>, image = 'app:1'): Record<string, unknown> => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name, annotations },
  spec: {
    paused: true,
    replicas: 3,
    selector: { matchLabels: { app: name } },
    template: { metadata: { labels: { app: name } }, spec: { containers: [{ name: 'app', image }] } },
  },
});
const on = { [annotation.enabled]: 'true' };
const replicasOf = (body: unknown): unknown => (body as { spec?: { replicas?: number } }).spec?.replicas;

test.serial('onboarding writes what handing back needs, and its effective settings come back as a warning', async (t) => {
  const { call } = await scene(t);
  const created = await call('POST', path, deployment('web', on));
  t.is(created.status, 201);
  t.is(created.body.metadata?.annotations?.[annotation.state], '{"v":1,"replicasBefore":3}');
  t.true(
    created.warnings.some((warning) => warning.includes('concurrency 100')),
    JSON.stringify(created.warnings),
  );
});

test.serial('bad annotations are refused with all problems, and nothing is stored', async (t) => {
  const { call, cluster } = await scene(t);
  const refused = await call('POST', path, deployment('web', { ...on, 'rouse.dev/min-scale': '-1', 'rouse.dev/windw': '1m' }));
  t.is(refused.status, 422);
  t.regex(String(refused.body['message']), /2 problems/);
  t.is(cluster.api.get(resources.deployments, 'default', 'web'), undefined);
});

test.serial('the API server asks us for nothing but what concerns us', async (t) => {
  const { call, asked, cluster } = await scene(t);
  await call('POST', path, deployment('other', {}));
  await call.patch(`${path}/other`, { metadata: { labels: { a: 'b' } } });
  await call('POST', '/api/v1/namespaces/default/services', {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'plain' },
    spec: { ports: [{ port: 80 }] },
  });
  await call('POST', '/apis/apps/v1/namespaces/kube-system/deployments', deployment('web', on));
  t.deepEqual(asked, []);
  t.is(cluster.api.get(resources.deployments, 'kube-system', 'web')?.metadata.annotations?.[annotation.state], undefined);
  await call('POST', path, deployment('web', on));
  t.deepEqual(asked, ['/admission/mutate', '/admission/validate']);
  await call.patch(`${path}/web/scale`, { spec: { replicas: 1 } });
  t.is(asked.length, 2);
});

test.serial('applying the manifest again keeps the live count; a dry run says the same and changes nothing', async (t) => {
  const { call } = await scene(t);
  await call('POST', path, deployment('web', on));
  await call.patch(`${path}/web/scale`, { spec: { replicas: 0 } });
  const dry = await call.patch(`${path}/web?dryRun=All`, { spec: { replicas: 3 } });
  t.is(replicasOf(dry.body), 0);
  const applied = await call.patch(`${path}/web`, { spec: { replicas: 3 } });
  t.is(replicasOf(applied.body), 0);
  t.true(applied.warnings.some((warning) => warning.includes('spec.replicas stays 0')));
  const forced = await call.patch(`${path}/web?fieldManager=flux&force=true`, deployment('web', on), 'apply');
  t.is(forced.status, 200, JSON.stringify(forced.body));
  t.is(replicasOf(forced.body), 0);
});

test.serial('a rollback of the template, as kubectl sends it, keeps our annotations', async (t) => {
  const { call } = await scene(t);
  await call('POST', path, deployment('web', { note: 'new' }, 'app:2'));
  await call.patch(`${path}/web?fieldManager=kubectl-annotate`, { metadata: { annotations: { ...on, 'rouse.dev/window': '90s' } } });
  const undone = await call.patch(
    `${path}/web`,
    [
      { op: 'replace', path: '/spec/template', value: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'app', image: 'app:1' }] } } },
      { op: 'replace', path: '/metadata/annotations', value: { note: 'old' } },
    ],
    'json',
  );
  t.is(undone.status, 200);
  t.deepEqual(undone.body.metadata?.annotations, { note: 'old', ...on, 'rouse.dev/window': '90s', [annotation.state]: '{"v":1,"replicasBefore":3}' });
});

test.serial('a taken-over Service stays so when its manifest is applied again', async (t) => {
  const { call } = await scene(t);
  const manifest = { apiVersion: 'v1', kind: 'Service', metadata: { name: 'web' }, spec: { selector: { app: 'web' }, ports: [{ port: 80 }] } };
  const services = '/api/v1/namespaces/default/services';
  await call('POST', services, manifest);
  const saved = printSavedSelector({ v: 1, workload: 'default/web', selector: { app: 'web' }, owners: [] });
  await call.patch(`${services}/web`, { metadata: { annotations: { [annotation.selector]: saved } }, spec: { selector: null } });
  const applied = await call.patch(
    `${services}/web?fieldManager=flux&force=true`,
    { ...manifest, spec: { ...manifest.spec, selector: { app: 'web2' } } },
    'apply',
  );
  t.is(applied.status, 200, JSON.stringify(applied.body));
  t.is((applied.body as { spec?: { selector?: unknown } }).spec?.selector, undefined);
  t.deepEqual((JSON.parse(applied.body.metadata?.annotations?.[annotation.selector] ?? '{}') as { selector?: unknown }).selector, { app: 'web2' });
});

test.serial('an autoscaler and Rouse never scale one workload together', async (t) => {
  const { call } = await scene(t);
  const autoscalers = '/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers';
  const hpa = (name: string): object => ({
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    metadata: { name: `${name}-hpa` },
    spec: { scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name }, maxReplicas: 3 },
  });
  await call('POST', path, deployment('web', on));
  t.is((await call('POST', autoscalers, hpa('web'))).status, 409);
  t.is((await call('POST', autoscalers, hpa('api'))).status, 201);
  t.is((await call('POST', path, deployment('api', on))).status, 409);
  t.is((await call('POST', path, deployment('api', { ...on, 'rouse.dev/adopt-hpa': 'true' }))).status, 201);
});

test.serial('with the webhooks down, and with them gone, the cluster goes on', async (t) => {
  const started = await scene(t);
  const { call, client } = started;
  started.stopWebhooks();
  const created = await call('POST', path, deployment('web', { ...on, 'rouse.dev/min-scale': 'x' }));
  t.is(created.status, 201);
  t.deepEqual(await unregisterWebhooks(client), { ok: true, value: undefined });
  t.deepEqual(await unregisterWebhooks(client), { ok: true, value: undefined });
  t.is((await call('POST', path, deployment('api', on))).status, 201);
});

test.serial('several replicas that register at once, and a new CA, leave one right configuration each', async (t) => {
  const { client, cluster } = await scene(t);
  const address = { url: 'https://127.0.0.1:1', caBundle: Buffer.from('other').toString('base64') };
  const all = await Promise.all([1, 2, 3].map(() => registerWebhooks(client, address)));
  t.true(all.every(({ ok }) => ok));
  for (const resource of [resources.mutatingWebhookConfigurations, resources.validatingWebhookConfigurations]) {
    const stored = cluster.api.list<KubeObject & { webhooks?: readonly { clientConfig: { url?: string; caBundle?: string } }[] }>(resource);
    t.is(stored.length, 1);
    for (const { clientConfig } of stored[0]?.webhooks ?? []) t.is(clientConfig.caBundle, address.caBundle);
  }
});
