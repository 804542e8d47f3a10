import test from 'ava';
import { Agent, request } from 'undici';
import { annotation } from '../../src/core/index.ts';
import { settingNames, settings, type SettingName } from '../../src/core/spec/index.ts';
import { deployment, service } from '../support/app.ts';
import { eventsAbout } from '../support/events.ts';
import { holdWebhooks, patientAdmission } from '../support/held-webhooks.ts';
import { kubectl, type Kubectl, type Manifest } from '../support/kubectl.ts';
import { startTestLocal, type TestLocal } from '../support/local.ts';
import { until } from '../support/until.ts';

const on = { [annotation.enabled]: 'true' };
const plain = (name: string, annotations: Readonly<Record<string, string>> = {}, namespace = 'default'): Manifest =>
  deployment(name, { annotations, namespace }) as Manifest;

/** A value that the setting does not take; a formula is judged by what it means, everything else by its form. */
const illegal = (name: SettingName): string => {
  if (name === 'formula') return 'max(concurrency,';
  const found = ['-2', 'nonsense!', '[{}]'].find((text) => !settings[name].parse(text).ok);
  if (found === undefined) throw new Error(`no illegal value is known for ${name}`);
  return found;
};

let rouse: TestLocal;
let user: Kubectl;
test.before(async () => {
  rouse = await startTestLocal();
  await holdWebhooks(rouse, patientAdmission);
  user = kubectl(rouse);
  // The first formula of all has mathjs loaded, half a second during which this process does nothing else: not while admission is timed.
  const formula = plain('with-formula', { ...on, 'rouse.dev/formula': illegal('formula') });
  await until('formulas are judged', async () => (await rouse.api('POST', '/apis/apps/v1/namespaces/default/deployments?dryRun=All', formula)).status === 422);
});
test.after.always(async () => {
  await user.close();
  await rouse.close();
});

test('an illegal value for every setting there is: refused in one answer, each with key, value, what is legal and an example', async (t) => {
  const manifest = plain('everything-wrong');
  await user.apply(manifest);
  const before = await user.get(manifest);
  const wrong = Object.fromEntries(settingNames.map((name) => [`rouse.dev/${name}`, illegal(name)]));
  const refused = await user.annotate(manifest, { ...on, ...wrong });
  t.is(refused.status, 422, JSON.stringify(refused.body));
  const [summary = '', ...lines] = String(refused.body['message']).split('\n');
  t.regex(summary, new RegExp(`denied the request: ${settingNames.length} problems:$`));
  for (const name of settingNames) {
    const line = lines.find((each) => each.startsWith(`- rouse.dev/${name}: `)) ?? '';
    t.true(line.startsWith(`- rouse.dev/${name}: ${JSON.stringify(illegal(name))} `), `${name}: ${line}`);
    t.true(line.includes(`; it takes ${settings[name].legal}, for example `), `${name}: ${line}`);
  }
  t.is(lines.length, settingNames.length);
  t.deepEqual(await user.get(manifest), before, 'nothing of it is applied');

  const created = await user.apply(plain('never-there', { ...on, ...wrong }));
  t.is(created.status, 422);
  t.is((await rouse.api('GET', '/apis/apps/v1/namespaces/default/deployments/never-there')).status, 404);
});

test('a bad change of a workload that is on is refused as a whole, and what was in force stays in force', async (t) => {
  const manifest = plain('in-force', { ...on, 'rouse.dev/min-scale': '1' });
  await user.apply(manifest);
  const before = (await user.get(manifest)).metadata;
  const refused = await user.annotate(manifest, { 'rouse.dev/min-scale': '2', 'rouse.dev/max-scale': '1' });
  t.is(refused.status, 422);
  t.regex(String(refused.body['message']), /rouse\.dev\/min-scale: 2 is above max-scale, which is 1; lower it or raise max-scale\./);
  t.is((await user.get(manifest)).metadata.annotations?.['rouse.dev/min-scale'], '1');
  await until('its minimum applies', async () => (await user.get(manifest)).spec.replicas === 1);
  t.is((await user.get(manifest)).metadata.uid, before.uid);
});

test('unknown keys are refused with the nearest known name, later ones with what they will be, and a switch that is neither on nor off', async (t) => {
  const refused = await user.apply(
    plain('misspelt', { ...on, 'rouse.dev/min-scal': '1', 'rouse.dev/holdTimeout': '5s', 'rouse.dev/zzz': '1', 'rouse.dev/triggers': '[]' }),
  );
  t.is(refused.status, 422);
  const message = String(refused.body['message']);
  t.regex(message, /4 problems/);
  t.regex(message, /rouse\.dev\/min-scal: is no setting of Rouse; did you mean rouse\.dev\/min-scale\?/);
  t.regex(message, /rouse\.dev\/holdTimeout: is no setting of Rouse; did you mean rouse\.dev\/hold-timeout\?/);
  t.regex(message, /rouse\.dev\/zzz: is no setting of Rouse; docs\/reference\/annotations\.md lists them\./);
  t.regex(message, /rouse\.dev\/triggers: is not available in this version/);

  const half = await user.apply(plain('half-on', { [annotation.enabled]: 'yes' }));
  t.is(half.status, 422);
  t.regex(String(half.body['message']), /rouse\.dev\/enabled: "yes" is not legal; it takes true or false, for example "true"\./);
});

test("Knative's names are read, on the workload and on its pod template, and ours win", async (t) => {
  const manifest = plain('from-knative', {
    ...on,
    'autoscaling.knative.dev/minScale': '1',
    'autoscaling.knative.dev/target': '9',
    'autoscaling.knative.dev/class': 'kpa.autoscaling.knative.dev',
    'rouse.dev/target': '7',
  });
  const { template, ...spec } = manifest['spec'] as { readonly template: { readonly metadata: object } };
  const metadata = { ...template.metadata, annotations: { 'autoscaling.knative.dev/max-scale': '3' } };
  const applied = await user.apply({ ...manifest, spec: { ...spec, template: { ...template, metadata } } });
  t.is(applied.status, 201, JSON.stringify(applied.body));
  const said = applied.warnings.join('\n');
  t.regex(said, /pods 1 to 3; per pod concurrency 7 at 70%/);
  t.regex(said, /autoscaling\.knative\.dev\/class: has no meaning for Rouse and is ignored/);
  await until('its minimum applies', async () => (await user.get(manifest)).spec.replicas === 1);
});

test('defaults of rouse-config and of the Namespace apply, the nearer one first; a bad rouse-config changes nothing and says so', async (t) => {
  await rouse.create('/api/v1/namespaces', {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: 'shop', annotations: { 'rouse.dev/min-scale': '1', 'rouse.dev/target': '33' } },
  });
  const config = (data: Readonly<Record<string, string>>): object => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'rouse-config', namespace: 'rouse-system' },
    data,
  });
  const created = await rouse.create('/api/v1/namespaces/rouse-system/configmaps', config({ 'hold-queue-depth': '77', target: '44' }));
  const said = async (name: string, annotations: Readonly<Record<string, string>>): Promise<string> =>
    (await user.apply(plain(name, { ...on, ...annotations }, 'shop'))).warnings.join('\n');
  let probe = 0;
  await until('both are in force', async () => /pods 1 to no limit; per pod concurrency 33 .*holds 77 requests/.test(await said(`inherits-${++probe}`, {})));
  t.regex(await said('overrides', { 'rouse.dev/target': '22', 'rouse.dev/min-scale': '0' }), /pods 0 to no limit; per pod concurrency 22 .*holds 77 requests/);
  const inheriting = plain(`inherits-${probe}`, {}, 'shop');
  await until("the Namespace's minimum applies", async () => (await user.get(inheriting)).spec.replicas === 1);

  const path = '/api/v1/namespaces/rouse-system/configmaps/rouse-config';
  await rouse.api.patch(path, { data: { windw: '90s', 'hold-queue-depth': '78' } });
  const event = await until('it is an Event', async () =>
    (await eventsAbout(rouse, created.body.metadata?.uid ?? '', 'rouse-system')).find(({ type }) => type === 'Warning'),
  );
  t.regex(event.message, /windw in ConfigMap rouse-config: is no key of rouse-config; did you mean window\?/);
  t.regex(await said('still-inherits', {}), /holds 77 requests/);
  const metrics = await (await fetch(`http://127.0.0.1:${rouse.local.metricsPort}/metrics`)).text();
  t.regex(metrics, /^rouse_config_valid 0$/m);

  await rouse.api.patch(path, { data: { windw: null } });
  await until('it is mended', async () => (await said(`mended-${++probe}`, {})).includes('holds 78 requests'));
  await rouse.api.patch('/api/v1/namespaces/shop', { metadata: { annotations: { 'rouse.dev/min-scale': '2' } } });
  await until('a default of the Namespace that changes applies live', async () => (await user.get(inheriting)).spec.replicas === 2);
});

test('a huge, malformed or absurd admission body is answered 4xx, and the controller goes on', async (t) => {
  const { port } = rouse.local.controller;
  const dispatcher = new Agent({ connect: { ca: rouse.local.controller.caPem() } });
  const post = async (body: string | Buffer, type = 'application/json', path = 'validate'): Promise<number> => {
    const answer = await request(`https://127.0.0.1:${port}/admission/${path}`, { method: 'POST', dispatcher, headers: { 'content-type': type }, body });
    await answer.body.dump();
    return answer.statusCode;
  };
  const deep = `${'{"a":'.repeat(50_000)}1${'}'.repeat(50_000)}`;
  const bodies: readonly (readonly [string, string | Buffer, string?])[] = [
    ['huge', Buffer.alloc(9 * 1024 * 1024, 'x')],
    ['cut off', '{"kind":"AdmissionReview"'],
    ['binary', Buffer.from([0xff, 0xfe, 0, 1])],
    ['deep', deep],
    ['empty', ''],
    ['another type', 'a=b', 'application/x-www-form-urlencoded'],
    ['no request', '{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1"}'],
  ];
  for (const [what, body, type] of bodies) {
    const status = await post(body, type);
    t.true(status >= 400 && status < 500, `${what}: ${status}`);
  }
  const nested = `{"metadata":{"name":"x","annotations":{"rouse.dev/enabled":"true"}},"spec":{"template":${deep}}}`;
  const review = `{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","request":{"uid":"1","operation":"UPDATE","resource":{"group":"apps","version":"v1","resource":"deployments"},"namespace":"default","name":"x","userInfo":{"username":"u"},"options":{},"object":${nested},"oldObject":${nested.replace('1}', '2}')}}}`;
  for (const path of ['mutate', 'validate']) t.is(await post(review, 'application/json', path), 400, `a review of 50,000 levels to ${path}`);
  await dispatcher.close();
  const refused = await user.apply(plain('after-all-that', { ...on, 'rouse.dev/window': 'long' }));
  t.is(refused.status, 422, 'the webhook still judges');
  await user.apply(service('after-all-that') as Manifest);
  t.is((await user.apply(plain('after-all-that', on))).status, 201);
  await rouse.gatewayPort('after-all-that');
});
