import { join } from 'node:path';
import test from 'ava';
import { fetch } from 'undici';
import { until } from '../support/until.ts';
import { clusterOf } from './harness/cluster.ts';
import { installRouse } from './harness/rouse-installed.ts';

const example = join(import.meta.dirname, '..', '..', 'deploy', 'examples', 'hello.yaml');

test('installed with kubectl apply -k, Rouse wakes the example through its ClusterIP and lets it sleep again', async (t) => {
  const cluster = await clusterOf(t);
  await installRouse(t, cluster);
  const namespace = await cluster.namespace(t);
  const kubectl = (...args: readonly string[]): Promise<string> => cluster.kubectl(['-n', namespace, ...args]);
  const field = (path: string, ...what: readonly string[]): Promise<string> => kubectl('get', ...what, '-o', `jsonpath={${path}}`);
  await kubectl('apply', '-f', example);
  await until('the Service is taken over', async () => (await field('.spec.selector', 'service', 'hello')) === '', 20_000);
  const address = await field('.spec.clusterIP', 'service', 'hello');
  const answer = await until('the Service answers', () => fetch(`http://${address}/`, { signal: AbortSignal.timeout(20_000) }).catch(() => undefined));
  t.is(answer.status, 200);
  t.regex(await answer.text(), /^Hello from hello-/);
  t.is(await field('.spec.replicas', 'deployment', 'hello'), '1');
  await until('it sleeps again', async () => (await field('.spec.replicas', 'deployment', 'hello')) === '0', 40_000);
});
