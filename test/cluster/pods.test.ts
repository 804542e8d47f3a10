import test from 'ava';
import { fetch } from 'undici';
import { deployment } from '../support/app.ts';
import { until } from '../support/until.ts';
import { clusterOf } from './harness/cluster.ts';

interface PodList {
  readonly items: readonly {
    readonly metadata: { readonly name: string };
    readonly spec: { readonly nodeName?: string };
    readonly status: { readonly podIP?: string; readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
  }[];
}

test('a Deployment gets its pods on every node, each with an address of its own that answers', async (t) => {
  const cluster = await clusterOf(t);
  const namespace = await cluster.namespace(t);
  const created = await cluster.api(
    'POST',
    `/apis/apps/v1/namespaces/${namespace}/deployments`,
    deployment('web', { namespace, replicas: 4, annotations: {} }),
  );
  t.is(created.status, 201, JSON.stringify(created.body));
  const { items } = await until(
    'four pods are ready',
    async () => {
      const list = (await cluster.api('GET', `/api/v1/namespaces/${namespace}/pods`)).body as unknown as PodList;
      const ready = list.items.filter(({ status }) => status.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True'));
      return ready.length === 4 && list;
    },
    30_000,
    () => cluster.kubectl(['get', 'pods', '-n', namespace, '-o', 'wide']),
  );
  t.deepEqual([...new Set(items.map(({ spec }) => spec.nodeName))].sort(), cluster.nodes);
  t.is(new Set(items.map(({ status }) => status.podIP)).size, 4);
  for (const { metadata, status } of items) {
    t.regex(status.podIP ?? '', /^10\.77\./);
    const answer = await fetch(`http://${status.podIP ?? ''}:8080/`);
    t.is(((await answer.json()) as { pod: string }).pod, metadata.name);
  }
});

test('pods of the fake image are ready without a process, a hundred of them in seconds', async (t) => {
  const cluster = await clusterOf(t);
  const namespace = await cluster.namespace(t);
  const { spec, ...rest } = deployment('many', { namespace, replicas: 100, annotations: {} }) as { readonly spec: Record<string, unknown> };
  const template = { metadata: { labels: { app: 'many' } }, spec: { containers: [{ name: 'app', image: 'rouse.test/fake:1' }] } };
  await cluster.api('POST', `/apis/apps/v1/namespaces/${namespace}/deployments`, { ...rest, spec: { ...spec, template } });
  const since = performance.now();
  const list = async (): Promise<PodList['items']> => ((await cluster.api('GET', `/api/v1/namespaces/${namespace}/pods`)).body as unknown as PodList).items;
  await until(
    'all of them are ready',
    async () => (await list()).filter(({ status }) => status.conditions?.some((one) => one.type === 'Ready' && one.status === 'True')).length === 100,
    60_000,
  );
  t.log(`100 fake pods were ready after ${Math.round(performance.now() - since)} ms`);
  await cluster.api.patch(`/apis/apps/v1/namespaces/${namespace}/deployments/many/scale`, { spec: { replicas: 0 } });
  await until('all of them are gone', async () => (await list()).length === 0, 60_000);
  t.pass();
});
