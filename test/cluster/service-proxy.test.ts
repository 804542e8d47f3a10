import { lookup } from 'node:dns/promises';
import test from 'ava';
import { fetch } from 'undici';
import { deployment, service } from '../support/app.ts';
import { until } from '../support/until.ts';
import { clusterOf } from './harness/cluster.ts';

interface ServiceObject {
  readonly spec: { readonly clusterIP: string };
}

test('a Service leads to all of its ready pods, by address and by name, and refuses where it has none', async (t) => {
  const cluster = await clusterOf(t);
  const namespace = await cluster.namespace(t);
  const path = `/apis/apps/v1/namespaces/${namespace}/deployments`;
  await cluster.api('POST', path, deployment('web', { namespace, replicas: 3, annotations: {} }));
  const { body } = await cluster.api('POST', `/api/v1/namespaces/${namespace}/services`, service('web', namespace));
  const { clusterIP } = (body as unknown as ServiceObject).spec;
  const ask = async (host: string): Promise<string> =>
    ((await (await fetch(`http://${host}/`, { headers: { connection: 'close' } })).json()) as { pod: string }).pod;
  const seen = new Set<string>();
  await until('three pods answered', async () => {
    await ask(clusterIP).then(
      (pod) => seen.add(pod),
      () => undefined,
    );
    return seen.size === 3;
  });
  t.is((await lookup(`web.${namespace}.svc`, { family: 4 })).address, clusterIP);
  t.true(seen.has(await ask(`web.${namespace}.svc.cluster.local`)));
  await cluster.api.patch(`${path}/web/scale`, { spec: { replicas: 0 } });
  await until('nobody listens there', () =>
    ask(clusterIP).then(
      () => false,
      (failure: unknown) => failure instanceof Error && String(failure.cause).includes('ECONNREFUSED'),
    ),
  );
  t.pass();
});

test('the Service "kubernetes" leads to the API server, under its certificate', async (t) => {
  const cluster = await clusterOf(t);
  const kubectl = await cluster.kubectl(['--server', 'https://10.77.128.1', 'get', '--raw', '/version']);
  t.is((JSON.parse(kubectl) as { gitVersion: string }).gitVersion, 'v1.36.3');
});
