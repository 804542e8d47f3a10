import test from 'ava';
import { annotation } from '../../src/core/index.ts';
import { deployment, service } from '../support/app.ts';
import { until } from '../support/until.ts';
import { clusterLoad } from './harness/cluster-load.ts';
import { clusterOf } from './harness/cluster.ts';
import { rouseFromShell } from './harness/rouse-from-shell.ts';

const controllers = 'endpointslice-controller.k8s.io';

test('path direct on the real controllers: to zero by hand and by our own decision, under load, without a failed request and without a change of the Service', async (t) => {
  const cluster = await clusterOf(t);
  const rouse = await rouseFromShell(t, cluster);
  const controller = await rouse.startController('10.77.200.10');
  const gateways = await Promise.all([rouse.startGateway('10.77.200.1'), rouse.startGateway('10.77.200.2')]);
  const namespace = await cluster.namespace(t);
  const kubectl = (args: readonly string[], stdin?: string): Promise<string> =>
    cluster.kubectl([...args, '-n', namespace], stdin === undefined ? {} : { stdin });
  // A count that is not taken from gateway traffic. The program serves on for a while after SIGTERM, as nodes hear of its end up to a second later.
  const annotations = { [annotation.enabled]: 'true', 'rouse.dev/path': 'direct', 'rouse.dev/window': '6s', 'rouse.dev/formula': '2' };
  const made = deployment('web', { namespace, replicas: 2, annotations, env: { DRAIN_MS: '6000' } }) as {
    readonly spec: { readonly template: { readonly spec: object } };
  };
  const template = { ...made.spec.template, spec: { ...made.spec.template.spec, terminationGracePeriodSeconds: 10 } };
  const items = [{ ...made, spec: { ...made.spec, template } }, service('web', namespace)];
  await kubectl(['apply', '-f', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
  await kubectl(['rollout', 'status', 'deployment/web', '--timeout=25s']);
  const clusterIP = await kubectl(['get', 'service', 'web', '-o', 'jsonpath={.spec.clusterIP}']);
  const managers = async (): Promise<string> =>
    kubectl([
      'get',
      'endpointslices',
      '-o',
      'jsonpath={range .items[?(@.endpoints[0].addresses)]}{.metadata.labels.endpointslice\\.kubernetes\\.io/managed-by}{","}{end}',
    ]);
  const replicas = async (): Promise<number> => Number(await kubectl(['get', 'deployment', 'web', '-o', 'jsonpath={.spec.replicas}']));
  const told = async (): Promise<unknown> => [
    await kubectl(['get', 'endpointslices,pods']),
    load.failures.slice(-5),
    [controller, ...gateways].map((one) => one.errors().slice(-2000)),
  ];
  const isServing = (): Promise<boolean> =>
    fetch(`http://${clusterIP}/`).then(
      ({ ok }) => ok,
      () => false,
    );
  await until('the Service answers', isServing, 20_000);
  const load = clusterLoad(clusterIP);
  t.teardown(() => load.stop());
  await until('only pods serve', async () => load.answered > 50 && (await managers()) === `${controllers},`, 20_000, told);
  for (let round = 1; round <= 2; round += 1) {
    const before = new Set(load.pods.keys());
    await kubectl(['scale', 'deployment/web', '--replicas=0']);
    const woken = async (): Promise<boolean> =>
      (await replicas()) > 0 && (await managers()) === `${controllers},` && [...load.pods.keys()].some((pod) => !before.has(pod));
    await until(`round ${round}: woken by the next request, and served by new pods`, woken, 30_000, told);
  }
  t.true(load.throughGateway > 0, 'the gateways stood in');

  await load.stop();
  t.deepEqual(load.failures.slice(0, 20), []);

  // Our own decision: nobody is wanted. It waits for the gateways to stand in and for a moment without a request in them; the next one wakes it.
  const light = clusterLoad(clusterIP, { clients: 4, pauseMs: 300 });
  t.teardown(() => light.stop());
  await kubectl(['annotate', 'deployment/web', 'rouse.dev/formula=0', '--overwrite']);
  const events = (): Promise<string> => kubectl(['get', 'events', '-o', 'jsonpath={range .items[*]}{.message}{"\\n"}{end}']);
  await until('it sleeps', async () => /1 → 0/.test(await events()), 60_000, told);
  await until('it is woken', async () => (await replicas()) > 0, 20_000, told);
  await light.stop();
  t.deepEqual(light.failures, []);
  await until('without requests it sleeps', async () => (await replicas()) === 0 && (await managers()) === 'rouse.dev,', 60_000, told);
  t.is(await kubectl(['get', 'service', 'web', '-o', 'jsonpath={.spec.selector}']), '{"app":"web"}');
  t.is((await fetch(`http://${clusterIP}/`)).status, 200, 'one request wakes it');

  await kubectl(['annotate', 'deployment/web', `${annotation.enabled}-`]);
  await until(
    'nothing of ours is left on the Service',
    async () => !(await kubectl(['get', 'service', 'web', '-o', 'jsonpath={.metadata.annotations}'])).includes('rouse.dev'),
    30_000,
    told,
  );
});
