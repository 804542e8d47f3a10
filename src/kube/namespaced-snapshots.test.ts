import test, { type ExecutionContext } from 'ava';
import { millis, seededRandom, silentLogger, systemClock } from '../core/index.ts';
import { ScriptedKubeApi } from '../../test/support/scripted-kube-api.ts';
import { until } from '../../test/support/until.ts';
import { configMapView, loadKubeConfig, resources, watchNamespaces, type ConfigMapView, type NamespacedSnapshots } from './index.ts';

const scene = async (t: ExecutionContext): Promise<{ api: ScriptedKubeApi; watch: NamespacedSnapshots<ConfigMapView>; told: string[] }> => {
  const api = await ScriptedKubeApi.start();
  for (const namespace of ['a', 'b', 'c']) api.put('one', {}, namespace);
  const connection = await loadKubeConfig({ kind: 'text', text: api.kubeConfig });
  const watch = watchNamespaces({
    connection,
    resource: resources.configMaps,
    view: configMapView,
    clock: systemClock,
    random: seededRandom(1),
    logger: silentLogger,
    timing: { firstBackoff: millis(10), longestBackoff: millis(50) },
  });
  const told: string[] = [];
  watch.snapshot.subscribe(({ type, key }) => told.push(`${type} ${key}`));
  const stop = new AbortController();
  const running = watch.run(stop.signal);
  t.teardown(async () => {
    stop.abort();
    await running;
    connection.close();
    await api.stop();
  });
  return { api, watch, told };
};

const names = (watch: NamespacedSnapshots<ConfigMapView>): readonly string[] =>
  [...watch.snapshot.values()].map(({ namespace, name }) => `${namespace}/${name}`).sort();

test('exactly the namespaces that are asked for are watched, as one snapshot', async (t) => {
  const { api, watch } = await scene(t);
  watch.setNamespaces(new Set(['a', 'b']));
  await watch.snapshot.synced;
  t.deepEqual(names(watch), ['a/one', 'b/one']);
  await until('both are watched', () => api.openWatches === 2);
  api.put('two', {}, 'b');
  api.put('two', {}, 'c');
  await until('the new one is in', () => watch.snapshot.get('b/two'));
  t.deepEqual(names(watch), ['a/one', 'b/one', 'b/two']);
});

test('a namespace that goes takes its objects along, and its watch; the others stay', async (t) => {
  const { api, watch, told } = await scene(t);
  watch.setNamespaces(new Set(['a', 'b']));
  await watch.snapshot.synced;
  watch.setNamespaces(new Set(['b', 'c']));
  t.deepEqual(names(watch), ['b/one']);
  t.is(told.at(-1), 'delete a/one');
  await watch.synced('c');
  t.deepEqual(names(watch), ['b/one', 'c/one']);
  await until('the first watch is closed', () => api.openWatches === 2);
  t.is(told.filter((each) => each.endsWith('b/one')).length, 1);
});

test('waiting for a namespace ends when it is no longer asked for, or never was', async (t) => {
  const { api, watch } = await scene(t);
  api.answer = () => 'hang';
  watch.setNamespaces(new Set(['a']));
  const waiting = watch.synced('a');
  watch.setNamespaces(new Set());
  await waiting;
  await watch.synced('never');
  t.is(watch.snapshot.size, 0);
});

test('no namespaces at all is a complete snapshot', async (t) => {
  const { watch } = await scene(t);
  watch.setNamespaces(new Set());
  await watch.snapshot.synced;
  t.is(watch.snapshot.size, 0);
});

test('a namespace that comes back is listed anew', async (t) => {
  const { api, watch } = await scene(t);
  watch.setNamespaces(new Set(['a']));
  await watch.synced('a');
  watch.setNamespaces(new Set());
  api.remove('one', 'a');
  api.put('later', {}, 'a');
  watch.setNamespaces(new Set(['a']));
  await watch.synced('a');
  t.deepEqual(names(watch), ['a/later']);
});

test('one namespace that may not be read does not keep the others from being', async (t) => {
  const { api, watch } = await scene(t);
  api.answer = ({ path }) => (path.includes('/namespaces/a/') ? { status: 403, body: { kind: 'Status', reason: 'Forbidden', message: 'no' } } : undefined);
  watch.setNamespaces(new Set(['a', 'b']));
  await watch.synced('b');
  t.deepEqual(names(watch), ['b/one']);
});
