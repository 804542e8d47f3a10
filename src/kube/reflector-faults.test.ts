import test from 'ava';
import { millis } from '../core/index.ts';
import { until, watching } from '../../test/support/reflector-scene.ts';

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

for (const [what, times, lists] of [
  ['is tried again', 2, 1],
  ['that stays so means that history was reset, and leads to a new list', 5, 2],
] as const) {
  test(`a resourceVersion from the future ${what}`, async (t) => {
    const message = 'Too large resource version: 900, current: 100';
    const status = { kind: 'Status', code: 504, reason: 'Timeout', message, details: { causes: [{ reason: 'ResourceVersionTooLarge' }] } };
    let refusals = 0;
    const { api, has } = await watching(t, (scripted) => {
      scripted.put('a', { x: '1' });
      scripted.answer = ({ query }) =>
        query.has('watch') && refusals++ < times ? { status: 200, body: `${JSON.stringify({ type: 'ERROR', object: status })}\n` } : undefined;
    });
    await until(() => api.openWatches === 1);
    t.is(api.count('list'), lists);
    api.put('a', { x: '2' });
    await has({ 'default/a': '2' });
  });
}

test('history that was reset to an earlier time is taken over as it is now', async (t) => {
  const { api, told, has } = await watching(t, (scripted) => {
    scripted.skipVersions(5000);
    scripted.put('a', { x: 'later' });
    scripted.put('b', { x: 'later' });
  });
  await until(() => api.openWatches === 1);
  api.skipVersions(-5000);
  api.put('a', { x: 'restored' });
  api.remove('b');
  api.compact();
  api.send(`${JSON.stringify({ type: 'ERROR', object: { kind: 'Status', code: 410, reason: 'Expired' } })}\n`);
  await has({ 'default/a': 'restored' });
  await until(() => api.openWatches === 1);
  api.put('a', { x: 'new' });
  await has({ 'default/a': 'new' });
  t.is(told.at(-1), '~default/a=new');
});
