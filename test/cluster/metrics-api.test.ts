import test from 'ava';
import { annotation } from '../../src/core/index.ts';
import { deployment } from '../support/app.ts';
import { until } from '../support/until.ts';
import { clusterOf } from './harness/cluster.ts';
import { rouseFromShell } from './harness/rouse-from-shell.ts';

test('where there is no metrics-server a workload that scales by cpu is told so, and keeps its count', async (t) => {
  const cluster = await clusterOf(t);
  const rouse = await rouseFromShell(t, cluster);
  const controller = await rouse.startController('10.77.200.10');
  await rouse.startGateway('10.77.200.1');
  const namespace = await cluster.namespace(t);
  const kubectl = (args: readonly string[], stdin?: string): Promise<string> =>
    cluster.kubectl([...args, '-n', namespace], stdin === undefined ? {} : { stdin });
  const annotations = {
    [annotation.enabled]: 'true',
    'rouse.dev/path': 'none',
    'rouse.dev/window': '6s',
    'rouse.dev/min-scale': '1',
    'rouse.dev/metric': 'cpu',
    'rouse.dev/target': '50%',
  };
  await kubectl(['apply', '-f', '-'], JSON.stringify(deployment('web', { namespace, replicas: 2, annotations, requests: { cpu: '100m' } })));
  const told = async (): Promise<string> => kubectl(['get', 'events', '-o', 'jsonpath={range .items[*]}{.type} {.reason}: {.message}{"\\n"}{end}']);
  await until(
    'the Event says what is missing',
    async () => /^Warning usage-missing: nothing goes down: this cluster has no metrics API .*install metrics-server$/m.test(await told()),
    30_000,
    async () => [await told(), controller.errors().slice(-2000)],
  );
  t.is(await kubectl(['get', 'deployment', 'web', '-o', 'jsonpath={.spec.replicas}']), '2');
});
