import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import type { ControllerSummary, WorkloadSummary } from '../../src/api/index.ts';
import { createAuthority } from '../../src/certificates/index.ts';
import { checks } from '../../src/cli/doctor/checks.ts';
import type { Finding } from '../../src/cli/doctor/check.ts';
import { diagnose, patientOf } from '../../src/cli/doctor/diagnose.ts';
import { findController } from '../../src/cli/look/find-controller.ts';
import { startLocalCluster, type LocalCluster } from '../../src/cli/local/local-cluster.ts';
import { rouseVersion } from '../../src/cli/version.ts';
import { failed, instant, ok, seededRandom, silentLogger, systemClock, type Clock } from '../../src/core/index.ts';
import { createKubeClient, loadKubeConfig, type KubeClient, type KubeConnection, type Refusal } from '../../src/kube/index.ts';
import { apiClient, type ApiClient } from '../support/api-client.ts';
import { deployment, onboarded } from '../support/app.ts';
import { kubeconfigFor } from '../support/terminal.ts';
import { until } from '../support/until.ts';

/** A cluster in which everything of Rouse is missing, and in which each test makes one more thing wrong. Every check has to find something. */

let cluster: LocalCluster;
let connection: KubeConnection;
let client: KubeClient;
let api: ApiClient;
let controller: Server;
let url: string;

const summary: ControllerSummary = {
  version: rouseVersion,
  identity: 'rouse-controller-a',
  now: instant(0),
  placement: false,
  gateways: [{ id: 'g', address: '10.0.0.1', podName: 'gateway-a', upToDate: true, failedPorts: [] }],
};
/** What the controller says, apart from the time. */
let told: { about: Partial<ControllerSummary>; aheadMs: number; workloads: readonly Partial<WorkloadSummary>[] };

test.before(async () => {
  cluster = await startLocalCluster({
    clock: systemClock,
    random: seededRandom(1),
    logger: silentLogger,
    apiPort: 0,
    environment: { PATH: process.env.PATH ?? '' },
    cwd: process.cwd(),
  });
  connection = await loadKubeConfig({ kind: 'text', text: cluster.api.kubeconfig() });
  client = createKubeClient({ connection, clock: systemClock });
  api = apiClient({ url: cluster.api.url, caPem: cluster.api.caPem, token: cluster.api.adminToken });
  controller = createServer((request, response) => {
    response.setHeader('rouse-leads', 'true').setHeader('rouse-api-version', '1');
    const about = { ...summary, now: Date.now() + told.aheadMs, ...told.about };
    response.end(JSON.stringify(request.url === '/controller' ? about : { workloads: told.workloads }));
  });
  await new Promise<void>((resolve) => controller.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(controller.address() as AddressInfo).port}`;
});
test.beforeEach(() => {
  told = { about: {}, aheadMs: 0, workloads: [] };
});
test.after.always(async () => {
  controller.closeAllConnections();
  controller.close();
  await api.close();
  connection.close();
  await cluster.close();
});

interface Around {
  readonly client?: Partial<KubeClient>;
  readonly clock?: Partial<Clock>;
  readonly controller?: string;
  readonly connection?: KubeConnection;
}

const finding = async (id: string, around: Around = {}): Promise<Finding> => {
  const check = checks.find((each) => each.id === id);
  if (check === undefined) throw new Error(`there is no check ${id}`);
  const patient = patientOf({
    cluster: { client: { ...client, ...around.client }, connection: around.connection ?? connection },
    controller: () => findController({ controller: around.controller ?? url }, {}, () => undefined),
    clock: { ...systemClock, ...around.clock },
    signal: AbortSignal.timeout(20_000),
  });
  const [diagnosis] = await diagnose(patient, [check]);
  if (diagnosis === undefined) throw new Error('nothing was found');
  return diagnosis.finding;
};

const broken = new Set<string>();
/** Asserts that the check finds it wrong, says why, and names the command that mends it. */
const findsWrong = async (t: ExecutionContext, id: string, says: RegExp, mend: RegExp, around: Around & { readonly only?: 'warning' } = {}): Promise<void> => {
  const found = await finding(id, around);
  t.is(found.status, around.only ?? 'problem', `${id}: ${found.says}`);
  t.regex(found.says, says);
  if ('mend' in found) t.regex(found.mend, mend);
  broken.add(id);
};
const findsNothing = async (t: ExecutionContext, id: string, says = /./, around: Around = {}): Promise<void> => {
  const found = await finding(id, around);
  t.is(found.status, 'ok', `${id}: ${found.says}`);
  t.regex(found.says, says);
};

const system = '/api/v1/namespaces/rouse-system';
const deployments = (namespace: string): string => `/apis/apps/v1/namespaces/${namespace}/deployments`;
const created = async (path: string, object: unknown): Promise<void> => {
  const { status, body } = await api('POST', path, object);
  if (status !== 201) throw new Error(JSON.stringify(body));
};

const forbidden: Refusal = { kind: 'forbidden', message: 'User "me" cannot', status: 403, retryAfterMs: undefined };

test.serial('an API server that is too old', async (t) => {
  await findsWrong(t, 'kubernetes-version', /Kubernetes 1\.29 at .*: Rouse needs 1\.30 or newer/, /upgrade/, {
    client: { version: () => Promise.resolve(ok({ major: 1, minor: 29 })) },
  });
  await findsNothing(t, 'kubernetes-version', /^Kubernetes 1\.36 at https:/);
});

test.serial('no Deployments, one whose pods cannot start, one that is scaled to 0', async (t) => {
  await findsWrong(t, 'controller-pods', /there is no Deployment rouse-system\/rouse-controller/, /kubectl apply -f deploy\/install\.yaml/);
  const labels = (component: string): object => ({ 'app.kubernetes.io/name': 'rouse', 'app.kubernetes.io/component': component });
  const ours = (component: string, replicas: number, command: readonly string[]): object => ({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: `rouse-${component}`, namespace: 'rouse-system' },
    spec: {
      replicas,
      selector: { matchLabels: labels(component) },
      template: {
        metadata: { labels: labels(component) },
        spec: { terminationGracePeriodSeconds: 0, containers: [{ name: component, image: `example.com/rouse:${component}`, command }] },
      },
    },
  });
  await created(deployments('rouse-system'), ours('controller', 1, ['/there/is/no/such/program']));
  await findsWrong(t, 'gateway-pods', /there is no Deployment rouse-system\/rouse-gateway/, /install\.yaml/);
  await created(deployments('rouse-system'), ours('gateway', 1, ['sleep', '60']));
  await until('the pod has failed to start', async () => /Error|BackOff/.test((await finding('controller-pods')).says));
  await findsWrong(
    t,
    'controller-pods',
    /^0 of 1 pods ready: rouse-controller-\S+: \w*(Error|BackOff)/,
    /kubectl -n rouse-system describe pod rouse-controller-/,
  );
  await until('the gateway is ready', async () => (await finding('gateway-pods')).status === 'ok');
  await findsWrong(
    t,
    'versions',
    /controllers run example\.com\/rouse:controller, the gateways example\.com\/rouse:gateway/,
    /set image deployment\/rouse-gateway/,
    { only: 'warning' },
  );
  await api.patch(`${deployments('rouse-system')}/rouse-controller/scale`, { spec: { replicas: 0 } });
  await findsWrong(t, 'controller-pods', /scaled to 0/, /scale deployment rouse-controller --replicas=2/);
});

test.serial('a controller of another version', async (t) => {
  told.about = { version: '9.9.9' };
  await findsWrong(t, 'versions', /the controller is 9\.9\.9, this command \d/, /npm install -g rouse@9\.9\.9/, { only: 'warning' });
});

test.serial('a rouse-config that cannot be read, with the mark of an uninstall, and with a kind that nobody has', async (t) => {
  await findsNothing(t, 'config', /built-in defaults/);
  await created(`${system}/configmaps`, { metadata: { name: 'rouse-config', annotations: { 'rouse.dev/hand-back': 'all' } }, data: { window: 'long' } });
  await findsWrong(t, 'config', /last good rouse-config stays.*window/, /edit configmap rouse-config/);
  await findsWrong(t, 'hand-back', /rouse\.dev\/hand-back: all/, /rouse uninstall --cancel/);
  await api.patch(`${system}/configmaps/rouse-config`, {
    metadata: { annotations: null },
    data: { window: null, 'allow-kinds': 'deployments.apps, widgets.example.com' },
  });
  await findsNothing(t, 'hand-back');
  await findsWrong(t, 'allow-kinds', /widgets\.example\.com is not served/, /kubectl api-resources/);
  await api('DELETE', `${system}/configmaps/rouse-config`);
  await findsNothing(t, 'allow-kinds');
});

test.serial('rights that the controller lacks, and rights that you lack', async (t) => {
  const denying = (resource: string): Partial<KubeClient> => ({
    create: (kind, object) => {
      const asked = (object as { readonly spec?: { readonly resourceAttributes?: { readonly resource: string } } }).spec?.resourceAttributes?.resource;
      return asked === resource ? Promise.resolve(ok({ ...object, status: { allowed: false } })) : client.create(kind, object);
    },
  });
  await findsWrong(t, 'controller-rights', /^the controller may not get, list, watch, patch services$/, /install\.yaml/, { client: denying('services') });
  await findsNothing(t, 'controller-rights');
  await findsWrong(t, 'your-rights', /^you may not list events$/, /docs\/explain\.md/, { client: denying('events'), only: 'warning' });
  await findsNothing(t, 'your-rights');
});

test.serial('nobody leads: no Lease, and one that is renewed no more', async (t) => {
  await findsWrong(t, 'leader', /there is no Lease rouse-system\/rouse-controller/, /rollout restart deployment rouse-controller/);
  await created('/apis/coordination.k8s.io/v1/namespaces/rouse-system/leases', {
    metadata: { name: 'rouse-controller' },
    spec: { holderIdentity: 'gone', leaseDurationSeconds: 15 },
  });
  let now = 0;
  const clock = { monotonic: () => now, sleep: () => Promise.resolve(void (now += 1000)) };
  await findsWrong(t, 'leader', /the Lease is that of gone, which renews it no more/, /get lease rouse-controller/, { clock });
});

test.serial('a controller that does not answer, and one that is out of touch', async (t) => {
  await findsNothing(t, 'controller-answers', /rouse-controller-a/);
  told.about = { notReady: 'out of touch with the API server: pods' };
  await findsWrong(t, 'controller-answers', /rouse-controller-a is not ready: out of touch with the API server: pods/, /logs deployment\/rouse-controller/);
  await findsWrong(t, 'controller-answers', /no controller answers at http:\/\/127\.0\.0\.1:9/, /get pods,service/, { controller: 'http://127.0.0.1:9' });
});

test.serial('webhooks that are not registered, lead nowhere, with another CA, and that nobody can call', async (t) => {
  const configurations = '/apis/admissionregistration.k8s.io/v1';
  const webhook = (clientConfig: object): object => ({
    name: 'workloads.rouse.dev',
    rules: [{ apiGroups: ['apps'], apiVersions: ['v1'], resources: ['deployments'], operations: ['CREATE'], scope: '*' }],
    admissionReviewVersions: ['v1'],
    sideEffects: 'None',
    failurePolicy: 'Ignore',
    timeoutSeconds: 1,
    clientConfig: { caBundle: Buffer.from(cluster.api.caPem).toString('base64'), ...clientConfig },
  });
  await findsWrong(t, 'webhooks-registered', /no MutatingWebhookConfiguration and no ValidatingWebhookConfiguration/, /rollout restart/);
  const service = { namespace: 'rouse-system', name: 'rouse-controller', port: 9443 };
  await created(`${configurations}/mutatingwebhookconfigurations`, { metadata: { name: 'rouse' }, webhooks: [] });
  await created(`${configurations}/validatingwebhookconfigurations`, { metadata: { name: 'rouse' }, webhooks: [webhook({ service })] });
  await findsNothing(t, 'webhooks-registered');
  await findsWrong(t, 'webhooks-target', /lead to the Service rouse-system\/rouse-controller, which is not there/, /install\.yaml/);
  await created(`${system}/services`, { metadata: { name: 'rouse-controller' }, spec: { selector: { app: 'nobody' }, ports: [{ port: 9443 }] } });
  await findsWrong(t, 'webhooks-target', /no controller is ready behind the Service rouse-system\/rouse-controller/, /describe pods/);
  await created(`${system}/configmaps`, { metadata: { name: 'rouse-ca' }, data: { 'ca.crt': 'another' } });
  await findsWrong(t, 'webhooks-ca', /caBundle of workloads\.rouse\.dev is not the CA/, /rollout restart/);
  await findsWrong(t, 'webhooks-answer', /would be taken: the API server cannot call the webhooks/, /port 9443/);
});

test.serial('a CA certificate that is missing, unreadable, has run out, or is not renewed', async (t) => {
  const publish = (pem: string): Promise<unknown> => api.patch(`${system}/configmaps/rouse-ca`, { data: { 'ca.crt': pem } });
  await publish('-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n');
  await findsWrong(t, 'ca-published', /not a PEM certificate/, /delete configmap rouse-ca/);
  const { certificatePem } = await createAuthority({ commonName: 'test', clock: systemClock, validDays: 30 });
  await publish(certificatePem);
  await findsNothing(t, 'ca-published');
  await findsNothing(t, 'ca-valid');
  const in25Days = { now: () => instant(Date.now() + 25 * 86_400_000) };
  const in31Days = { now: () => instant(Date.now() + 31 * 86_400_000) };
  await findsWrong(t, 'ca-valid', /its renewal is due/, /logs deployment\/rouse-controller/, { clock: in25Days, only: 'warning' });
  await findsWrong(t, 'ca-valid', /ran out on 20/, /delete secret rouse-ca/, { clock: in31Days });
  await api('DELETE', `${system}/configmaps/rouse-ca`);
  await findsWrong(t, 'ca-published', /there is no ca\.crt/, /rollout restart/);
});

test.serial('gateways that are not linked, cannot open a port, or lag behind', async (t) => {
  told.about = { gateways: [] };
  await findsWrong(t, 'gateway-link', /no gateway is linked/, /get networkpolicies/);
  told.about = {};
  await findsWrong(t, 'gateway-link', /rouse-gateway-\S+ is not linked/, /logs rouse-gateway-/);
  await api('DELETE', `${deployments('rouse-system')}/rouse-gateway`);
  await until('its pods are gone', async () => !/rouse-gateway-/.test((await finding('gateway-link')).says));
  told.about = { gateways: [{ id: 'g', address: '10.0.0.1', upToDate: true, failedPorts: [20_001] }] };
  await findsWrong(t, 'gateway-link', /g cannot open 20001/, /logs deployment\/rouse-gateway/);
  told.about = { gateways: [{ id: 'g', address: '10.0.0.1', upToDate: false, failedPorts: [] }] };
  await findsWrong(t, 'gateway-link', /g has not applied the newest routes/, /logs/, { only: 'warning' });
});

test.serial('clocks that disagree', async (t) => {
  await findsNothing(t, 'clock');
  told.aheadMs = 60_000;
  await findsWrong(t, 'clock', /the controller's clock is (59|60|61) s ahead of the API server's/, /chronyc/);
  told.aheadMs = 0;
  const behind = { now: () => instant(Date.now() - 3_600_000) };
  await findsWrong(t, 'clock', /this machine's clock is 3(599|600|601) s behind the API server's/, /set-ntp/, { clock: behind, only: 'warning' });
});

test.serial('an API server that takes long to answer has no wrong clock for that', async (t) => {
  // Half of twelve seconds until it says its time, and half until that is here.
  let passed = -6000;
  const request = (): Promise<unknown> => {
    const headers = { date: new Date().toUTCString() };
    passed = told.aheadMs = 6000;
    return Promise.resolve({ headers, body: { dump: () => Promise.resolve() } });
  };
  const slow = { server: connection.server, authorize: () => Promise.resolve({ headers: {}, dispatcher: { request } }) } as unknown as KubeConnection;
  await findsNothing(t, 'clock', /./, { connection: slow, clock: { now: () => instant(Date.now() + passed) } });
});

test.serial('namespaces that ask for placement where nobody places', async (t) => {
  t.is((await finding('placement')).status, 'skipped');
  await created('/api/v1/namespaces', { metadata: { name: 'placed', labels: { 'rouse.dev/placement': 'enabled' } } });
  await findsWrong(t, 'placement', /placed asks for placement .* without --placement/, /overlays\/placement/);
  told.about = { placement: true };
  await findsWrong(t, 'placement', /wants its pods placed by the scheduler rouse-scheduler, which does not run/, /get deployment rouse-scheduler/);
});

test.serial('workloads whose settings are refused, without a Service, with a rival, and that cannot wake', async (t) => {
  t.is((await finding('settings')).status, 'skipped');
  await created(deployments('default'), deployment('bad', { annotations: { ...onboarded, 'rouse.dev/window': 'long' } }));
  await findsWrong(t, 'settings', /^default\/bad: .*rouse\.dev\/window/, /kubectl -n default get deployments\.apps bad -o yaml \| rouse validate -f -/);
  await created(
    deployments('default'),
    deployment('alone', { annotations: { ...onboarded, 'rouse.dev/metric': 'cpu', 'rouse.dev/target': '80%', 'rouse.dev/min-scale': '1' } }),
  );
  await findsWrong(t, 'services', /to default\/alone: no request can wake it/, /rouse events alone -n default/, { only: 'warning' });
  await created('/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers', {
    metadata: { name: 'rival' },
    spec: { scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'alone' }, maxReplicas: 3 },
  });
  await findsWrong(t, 'autoscalers', /default\/rival scales what Rouse is to scale/, /delete horizontalpodautoscaler rival/);
  // Without metrics-server the API server answers 404 to that, and to nothing else.
  const unserved = createServer((_request, response) => response.writeHead(404).end('{"message":"the server could not find the requested resource"}'));
  await new Promise<void>((resolve) => unserved.listen(0, '127.0.0.1', resolve));
  t.teardown(() => unserved.close());
  const elsewhere = await loadKubeConfig({ kind: 'text', text: JSON.stringify(kubeconfigFor(`http://127.0.0.1:${(unserved.address() as AddressInfo).port}`)) });
  t.teardown(() => elsewhere.close());
  await findsNothing(t, 'pod-usage');
  await findsWrong(t, 'pod-usage', /metrics\.k8s\.io does not answer/, /install metrics-server/, { connection: elsewhere });
  told.workloads = [{ namespace: 'default', name: 'web', wakeFailure: 'image-pull' }];
  await findsWrong(t, 'wakes', /default\/web cannot wake: image-pull/, /rouse events web -n default/);
});

test.serial('what you may not read is skipped, and says so; the other checks go on', async (t) => {
  const blind: Partial<KubeClient> = { get: () => Promise.resolve(failed(forbidden)), list: () => Promise.resolve(failed(forbidden)) };
  for (const id of ['namespace', 'config', 'settings', 'ca-published']) {
    const found = await finding(id, { client: blind });
    t.is(found.status, 'skipped', id);
    t.regex(found.says, /^you may not read .*User "me" cannot/);
  }
});

test.serial('our namespace on its way out, and gone', async (t) => {
  await findsNothing(t, 'namespace');
  const namespace = { get: () => Promise.resolve(ok({ metadata: { name: 'rouse-system', deletionTimestamp: 'now' } })) } as unknown as Partial<KubeClient>;
  await findsWrong(t, 'namespace', /is being deleted/, /kubectl describe namespace rouse-system/, { client: namespace });
  await api('DELETE', '/api/v1/namespaces/rouse-system');
  await until('it is gone', async () => (await api('GET', '/api/v1/namespaces/rouse-system')).status === 404);
  await findsWrong(t, 'namespace', /there is no Namespace rouse-system: Rouse is not installed here/, /install\.yaml/);
});

test.serial('every check has found something wrong, and stands in docs/command-line.md with what it looks at', async (t) => {
  const ids = checks.map(({ id }) => id);
  t.deepEqual([...broken].sort(), ids.toSorted());
  const page = await readFile(join(import.meta.dirname, '..', '..', 'docs', 'command-line.md'), 'utf8');
  const documented = [...page.matchAll(/^\| `([a-z-]+)` +\| (.*?) +\|$/gm)].map(([, id, about]) => [id, about]);
  t.deepEqual(
    documented,
    checks.map(({ id, about }) => [id, about]),
  );
});
