import test, { type ExecutionContext } from 'ava';
import { millis, seededRandom, silentLogger, systemClock } from '../core/index.ts';
import { ScriptedKubeApi } from '../../test/support/scripted-kube-api.ts';
import { until } from '../../test/support/until.ts';
import { configMapView, loadKubeConfig, resources, watchNamespaces, type ConfigMapView, type NamespacedSnapshots } from './index.ts';

const scene = async (
  t: ExecutionContext,
  mostWatches?: number,
): Promise<{ api: ScriptedKubeApi; watch: NamespacedSnapshots<ConfigMapView>; told: string[] }> => {
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
    ...(mostWatches === undefined ? {} : { mostWatches }),
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

const allWatched = (api: ScriptedKubeApi): readonly string[] => api.requests.filter(({ query }) => query.get('watch') === 'true').map(({ path }) => path);

test('beyond the bound one watch of all namespaces serves from the start, and keeps only what is asked for', async (t) => {
  const { api, watch } = await scene(t, 2);
  api.put('one', {}, 'd');
  watch.setNamespaces(new Set(['a', 'b', 'c']));
  await watch.snapshot.synced;
  t.deepEqual(names(watch), ['a/one', 'b/one', 'c/one']);
  await until('it is watched', () => api.openWatches === 1);
  api.put('two', {}, 'd');
  api.put('two', {}, 'b');
  await until('the new one is in', () => watch.snapshot.get('b/two'));
  t.deepEqual(names(watch), ['a/one', 'b/one', 'b/two', 'c/one']);
  t.deepEqual(allWatched(api), ['/api/v1/configmaps']);
});

test('going over to one watch tells nothing twice, loses nothing, and ends the watches that there were', async (t) => {
  const { api, watch, told } = await scene(t, 2);
  watch.setNamespaces(new Set(['a', 'b']));
  await watch.snapshot.synced;
  await until('both are watched', () => api.openWatches === 2);
  watch.setNamespaces(new Set(['a', 'b', 'c']));
  api.put('two', {}, 'a');
  api.remove('one', 'b');
  await watch.synced('c');
  await until('one watch is left', () => api.openWatches === 1);
  api.put('three', {}, 'c');
  await until('everything is in', () => watch.snapshot.get('c/three'));
  t.deepEqual(names(watch), ['a/one', 'a/two', 'c/one', 'c/three']);
  t.deepEqual([...told].sort(), ['delete b/one', 'set a/one', 'set a/two', 'set b/one', 'set c/one', 'set c/three']);
});

test('a namespace that is asked for later is listed by itself, and comes in whole', async (t) => {
  const { api, watch } = await scene(t, 2);
  for (const namespace of ['d', 'e']) api.put('one', {}, namespace);
  watch.setNamespaces(new Set(['a', 'b', 'c']));
  await watch.snapshot.synced;
  watch.setNamespaces(new Set(['a', 'b', 'd', 'e']));
  await Promise.all([watch.synced('d'), watch.synced('e')]);
  t.deepEqual(names(watch), ['a/one', 'b/one', 'd/one', 'e/one']);
  t.is(api.count('list'), 3);
  await until('it is watched', () => api.openWatches === 1);
});

test('where it was told never to watch everywhere, every namespace keeps a watch of its own', async (t) => {
  const { api, watch } = await scene(t, Number.POSITIVE_INFINITY);
  const many = Array.from({ length: 40 }, (_, index) => `n${String(index)}`);
  watch.setNamespaces(new Set(many));
  await watch.snapshot.synced;
  await until('each is watched', () => api.openWatches === 40);
  t.false(allWatched(api).includes('/api/v1/configmaps'));
});

test('whatever comes and goes while namespaces do, the snapshot ends as what there is, told as it happened', async (t) => {
  const { api, watch, told } = await scene(t, 3);
  const random = seededRandom(7);
  const pick = (all: readonly string[]): string => all[Math.floor(random() * all.length)] ?? '';
  const namespaces = ['a', 'b', 'c', 'd', 'e', 'f'];
  const objects = ['one', 'two', 'three'];
  const there = new Map<string, boolean>(['a', 'b', 'c'].map((namespace) => [`${namespace}/one`, true]));
  let asked = new Set<string>();
  for (let step = 0; step < 400; step++) {
    const [namespace, name] = [pick(namespaces), pick(objects)];
    const dice = random();
    if (dice < 0.5) there.set(`${namespace}/${name}`, (api.put(name, {}, namespace), true));
    else if (dice < 0.75) there.set(`${namespace}/${name}`, (api.remove(name, namespace), false));
    else if (dice < 0.95) watch.setNamespaces((asked = new Set(namespaces.filter(() => random() < 0.6))));
    else if (dice < 0.97) api.compact();
    else api.endWatches(random() < 0.5 ? 'end' : 'reset');
    if (random() < 0.3) await systemClock.sleep(millis(1), new AbortController().signal);
  }
  const wanted = [...there].flatMap(([key, is]) => (is && asked.has(key.slice(0, 1)) ? [key] : [])).sort();
  await until('the snapshot is as the API', () => JSON.stringify(names(watch)) === JSON.stringify(wanted));
  const state = new Set<string>();
  for (const each of told) {
    const [type = '', key = ''] = each.split(' ');
    if (type === 'delete') t.true(state.delete(key), `${key} was told as deleted without having been there`);
    else state.add(key);
  }
  t.deepEqual([...state].sort(), wanted);
});
