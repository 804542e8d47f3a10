import test from 'ava';
import { annotation, parseSavedSelector } from '../../src/core/index.ts';
import { deployment, service, type AppOptions } from '../support/app.ts';
import { eventsAbout } from '../support/events.ts';
import { holdWebhooks, patientAdmission } from '../support/held-webhooks.ts';
import { kubectl, type Kubectl, type Manifest } from '../support/kubectl.ts';
import { startTestLocal, type TestLocal } from '../support/local.ts';
import { serviceTargets } from '../support/service-traffic.ts';
import { until } from '../support/until.ts';

let rouse: TestLocal;
let user: Kubectl;
test.before(async () => {
  rouse = await startTestLocal();
  await holdWebhooks(rouse, patientAdmission);
  user = kubectl(rouse);
});
test.after.always(async () => {
  await user.close();
  await rouse.close();
});

/** Two pods are kept: neither the count of the manifest nor the default of the API. */
const on = { [annotation.enabled]: 'true', 'rouse.dev/window': '6s', 'rouse.dev/min-scale': '2', 'rouse.dev/max-scale': '2' };

const manifestsOf = (name: string, options: AppOptions = {}): { readonly deployment: Manifest; readonly service: Manifest } => ({
  deployment: deployment(name, { replicas: 3, annotations: on, ...options }) as Manifest,
  service: service(name) as Manifest,
});

const ok = (answer: { readonly status: number; readonly body: unknown; readonly warnings: readonly string[] }): readonly string[] => {
  if (answer.status !== 200 && answer.status !== 201) throw new Error(`${answer.status}: ${JSON.stringify(answer.body)}`);
  return answer.warnings;
};

/** Onboarded by its own manifest, which asks for three replicas; Rouse keeps two. */
const runTwo = async (name: string, apply: (manifest: Manifest) => Promise<Parameters<typeof ok>[0]>): Promise<ReturnType<typeof manifestsOf>> => {
  const manifests = manifestsOf(name);
  ok(await apply(manifests.deployment));
  ok(await apply(manifests.service));
  const port = await rouse.gatewayPort(name);
  await until(`nothing but the gateway is behind ${name}`, () => serviceTargets(rouse, name).every((target) => target.port === port));
  await until(`${name} has two pods`, async () => (await user.get(manifests.deployment)).spec.replicas === 2 && (await rouse.pods(name)).length === 2);
  // Written beside the count, and of a Deployment the generation counts annotations too.
  await until('that is published', async () => (await user.get(manifests.deployment)).metadata.annotations?.[annotation.status]?.includes('"desired":2'));
  return manifests;
};

/** What must be as it was: the specs, the pods, what handing back will need, and where the Service leads. */
const liveOf = async ({ deployment, service }: ReturnType<typeof manifestsOf>): Promise<unknown> => {
  const [workload, front] = [await user.get(deployment), await user.get(service)];
  const saved = parseSavedSelector(front.metadata.annotations?.[annotation.selector] ?? '');
  return {
    workload: [workload.metadata.generation, workload.spec, workload.metadata.annotations?.[annotation.state]],
    service: [front.spec, front.metadata.annotations?.[annotation.gatewayPorts], saved.ok && [saved.value.selector, saved.value.workload]],
    pods: (await rouse.pods(workload.metadata.name)).map(({ metadata }) => metadata.uid),
    targets: serviceTargets(rouse, workload.metadata.name),
  };
};

test('applying the manifests again, client-side, changes nothing live and says so', async (t) => {
  const manifests = await runTwo('client-side', (manifest) => user.apply(manifest));
  const before = await liveOf(manifests);
  const kept = ok(await user.apply(manifests.deployment));
  t.true(
    kept.some((warning) => warning.includes('spec.replicas stays 2 (sent: 3)')),
    JSON.stringify(kept),
  );
  t.deepEqual(await liveOf(manifests), before);
  const pointed = ok(await user.apply(manifests.service));
  t.true(
    pointed.some((warning) => warning.includes('the Service stays pointed at the gateways')),
    JSON.stringify(pointed),
  );
  t.deepEqual(await liveOf(manifests), before);

  // A real change is rolled out with the live count, whatever count the manifest has.
  ok(await user.apply(deployment('client-side', { replicas: 3, annotations: on, env: { VERSION: '2' } }) as Manifest));
  const port = await rouse.gatewayPort('client-side');
  await until('the new version answers', async () => (await (await fetch(`http://127.0.0.1:${port}/`)).text()).includes('"version":"2"'));
  t.is((await user.get(manifests.deployment)).spec.replicas, 2);
});

test('applying the manifests again, server-side, with replicas or without, changes nothing live', async (t) => {
  const flux = { manager: 'flux' };
  const manifests = await runTwo('server-side', (manifest) => user.applyServerSide(manifest, flux));
  const before = await liveOf(manifests);
  const refused = await user.applyServerSide(manifests.deployment, flux);
  t.is(refused.status, 409, JSON.stringify(refused.body));
  t.regex(String(refused.body['message']), /conflict with "rouse".*\.spec\.replicas/s);
  t.deepEqual(await liveOf(manifests), before);

  const kept = ok(await user.applyServerSide(manifests.deployment, { ...flux, force: true }));
  t.true(
    kept.some((warning) => warning.includes('spec.replicas stays 2 (sent: 3)')),
    JSON.stringify(kept),
  );
  t.deepEqual(await liveOf(manifests), before);

  const { replicas: _, ...spec } = manifests.deployment['spec'] as Record<string, unknown>;
  const without = { ...manifests.deployment, spec } as Manifest;
  ok(await user.applyServerSide(without, flux));
  t.deepEqual(await liveOf(manifests), before);
  ok(await user.applyServerSide(without, flux));
  t.deepEqual(await liveOf(manifests), before);

  for (const force of [false, true]) {
    const pointed = ok(await user.applyServerSide(manifests.service, { ...flux, force }));
    t.true(
      pointed.some((warning) => warning.includes('the Service stays pointed at the gateways')),
      JSON.stringify(pointed),
    );
    t.deepEqual(await liveOf(manifests), before);
  }
});

test('a count set by kubectl scale is honoured for rouse.dev/manual-override, told, and then taken back', async (t) => {
  const app = await rouse.run('by-hand', { annotations: { [annotation.enabled]: 'true', 'rouse.dev/window': '6s', 'rouse.dev/manual-override': '8s' } });
  const manifest = deployment('by-hand') as Manifest;
  const { uid } = (await user.get(manifest)).metadata;
  t.is(await app.replicas(), 0);
  const scaledAt = performance.now();
  ok(await user.scale(manifest, 2));
  await app.reach(2);
  const overridden = await until('it is told', () => app.events().find((event) => event.type === 'overridden'));
  t.deepEqual([overridden.replicas, overridden.manager], [2, 'kubectl']);

  await until('it is honoured no longer', () => app.events().some((event) => event.type === 'override-ended'));
  t.true(performance.now() - scaledAt >= 8000, 'not before its time');
  const told = app.events();
  const meanwhile = told.slice(
    0,
    told.findIndex(({ type }) => type === 'override-ended'),
  );
  t.is(meanwhile.filter(({ type }) => type === 'scaled' || type === 'replicas-restored').length, 0, 'nobody wrote the count meanwhile');
  await app.reach(0);
  const event = await until('it is an Event', async () => (await eventsAbout(rouse, uid)).find(({ reason }) => reason === 'overridden'));
  t.regex(event.message, /^2 pods set by hand \(kubectl\)/);
  await until('that it ended is one too', async () => (await eventsAbout(rouse, uid)).some(({ reason }) => reason === 'override-ended'));
});

test('kubectl rollout undo past the onboarding goes back with the template and stays onboarded; an ordinary apply still switches off', async (t) => {
  const version = (value: string, annotations: Readonly<Record<string, string>>): Manifest =>
    deployment('undone', { replicas: 1, annotations, env: { VERSION: value } }) as Manifest;
  ok(await user.apply(version('1', {})));
  ok(await user.apply(service('undone') as Manifest));
  await until('it runs', () => serviceTargets(rouse, 'undone').length === 1);
  ok(await user.apply(version('2', on)));
  const port = await rouse.gatewayPort('undone');
  const answers = async (): Promise<string> => (JSON.parse(await (await fetch(`http://127.0.0.1:${port}/`)).text()) as { version: string }).version;
  await until('the second version answers', async () => (await answers()) === '2');
  const before = await user.get(version('2', on));

  const warnings = ok(await user.undo(version('2', on)));
  t.true(
    warnings.some((warning) => warning.includes('rouse.dev/* annotations are kept')),
    JSON.stringify(warnings),
  );
  const undone = await user.get(version('1', on));
  for (const key of [...Object.keys(on), annotation.state]) t.is(undone.metadata.annotations?.[key], before.metadata.annotations?.[key], key);
  await until('the first version answers, through the gateway', async () => (await answers()) === '1');
  t.is((await user.get(service('undone') as Manifest)).spec.selector, undefined);

  const off = { 'rouse.dev/window': '6s' };
  const last = ok(await user.apply(version('2', off)));
  t.true(
    last.some((warning) => warning.includes('off: Services and replicas are handed back')),
    JSON.stringify(last),
  );
  await until('it is handed back', () => rouse.events.some((event) => event.type === 'off-boarded' && event.workload === 'default/undone'));
  const after = await user.get(version('2', off));
  t.deepEqual(
    Object.keys(after.metadata.annotations ?? {}).filter((key) => key.startsWith('rouse.dev/')),
    Object.keys(off),
  );
  t.is(after.spec.replicas, 1);
});
