import test, { type ExecutionContext } from 'ava';
import { millis, seededRandom, silentLogger, systemClock } from '../core/index.ts';
import { ScriptedKubeApi } from '../../test/support/scripted-kube-api.ts';
import { loadKubeConfig, resources, watchResource, type ReflectorState, type ResourceWatch, type SnapshotEvent, type WatchTiming } from './index.ts';
import { at, textMap } from './reader.ts';

interface Held {
  readonly api: ScriptedKubeApi;
  readonly watch: ResourceWatch<string>;
  /** `+name=x`, `~name=x` and `-name` in the order in which they were told. */
  readonly told: string[];
  readonly states: ReflectorState[];
  /** Waits until the snapshot says `name=x` of exactly these objects. */
  readonly has: (objects: Record<string, string>) => Promise<void>;
}

const quick: WatchTiming = {
  silence: millis(5000),
  serverTimeout: millis(300_000),
  firstBackoff: millis(10),
  longestBackoff: millis(50),
  healthyAfter: millis(50),
  lossCheck: millis(40),
  listTimeout: millis(5000),
};

/** A watch over a scripted API, until the end of the test. `view` keeps `data.x` and leaves out objects with `data.skip`. */
const watching = async (t: ExecutionContext, prepare: (api: ScriptedKubeApi) => void, timing: Partial<WatchTiming> = {}, namespace?: string): Promise<Held> => {
  const api = await ScriptedKubeApi.start();
  prepare(api);
  const connection = await loadKubeConfig({ kind: 'text', text: api.kubeConfig });
  const states: ReflectorState[] = [];
  const watch = watchResource<string>({
    connection,
    resource: resources.configMaps,
    selection: namespace === undefined ? {} : { namespace },
    view: (raw) => {
      const data = textMap(at(raw, 'data'));
      if (data['throw'] !== undefined) throw new Error('a mapper with a mistake');
      return data['skip'] === undefined ? (data['x'] ?? '') : undefined;
    },
    clock: systemClock,
    random: seededRandom(1),
    logger: silentLogger,
    onState: (state) => states.push(state),
    timing: { ...quick, ...timing },
  });
  const told: string[] = [];
  const content = new Map<string, string>();
  const waiting = new Set<() => void>();
  watch.snapshot.subscribe((event: SnapshotEvent<string>) => {
    if (event.type === 'delete') content.delete(event.key);
    else content.set(event.key, event.value);
    told.push(event.type === 'delete' ? `-${event.key}` : `${event.previous === undefined ? '+' : '~'}${event.key}=${event.value}`);
    for (const check of waiting) check();
  });
  const stop = new AbortController();
  const running = watch.run(stop.signal);
  t.teardown(async () => {
    stop.abort();
    await running;
    connection.close();
    await api.stop();
  });
  const has = (objects: Record<string, string>): Promise<void> =>
    new Promise((resolve, reject) => {
      const want = JSON.stringify(Object.entries(objects).sort());
      const timer = setTimeout(() => {
        reject(new Error(`want ${want}, have ${JSON.stringify([...content].sort())}`));
      }, 5000);
      const check = (): void => {
        if (JSON.stringify([...content].sort()) !== want) return;
        clearTimeout(timer);
        waiting.delete(check);
        resolve();
      };
      waiting.add(check);
      check();
    });
  return { api, watch, told, states, has };
};

/** Waits until `condition` holds. */
const until = async (condition: () => boolean): Promise<void> => {
  for (let tries = 0; !condition(); tries++) {
    if (tries > 1000) throw new Error(`never came true: ${condition.toString()}`);
    await systemClock.sleep(millis(5), new AbortController().signal);
  }
};

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

for (const how of ['end', 'reset'] as const) {
  test(`a stream that ends by ${how} is resumed from where it was, without a new list`, async (t) => {
    const { api, told, has } = await watching(t, (scripted) => {
      scripted.put('a', { x: '1' });
    });
    for (let round = 2; round < 6; round++) {
      await until(() => api.openWatches === 1);
      api.endWatches(how);
      api.put('a', { x: String(round) });
      await has({ 'default/a': String(round) });
    }
    t.deepEqual(told, ['+default/a=1', '~default/a=2', '~default/a=3', '~default/a=4', '~default/a=5']);
    t.is(api.count('list'), 1);
  });
}

for (const expiredAs of ['event', 'http'] as const) {
  test(`410 as ${expiredAs}: everything is listed again and only the differences are told`, async (t) => {
    const { api, watch, told, has } = await watching(t, (scripted) => {
      scripted.expiredAs = expiredAs;
      scripted.put('same', { x: '1' });
      scripted.put('changed', { x: '1' });
      scripted.put('deleted', { x: '1' });
      scripted.put('reborn', { x: '1' });
    });
    await until(() => api.openWatches === 1);
    api.endWatches('end');
    api.put('changed', { x: '2' });
    api.remove('deleted');
    api.remove('reborn');
    api.put('reborn', { x: '2' });
    api.put('new', { x: '2' });
    api.compact();
    await has({ 'default/same': '1', 'default/changed': '2', 'default/reborn': '2', 'default/new': '2' });
    t.deepEqual(told.slice(4), ['-default/deleted', '~default/changed=2', '-default/reborn', '+default/reborn=2', '+default/new=2']);
    t.is(watch.counts().expired, 1);
    t.is(api.count('list'), 2);
  });
}

test('a line that is no JSON is noticed, counted, and mended by a new list', async (t) => {
  const { api, watch, has } = await watching(t, (scripted) => {
    scripted.put('a', { x: '1' });
  });
  await until(() => api.openWatches === 1);
  api.send('{"type":"MODIFIED","object":{"metadata":{"name":"a"\n');
  await until(() => api.count('list') === 2);
  t.is(watch.counts().unreadable, 1);
  await until(() => api.openWatches === 1);
  api.put('a', { x: '2' });
  await has({ 'default/a': '2' });
});

test('an event with U+2028 inside, at which Node splits lines, is not lost', async (t) => {
  const { api, watch, has } = await watching(t, (scripted) => {
    scripted.put('a', { x: '1' });
  });
  await until(() => api.openWatches === 1);
  api.put('a', { x: 'one\u2028two' });
  await has({ 'default/a': 'one\u2028two' });
  t.is(watch.counts().unreadable, 1);
});

test('garbage at the very end of a stream is noticed too', async (t) => {
  const { api, watch } = await watching(t, () => undefined, { lossCheck: millis(60_000) });
  await until(() => api.openWatches === 1);
  api.send('garbage\n');
  api.endWatches('end');
  await until(() => watch.counts().unreadable === 1);
  await until(() => api.count('list') === 2);
  t.pass();
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

test('a repeated or late event is not told again', async (t) => {
  const { api, told, has } = await watching(t, (scripted) => {
    scripted.put('a', { x: '1' });
  });
  await until(() => api.openWatches === 1);
  const old = api.put('a', { x: '2' });
  await has({ 'default/a': '2' });
  api.put('a', { x: '3' });
  api.send(`${JSON.stringify({ type: 'MODIFIED', object: old })}\n`);
  api.send(`${JSON.stringify({ type: 'DELETED', object: old })}\n`);
  api.put('b', { x: '1' });
  await has({ 'default/a': '3', 'default/b': '1' });
  t.deepEqual(told, ['+default/a=1', '~default/a=2', '~default/a=3', '+default/b=1']);
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

test('a watch in which nothing comes for too long, not even a bookmark, is opened anew', async (t) => {
  const { api, watch, has } = await watching(
    t,
    (scripted) => {
      scripted.put('a', { x: '1' });
    },
    { silence: millis(120) },
  );
  await until(() => watch.counts().watches >= 3);
  t.is(api.count('list'), 1);
  api.put('a', { x: '2' });
  await has({ 'default/a': '2' });
});

test('bookmarks keep a quiet watch open', async (t) => {
  const { api, watch } = await watching(t, () => undefined, { silence: millis(300) });
  await until(() => api.openWatches === 1);
  for (let round = 0; round < 8; round++) {
    await systemClock.sleep(millis(80), new AbortController().signal);
    api.bookmark();
  }
  t.is(watch.counts().watches, 1);
});

test('while the API server is away the snapshot stays as it was, says so, and catches up after', async (t) => {
  const { api, watch, states, told, has } = await watching(t, (scripted) => {
    scripted.put('a', { x: '1' });
    scripted.put('b', { x: '1' });
  });
  await until(() => api.openWatches === 1);
  api.answer = () => 'cut';
  api.cutAll();
  api.compact();
  await until(() => states.at(-1)?.phase === 'waiting' && (states.at(-1)?.failures ?? 0) >= 3);
  t.deepEqual([...watch.snapshot.values()], ['1', '1']);
  const heard = watch.lastHeard();
  api.put('a', { x: '2' });
  api.remove('b');
  api.compact();
  api.answer = () => ({ status: 503, body: 'no healthy upstream' });
  await until(() => states.at(-1)?.problem?.includes('503') === true);
  t.is(watch.lastHeard(), heard);
  api.answer = () => undefined;
  await has({ 'default/a': '2' });
  t.deepEqual(told.slice(2), ['-default/b', '~default/a=2']);
  await until(() => states.at(-1)?.phase === 'watching');
  t.true((watch.lastHeard() ?? 0) > (heard ?? 0));
});

test('a resourceVersion from the future is tried again, and given up for a new list when history was reset', async (t) => {
  const status = {
    kind: 'Status',
    code: 504,
    reason: 'Timeout',
    message: 'Too large resource version: 900, current: 100',
    details: { causes: [{ reason: 'ResourceVersionTooLarge' }] },
  };
  let refusals = 0;
  const { api, has } = await watching(t, (scripted) => {
    scripted.put('a', { x: '1' });
    scripted.answer = ({ query }) =>
      query.get('watch') === 'true' && ++refusals <= 1 ? { status: 200, body: `${JSON.stringify({ type: 'ERROR', object: status })}\n` } : undefined;
  });
  await until(() => api.openWatches === 1);
  t.is(api.count('list'), 1);
  api.put('a', { x: '2' });
  await has({ 'default/a': '2' });
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
