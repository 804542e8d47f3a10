import test from 'ava';
import { annotation } from '../../src/core/index.ts';
import { deployment, onboarded, service } from '../support/app.ts';
import { until } from '../support/until.ts';
import { clusterLoad } from './harness/cluster-load.ts';
import { clusterOf } from './harness/cluster.ts';
import { install } from './harness/installed.ts';
import { isDualStack } from './harness/network-namespace.ts';

if (!isDualStack)
  test('where the cluster knows one IP family, the API server refuses a Service that requires two', async (t) => {
    const cluster = await clusterOf(t);
    const front = service('web') as { readonly spec: object };
    const { status } = await cluster.api('POST', '/api/v1/namespaces/default/services', {
      ...front,
      spec: { ...front.spec, ipFamilyPolicy: 'RequireDualStack' },
    });
    t.is(status, 422);
  });
else
  test('a Service of both IP families is taken over in both and handed back in both without a failed request, and wakes by IPv6', async (t) => {
    t.timeout(200_000);
    const cluster = await clusterOf(t);
    const installed = await install(t, cluster);
    const namespace = await cluster.namespace(t);
    const kubectl = (args: readonly string[], stdin?: string): Promise<string> =>
      cluster.kubectl([...args, '-n', namespace], stdin === undefined ? {} : { stdin });
    const front = service('web', namespace) as { readonly spec: object };
    const items = [
      deployment('web', { namespace, replicas: 2, annotations: {}, env: { DRAIN_MS: '1500' } }),
      { ...front, spec: { ...front.spec, ipFamilyPolicy: 'RequireDualStack', ipFamilies: ['IPv6', 'IPv4'] } },
    ];
    await kubectl(['apply', '-f', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
    await kubectl(['rollout', 'status', 'deployment/web', '--timeout=30s']);
    const [six = '', four = ''] = (await kubectl(['get', 'service', 'web', '-o', 'jsonpath={.spec.clusterIPs[*]}'])).split(' ');
    t.deepEqual([six.includes(':'), four.includes(':')], [true, false]);
    const statusOf = (url: string): Promise<number | undefined> =>
      fetch(url, { signal: AbortSignal.timeout(25_000) }).then(
        ({ status }) => status,
        () => undefined,
      );
    for (const url of [`http://[${six}]/`, `http://${four}/`]) await until(`${url} answers`, async () => (await statusOf(url)) === 200, 20_000);
    const loads = [six, four].map((address) => clusterLoad(address, { clients: 20 }));
    t.teardown(() => Promise.all(loads.map((load) => load.stop())));
    const seen = async (): Promise<unknown> => [
      await kubectl(['get', 'endpointslices', '-o', 'wide']),
      loads.map(({ failures }) => failures.slice(-3)),
      await installed.logs(),
    ];
    /** `TYPE MANAGER` of every slice that has endpoints. */
    const slices = async (): Promise<string> => {
      const fields = '{.addressType} {.metadata.labels.endpointslice\\.kubernetes\\.io/managed-by}';
      const lines = await kubectl(['get', 'endpointslices', '-o', `jsonpath={range .items[?(@.endpoints[0].addresses)]}${fields}{"\\n"}{end}`]);
      return lines.trim().split('\n').sort().join();
    };
    const led = (manager: string): Promise<unknown> =>
      until(`both families lead to ${manager}`, async () => (await slices()) === `IPv4 ${manager},IPv6 ${manager}`, 30_000, seen);
    const on = { ...onboarded, 'rouse.dev/min-scale': '1' };
    await kubectl(['annotate', 'deployment/web', ...Object.entries(on).map(([key, value]) => `${key}=${value}`)]);
    await led('rouse.dev');
    for (const load of loads) await until('it comes through the gateways', () => load.throughGateway > 100, 30_000, seen);
    await kubectl(['annotate', 'deployment/web', `${annotation.enabled}-`]);
    await led('endpointslice-controller.k8s.io');
    await Promise.all(loads.map((load) => load.stop()));
    for (const load of loads) t.deepEqual(load.failures.slice(0, 10), []);

    await kubectl(['annotate', 'deployment/web', `${annotation.enabled}=true`, 'rouse.dev/min-scale-']);
    const replicas = (): Promise<string> => kubectl(['get', 'deployment', 'web', '-o', 'jsonpath={.spec.replicas}']);
    await until('it sleeps', async () => (await replicas()) === '0' && (await slices()) === 'IPv4 rouse.dev,IPv6 rouse.dev', 60_000, seen);
    t.is(await statusOf(`http://[${six}]/`), 200);
  });
