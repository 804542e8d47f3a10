import test from 'ava';
import { startTestLocal, type TestLocal } from '../support/local.ts';
import { until } from '../support/until.ts';

/** The budget of `rouse-config` over two namespaces: shop goes before batch. */

let rouse: TestLocal;
test.before(async () => {
  rouse = await startTestLocal();
  for (const name of ['shop', 'batch']) await rouse.create('/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  await rouse.create('/api/v1/namespaces/rouse-system/configmaps', {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'rouse-config', namespace: 'rouse-system' },
    data: { budget: '{pods: 4, namespaces: {shop: {pods: 3, priority: 10}}}' },
  });
});
test.after.always(() => rouse.close());

const on = (min: number): Readonly<Record<string, string>> => ({
  'rouse.dev/enabled': 'true',
  'rouse.dev/window': '6s',
  'rouse.dev/min-scale': String(min),
});
const figures = async (): Promise<readonly string[]> =>
  (await (await fetch(`http://127.0.0.1:${rouse.local.metricsPort}/metrics`)).text()).split('\n').filter((line) => line.startsWith('rouse_budget_'));

test('two namespaces share a budget: the lower priority gives way, the last room is refused in words, and comes back', async (t) => {
  const nightly = await rouse.run('nightly', { namespace: 'batch', annotations: on(9) });
  await nightly.reach(4);
  const asleep = await rouse.run('asleep', { namespace: 'batch', annotations: on(0) });
  const refused = await asleep.get();
  t.is(refused.status, 503);
  t.like(JSON.parse(refused.text), { code: 'wake-failed', reason: 'quota' });
  t.regex(refused.text, /the budget of the cluster \(ConfigMap rouse-config\) is exhausted: 4 of 4 pods are taken/);

  const web = await rouse.run('web', { namespace: 'shop', annotations: on(0) });
  const { status } = await web.get();
  t.is(status, 200, 'held until batch had made room');
  await until('batch has what is left', async () => (await nightly.replicas()) <= 3);
  const { decision } = rouse.local.controller.scaler.decided.explain('batch', 'nightly')?.workload ?? {};
  t.is(decision?.reason, 'budget');
  t.like(decision?.evidence.budget, { scope: 'cluster', ceiling: 4, wanted: 9 });
  t.true(decision?.evidence.budget?.losers.some(({ workload }) => workload === 'batch/nightly'));

  const full = await rouse.run('full', { namespace: 'shop', annotations: on(7) });
  await until('the ceiling of shop holds', async () => (await full.replicas()) + (await web.replicas()) === 3, 30_000);
  await until('and is in the metrics', async () => (await figures()).includes('rouse_budget_used_pods{namespace="shop"} 3'));
  t.true((await figures()).includes('rouse_budget_limit_pods{namespace=""} 4'));

  const path = '/api/v1/namespaces/rouse-system/configmaps/rouse-config';
  await rouse.api.patch(path, { data: { budget: null } });
  await until('without a budget a wake is a wake', async () => (await asleep.get()).status === 200, 30_000);
  t.deepEqual(await figures().then((lines) => lines.filter((line) => line.includes('{'))), []);
});
