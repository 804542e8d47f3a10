import test, { type ExecutionContext } from 'ava';
import { annotation } from '../../src/core/index.ts';
import { resources } from '../../src/kube/index.ts';
import { deployment, service } from '../support/app.ts';
import { startTestLocal, type TestLocal } from '../support/local.ts';
import { serviceTraffic, serviceTargets, type ServiceTraffic } from '../support/service-traffic.ts';
import { until } from '../support/until.ts';

/** Path `direct`: the Service is left alone, and the gateways stand in for pods that are not there. */

let rouse: TestLocal;
test.before(async () => {
  rouse = await startTestLocal();
});
test.after.always(() => rouse.close());

const scalePath = (name: string): string => `/apis/apps/v1/namespaces/default/deployments/${name}/scale?fieldManager=kubectl`;
const scaleByHand = async (t: ExecutionContext, name: string, replicas: number): Promise<void> => {
  const { status, body } = await rouse.api.patch(scalePath(name), { spec: { replicas } });
  t.is(status, 200, JSON.stringify(body));
};

const replicas = async (name: string): Promise<number> => {
  const { body } = await rouse.api('GET', `/apis/apps/v1/namespaces/default/deployments/${name}/scale`);
  return (body as { spec?: { replicas?: number } }).spec?.replicas ?? 0;
};

/** Whose slices have endpoints for the Service. */
const slices = (name: string): readonly string[] => {
  const found = rouse.local.cluster.api.api
    .list(resources.endpointSlices, 'default')
    .filter(({ metadata, endpoints }) => metadata.labels?.['kubernetes.io/service-name'] === name && endpoints.length > 0)
    .map(({ metadata }) => metadata.labels?.['endpointslice.kubernetes.io/managed-by'] ?? '');
  return [...new Set(found)].sort();
};
const controllers = 'endpointslice-controller.k8s.io';

const annotationsOf = (name: string): Readonly<Record<string, string>> =>
  rouse.local.cluster.api.api.get(resources.services, 'default', name)?.metadata.annotations ?? {};

/** Serves on for a moment before and after SIGTERM, as a program should behind any proxy that hears of its end a moment later. On a busy machine that moment is long. */
const onPathDirect = (name: string, annotations: Readonly<Record<string, string>>, count: number): Record<string, unknown> =>
  deployment(name, {
    replicas: count,
    env: { DRAIN_MS: '500' },
    preStopSeconds: 2,
    annotations: { 'rouse.dev/enabled': 'true', 'rouse.dev/path': 'direct', 'rouse.dev/window': '6s', ...annotations },
  });

const run = async (name: string, annotations: Readonly<Record<string, string>>, count = 1): Promise<void> => {
  await rouse.create('/apis/apps/v1/namespaces/default/deployments', onPathDirect(name, annotations, count));
  await rouse.create('/api/v1/namespaces/default/services', service(name));
  await until(`the pods of ${name} serve`, () => serviceTargets(rouse, name).length === Math.max(1, count) && slices(name).length === 1);
  await until(`the gateways have ports for ${name}`, () => annotation.gatewayPorts in annotationsOf(name));
};

const untouched = (t: ExecutionContext, name: string): void => {
  t.deepEqual(rouse.local.cluster.api.api.get(resources.services, 'default', name)?.spec?.selector, { app: name });
  t.deepEqual(Object.keys(annotationsOf(name)), [annotation.gatewayPorts], 'nothing but the ports that the gateways keep open');
};

const failed = async (traffic: ServiceTraffic): Promise<readonly string[]> => {
  await traffic.stop();
  return traffic.failures;
};

test('direct: our own sleep waits for the gateways to stand in, a request wakes, and they step aside again; no request fails', async (t) => {
  // A count that is not taken from gateway traffic: none, unless somebody waits.
  await run('own', { 'rouse.dev/formula': '0' });
  // As the count goes to zero, in the order in which the API has it.
  const atSleep: (readonly string[])[] = [];
  const unwatch = rouse.local.cluster.api.api.watch(resources.deployments, ({ object: { metadata, spec } }) => {
    if (metadata.name === 'own' && spec?.replicas === 0 && atSleep.length === 0) atSleep.push(slices('own'));
  });
  t.teardown(unwatch);
  const traffic = serviceTraffic(rouse, 'own', 4);
  const moves = (): readonly string[] =>
    rouse.events.flatMap((event) => (event.type === 'scaled' && event.workload === 'default/own' ? [`${event.from} → ${event.to}`] : []));
  await until('it sleeps, and the next request wakes it', () => moves().join() === '1 → 0,0 → 1', 30_000, moves);
  t.deepEqual(atSleep, [[controllers, 'rouse.dev']], 'the gateways stand in before the last pod goes');
  await until('the pods are reached directly', () => slices('own').join() === controllers && traffic.answers.at(-1)?.throughGateway === false, 30_000);
  await traffic.stop();
  await until('without requests it sleeps again', async () => (await replicas('own')) === 0 && (await rouse.pods('own')).length === 0, 30_000);
  await until('the gateways alone are left', () => slices('own').join() === 'rouse.dev');
  t.deepEqual(traffic.failures, []);
  untouched(t, 'own');
});

test('direct: kubectl scale to zero under load loses no request, and the next one wakes it', async (t) => {
  await run('hand', { 'rouse.dev/formula': '2' }, 2);
  const traffic = serviceTraffic(rouse, 'hand', 8);
  await until('it is asked', () => traffic.answers.length > 20);
  for (let round = 1; round <= 3; round += 1) {
    const before = new Set((await rouse.pods('hand')).map(({ metadata }) => metadata.name));
    await scaleByHand(t, 'hand', 0);
    await until(
      `round ${round}: a new pod serves directly`,
      async () => (await replicas('hand')) > 0 && slices('hand').join() === controllers && traffic.answers.slice(-8).every(({ pod }) => !before.has(pod)),
      60_000,
      async () => [
        await replicas('hand'),
        slices('hand'),
        traffic.answers.slice(-3),
        await rouse.pods('hand'),
        rouse.local.controller.scaler.decided.explain('default', 'hand')?.decisions.slice(-3),
      ],
    );
    // While no pod is ready nodes lead to those that end, also to one whose program has just ended: that is not ours to mend, and not this test's.
    await until('the pods of before are gone', async () => (await rouse.pods('hand')).every(({ metadata }) => !before.has(metadata.name)));
  }
  t.deepEqual(await failed(traffic), []);
  untouched(t, 'hand');
});

test('direct: the last pod that is lost is stood in for, and off-boarding leaves nothing behind', async (t) => {
  await run('lost', { 'rouse.dev/min-scale': '1', 'rouse.dev/formula': '1' });
  const traffic = serviceTraffic(rouse, 'lost', 4);
  await until('it is asked', () => traffic.answers.length > 0);
  const [pod] = await rouse.pods('lost');
  const { status } = await rouse.api('DELETE', `/api/v1/namespaces/default/pods/${pod?.metadata.name ?? ''}`);
  t.is(status, 200);
  await until('another pod serves directly', () => slices('lost').join() === controllers && traffic.answers.at(-1)?.pod !== pod?.metadata.name);
  const off = await rouse.api.patch('/apis/apps/v1/namespaces/default/deployments/lost', { metadata: { annotations: { 'rouse.dev/enabled': null } } });
  t.is(off.status, 200, JSON.stringify(off.body));
  await until('nothing of ours is on the Service', () => {
    return Object.keys(annotationsOf('lost')).length === 0 && slices('lost').join() === controllers;
  });
  t.deepEqual(await failed(traffic), []);
});
