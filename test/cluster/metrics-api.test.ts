import test from 'ava';
import { annotation } from '../../src/core/index.ts';
import { until } from '../support/until.ts';
import { clusterOf } from './harness/cluster.ts';
import { serveMetrics } from './harness/metrics-server.ts';
import { rouseFromShell } from './harness/rouse-from-shell.ts';

const labels = { app: 'web' };

/** Two pods without a process that request 100m each; not onboarded. */
const web = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web' },
  spec: {
    replicas: 2,
    selector: { matchLabels: labels },
    template: { metadata: { labels }, spec: { containers: [{ name: 'app', image: 'rouse.test/fake:1', resources: { requests: { cpu: '100m' } } }] } },
  },
};

const byCpu = [
  `${annotation.enabled}=true`,
  'rouse.dev/path=none',
  'rouse.dev/window=6s',
  'rouse.dev/min-scale=1',
  'rouse.dev/metric=cpu',
  'rouse.dev/target=50%',
];

test('without a metrics-server a workload that scales by cpu is told so, and keeps its count; with one it has the pods that its cpu asks for', async (t) => {
  const cluster = await clusterOf(t);
  const rouse = await rouseFromShell(t, cluster);
  const [before, after] = await Promise.all([cluster.namespace(t), cluster.namespace(t)]);
  const kubectl = (namespace: string, args: readonly string[], stdin?: string): Promise<string> =>
    cluster.kubectl([...args, '-n', namespace], stdin === undefined ? {} : { stdin });
  const replicas = (namespace: string): Promise<string> => kubectl(namespace, ['get', 'deployment', 'web', '-o', 'jsonpath={.spec.replicas}']);
  const told = (namespace: string): Promise<string> =>
    kubectl(namespace, ['get', 'events', '-o', 'jsonpath={range .items[*]}{.type} {.reason}: {.message}{"\\n"}{end}']);
  const [controller] = await Promise.all([
    rouse.startController('10.77.200.10'),
    ...[before, after].map((namespace) => kubectl(namespace, ['apply', '-f', '-'], JSON.stringify(web))),
  ]);
  const seen = async (): Promise<unknown> => [await told(before), await told(after), controller.errors().slice(-2000)];

  await kubectl(before, ['annotate', 'deployment', 'web', ...byCpu]);
  await until(
    'the Event says what is missing',
    async () => /^Warning usage-missing: nothing goes down: this cluster has no metrics API .*install metrics-server$/m.test(await told(before)),
    30_000,
    seen,
  );
  t.is(await replicas(before), '2');

  // 300m together, however many they are: three times what two pods request, and the target is half of it.
  await serveMetrics(t, cluster, after, (_, pods) => ({ milliCpu: 300 / pods, mebibytes: 32 }));
  // A pod that had not run yet when the first sample was taken is told of one later.
  const top = async (): Promise<readonly string[] | undefined> => {
    const said = await kubectl(after, ['top', 'pods', '--no-headers']).catch(() => '');
    const lines = said.trim().split('\n');
    return lines.length === 2 ? lines.map((line) => line.trim().split(/\s+/).slice(1).join(' ')) : undefined;
  };
  t.deepEqual(await until('the real kubectl reads it of both', top, 20_000, seen), ['150m 32Mi', '150m 32Mi']);
  t.regex(await cluster.kubectl(['top', 'nodes', '--no-headers']), /^n1 +250m +\d+% +512Mi/m);
  await kubectl(after, ['annotate', 'deployment', 'web', ...byCpu]);
  await until('six pods, of which each uses half of its request', async () => (await replicas(after)) === '6', 30_000, seen);
});
