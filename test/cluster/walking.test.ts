import test from 'ava';
import { fetch } from 'undici';
import { deployment, onboarded, service } from '../support/app.ts';
import { until } from '../support/until.ts';
import { clusterOf } from './harness/cluster.ts';
import { rouseFromShell } from './harness/rouse-from-shell.ts';

interface Live {
  readonly spec: { readonly clusterIP: string; readonly selector?: Readonly<Record<string, string>>; readonly replicas?: number };
  readonly metadata: { readonly annotations?: Readonly<Record<string, string>> };
}

test('a Deployment at zero is woken through its ClusterIP by one request, and goes back to zero, with controller and gateways run from a shell', async (t) => {
  const cluster = await clusterOf(t);
  const rouse = await rouseFromShell(t, cluster);
  const controller = await rouse.startController('10.77.200.10');
  const gateways = await Promise.all([rouse.startGateway('10.77.200.1'), rouse.startGateway('10.77.200.2')]);
  const errors = (): readonly string[] => [controller, ...gateways].map((one) => one.errors().slice(-3000));
  const namespace = await cluster.namespace(t);
  const deployments = `/apis/apps/v1/namespaces/${namespace}/deployments`;
  const created = await cluster.api('POST', deployments, deployment('hello', { namespace, annotations: onboarded }));
  t.is(created.status, 201, JSON.stringify(created.body));
  const services = `/api/v1/namespaces/${namespace}/services`;
  const { clusterIP } = ((await cluster.api('POST', services, service('hello', namespace))).body as unknown as Live).spec;
  await until(
    'the Service is taken over',
    async () => ((await cluster.api('GET', `${services}/hello`)).body as unknown as Live).spec.selector === undefined,
    20_000,
    errors,
  );
  const replicas = async (): Promise<number> => ((await cluster.api('GET', `${deployments}/hello/scale`)).body as unknown as Live).spec.replicas ?? 0;
  t.is(await replicas(), 0);
  // Once kube-proxy has heard of the endpoints a client that comes to nobody is held, not refused.
  const answer = await until(
    'the Service answers',
    () => fetch(`http://${clusterIP}/`, { signal: AbortSignal.timeout(20_000) }).catch(() => undefined),
    20_000,
    errors,
  );
  t.is(answer.status, 200, await answer.clone().text());
  t.regex(((await answer.json()) as { pod: string }).pod, /^hello-/);
  t.is(await replicas(), 1);
  await until('it is back at zero', async () => (await replicas()) === 0, 30_000, errors);
});
