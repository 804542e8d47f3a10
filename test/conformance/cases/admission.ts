import { deepEqual, equal, match, ok } from 'node:assert/strict';
import type { Context } from '../context.ts';
import { at, textAt } from '../json.ts';
import { configMap, deployment, service } from '../objects.ts';
import { configMapRule, configurations, deploymentRule, hooked, patching, register, webhookFor, type Hook, type HookKind } from '../webhooks.ts';
import { one } from '../case.ts';

const allowed = { allowed: true };
const own = (c: Context, data: Readonly<Record<string, string>> = {}) => configMap(c.id, data, hooked(c));

/** Registers one webhook that allows everything; returns the requests it gets. */
const listen = async (c: Context, kind: HookKind, hook: Omit<Hook, 'handler'> = {}, suffix = ''): Promise<unknown[]> => {
  const requests: unknown[] = [];
  const handler = (request: unknown): object => {
    requests.push(request);
    return allowed;
  };
  await register(c, kind, [{ ...hook, handler }], suffix);
  return requests;
};

export const admission = [
  one('a webhook is completed with its defaults', 'POST mutatingwebhookconfigurations', 'Rouse (webhooks)', async (c) => {
    const { timeoutSeconds: _, ...webhook } = { timeoutSeconds: 0, ...webhookFor(c, c.id, {}) };
    c.atEnd(() => c.api.delete(`${configurations('mutating')}/${c.id}`));
    const made = (await c.api.post(configurations('mutating'), { metadata: { name: c.id }, webhooks: [{ ...webhook, namespaceSelector: null }] })).is(201);
    const got = made.at('webhooks.0');
    deepEqual(
      ['failurePolicy', 'matchPolicy', 'timeoutSeconds', 'reinvocationPolicy', 'namespaceSelector'].map((name) => at(got, name)),
      ['Fail', 'Equivalent', 10, 'Never', {}],
    );
    equal(at(got, 'rules.0.scope'), '*');
  }),
  one('a webhook without sideEffects is Invalid', 'POST mutatingwebhookconfigurations', 'Rouse (webhooks)', async (c) => {
    const body = { metadata: { name: c.id }, webhooks: [{ ...webhookFor(c, c.id, {}), sideEffects: 'Some' }] };
    (await c.api.post(configurations('mutating'), body)).fails(422, 'Invalid');
  }),
  one('a webhook without TLS is Invalid', 'POST validatingwebhookconfigurations', 'Rouse (webhooks)', async (c) => {
    const body = { metadata: { name: c.id }, webhooks: [{ ...webhookFor(c, c.id, {}), clientConfig: { url: 'http://127.0.0.1:1/x' } }] };
    (await c.api.post(configurations('validating'), body)).fails(422, 'Invalid');
  }),
  one('a match condition that is no expression is Invalid', 'POST validatingwebhookconfigurations', 'Rouse (webhooks)', async (c) => {
    const matchConditions = [{ name: 'bad', expression: 'object.metadata.(' }];
    const body = { metadata: { name: c.id }, webhooks: [{ ...webhookFor(c, c.id, {}), matchConditions }] };
    (await c.api.post(configurations('validating'), body)).fails(422, 'Invalid');
  }),
  one('a mutating webhook changes what is stored', 'POST configmaps', 'Rouse (defaults made visible)', async (c) => {
    await register(c, 'mutating', [{ handler: () => patching({ op: 'add', path: '/data/added', value: 'yes' }) }]);
    deepEqual((await c.make('configmaps', own(c, { a: '1' }))).at('data'), { a: '1', added: 'yes' });
  }),
  one('the request says what is asked, by whom, on what', 'POST configmaps', 'Rouse (webhooks)', async (c) => {
    const requests = await listen(c, 'mutating');
    (await c.api.post(c.path('configmaps'), own(c, { a: '1' }), { query: { fieldManager: 'tester' } })).is(201);
    const [request] = requests;
    deepEqual(at(request, 'kind'), { group: '', version: 'v1', kind: 'ConfigMap' });
    deepEqual(at(request, 'resource'), { group: '', version: 'v1', resource: 'configmaps' });
    deepEqual(
      ['operation', 'name', 'namespace', 'dryRun', 'oldObject'].map((name) => at(request, name)),
      ['CREATE', c.id, c.ns, false, null],
    );
    deepEqual([at(request, 'object.data'), at(request, 'object.kind')], [{ a: '1' }, 'ConfigMap']);
    deepEqual([at(request, 'options.kind'), at(request, 'options.fieldManager')], ['CreateOptions', 'tester']);
    match(textAt(request, 'uid'), /^[0-9a-f-]{36}$/);
    ok(textAt(request, 'userInfo.username') !== '' && at(request, 'userInfo.groups') !== undefined);
  }),
  one('defaults are there before the webhook is asked', 'POST deployments', 'Rouse (webhooks)', async (c) => {
    const requests = await listen(c, 'mutating', { rules: [deploymentRule(['CREATE'], 'deployments')] });
    await c.make('deployments', { ...deployment(c.id, 0, { paused: true }), metadata: { name: c.id, labels: hooked(c) } });
    equal(at(requests[0], 'object.spec.revisionHistoryLimit'), 10);
  }),
  one('an update brings the old object', 'PATCH configmaps', 'Rouse (webhooks)', async (c) => {
    const requests = await listen(c, 'validating');
    await c.make('configmaps', own(c, { a: '1' }));
    (await c.api.patch(c.path('configmaps', c.id), 'merge', { data: { a: '2' } })).is(200);
    const update = requests.find((request) => at(request, 'operation') === 'UPDATE');
    deepEqual([at(update, 'oldObject.data.a'), at(update, 'object.data.a'), at(update, 'options.kind')], ['1', '2', 'UpdateOptions']);
  }),
  one('a server-side apply is asked about as the object it leaves', 'PATCH (apply)', 'Rouse (webhooks beside GitOps)', async (c) => {
    const requests = await listen(c, 'validating');
    (await c.api.patch(c.path('configmaps', c.id), 'apply', { ...own(c, { a: '1' }) }, { query: { fieldManager: 'gitops' } })).is(201);
    deepEqual(
      [at(requests[0], 'operation'), at(requests[0], 'object.metadata.managedFields.0.manager'), at(requests[0], 'object.data')],
      ['CREATE', 'gitops', { a: '1' }],
    );
  }),
  one('an update that a mutating webhook takes back moves the ownership all the same', 'PATCH configmaps', 'Rouse (replicas kept on re-apply)', async (c) => {
    (await c.api.post(c.path('configmaps'), own(c, { a: '1' }), { query: { fieldManager: 'first' } })).is(201);
    const back = patching({ op: 'replace', path: '/data/a', value: '1' });
    await register(c, 'mutating', [{ rules: [configMapRule('UPDATE')], handler: () => back }]);
    const patched = (await c.api.patch(c.path('configmaps', c.id), 'merge', { data: { a: '2' } }, { query: { fieldManager: 'second' } })).is(200);
    equal(patched.text('data.a'), '1');
    const owner = patched.list('metadata.managedFields').find((entry) => at(entry, ['fieldsV1', 'f:data', 'f:a']) !== undefined);
    equal(at(owner, 'manager'), 'second');
  }),
  one('a delete brings the old object alone', 'DELETE configmaps', 'Rouse (webhooks)', async (c) => {
    const requests = await listen(c, 'validating', { rules: [configMapRule('DELETE')] });
    await c.make('configmaps', own(c, { a: '1' }));
    (await c.api.delete(c.path('configmaps', c.id))).is(200);
    deepEqual([at(requests[0], 'operation'), at(requests[0], 'object'), at(requests[0], 'oldObject.data.a')], ['DELETE', null, '1']);
  }),
  one('a validating webhook refuses with its message', 'POST configmaps', 'Rouse (problems refused)', async (c) => {
    await register(c, 'validating', [{ handler: () => ({ allowed: false, status: { message: 'three problems: a, b, c' } }) }]);
    const answer = await c.api.post(c.path('configmaps'), own(c));
    equal(answer.is(400).text('message'), `admission webhook "${c.id}-0.conformance.rouse.dev" denied the request: three problems: a, b, c`);
    (await c.api.get(c.path('configmaps', c.id))).fails(404, 'NotFound');
  }),
  one('a webhook may choose code and reason of its refusal', 'POST configmaps', 'Rouse (problems refused)', async (c) => {
    const status = { code: 422, reason: 'Invalid', message: 'bad annotation' };
    await register(c, 'validating', [{ handler: () => ({ allowed: false, status }) }]);
    (await c.api.post(c.path('configmaps'), own(c))).fails(422, 'Invalid');
  }),
  one('warnings reach the client as headers', 'POST configmaps', 'Rouse (warnings), kubectl', async (c) => {
    await register(c, 'validating', [{ handler: () => ({ allowed: true, warnings: ['the Service is headless', 'a "quoted" word'] }) }]);
    const header = (await c.api.post(c.path('configmaps'), own(c))).is(201).header('warning');
    ok(header.includes('299 - "the Service is headless"') && header.includes('299 - "a \\"quoted\\" word"'), header);
  }),
  one('an object without the label is not asked about', 'POST configmaps', 'Rouse (objectSelector)', async (c) => {
    const requests = await listen(c, 'validating');
    await c.make('configmaps', configMap(c.id));
    equal(requests.length, 0);
  }),
  one('the label on the old object is enough', 'PATCH configmaps', 'Rouse (off-boarding)', async (c) => {
    const requests = await listen(c, 'validating', { rules: [configMapRule('UPDATE')] });
    await c.make('configmaps', own(c));
    (await c.api.patch(c.path('configmaps', c.id), 'merge', { metadata: { labels: { hook: null } } })).is(200);
    equal(requests.length, 1);
  }),
  one('another namespace is not asked about', 'POST configmaps', 'Rouse (namespaceSelector)', async (c) => {
    const requests = await listen(c, 'validating');
    await c.make('configmaps', own(c), await c.freshNamespace());
    equal(requests.length, 0);
  }),
  one('other operations are not asked about', 'PATCH configmaps', 'Rouse (rules)', async (c) => {
    const requests = await listen(c, 'validating', { rules: [configMapRule('CREATE')] });
    await c.make('configmaps', own(c));
    (await c.api.patch(c.path('configmaps', c.id), 'merge', { data: { a: '2' } })).is(200);
    deepEqual(
      requests.map((request) => at(request, 'operation')),
      ['CREATE'],
    );
  }),
  one('a rule for deployments does not mean their scale', 'PATCH deployments/scale', 'Rouse (rules)', async (c) => {
    const requests = await listen(c, 'validating', { rules: [deploymentRule(['UPDATE'], 'deployments')] });
    await c.make('deployments', { ...deployment(c.id, 0, { paused: true }), metadata: { name: c.id, labels: hooked(c) } });
    (await c.api.patch(c.path('deployments', c.id, 'scale'), 'merge', { spec: { replicas: 1 } })).is(200);
    // The controller writes the status meanwhile: that is deployments/status, and not asked about either.
    (await c.api.patch(c.path('deployments', c.id), 'merge', { spec: { minReadySeconds: 1 } })).is(200);
    deepEqual(
      requests.filter((request) => at(request, 'subResource') !== undefined),
      [],
    );
    ok(requests.some((request) => at(request, 'object.spec.minReadySeconds') === 1));
  }),
  one('a rule for deployments/scale gets the Scale', 'PATCH deployments/scale', 'Rouse (why no webhook guards scaling)', async (c) => {
    // A Scale has neither labels nor annotations: only an empty object selector meets it.
    const more = { objectSelector: {}, matchConditions: [{ name: 'mine', expression: `request.name == "${c.id}"` }] };
    const requests = await listen(c, 'validating', { rules: [deploymentRule(['UPDATE'], 'deployments/scale')], more });
    await c.make('deployments', deployment(c.id, 0, { paused: true }));
    (await c.api.patch(c.path('deployments', c.id, 'scale'), 'merge', { spec: { replicas: 2 } })).is(200);
    const [request] = requests;
    deepEqual(
      [at(request, 'kind.kind'), at(request, 'resource.resource'), at(request, 'subResource'), at(request, 'object.spec.replicas')],
      ['Scale', 'deployments', 'scale', 2],
    );
    equal(at(request, 'object.metadata.labels'), undefined);
  }),
  one('a match condition that is false skips the webhook', 'POST configmaps', 'Rouse (matchConditions)', async (c) => {
    const expression = "has(object.metadata.annotations) && 'rouse.dev/enabled' in object.metadata.annotations";
    const requests = await listen(c, 'validating', { more: { matchConditions: [{ name: 'enabled', expression }] } });
    await c.make('configmaps', own(c));
    equal(requests.length, 0);
    (await c.api.patch(c.path('configmaps', c.id), 'merge', { metadata: { annotations: { 'rouse.dev/enabled': 'true' } } })).is(200);
    equal(requests.length, 1);
  }),
  one('a match condition may look at the old object', 'PATCH services', 'Rouse (takeover kept)', async (c) => {
    const expression = "oldObject != null && has(oldObject.metadata.annotations) && 'rouse.dev/selector' in oldObject.metadata.annotations";
    const rules = [{ operations: ['CREATE', 'UPDATE'], apiGroups: [''], apiVersions: ['v1'], resources: ['services'] }];
    const requests = await listen(c, 'mutating', { rules, more: { matchConditions: [{ name: 'taken-over', expression }] } });
    await c.make('services', { ...service(c.id, { app: 'x' }), metadata: { name: c.id, labels: hooked(c) } });
    (await c.api.patch(c.path('services', c.id), 'merge', { metadata: { annotations: { 'rouse.dev/selector': '{}' } } })).is(200);
    equal(requests.length, 0);
    (await c.api.patch(c.path('services', c.id), 'merge', { spec: { selector: { app: 'y' } } })).is(200);
    equal(requests.length, 1);
  }),
  one('a match condition may look at who asks', 'POST configmaps', 'Rouse (own account let through)', async (c) => {
    const expression = "request.userInfo.username != 'system:serviceaccount:rouse-system:rouse' && request.operation == 'CREATE'";
    const requests = await listen(c, 'validating', { more: { matchConditions: [{ name: 'not-us', expression }] } });
    await c.make('configmaps', own(c));
    equal(requests.length, 1);
  }),
  one('mutating webhooks run by the names of their configurations, each on the result of the last', 'POST configmaps', 'Rouse (webhooks)', async (c) => {
    const append = (letter: string) => (request: unknown) => patching({ op: 'add', path: '/data/a', value: `${textAt(request, 'object.data.a')}${letter}` });
    await register(c, 'mutating', [{ handler: append('z') }], '-z');
    await register(c, 'mutating', [{ handler: append('a') }, { handler: append('b') }], '-a');
    equal((await c.make('configmaps', own(c, { a: '' }))).text('data.a'), 'abz');
  }),
  one('IfNeeded asks again what a later webhook has changed', 'POST configmaps', 'Rouse (reinvocationPolicy)', async (c) => {
    let calls = 0;
    const first = (): object => {
      calls += 1;
      return allowed;
    };
    await register(c, 'mutating', [{ handler: first, more: { reinvocationPolicy: 'IfNeeded' } }], '-a');
    await register(c, 'mutating', [{ handler: () => patching({ op: 'add', path: '/data/b', value: '1' }) }], '-b');
    await c.make('configmaps', own(c, { a: '1' }));
    equal(calls, 2);
  }),
  one('Never is asked once', 'POST configmaps', 'Rouse (reinvocationPolicy)', async (c) => {
    let calls = 0;
    const first = (): object => {
      calls += 1;
      return allowed;
    };
    await register(c, 'mutating', [{ handler: first }], '-a');
    await register(c, 'mutating', [{ handler: () => patching({ op: 'add', path: '/data/b', value: '1' }) }], '-b');
    await c.make('configmaps', own(c, { a: '1' }));
    equal(calls, 1);
  }),
  one('validating webhooks see the result of the mutating ones', 'POST configmaps', 'Rouse (webhooks)', async (c) => {
    await register(c, 'mutating', [{ handler: () => patching({ op: 'add', path: '/data/b', value: '2' }) }]);
    const requests = await listen(c, 'validating', {}, '-v');
    await c.make('configmaps', own(c, { a: '1' }));
    deepEqual(at(requests[0], 'object.data'), { a: '1', b: '2' });
  }),
  one('what a webhook leaves is defaulted again and validated', 'POST deployments', 'Rouse (webhooks)', async (c) => {
    const rules = [deploymentRule(['CREATE'], 'deployments')];
    let value: unknown = null;
    await register(c, 'mutating', [{ rules, handler: () => patching({ op: 'replace', path: '/spec/revisionHistoryLimit', value }) }]);
    const own1 = { ...deployment(c.id, 0, { paused: true }), metadata: { name: c.id, labels: hooked(c) } };
    equal((await c.make('deployments', own1)).at('spec.revisionHistoryLimit'), 10);
    value = -1;
    (await c.api.post(c.path('deployments'), { ...own1, metadata: { name: `${c.id}-b`, labels: hooked(c) } })).fails(422, 'Invalid');
  }),
  one('a dry run is said to be one', 'POST configmaps?dryRun=All', 'Rouse (webhooks)', async (c) => {
    const requests = await listen(c, 'mutating');
    (await c.api.post(c.path('configmaps'), own(c), { query: { dryRun: 'All' } })).is(201);
    equal(at(requests[0], 'dryRun'), true);
  }),
  one('a webhook whose configuration is gone is not asked', 'DELETE validatingwebhookconfigurations', 'Rouse (restore)', async (c) => {
    await register(c, 'validating', [{ handler: () => ({ allowed: false, status: { message: 'no' } }) }]);
    (await c.api.post(c.path('configmaps'), own(c))).is(400);
    (await c.api.delete(`${configurations('validating')}/${c.id}`)).is(200);
    for (let tries = 0; (await c.api.post(c.path('configmaps'), own(c))).status !== 201; tries += 1) ok(tries < 100);
  }),
];
