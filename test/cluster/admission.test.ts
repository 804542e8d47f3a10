import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { createAuthority } from '../../src/certificates/index.ts';
import { annotation, parseWorkloadState, systemClock } from '../../src/core/index.ts';
import { deployment, onboarded, service } from '../support/app.ts';
import { until } from '../support/until.ts';
import { controllerRequests, requestsShownTo } from './harness/audit.ts';
import type { Cluster } from './harness/cluster.ts';
import { clusterWithRouse, workloadScene, type ClusterWithRouse } from './harness/rouse-for-file.ts';

/** What the real API server asks of our webhooks, and what it does not, by its own count. */

let rouse: ClusterWithRouse;
test.before(async () => {
  rouse = await clusterWithRouse('admission');
});
test.after.always(() => rouse.close());

/** `WEBHOOK TYPE OPERATION` → how often the API server has called it. */
const callsOf = async ({ kubectl }: Cluster): Promise<Readonly<Record<string, number>>> => {
  const text = await kubectl(['get', '--raw', '/metrics']);
  const calls: Record<string, number> = {};
  for (const [, labels = '', value] of text.matchAll(/^apiserver_admission_webhook_request_total\{(.*)\} (\d+)$/gm)) {
    const { name = '', type = '', operation = '' } = Object.fromEntries([...labels.matchAll(/(\w+)="([^"]*)"/g)].map(([, key = '', text = '']) => [key, text]));
    if (!name.endsWith('.rouse.dev')) continue;
    const key = `${name.replace('.rouse.dev', '')} ${type} ${operation}`;
    calls[key] = (calls[key] ?? 0) + Number(value);
  }
  return calls;
};

/** The calls that `act` made the API server make. */
const callsIn = async (act: () => Promise<unknown>): Promise<Readonly<Record<string, number>>> => {
  const before = await callsOf(rouse.cluster);
  await act();
  const after = await callsOf(rouse.cluster);
  return Object.fromEntries(
    Object.entries(after)
      .map(([key, count]) => [key, count - (before[key] ?? 0)] as const)
      .filter(([, count]) => count > 0),
  );
};

test.serial('nothing but what is onboarded is sent to us: no other Deployment, no pod, no status, no count, nothing in kube-system', async (t) => {
  const { cluster } = rouse;
  const namespace = await cluster.namespace(t);
  const kubectl = (...args: readonly string[]): Promise<string> => cluster.kubectl([...args, '-n', namespace]);
  const plain = deployment('plain', { namespace, annotations: {}, replicas: 1 }) as { readonly spec: object };
  t.teardown(() => cluster.kubectl(['delete', 'deployment/plain', '-n', 'kube-system', '--ignore-not-found']));
  const others = await callsIn(async () => {
    const items = [plain, service('plain', namespace), { ...plain, kind: 'StatefulSet', spec: { ...plain.spec, serviceName: 'plain' } }];
    await cluster.kubectl(['apply', '-n', namespace, '-f', '-'], { stdin: JSON.stringify({ apiVersion: 'v1', kind: 'List', items }) });
    await kubectl('rollout', 'status', 'deployment/plain', '--timeout=30s');
    await kubectl('annotate', 'deployment/plain', 'service/plain', 'statefulset/plain', 'other=annotation');
    await kubectl('scale', 'deployment/plain', '--replicas=0');
    await kubectl('patch', 'service/plain', '--type=merge', '-p', '{"spec":{"selector":{"also":"this"}}}');
    await kubectl('create', 'configmap', 'some');
    await kubectl('delete', 'deployment/plain', 'service/plain', 'statefulset/plain');
    const elsewhere = deployment('plain', { namespace: 'kube-system', annotations: onboarded });
    t.is((await cluster.api('POST', '/apis/apps/v1/namespaces/kube-system/deployments', elsewhere)).status, 201);
  });
  t.deepEqual(others, {});

  const web = workloadScene(rouse, namespace, 'deployment/web');
  const from = Date.now();
  const ours = await callsIn(async () => {
    await web.apply(service('web', namespace));
    await web.apply(deployment('web', { namespace, annotations: onboarded, replicas: 1 }));
    await web.untilTaken();
    await web.untilReplicas(0);
    t.is((await web.ask()).status, 200);
  });
  t.is(ours['workloads admit CREATE'], 1);
  t.is(ours['workloads validating CREATE'], 1);
  // A pod that came and went, its ReplicaSets, and every status of both were written meanwhile: only our own annotations are left. The API server shows a patch
  // again where another write came in between, so that calls may be more than requests.
  const shown = (await requestsShownTo('workloads.rouse.dev', cluster.directory, from)).filter(({ namespace: where }) => where === namespace);
  const kinds = [...new Set(shown.map(({ user, verb, resource }) => `${verb} ${resource} by ${user}`))].sort();
  t.deepEqual(kinds, ['create deployments by admin', 'patch deployments by system:serviceaccount:rouse-system:rouse-controller']);
  // The calls of the next test are counted to the last: none may be about what is left of this one, as its namespace goes.
  await kubectl('delete', 'service/web', 'deployment/web');
});

test.serial('a dry run is answered as the real thing, and leaves nothing behind', async (t) => {
  const { cluster } = rouse;
  const namespace = await cluster.namespace(t);
  const path = `/apis/apps/v1/namespaces/${namespace}/deployments`;
  const web = deployment('web', { namespace, annotations: onboarded, replicas: 3 });
  const from = Date.now();
  const calls = await callsIn(async () => {
    const answer = await cluster.api('POST', `${path}?dryRun=All`, web);
    t.is(answer.status, 201, JSON.stringify(answer.body));
    const state = parseWorkloadState(answer.body.metadata?.annotations?.[annotation.state] ?? '');
    t.is(state.ok && state.value.replicasBefore, 3);
    const bad = deployment('bad', { namespace, annotations: { ...onboarded, 'rouse.dev/target': 'many' } });
    t.regex(JSON.stringify((await cluster.api('POST', `${path}?dryRun=All`, bad)).body), /rouse\.dev\/target/);
  });
  t.deepEqual(calls, { 'workloads admit CREATE': 2, 'workloads validating CREATE': 2 });
  t.is((await cluster.api('GET', `${path}/web`)).status, 404);

  const scene = workloadScene(rouse, namespace, 'deployment/web');
  await scene.apply(service('web', namespace));
  await scene.apply({ ...web, metadata: { name: 'web', annotations: { ...onboarded, 'rouse.dev/min-scale': '1' } } });
  await scene.untilTaken();
  await scene.untilReplicas(1);
  const live = async (): Promise<unknown> => {
    const { kubectl } = cluster;
    const text = await kubectl([
      'get',
      'deployment/web',
      'service/web',
      '-n',
      namespace,
      '-o',
      'jsonpath={range .items[*]}{.metadata.annotations.rouse\\.dev/enabled}{.metadata.annotations.rouse\\.dev/state}{.metadata.annotations.rouse\\.dev/selector}{.spec}{end}',
    ]);
    return text;
  };
  const before = await live();
  await scene.apply(web, '--dry-run=server');
  await scene.apply(service('web', namespace), '--dry-run=server');
  await cluster.kubectl(['annotate', 'deployment/web', '-n', namespace, `${annotation.enabled}-`, '--dry-run=server']);
  t.deepEqual(await live(), before);
  const written = (await controllerRequests(cluster.directory, from)).filter(({ name }) => name === 'bad');
  t.deepEqual(written, []);
});

/** Another mutating webhook, by URL, which the API server asks after ours and which gives every Deployment of the namespace a label and a container. */
const startInjector = async (t: ExecutionContext, { api }: Cluster, namespace: string): Promise<{ readonly asked: () => number }> => {
  const address = '10.77.200.40';
  const authority = await createAuthority({ commonName: 'injector', clock: systemClock, validDays: 1 });
  const { certificatePem, keyPem } = await authority.issue({ commonName: 'injector', ipAddresses: [address], dnsNames: [], validDays: 1 });
  let asked = 0;
  const server = createServer({ cert: certificatePem, key: keyPem }, (request, response) => {
    let text = '';
    request.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
    request.on('end', () => {
      asked += 1;
      const { uid, object } = (JSON.parse(text) as { readonly request: { readonly uid: string; readonly object: Injected } }).request;
      const isDone = object.spec.template.spec.containers.some(({ name }) => name === 'injected');
      const sidecar = { name: 'injected', image: 'example.com/sidecar:1', command: ['sleep', '3600'] };
      const patch = isDone ? [] : [{ op: 'add', path: '/spec/template/spec/containers/-', value: sidecar }];
      const answer = { uid, allowed: true, patchType: 'JSONPatch', patch: Buffer.from(JSON.stringify(patch)).toString('base64') };
      response.end(JSON.stringify({ kind: 'AdmissionReview', apiVersion: 'admission.k8s.io/v1', response: answer }));
    });
  });
  await new Promise<void>((resolve) => void server.listen(0, address, resolve));
  const path = '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations';
  t.teardown(async () => {
    await api('DELETE', `${path}/z-injector`);
    server.closeAllConnections();
    server.close();
  });
  const webhook = {
    name: 'injector.example.com',
    clientConfig: {
      url: `https://${address}:${(server.address() as AddressInfo).port}/`,
      caBundle: Buffer.from(authority.certificatePem).toString('base64'),
    },
    rules: [{ operations: ['CREATE', 'UPDATE'], apiGroups: ['apps'], apiVersions: ['v1'], resources: ['deployments'] }],
    namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } },
    sideEffects: 'None',
    admissionReviewVersions: ['v1'],
    failurePolicy: 'Fail',
  };
  t.is((await api('POST', path, { metadata: { name: 'z-injector' }, webhooks: [webhook] })).status, 201);
  return { asked: () => asked };
};

interface Injected {
  readonly spec: { readonly replicas: number; readonly template: { readonly spec: { readonly containers: readonly { readonly name: string }[] } } };
}

test.serial('asked again because a webhook after ours has changed the object, we change nothing more', async (t) => {
  const { cluster } = rouse;
  const namespace = await cluster.namespace(t);
  const injector = await startInjector(t, cluster, namespace);
  const path = `/apis/apps/v1/namespaces/${namespace}/deployments`;
  await until(
    'the API server knows the other webhook',
    async () => {
      await cluster.api('POST', `${path}?dryRun=All`, deployment('probe', { namespace, annotations: {} }));
      return injector.asked() > 0;
    },
    20_000,
  );
  const web = deployment('web', { namespace, annotations: { ...onboarded, 'rouse.dev/min-scale': '1', 'rouse.dev/max-scale': '1' }, replicas: 2 });
  const created = await callsIn(async () => {
    const answer = await cluster.api('POST', path, web);
    t.is(answer.status, 201, JSON.stringify(answer.body));
    t.deepEqual([...new Set(answer.warnings)], [...answer.warnings], 'each is told once');
    t.notRegex(answer.warnings.join(), /written by Rouse alone/, 'what we have written ourselves is no surprise');
    const state = parseWorkloadState(answer.body.metadata?.annotations?.[annotation.state] ?? '');
    t.is(state.ok && state.value.replicasBefore, 2);
  });
  t.is(created['workloads admit CREATE'], 2, 'once, and once again');
  const live = async (): Promise<Injected> => (await cluster.api('GET', `${path}/web`)).body as unknown as Injected;
  await until('Rouse keeps one pod', async () => (await live()).spec.replicas === 1, 20_000, rouse.errors);
  // Without the other's container, and with another count: the other webhook puts its container back, which has us asked again.
  const applied = await callsIn(async () => {
    const answer = await cluster.api.patch(`${path}/web?fieldManager=flux&force=true`, { apiVersion: 'apps/v1', kind: 'Deployment', ...web }, 'apply');
    t.is(answer.status, 200, JSON.stringify(answer.body));
    t.regex(answer.warnings.join(), /spec\.replicas stays 1 \(sent: 2\): Rouse sets it/);
  });
  t.true((applied['workloads admit UPDATE'] ?? 0) >= 1, JSON.stringify(applied));
  const { spec } = await live();
  t.is(spec.replicas, 1);
  t.deepEqual(
    spec.template.spec.containers.map(({ name }) => name),
    ['app', 'injected'],
  );
});
