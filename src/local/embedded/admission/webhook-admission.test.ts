import test, { type ExecutionContext } from 'ava';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { createAuthority } from '../../../certificates/index.ts';
import { systemClock } from '../../../core/index.ts';
import { at, isObject, listAt, objectAt, textAt, type JsonObject } from '../json.ts';
import type { EmbeddedApi } from '../start.ts';
import { deploymentNamed, mergePatch, send, startedApi } from '../testing/embedded.ts';

const deployments = '/apis/apps/v1/namespaces/default/deployments';
const configurations = '/apis/admissionregistration.k8s.io/v1';

/** What a webhook answers to a request: `undefined` never answers. */
type Respond = (request: JsonObject, path: string) => JsonObject | undefined;

interface Hooks {
  readonly url: string;
  readonly caBundle: string;
  readonly seen: JsonObject[];
  readonly paths: string[];
}

/** A real webhook server over TLS. */
const startHooks = async (t: ExecutionContext, respond: Respond): Promise<Hooks> => {
  const authority = await createAuthority({ commonName: 'hooks', clock: systemClock, validDays: 1 });
  const { certificatePem, keyPem } = await authority.issue({
    commonName: 'hooks',
    ipAddresses: ['127.0.0.1'],
    dnsNames: ['hooks.default.svc'],
    validDays: 1,
  });
  const seen: JsonObject[] = [];
  const paths: string[] = [];
  const server = createServer({ cert: certificatePem, key: keyPem }, (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const parsed: unknown = JSON.parse(Buffer.concat(chunks).toString('utf8'));
      const asked = objectAt(parsed, 'request') ?? {};
      seen.push(asked);
      paths.push(request.url ?? '');
      const answer = respond(asked, request.url ?? '');
      if (answer === undefined) return;
      response.end(JSON.stringify({ kind: 'AdmissionReview', apiVersion: 'admission.k8s.io/v1', response: { uid: asked['uid'], ...answer } }));
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  const address: AddressInfo | string | null = server.address();
  const port = isObject(address) ? Number(address['port']) : 0;
  return { url: `https://127.0.0.1:${String(port)}`, caBundle: Buffer.from(authority.certificatePem).toString('base64'), seen, paths };
};

const patchOf = (operations: readonly JsonObject[]): JsonObject => ({
  allowed: true,
  patchType: 'JSONPatch',
  patch: Buffer.from(JSON.stringify(operations)).toString('base64'),
});

const annotate = (name: string, value: string): JsonObject => ({ op: 'add', path: `/metadata/annotations/${name.replace('/', '~1')}`, value });

const webhook = (hooks: Hooks, name: string, more: JsonObject = {}): JsonObject => ({
  name: `${name}.test.example`,
  clientConfig: { url: `${hooks.url}/${name}`, caBundle: hooks.caBundle },
  rules: [{ operations: ['CREATE', 'UPDATE'], apiGroups: ['apps'], apiVersions: ['v1'], resources: ['deployments'] }],
  sideEffects: 'None',
  admissionReviewVersions: ['v1'],
  timeoutSeconds: 20,
  ...more,
});

const register = async (
  t: ExecutionContext,
  api: EmbeddedApi,
  kind: 'mutating' | 'validating',
  webhooks: readonly JsonObject[],
  name = 'hooks',
): Promise<void> => {
  const { code, text } = await send(api, 'POST', `${configurations}/${kind}webhookconfigurations`, { metadata: { name }, webhooks });
  t.is(code, 201, text);
};

test('a mutating webhook changes the object before it is stored, and defaults are given again', async (t) => {
  const hooks = await startHooks(t, () => patchOf([{ op: 'remove', path: '/spec/replicas' }, annotate('test/by', 'hook')]));
  const api = await startedApi(t);
  await register(t, api, 'mutating', [webhook(hooks, 'a')]);
  const { code, body } = await send(api, 'POST', `${deployments}?fieldManager=me`, deploymentNamed('web', { annotations: { own: 'x' } }));
  t.is(code, 201);
  t.is(at(body, 'metadata', 'annotations', 'test/by'), 'hook');
  t.is(at(body, 'spec', 'replicas'), 1);
  const [request] = hooks.seen;
  t.is(hooks.paths[0], '/a?timeout=20s');
  t.like(request, {
    kind: { group: 'apps', version: 'v1', kind: 'Deployment' },
    resource: { group: 'apps', version: 'v1', resource: 'deployments' },
    operation: 'CREATE',
    namespace: 'default',
    name: 'web',
    oldObject: null,
    dryRun: false,
    options: { kind: 'CreateOptions', fieldManager: 'me' },
  });
  t.is(at(request, 'object', 'spec', 'replicas'), 1);
});

test('a refusal carries the message, the code and the causes of the webhook, and warnings reach the client', async (t) => {
  const status = { code: 422, reason: 'Invalid', message: 'two problems', details: { causes: [{ reason: 'FieldValueInvalid', message: 'm', field: 'f' }] } };
  const hooks = await startHooks(t, (request) => ({ allowed: request['name'] === 'good', status, warnings: ['look "out"'] }));
  const api = await startedApi(t);
  await register(t, api, 'validating', [webhook(hooks, 'a')]);
  const { code, body } = await send(api, 'POST', deployments, deploymentNamed('web'));
  t.is(code, 422);
  t.is(body['message'], 'admission webhook "a.test.example" denied the request: two problems');
  t.is(listAt(body, 'details', 'causes').length, 1);
  const good = await send(api, 'POST', deployments, deploymentNamed('good'));
  t.is(good.code, 201);
  t.is(good.headers.get('warning'), '299 - "look \\"out\\""');
});

test('failurePolicy says what happens when a webhook does not answer in its time', async (t) => {
  const hooks = await startHooks(t, () => undefined);
  const api = await startedApi(t);
  await register(t, api, 'validating', [webhook(hooks, 'a', { timeoutSeconds: 1, failurePolicy: 'Ignore' })]);
  t.is((await send(api, 'POST', deployments, deploymentNamed('ignored'))).code, 201);
  await register(t, api, 'validating', [webhook(hooks, 'b', { timeoutSeconds: 1 })], 'strict');
  const { code, body } = await send(api, 'POST', deployments, deploymentNamed('failed'));
  t.is(code, 500);
  t.regex(
    textAt(body, 'message') ?? '',
    /failed calling webhook "b\.test\.example": failed to call webhook: Post "https:.*timeout=1s": context deadline exceeded/,
  );
});

test('a server whose certificate the caBundle does not vouch for is not trusted', async (t) => {
  const hooks = await startHooks(t, () => ({ allowed: true }));
  const other = await createAuthority({ commonName: 'other', clock: systemClock, validDays: 1 });
  const api = await startedApi(t);
  const client = { url: `${hooks.url}/a`, caBundle: Buffer.from(other.certificatePem).toString('base64') };
  await register(t, api, 'validating', [webhook(hooks, 'a', { clientConfig: client })]);
  t.is((await send(api, 'POST', deployments, deploymentNamed('web'))).code, 500);
  t.is(hooks.seen.length, 0);
});

test('an answer with another uid, or a patch from a validating webhook, counts as a failure', async (t) => {
  const hooks = await startHooks(t, (_request, path) => (path.startsWith('/uid') ? { allowed: true, uid: 'x' } : patchOf([])));
  const api = await startedApi(t);
  await register(t, api, 'validating', [webhook(hooks, 'uid', { objectSelector: { matchLabels: { a: 'uid' } } }), webhook(hooks, 'patch')]);
  t.regex((await send(api, 'POST', deployments, deploymentNamed('a', { labels: { a: 'uid' } }))).text, /expected response\.uid=/);
  t.regex((await send(api, 'POST', deployments, deploymentNamed('b'))).text, /may not contain a patch/);
});

test('webhooks run in the order of their configurations, and one that asks for it again after a later change, once', async (t) => {
  const hooks = await startHooks(t, (request, path) => {
    const annotations = objectAt(request, 'object', 'metadata', 'annotations') ?? {};
    const name = path.slice(1, 2);
    return annotations[name] === undefined ? patchOf([annotate(name, 'seen')]) : { allowed: true };
  });
  const api = await startedApi(t);
  await register(t, api, 'mutating', [webhook(hooks, 'c')], 'z-last');
  await register(t, api, 'mutating', [webhook(hooks, 'a', { reinvocationPolicy: 'IfNeeded' }), webhook(hooks, 'b')], 'a-first');
  const { body } = await send(api, 'POST', deployments, deploymentNamed('web', { annotations: { own: 'x' } }));
  t.deepEqual(at(body, 'metadata', 'annotations'), { own: 'x', a: 'seen', b: 'seen', c: 'seen' });
  t.deepEqual(
    hooks.paths.map((path) => path.slice(1, 2)),
    ['a', 'b', 'c', 'a'],
  );
});

test('rules, selectors and match conditions decide who is called', async (t) => {
  const hooks = await startHooks(t, () => ({ allowed: true }));
  const api = await startedApi(t);
  const enabled =
    "has(object.metadata.annotations) && 'rouse.dev/enabled' in object.metadata.annotations && object.metadata.annotations['rouse.dev/enabled'] == 'true'";
  const notMe = "request.userInfo.username != 'nobody'";
  await register(t, api, 'validating', [
    webhook(hooks, 'conditions', {
      matchConditions: [
        { name: 'enabled', expression: enabled },
        { name: 'user', expression: notMe },
      ],
    }),
    webhook(hooks, 'object', { objectSelector: { matchLabels: { pick: 'me' } } }),
    webhook(hooks, 'namespace', { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'other' } } }),
    webhook(hooks, 'scale', { rules: [{ operations: ['UPDATE'], apiGroups: ['apps'], apiVersions: ['v1'], resources: ['deployments/scale'] }] }),
    webhook(hooks, 'delete', { rules: [{ operations: ['DELETE'], apiGroups: ['*'], apiVersions: ['*'], resources: ['*/*'] }] }),
  ]);
  const called = (): string[] => hooks.paths.splice(0).map((path) => path.slice(1).split('?')[0] ?? '');
  await send(api, 'POST', deployments, deploymentNamed('plain'));
  t.deepEqual(called(), []);
  await send(api, 'POST', deployments, deploymentNamed('on', { annotations: { 'rouse.dev/enabled': 'true' }, labels: { pick: 'me' } }));
  t.deepEqual(called().sort(), ['conditions', 'object']);
  hooks.seen.splice(0);
  await mergePatch(api, `${deployments}/plain/scale`, { spec: { replicas: 2 } });
  t.deepEqual(called(), ['scale']);
  t.like(hooks.seen[0], { kind: { group: 'autoscaling', kind: 'Scale' }, resource: { resource: 'deployments' }, subResource: 'scale' });
  await send(api, 'DELETE', `${deployments}/plain`);
  t.deepEqual(called(), ['delete']);
  t.like(hooks.seen.at(-1), { operation: 'DELETE', object: null });
});

test('a match condition that cannot be evaluated fails as the failure policy says', async (t) => {
  const hooks = await startHooks(t, () => ({ allowed: true }));
  const api = await startedApi(t);
  const matchConditions = [{ name: 'broken', expression: 'object.metadata.annotations.missing == "x"' }];
  await register(t, api, 'validating', [webhook(hooks, 'a', { matchConditions, failurePolicy: 'Ignore' })]);
  t.is((await send(api, 'POST', deployments, deploymentNamed('a'))).code, 201);
  await register(t, api, 'validating', [webhook(hooks, 'b', { matchConditions })], 'strict');
  t.is((await send(api, 'POST', deployments, deploymentNamed('b'))).code, 500);
  const illegal = { metadata: { name: 'x' }, webhooks: [webhook(hooks, 'c', { matchConditions: [{ name: 'n', expression: 'nothing == 1' }] })] };
  t.is((await send(api, 'POST', `${configurations}/validatingwebhookconfigurations`, illegal)).code, 422);
});

test('a rule for one version of a kind meets requests of another', async (t) => {
  const hooks = await startHooks(t, () => ({ allowed: true }));
  const api = await startedApi(t);
  const rules = [{ operations: ['*'], apiGroups: ['autoscaling'], apiVersions: ['v2'], resources: ['horizontalpodautoscalers'] }];
  await register(t, api, 'validating', [webhook(hooks, 'a', { rules })]);
  const autoscaler = {
    metadata: { name: 'h' },
    spec: { scaleTargetRef: { kind: 'Deployment', name: 'web' }, maxReplicas: 3, targetCPUUtilizationPercentage: 50 },
  };
  t.is((await send(api, 'POST', '/apis/autoscaling/v1/namespaces/default/horizontalpodautoscalers', autoscaler)).code, 201);
  t.like(hooks.seen[0], { kind: { version: 'v2' }, requestKind: { version: 'v1' } });
  t.is(at(listAt(hooks.seen[0], 'object', 'spec', 'metrics')[0], 'resource', 'target', 'averageUtilization'), 50);
});

test('a webhook behind a Service is reached through its endpoints under the name of the Service', async (t) => {
  const hooks = await startHooks(t, () => ({ allowed: true }));
  const api = await startedApi(t);
  const port = Number(new URL(hooks.url).port);
  await send(api, 'POST', '/api/v1/namespaces/default/services', { metadata: { name: 'hooks' }, spec: { ports: [{ port: 443, targetPort: port }] } });
  await send(api, 'POST', '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices', {
    metadata: { name: 'hooks-1', labels: { 'kubernetes.io/service-name': 'hooks' } },
    addressType: 'IPv4',
    endpoints: [{ addresses: ['127.0.0.1'] }],
    ports: [{ name: '', port, protocol: 'TCP' }],
  });
  const clientConfig = { service: { namespace: 'default', name: 'hooks', path: '/svc' }, caBundle: hooks.caBundle };
  await register(t, api, 'validating', [webhook(hooks, 'a', { clientConfig })]);
  t.is((await send(api, 'POST', deployments, deploymentNamed('web'))).code, 201);
  t.deepEqual(hooks.paths, ['/svc?timeout=20s']);
});

test('writes from inside the process meet the same webhooks', async (t) => {
  const hooks = await startHooks(t, () => ({ allowed: false }));
  const api = await startedApi(t);
  await register(t, api, 'validating', [webhook(hooks, 'a')]);
  const resource = { group: 'apps', version: 'v1', plural: 'deployments', kind: 'Deployment', namespaced: true };
  const object = { ...deploymentNamed('web'), metadata: { name: 'web', namespace: 'default' } };
  await t.throwsAsync(api.api.create(resource, object, 'system:serviceaccount:kube-system:x'), { message: /denied the request without explanation/ });
  t.is(at(hooks.seen[0], 'userInfo', 'username'), 'system:serviceaccount:kube-system:x');
});
