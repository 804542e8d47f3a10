import test from 'ava';
import { instant, ManualClock, millis, seededRandom, silentLogger, systemClock } from '../core/index.ts';
import { until, watching } from '../../test/support/reflector-scene.ts';
import { ScriptedKubeApi } from '../../test/support/scripted-kube-api.ts';
import { loadKubeConfig, resources, watchResource } from './index.ts';

test('a snapshot starts with the list, follows each change, and tells each once', async (t) => {
  const { api, watch, told, has } = await watching(t, (scripted) => {
    scripted.put('a', { x: '1' });
  });
  await watch.snapshot.synced;
  t.is(watch.snapshot.get('default/a'), '1');
  await until(() => api.openWatches === 1);
  api.put('b', { x: '1' });
  api.put('a', { x: '2' });
  api.remove('b');
  api.put('c', { x: '3' }, 'other');
  await has({ 'default/a': '2', 'other/c': '3' });
  t.deepEqual(told, ['+default/a=1', '+default/b=1', '~default/a=2', '-default/b', '+other/c=3']);
  t.deepEqual([...watch.snapshot.inNamespace('other')], ['3']);
  t.is(watch.snapshot.size, 2);
  t.is(api.count('list'), 1);
});

test('a list is fetched page by page', async (t) => {
  const { api, watch } = await watching(t, (scripted) => {
    scripted.pageSize = 3;
    for (let index = 0; index < 10; index++) scripted.put(`o${String(index)}`, { x: 'v' });
  });
  await watch.snapshot.synced;
  t.is(watch.snapshot.size, 10);
  t.is(api.requests.filter(({ query }) => query.has('limit')).length, 4);
});

test('a bookmark moves the place from which a watch is resumed', async (t) => {
  const { api, has } = await watching(t, (scripted) => {
    scripted.put('a', { x: '1' });
  });
  await until(() => api.openWatches === 1);
  api.skipVersions(50);
  api.bookmark();
  api.compact();
  await until(() => api.openWatches === 1);
  await systemClock.sleep(millis(30), new AbortController().signal);
  api.endWatches('end');
  await until(() => api.openWatches === 1);
  api.put('a', { x: '2' });
  await has({ 'default/a': '2' });
  t.is(api.count('list'), 1);
});

test('an object that stops or starts to be of interest leaves or enters', async (t) => {
  const { api, told, has } = await watching(t, (scripted) => {
    scripted.put('a', { skip: '' });
  });
  await until(() => api.openWatches === 1);
  api.put('a', { x: '1' });
  api.put('a', { skip: '' });
  api.put('a', { skip: '', x: '2' });
  api.put('b', { x: '1' });
  await has({ 'default/b': '1' });
  t.deepEqual(told, ['+default/a=1', '-default/a', '+default/b=1']);
});

test('an object that its mapper cannot read is left out; the others stay', async (t) => {
  const { api, watch, has } = await watching(t, (scripted) => {
    scripted.put('odd', { throw: '' });
    scripted.put('a', { x: '1' });
  });
  await has({ 'default/a': '1' });
  await until(() => api.openWatches === 1);
  api.put('a', { throw: '' });
  api.put('b', { x: '1' });
  await has({ 'default/b': '1' });
  t.is(watch.counts().lists, 1);
});

test('bookmarks keep a quiet watch open', async (t) => {
  const clock = new ManualClock(instant(0));
  const { api, watch, states } = await watching(t, () => undefined, { silence: millis(60_000) }, undefined, clock);
  await until(() => states.at(-1)?.phase === 'watching' && api.openWatches === 1);
  for (let round = 0; round < 4; round++) {
    await clock.advance(millis(40_000));
    api.bookmark();
    await until(() => watch.lastHeard() === clock.now());
  }
  t.is(watch.counts().watches, 1);
});

test('a watch of one namespace asks for that namespace alone', async (t) => {
  const { api, has } = await watching(
    t,
    (scripted) => {
      scripted.put('a', { x: '1' }, 'mine');
      scripted.put('a', { x: '1' }, 'other');
    },
    {},
    'mine',
  );
  await has({ 'mine/a': '1' });
  await until(() => api.openWatches === 1);
  api.put('b', { x: '1' }, 'other');
  api.put('b', { x: '1' }, 'mine');
  await has({ 'mine/a': '1', 'mine/b': '1' });
  t.true(api.requests.every(({ path }) => path === '/api/v1/namespaces/mine/configmaps'));
});

test('a watch asks for bookmarks and for an end at a jittered time, with our credentials', async (t) => {
  const { api } = await watching(t, () => undefined);
  await until(() => api.openWatches === 1);
  const asked = api.requests.find(({ query }) => query.has('watch'));
  t.is(asked?.query.get('allowWatchBookmarks'), 'true');
  t.is(asked?.headers.authorization, 'Bearer secret');
  const timeout = Number(asked?.query.get('timeoutSeconds'));
  t.true(timeout >= 300 && timeout <= 600);
});

test('running ends when its signal aborts, whatever the watch is at', async (t) => {
  for (const prepare of [
    () => undefined,
    (api: ScriptedKubeApi) => {
      api.answer = () => 'hang';
    },
    (api: ScriptedKubeApi) => {
      api.answer = ({ query }) => (query.has('watch') ? 'hang' : undefined);
    },
    (api: ScriptedKubeApi) => {
      api.answer = () => ({ status: 500 });
    },
  ]) {
    const api = await ScriptedKubeApi.start();
    prepare(api);
    const connection = await loadKubeConfig({ kind: 'text', text: api.kubeConfig });
    const watch = watchResource({
      connection,
      resource: resources.configMaps,
      view: () => '',
      clock: systemClock,
      random: seededRandom(1),
      logger: silentLogger,
    });
    const stop = new AbortController();
    const running = watch.run(stop.signal);
    await until(() => api.requests.length > 0);
    await systemClock.sleep(millis(20), new AbortController().signal);
    stop.abort();
    await running;
    await until(() => api.openWatches === 0);
    connection.close();
    await api.stop();
  }
  t.pass();
});
