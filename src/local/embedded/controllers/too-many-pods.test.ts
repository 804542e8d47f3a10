import test from 'ava';
import { seededRandom, silentLogger, systemClock } from '../../../core/index.ts';
import { resources } from '../../../kube/index.ts';
import { listAt, numberAt, objectAt } from '../json.ts';
import { deploymentNamed, mergePatch, send, startedApi } from '../testing/embedded.ts';
import { startControllers } from './start.ts';

const deployments = '/apis/apps/v1/namespaces/default/deployments';

test('a Deployment of 2147483647 replicas leaves the API responsive, gets 1000 pods and a reason why not more, and gives them all back', async (t) => {
  const cluster = await startedApi(t);
  const { api } = cluster;
  const controllers = startControllers(api, systemClock, seededRandom(1), silentLogger);
  t.teardown(() => {
    controllers.close();
  });
  const until = async (isSo: () => boolean): Promise<void> => {
    while (!isSo()) await new Promise((resolve) => setImmediate(resolve));
  };
  const pods = (): number => api.list(resources.pods).length;
  const from = performance.now();

  const made = deploymentNamed('web');
  await send(cluster, 'POST', deployments, { ...made, spec: { ...objectAt(made, 'spec'), replicas: 2_147_483_647 } });
  t.is((await send(cluster, 'GET', `${deployments}/web`)).code, 200);
  t.true(pods() < 1000, 'it was answered before the controllers had done all that they could');
  await until(() => pods() === 1000);
  await until(() => api.get(resources.deployments, 'default', 'web')?.status?.conditions?.some(({ type }) => type === 'ReplicaFailure') === true);
  const { status } = (await send(cluster, 'GET', `${deployments}/web`)).body;
  t.is(numberAt(status, 'replicas'), 1000);
  const failure = listAt(status, 'conditions').find((condition) => objectAt({ condition }, 'condition')?.['type'] === 'ReplicaFailure');
  t.like(failure, { status: 'True', reason: 'FailedCreate' });
  t.regex(JSON.stringify(failure), /pods \\"web-\w+-\w+\\" is forbidden: exceeded quota: the embedded cluster holds at most 1000 pods in all/);

  await mergePatch(cluster, `${deployments}/web`, { spec: { replicas: 0 } });
  await until(() => pods() === 0);
  t.true(performance.now() - from < 30_000);
});

test('the bound on pods may be another, and other kinds have theirs', async (t) => {
  const cluster = await startedApi(t, { limits: { objectsPerResource: 5, objectsOf: { pods: 1, configmaps: 2 } } });
  const create = (name: string) => send(cluster, 'POST', '/api/v1/namespaces/default/configmaps', { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name } });
  t.deepEqual([(await create('a')).code, (await create('b')).code], [201, 201]);
  const refused = await create('c');
  t.like(refused.body, {
    code: 403,
    reason: 'Forbidden',
    message: 'configmaps "c" is forbidden: exceeded quota: the embedded cluster holds at most 2 configmaps in all',
  });
});
