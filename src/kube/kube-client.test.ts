import test, { type ExecutionContext } from 'ava';
import { millis, systemClock } from '../core/index.ts';
import { ScriptedKubeApi, type Canned } from '../../test/support/scripted-kube-api.ts';
import { createKubeClient, loadKubeConfig, resources, type KubeClient } from './index.ts';

const scene = async (
  t: ExecutionContext,
  answer: ScriptedKubeApi['answer'] = () => undefined,
  timeout = 5000,
): Promise<{ api: ScriptedKubeApi; client: KubeClient }> => {
  const api = await ScriptedKubeApi.start();
  api.answer = answer;
  const connection = await loadKubeConfig({ kind: 'text', text: api.kubeConfig });
  t.teardown(async () => {
    connection.close();
    await api.stop();
  });
  return { api, client: createKubeClient({ connection, clock: systemClock, timeout: millis(timeout) }) };
};

const status = (code: number, reason: string, more: object = {}): Canned => ({
  status: code,
  body: { kind: 'Status', status: 'Failure', code, reason, message: `${reason} it is`, ...more },
});

const name = { namespace: 'default', name: 'web' };
const deployment = { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { ...name, resourceVersion: '7', creationTimestamp: '2030-01-01T00:00:00Z' } };

test('each call goes to its path, by its method, with our field manager on every write and a body of the right type', async (t) => {
  const scale = { metadata: { resourceVersion: '8' }, spec: { replicas: 3 }, status: { selector: 'app=web' } };
  const { api, client } = await scene(t, ({ path }) => ({ status: 200, body: path.endsWith('/scale') ? scale : deployment }));
  await client.get(resources.deployments, name);
  await client.create(resources.configMaps, { metadata: { namespace: 'default', name: 'c' }, data: { a: 'b' } });
  await client.replace(resources.deployments, deployment as never);
  await client.mergePatch(resources.namespaces, { name: 'default' }, { metadata: { labels: { a: 'b' } } });
  await client.delete(resources.pods, { namespace: 'default', name: 'p' }, { uid: 'u', propagation: 'Background' });
  await client.readScale(resources.deployments, name);
  await client.writeScale(resources.deployments, name, 3, '7');
  t.deepEqual(
    api.requests.map(({ method, path, query, headers, body }) => [
      `${method} ${path}?${query.toString()}`,
      headers['content-type'],
      body === '' ? undefined : (JSON.parse(body) as unknown),
    ]),
    [
      ['GET /apis/apps/v1/namespaces/default/deployments/web?', undefined, undefined],
      [
        'POST /api/v1/namespaces/default/configmaps?fieldManager=rouse',
        'application/json',
        { apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace: 'default', name: 'c' }, data: { a: 'b' } },
      ],
      ['PUT /apis/apps/v1/namespaces/default/deployments/web?fieldManager=rouse', 'application/json', deployment],
      ['PATCH /api/v1/namespaces/default?fieldManager=rouse', 'application/merge-patch+json', { metadata: { labels: { a: 'b' } } }],
      [
        'DELETE /api/v1/namespaces/default/pods/p?',
        'application/json',
        { apiVersion: 'v1', kind: 'DeleteOptions', preconditions: { uid: 'u' }, propagationPolicy: 'Background' },
      ],
      ['GET /apis/apps/v1/namespaces/default/deployments/web/scale?', undefined, undefined],
      [
        'PATCH /apis/apps/v1/namespaces/default/deployments/web/scale?fieldManager=rouse',
        'application/merge-patch+json',
        { spec: { replicas: 3 }, metadata: { resourceVersion: '7' } },
      ],
    ],
  );
  t.true(api.requests.every(({ headers }) => headers.authorization === 'Bearer secret'));
});

test('an answer is the JSON of the wire: a timestamp is a string', async (t) => {
  const { client } = await scene(t, () => ({ status: 200, body: deployment }));
  t.deepEqual(await client.get(resources.deployments, name), { ok: true, value: deployment } as never);
});

const refusal = test.macro({
  exec: async (t: ExecutionContext, canned: Canned, kind: string, retryAfterMs: number | undefined) => {
    const { client } = await scene(t, () => canned);
    const outcome = await client.get(resources.deployments, name);
    t.false(outcome.ok);
    if (outcome.ok) return;
    t.is(outcome.problem.kind, kind as never);
    t.is(outcome.problem.status, canned.status);
    t.is(outcome.problem.retryAfterMs, retryAfterMs);
    t.not(outcome.problem.message, '');
  },
  title: (_given, canned: Canned, kind: string, retryAfterMs: number | undefined) =>
    `HTTP ${String(canned.status)} ${JSON.stringify(canned.body).slice(0, 140)} is ${kind}${retryAfterMs === undefined ? '' : `, again after ${String(retryAfterMs)} ms`}`,
});

test(refusal, status(404, 'NotFound'), 'not-found', undefined);
test(refusal, status(409, 'AlreadyExists'), 'already-exists', undefined);
test(refusal, status(409, 'Conflict'), 'conflict', undefined);
test(refusal, status(401, 'Unauthorized'), 'unauthorized', undefined);
test(refusal, status(403, 'Forbidden'), 'forbidden', undefined);
test(refusal, status(422, 'Invalid'), 'invalid', undefined);
test(refusal, status(400, 'BadRequest'), 'invalid', undefined);
test(refusal, status(415, 'UnsupportedMediaType'), 'invalid', undefined);
test(refusal, { ...status(429, 'TooManyRequests'), headers: { 'retry-after': '3' } }, 'too-many-requests', 3000);
test(refusal, status(429, 'TooManyRequests', { details: { retryAfterSeconds: 2 } }), 'too-many-requests', 2000);
test(refusal, status(500, 'InternalError'), 'unavailable', undefined);
test(refusal, { status: 502, body: '<html>Bad Gateway</html>' }, 'unavailable', undefined);
test(refusal, { status: 200, body: '<html>Please log in</html>' }, 'unavailable', undefined);
test(refusal, status(410, 'Expired'), 'other', undefined);

test('no answer within the time limit is unavailable, and so is a connection that breaks or cannot be made', async (t) => {
  const { api, client } = await scene(t, () => 'hang', 80);
  const slow = await client.get(resources.deployments, name);
  t.like(slow, { ok: false, problem: { kind: 'unavailable' } });
  api.answer = () => 'cut';
  t.like(await client.writeScale(resources.deployments, name, 1), { ok: false, problem: { kind: 'unavailable' } });
  await api.stop();
  t.like(await client.get(resources.deployments, name), { ok: false, problem: { kind: 'unavailable' } });
});

test('a call whose signal aborts rejects with its reason, before or while it runs', async (t) => {
  const { api, client } = await scene(t, () => 'hang');
  const reason = new Error('no longer wanted');
  await t.throwsAsync(client.get(resources.pods, name, AbortSignal.abort(reason)), { is: reason });
  t.is(api.requests.length, 0);
  const stop = new AbortController();
  const call = client.get(resources.pods, name, stop.signal);
  setTimeout(() => {
    stop.abort(reason);
  }, 30);
  await t.throwsAsync(call, { is: reason });
});

test('a connection is kept alive; one that the server closed meanwhile is replaced without the caller noticing', async (t) => {
  const { api, client } = await scene(t, () => ({ status: 200, body: deployment }));
  for (let round = 0; round < 20; round++) {
    const outcomes = await Promise.all([client.get(resources.pods, name), client.writeScale(resources.deployments, name, round)]);
    t.true(
      outcomes.every(({ ok }) => ok),
      JSON.stringify([round, outcomes]),
    );
    api.cutAll();
  }
});

test('a name that would address something else is refused before it is sent', async (t) => {
  const { api, client } = await scene(t);
  for (const bad of [{ namespace: 'default', name: '' }, { name: 'web' }, { namespace: 'default', name: '..' }, { namespace: '', name: 'web' }]) {
    t.like(await client.delete(resources.pods, bad), { ok: false, problem: { kind: 'invalid' } });
    t.like(await client.get(resources.pods, bad), { ok: false, problem: { kind: 'invalid' } });
  }
  t.like(await client.create(resources.pods, { metadata: { name: 'x' } }), { ok: false, problem: { kind: 'invalid' } });
  t.like(await client.writeScale(resources.deployments, name, -1), { ok: false, problem: { kind: 'invalid' } });
  t.like(await client.writeScale(resources.deployments, name, Number.NaN), { ok: false, problem: { kind: 'invalid' } });
  t.is(api.requests.length, 0);
  await client.get(resources.pods, { namespace: 'a/b', name: '../c?x' });
  t.is(api.requests[0]?.path, '/api/v1/namespaces/a%2Fb/pods/..%2Fc%3Fx');
});

test('a list is fetched in pages; when its token expires, all at once', async (t) => {
  const { api, client } = await scene(t);
  for (let index = 0; index < 7; index++) api.put(`c${String(index)}`);
  api.pageSize = 3;
  const selection = { namespace: 'default', labelSelector: 'a=b', fieldSelector: 'metadata.name=x' };
  const listed = await client.list(resources.configMaps, selection);
  t.is(listed.ok && listed.value.items.length, 7);
  t.true(api.requests.every(({ query }) => query.get('labelSelector') === 'a=b' && query.get('fieldSelector') === 'metadata.name=x'));
  t.is(api.requests.length, 3);
  api.answer = ({ query }) => (query.get('continue') === '6' ? status(410, 'Expired') : undefined);
  const again = await client.list(resources.configMaps, {});
  t.deepEqual(
    again.ok && again.value.items.map((item) => item.metadata?.name),
    Array.from({ length: 7 }, (_each, index) => `c${String(index)}`),
  );
  t.is(again.ok && again.value.resourceVersion, '107');
});

const review = test.macro({
  exec: async (t: ExecutionContext, answered: object, expected: unknown) => {
    const { api, client } = await scene(t, () => ({ status: 201, body: { kind: 'TokenReview', status: answered } }));
    t.deepEqual(await client.reviewToken('tok', ['rouse-controller']), { ok: true, value: expected } as never);
    t.deepEqual(JSON.parse(api.requests[0]?.body ?? ''), {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenReview',
      spec: { token: 'tok', audiences: ['rouse-controller'] },
    });
  },
  title: (given) => `a token review: ${given ?? ''}`,
});

const user = {
  username: 'system:serviceaccount:rouse-system:gateway',
  groups: ['system:authenticated'],
  extra: { 'authentication.kubernetes.io/pod-name': ['g-1'], 'authentication.kubernetes.io/pod-uid': ['u-1'] },
};
const identity = { user: user.username, groups: user.groups, podName: 'g-1', podUid: 'u-1' };
test(
  'a token for our audience names its user with its groups, and its pod',
  review,
  { authenticated: true, audiences: ['x', 'rouse-controller'], user },
  identity,
);
test('a token that is not authentic is none', review, { authenticated: false, audiences: ['rouse-controller'], user }, undefined);
test('a token for another audience is none', review, { authenticated: true, audiences: ['https://kubernetes.default.svc'], user }, undefined);
test('a server that knows no audiences vouches for nothing', review, { authenticated: true, user }, undefined);
test(
  'a token without a pod has none',
  review,
  { authenticated: true, audiences: ['rouse-controller'], user: { username: 'u' } },
  { user: 'u', groups: [], podName: undefined, podUid: undefined },
);
test('an answer without a user is no identity', review, { authenticated: true, audiences: ['rouse-controller'] }, undefined);

test('the version is read, whatever the provider hangs onto it', async (t) => {
  const { client } = await scene(t, () => ({ status: 200, body: { major: '1', minor: '36+', gitVersion: 'v1.36.3-eks' } }));
  t.deepEqual(await client.version(), { ok: true, value: { major: 1, minor: 36 } });
});

test('a body that no API server would take is not sent', async (t) => {
  const { api, client } = await scene(t);
  const outcome = await client.create(resources.configMaps, { metadata: { namespace: 'default', name: 'c' }, data: { a: 'x'.repeat(4_000_000) } });
  t.like(outcome, { ok: false, problem: { kind: 'invalid' } });
  t.is(api.requests.length, 0);
});
