import test, { type ExecutionContext } from 'ava';
import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { annotation, printSavedSelector, silentLogger, systemClock } from '../core/index.ts';
import type { ServiceView } from '../kube/index.ts';
import type { AdmissionPorts } from './ports.ts';
import { admissionReview } from '../../test/support/admission-review.ts';
import { createWebhookApp } from './app.ts';

const self = 'system:serviceaccount:rouse-system:rouse-controller';
const service = (name: string, more: Partial<ServiceView> = {}): ServiceView => ({
  namespace: 'default',
  name,
  uid: name,
  resourceVersion: '1',
  labels: {},
  annotations: {},
  createdAt: 0,
  deleting: false,
  type: 'ClusterIP',
  selector: { app: 'web' },
  clusterIP: '10.0.0.1',
  ipFamilies: ['IPv4'],
  ports: [{ name: 'http', port: 80, protocol: 'TCP', targetPort: 8080, appProtocol: undefined }],
  sessionAffinity: 'None',
  internalTrafficPolicy: 'Cluster',
  externalTrafficPolicy: undefined,
  publishNotReadyAddresses: false,
  ...more,
});

const ports = (more: Partial<AdmissionPorts> = {}): AdmissionPorts => ({
  isSelf: ({ user }) => user === self,
  inherited: () => ({ cluster: {}, namespace: {} }),
  servicesIn: () => [service('web')],
  autoscalerOf: () => Promise.resolve(undefined),
  onboarded: () => undefined,
  clock: systemClock,
  logger: silentLogger,
  ...more,
});

const start = async (t: ExecutionContext, more: Partial<AdmissionPorts> = {}): Promise<string> => {
  // For longer than we may stand still: a connection that ends just as it is used again fails its call.
  const server = createServer({ keepAliveTimeout: 60_000 }, createWebhookApp(ports(more))).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
};

interface Response {
  readonly uid: string;
  readonly allowed: boolean;
  readonly warnings?: readonly string[];
  readonly patchType?: string;
  readonly patch?: string;
  readonly status?: { readonly code: number; readonly message: string };
}

const deployment = (annotations: Record<string, string>, replicas = 2): object => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web', annotations },
  spec: { replicas, selector: { matchLabels: { app: 'web' } }, template: { metadata: { labels: { app: 'web' } }, spec: { containers: [] } } },
});

const ask = async (url: string, path: 'mutate' | 'validate', request: object): Promise<Response> => {
  const answer = await fetch(`${url}/admission/${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(admissionReview(request)),
  });
  const body = (await answer.json()) as { apiVersion: string; kind: string; response: Response };
  if (answer.status !== 200 || body.kind !== 'AdmissionReview' || body.apiVersion !== 'admission.k8s.io/v1' || body.response.uid !== 'u-1')
    throw new Error(JSON.stringify(body));
  return body.response;
};
const patchOf = ({ patch }: Response): unknown => (patch === undefined ? undefined : JSON.parse(Buffer.from(patch, 'base64').toString()));
const on = { [annotation.enabled]: 'true' };

test('onboarding is a patch of one annotation, and shows what is in force', async (t) => {
  const url = await start(t);
  const mutated = await ask(url, 'mutate', { object: deployment(on) });
  t.is(mutated.patchType, 'JSONPatch');
  t.deepEqual(patchOf(mutated), [{ op: 'add', path: '/metadata/annotations/rouse.dev~1state', value: '{"v":1,"replicasBefore":2}' }]);
  const validated = await ask(url, 'validate', { object: deployment(on) });
  t.true(validated.allowed);
  t.deepEqual(validated.warnings, [
    'Rouse: on; pods 0 to no limit; per pod concurrency 100 at 70%; window 1m; path auto; holds 1000 requests for 1m; policy rouse',
  ]);
});

test('every problem of the annotations is in one refusal', async (t) => {
  const url = await start(t);
  const refused = await ask(url, 'validate', {
    object: deployment({ ...on, 'rouse.dev/min-scale': 'x', 'rouse.dev/windw': '60s', 'rouse.dev/mode': 'maybe' }),
  });
  t.false(refused.allowed);
  t.is(refused.status?.code, 422);
  const message = refused.status?.message ?? '';
  t.regex(message, /^3 problems:\n/);
  for (const part of ['rouse.dev/min-scale: "x"', 'did you mean rouse.dev/window', 'rouse.dev/mode: "maybe"']) t.true(message.includes(part), message);
});

test('a switch that is neither true nor false is refused', async (t) => {
  const url = await start(t);
  t.is((await ask(url, 'validate', { object: deployment({ [annotation.enabled]: 'yes' }) })).status?.code, 422);
});

test('an update that says nothing about us passes, even where what stands is wrong', async (t) => {
  const url = await start(t);
  const wrong = { ...on, 'rouse.dev/min-scale': 'x' };
  const answer = await ask(url, 'validate', { operation: 'UPDATE', object: deployment({ ...wrong, note: 'new' }), oldObject: deployment(wrong) });
  t.deepEqual(answer, { uid: 'u-1', allowed: true });
});

test('a workload with an autoscaler is refused, adopted or only observed, as it says', async (t) => {
  const url = await start(t, { autoscalerOf: () => Promise.resolve({ name: 'web-hpa' }) });
  const refused = await ask(url, 'validate', { object: deployment(on) });
  t.is(refused.status?.code, 409);
  t.regex(refused.status?.message ?? '', /HorizontalPodAutoscaler web-hpa .*rouse\.dev\/adopt-hpa/);
  t.true((await ask(url, 'validate', { object: deployment({ ...on, 'rouse.dev/adopt-hpa': 'true' }) })).allowed);
  const observed = await ask(url, 'validate', { object: deployment({ ...on, 'rouse.dev/mode': 'observe' }) });
  t.true(observed.allowed && observed.warnings?.some((warning) => warning.includes('web-hpa')));
});

test('where the API server cannot be asked for autoscalers, the workload passes with a warning', async (t) => {
  const url = await start(t, { autoscalerOf: () => Promise.reject(new Error('down')) });
  const answer = await ask(url, 'validate', { object: deployment(on) });
  t.true(answer.allowed && answer.warnings?.some((warning) => warning.includes('could not look for')));
});

const hpa = (name: string): object => ({ metadata: { name: 'h' }, spec: { scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name } } });
const autoscalers = { resource: { group: 'autoscaling', version: 'v2', resource: 'horizontalpodautoscalers' }, name: 'h' };
test('an autoscaler for an onboarded workload is refused; one that was there may still be edited', async (t) => {
  const url = await start(t, { onboarded: ({ name }) => (name === 'web' ? { mode: 'enforce', adoptHpa: false } : undefined) });
  t.is((await ask(url, 'validate', { ...autoscalers, object: hpa('web') })).status?.code, 409);
  t.true((await ask(url, 'validate', { ...autoscalers, object: hpa('other') })).allowed);
  t.true((await ask(url, 'validate', { ...autoscalers, operation: 'UPDATE', object: hpa('web'), oldObject: hpa('web') })).allowed);
  t.false((await ask(url, 'validate', { ...autoscalers, operation: 'UPDATE', object: hpa('web'), oldObject: hpa('other') })).allowed);
});

const widgets = { group: 'example.com', plural: 'widgets', kind: 'Widget' };
const widget = (annotations: Record<string, string>, spec: object): object => ({
  apiVersion: 'example.com/v1',
  kind: 'Widget',
  metadata: { name: 'web', annotations },
  spec,
});

test('a custom resource is a workload where the operator allows its kind, and nowhere else', async (t) => {
  const request = {
    resource: { group: 'example.com', version: 'v1', resource: 'widgets' },
    object: widget({ ...on, 'rouse.dev/windw': '60s' }, { replicas: 2 }),
  };
  t.true((await ask(await start(t), 'validate', request)).allowed);
  const url = await start(t, { kinds: () => [widgets] });
  t.regex((await ask(url, 'validate', request)).status?.message ?? '', /did you mean rouse\.dev\/window/);
  const counted = await ask(url, 'mutate', { ...request, object: widget(on, { replicas: 2 }) });
  t.deepEqual(patchOf(counted), [{ op: 'add', path: '/metadata/annotations/rouse.dev~1state', value: '{"v":1,"replicasBefore":2}' }]);
  t.is(patchOf(await ask(url, 'mutate', { ...request, object: widget(on, { size: 2 }) })), undefined);
  const warnings = (await ask(url, 'validate', { ...request, object: widget(on, { size: 2 }) })).warnings ?? [];
  t.false(
    warnings.some((warning) => warning.includes('no Service')),
    warnings.join('\n'),
  );
});

test('an autoscaler for a custom resource that is onboarded is refused; a kind of the same name elsewhere is another', async (t) => {
  const url = await start(t, {
    kinds: () => [widgets],
    onboarded: ({ resource, name }) => (resource === 'widgets.example.com' && name === 'web' ? { mode: 'enforce', adoptHpa: false } : undefined),
  });
  const of = (apiVersion: string): object => ({ metadata: { name: 'h' }, spec: { scaleTargetRef: { apiVersion, kind: 'Widget', name: 'web' } } });
  t.is((await ask(url, 'validate', { ...autoscalers, object: of('example.com/v1beta1') })).status?.code, 409);
  t.true((await ask(url, 'validate', { ...autoscalers, object: of('other.com/v1') })).allowed);
});

const warned = test.macro(async (t: ExecutionContext, services: readonly ServiceView[], annotations: Record<string, string>, want: RegExp) => {
  const url = await start(t, { servicesIn: () => services });
  const answer = await ask(url, 'validate', { object: deployment({ ...on, ...annotations }) });
  t.true(answer.allowed);
  t.true(answer.warnings?.some((warning) => want.test(warning)) === true, JSON.stringify(answer.warnings));
});
test('no Service at all is warned about', warned, [], {}, /no Service with an address of its own selects the pods so far: until one does/);
test('a headless Service is warned about', warned, [service('bare', { clusterIP: 'None' })], {}, /Service bare is headless/);
test(
  'a UDP port is warned about',
  warned,
  [service('dns', { ports: [{ name: 'dns', port: 53, protocol: 'UDP', targetPort: 53, appProtocol: undefined }] })],
  {},
  /Service dns has a UDP/,
);
test(
  'externalTrafficPolicy: Local is warned about',
  warned,
  [service('web', { externalTrafficPolicy: 'Local' })],
  {},
  /externalTrafficPolicy: Local now means/,
);
test('publishNotReadyAddresses is warned about', warned, [service('web', { publishNotReadyAddresses: true })], {}, /publishNotReadyAddresses/);
test('a named Service that is not there is warned about', warned, [], { 'rouse.dev/services': 'webb' }, /Service webb of rouse\.dev\/services is not there/);
test(
  'a named Service that selects other pods is warned about',
  warned,
  [service('api', { selector: { app: 'api' } })],
  { 'rouse.dev/services': 'api' },
  /Service api is named/,
);

test('replicas that belong to a server-side apply are warned about', async (t) => {
  const url = await start(t);
  const object = {
    ...deployment(on),
    metadata: { name: 'web', annotations: on, managedFields: [{ manager: 'flux', operation: 'Apply', fieldsV1: { 'f:spec': { 'f:replicas': {} } } }] },
  };
  t.true((await ask(url, 'validate', { object })).warnings?.some((warning) => warning.includes('server-side apply (flux)')) === true);
});

test('an applied Service stays taken over', async (t) => {
  const url = await start(t);
  const saved = printSavedSelector({ v: 1, workload: 'default/web', selector: { app: 'web' }, owners: [] });
  const annotations = { [annotation.selector]: saved };
  const answer = await ask(url, 'mutate', {
    resource: { group: '', version: 'v1', resource: 'services' },
    operation: 'UPDATE',
    object: { metadata: { name: 'web', annotations }, spec: { selector: { app: 'web' }, ports: [] } },
    oldObject: { metadata: { name: 'web', annotations }, spec: { ports: [] } },
  });
  t.deepEqual(patchOf(answer), [{ op: 'remove', path: '/spec/selector' }]);
  t.is(answer.warnings?.length, 1);
});

test('replicas that an apply brings back are taken out of it', async (t) => {
  const url = await start(t);
  const state = { ...on, [annotation.state]: '{"v":1,"replicasBefore":2}' };
  const answer = await ask(url, 'mutate', { operation: 'UPDATE', object: deployment(state, 2), oldObject: deployment(state, 0) });
  t.deepEqual(patchOf(answer), [{ op: 'replace', path: '/spec/replicas', value: 0 }]);
});

test('namespaces of the system, subresources, foreign kinds and our own user pass untouched', async (t) => {
  const url = await start(t);
  const untouched = { uid: 'u-1', allowed: true };
  const object = deployment({ ...on, 'rouse.dev/min-scale': 'x' });
  for (const path of ['mutate', 'validate'] as const) {
    t.deepEqual(await ask(url, path, { namespace: 'kube-system', object }), untouched);
    t.deepEqual(await ask(url, path, { namespace: 'rouse-system', object }), untouched);
    t.deepEqual(await ask(url, path, { subResource: 'scale', object }), untouched);
    t.deepEqual(await ask(url, path, { resource: { group: 'batch', version: 'v1', resource: 'jobs' }, object }), untouched);
    t.deepEqual(await ask(url, path, { userInfo: { username: self }, object }), untouched);
  }
});

const refusedBody = test.macro(async (t: ExecutionContext, init: RequestInit, status: number, want: RegExp, path?: string) => {
  const url = await start(t);
  const answer = await fetch(`${url}${path ?? '/admission/mutate'}`, { method: 'POST', ...init });
  t.is(answer.status, status);
  t.regex(((await answer.json()) as { error: string }).error, want);
  // It goes on serving.
  t.true((await ask(url, 'mutate', { object: deployment({}) })).allowed);
});
const json = { 'content-type': 'application/json' };
test('a body that is no JSON gets 400', refusedBody, { headers: json, body: '{"kind":' }, 400, /not JSON/);
test('an empty body gets 400', refusedBody, { headers: json }, 400, /AdmissionReview/);
test('another content type gets 415', refusedBody, { headers: { 'content-type': 'text/plain' }, body: '{}' }, 415, /application\/json/);
test('a body of another kind gets 400', refusedBody, { headers: json, body: '{"kind":"Pod"}' }, 400, /AdmissionReview/);
test(
  'a review of another version gets 400',
  refusedBody,
  { headers: json, body: '{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1beta1"}' },
  400,
  /v1/,
);
test('an array gets 400', refusedBody, { headers: json, body: '[]' }, 400, /AdmissionReview/);
test('a huge body gets 413', refusedBody, { headers: json, body: `{"a":"${'x'.repeat(9 * 1024 * 1024)}"}` }, 413, /larger/);
test('a body nested without end gets 400', refusedBody, { headers: json, body: `${'['.repeat(100_000)}${']'.repeat(100_000)}` }, 400, /levels deep/);
test('an unknown path gets 404', refusedBody, { headers: json, body: '{}' }, 404, /nothing here/, '/other');
test('another method gets 405', refusedBody, { method: 'PUT', headers: json, body: '{}' }, 405, /only POST/);
test('an unknown encoding gets 415', refusedBody, { headers: { ...json, 'content-encoding': 'zip' }, body: '{}' }, 415, /encoding/);

test('whatever is inside a review, the answer is an AdmissionReview or a clear 4xx', async (t) => {
  const url = await start(t);
  const deep = '['.repeat(50_000) + ']'.repeat(50_000);
  const bodies = [
    admissionReview({ object: null }),
    admissionReview({ object: [] }),
    admissionReview({ uid: 7 }),
    admissionReview({ uid: 'x'.repeat(5000) }),
    admissionReview({ operation: 'DELETE', object: null }),
    admissionReview({ operation: 'UPDATE', object: {} }),
    admissionReview({ userInfo: 'alice', object: {} }),
    admissionReview({ resource: 'deployments', object: {} }),
    admissionReview({ object: { metadata: 1, spec: 'x' } }),
    admissionReview({ object: { metadata: { annotations: { a: 1, __proto__: { b: 2 } } }, spec: { replicas: 'many', template: [] } } }),
    admissionReview({ operation: 'UPDATE', object: { metadata: { annotations: on, managedFields: 7 } }, oldObject: { spec: { replicas: -1 } } }),
  ].map((body) => JSON.stringify(body));
  bodies.push(JSON.stringify(admissionReview({ object: { metadata: {}, spec: { template: 'DEEP' } } })).replace('"DEEP"', deep));
  for (const body of bodies)
    for (const path of ['mutate', 'validate']) {
      const answer = await fetch(`${url}/admission/${path}`, { method: 'POST', headers: json, body });
      t.true(answer.status === 200 || answer.status === 400, `${answer.status} for ${body.slice(0, 200)}`);
      await answer.arrayBuffer();
    }
});
