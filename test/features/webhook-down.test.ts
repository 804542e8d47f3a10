import test, { type ExecutionContext } from 'ava';
import { annotation, isTakenOver, parseWorkloadState } from '../../src/core/index.ts';
import { deployment, onboarded, service } from '../support/app.ts';
import { holdWebhooks, patientAdmission } from '../support/held-webhooks.ts';
import { startLoad, type Load } from '../support/load.ts';
import { startTestLocal, type TestApp, type TestLocal } from '../support/local.ts';
import { until } from '../support/until.ts';

/** All of this file runs with the webhooks out of reach; only its first test, which runs alone, brings them back for a moment. */
let rouse: TestLocal;
test.before(async () => {
  rouse = await startTestLocal();
  pointWebhooks = await holdWebhooks(rouse, outOfReach);
});
test.after.always(() => rouse.close());

const deployments = '/apis/apps/v1/namespaces/default/deployments';
const services = '/api/v1/namespaces/default/services';

let pointWebhooks: Awaited<ReturnType<typeof holdWebhooks>>;
type Change = Parameters<typeof pointWebhooks>[0];
const at =
  (port: () => number): Change =>
  ({ clientConfig, ...webhook }) =>
    patientAdmission({ ...webhook, clientConfig: { ...clientConfig, url: (clientConfig.url ?? '').replace(/:\d+\//, `:${String(port())}/`) } });
const [outOfReach, inReach] = [at(() => 1), at(() => rouse.local.controller.port)];

interface Stored {
  readonly metadata: { readonly annotations?: Readonly<Record<string, string>> };
  readonly spec: { readonly replicas?: number; readonly selector?: Readonly<Record<string, string>> };
}
const read = async (path: string): Promise<Stored> => (await rouse.api('GET', path)).body as unknown as Stored;

/** Asks without a pause until stopped. */
const ask = (t: ExecutionContext, app: TestApp): Load<string> =>
  startLoad(t, 1, async () => {
    const { status, text } = await app.get();
    return status === 200 ? 'answered' : `${status}: ${text}`;
  });

test.serial('the cluster goes on without the webhooks, and when they are back, admission is', async (t) => {
  const created = await rouse.api('POST', deployments, deployment('plain', { annotations: {} }));
  t.is(created.status, 201, JSON.stringify(created.body));
  t.is((await rouse.api.patch(`${deployments}/plain`, { metadata: { annotations: { note: 'changed' } } })).status, 200);
  t.is((await rouse.api('POST', deployments, deployment('passed', { annotations: { ...onboarded, 'rouse.dev/windo': '6s' } }))).status, 201);
  const told = await until('what admission would have refused is told', () =>
    rouse.events.find((event) => event.type === 'settings-refused' && event.workload === 'default/passed'),
  );
  t.regex(JSON.stringify(told), /rouse\.dev\/windo.*rouse\.dev\/window/);

  await pointWebhooks(inReach);
  const refused = await rouse.api.patch(`${deployments}/plain`, { metadata: { annotations: { ...onboarded, 'rouse.dev/window': '1s' } } });
  t.is(refused.status, 422, JSON.stringify(refused.body));
  await pointWebhooks(outOfReach);
  t.is((await rouse.api.patch(`${deployments}/plain`, { metadata: { annotations: { ...onboarded, 'rouse.dev/window': '1s' } } })).status, 200);
});

test('an onboarding is completed by the controller, and undone as any other', async (t) => {
  const app = await rouse.run('completed', { replicas: 2, annotations: { ...onboarded, 'rouse.dev/max-scale': '3' } });
  const state = await until(
    'what handing back needs is on record',
    async () => (await read(`${deployments}/completed`)).metadata.annotations?.[annotation.state],
  );
  t.like(parseWorkloadState(state), { ok: true, value: { replicasBefore: 2 } });
  t.is((await app.get()).status, 200);
  await app.reach(0);
  t.is((await app.get()).status, 200, 'and it wakes');

  await rouse.api.patch(`${deployments}/completed`, { metadata: { annotations: { [annotation.enabled]: null } } });
  await until('it is handed back', async () => {
    const workload = await read(`${deployments}/completed`);
    return workload.metadata.annotations?.[annotation.state] === undefined && workload.spec.replicas === 2;
  });
  t.deepEqual((await read(`${services}/completed`)).spec.selector, { app: 'completed' });
});

test('a re-applied Service brings its selector back, and the controller takes it over again without a failed request', async (t) => {
  const app = await rouse.run('service', { annotations: { ...onboarded, 'rouse.dev/min-scale': '1' } });
  const asking = ask(t, app);
  const { metadata, spec } = service('service') as { metadata: object; spec: { selector: Readonly<Record<string, string>> } };
  const applied = await rouse.api.patch(`${services}/service?fieldManager=flux&force=true`, { apiVersion: 'v1', kind: 'Service', metadata, spec }, 'apply');
  t.is(applied.status, 200, JSON.stringify(applied.body));
  t.deepEqual((applied.body as unknown as Stored).spec.selector, spec.selector, 'nothing stood in its way');

  const repaired = await until('it is taken over again', async () => {
    const found = await read(`${services}/service`);
    return isTakenOver(found) && found;
  });
  t.is(repaired.spec.selector, undefined);
  t.is(await rouse.gatewayPort('service'), app.port, 'clients find it where it was');
  t.deepEqual(new Set(await asking.stop()), new Set(['answered']));
});

test('a re-applied manifest brings its count back, and the controller puts back the one that the load asks for', async (t) => {
  const app = await rouse.run('counted', { annotations: { ...onboarded, 'rouse.dev/min-scale': '1' } });
  await app.reach(1);
  t.is((await app.get()).status, 200);
  for (const replicas of [4, 0]) {
    const applied = await rouse.api.patch(`${deployments}/counted`, { spec: { replicas } });
    t.is((applied.body as unknown as Stored).spec.replicas, replicas, 'nothing stood in its way');
    await app.reach(1);
    t.is((await app.get()).status, 200);
  }
  const changes = app.events().flatMap((event) => (event.type === 'scaled' || event.type === 'replicas-restored' ? [`${event.from} → ${event.to}`] : []));
  // Down from 4 at once if it is noticed before the pods are there, else at the rate at which pods are taken away.
  t.regex(changes.join(', '), /^0 → 1, (4 → 1|4 → 2, 2 → 1), 0 → 1$/);
});
