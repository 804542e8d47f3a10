import test from 'ava';
import fc from 'fast-check';
import { ManualClock, instant, seconds } from '../../../core/index.ts';
import { ApiError } from '../api-error.ts';
import { expireEvents } from '../event-expiry.ts';
import type { JsonObject } from '../json.ts';
import { listPage } from '../operations/reader.ts';
import { openWatch, type WatchEvent } from '../operations/watch.ts';
import { findResource, type ResourceDefinition } from '../registry.ts';
import { ObjectStore } from './object-store.ts';

const resourceOf = (plural: string): ResourceDefinition => {
  const found = findResource('', 'v1', plural);
  if (found === undefined) throw new Error(`${plural} is not in the registry`);
  return found;
};
const configMaps = resourceOf('configmaps');

const limits = { historyPerResource: 5, historyBytesPerResource: 1_000_000, objectsPerResource: 100, objectsOf: {} };

const object = (name: string, value = '', namespace = 'default'): JsonObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace, uid: name },
  data: { value },
});

const everything = { resource: configMaps, namespace: undefined, labelSelector: '', fieldSelector: '' };

test('revisions only grow, across kinds, and are those of the objects', (t) => {
  const store = new ObjectStore(limits, 100);
  t.is(store.put(configMaps, object('a')).metadata.resourceVersion, '101');
  t.is(store.put(resourceOf('secrets'), { ...object('s'), kind: 'Secret' }).metadata.resourceVersion, '102');
  t.is(store.remove(configMaps, object('a')).metadata.resourceVersion, '103');
  t.is(store.revision, 103);
});

test('what is stored is deeply frozen, and unchanged parts are shared', (t) => {
  const store = new ObjectStore(limits, 1);
  const first = store.put(configMaps, object('a'));
  t.true(Object.isFrozen(first['data']) && Object.isFrozen(first.metadata));
  const second = store.put(configMaps, { ...first, extra: { x: 1 } });
  t.is(second['data'], first['data']);
});

test('lists are ordered by namespace and name', (t) => {
  const store = new ObjectStore(limits, 1);
  for (const [namespace, name] of [
    ['b', 'x'],
    ['a', 'z'],
    ['a', 'y'],
  ] as const)
    store.put(configMaps, object(name, '', namespace));
  t.deepEqual(
    store.list(configMaps).map(({ metadata }) => `${metadata.namespace ?? ''}/${metadata.name}`),
    ['a/y', 'a/z', 'b/x'],
  );
  t.deepEqual(store.list(configMaps, 'b').length, 1);
});

test('a commit made by a listener is told after the one that it reacts to, to everybody', (t) => {
  const store = new ObjectStore(limits, 1);
  const seen: string[] = [];
  store.subscribe(configMaps, ({ object: { metadata } }) => {
    if (metadata.name === 'first') store.put(configMaps, object('second'));
  });
  store.subscribe(configMaps, ({ object: { metadata } }) => seen.push(metadata.name));
  store.put(configMaps, object('first'));
  t.deepEqual(seen, ['first', 'second']);
});

test('history is bounded: what fell out of it is a 410, never a gap', (t) => {
  const store = new ObjectStore(limits, 1);
  const start = store.revision;
  for (let count = 0; count < 6; count += 1) store.put(configMaps, object('a', String(count)));
  t.is(store.changesAfter(configMaps, start), undefined);
  t.is(store.changesAfter(configMaps, start + 1)?.length, 5);
  t.throws(() => openWatch(store, { ...everything, afterRevision: start, initialEvents: false, bookmarks: false }, () => undefined), {
    message: /too old resource version: 1 \(7\)/,
  });
  t.throws(() => listPage(store, { ...everything, limit: 0, continueToken: '', exactRevision: start }), { message: /too old/ });
});

test('a continued list that is too old offers a token to go on without consistency', (t) => {
  const store = new ObjectStore(limits, 1);
  for (const name of ['a', 'b', 'c']) store.put(configMaps, object(name));
  const first = listPage(store, { ...everything, limit: 1, continueToken: '', exactRevision: undefined });
  for (let count = 0; count < 9; count += 1) store.put(configMaps, object('c', String(count)));
  const next = { ...everything, limit: 0, continueToken: first.continueToken ?? '', exactRevision: undefined };
  const error = t.throws(() => listPage(store, next), { instanceOf: ApiError });
  t.like(error, { code: 410, reason: 'Expired' });
  const token = error.status.metadata.continue ?? '';
  t.deepEqual(
    listPage(store, { ...next, continueToken: token }).items.map(({ metadata }) => metadata.name),
    ['b', 'c'],
  );
});

test('a watch from any kept revision, replayed on the list of that revision, gives the list of now', (t) => {
  const step = fc.record({ name: fc.constantFrom('a', 'b', 'c'), value: fc.constantFrom('1', '2'), remove: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 20 }), fc.nat(20), (steps, at) => {
      const store = new ObjectStore({ ...limits, historyPerResource: 50 }, 10);
      const states: { readonly revision: number; readonly names: Map<string, unknown> }[] = [];
      const snapshot = (): Map<string, unknown> => new Map(store.list(configMaps).map((one) => [one.metadata.name, one['data']]));
      states.push({ revision: store.revision, names: snapshot() });
      for (const { name, value, remove } of steps) {
        if (remove) store.remove(configMaps, object(name));
        else store.put(configMaps, object(name, value));
        states.push({ revision: store.revision, names: snapshot() });
      }
      const from = states[Math.min(at, states.length - 1)];
      if (from === undefined) return;
      const replayed = new Map(from.names);
      const apply = (event: WatchEvent): void => {
        if (event.type === 'BOOKMARK') return;
        if (event.type === 'DELETED') replayed.delete(event.object.metadata.name);
        else replayed.set(event.object.metadata.name, event.object['data']);
      };
      openWatch(store, { ...everything, afterRevision: from.revision, initialEvents: false, bookmarks: false }, apply)();
      t.deepEqual([...replayed].sort(), [...snapshot()].sort());
      const then = listPage(store, { ...everything, limit: 0, continueToken: '', exactRevision: from.revision });
      t.deepEqual(new Map(then.items.map((one) => [one.metadata.name, one['data']])), from.names);
    }),
    { numRuns: 200 },
  );
});

test('Events go an hour after they were last seen', async (t) => {
  const clock = new ManualClock(instant(Date.parse('2026-01-01T00:00:00Z')));
  const store = new ObjectStore(limits, 1);
  const events = resourceOf('events');
  const event = (name: string, lastTimestamp: string): JsonObject => ({ ...object(name), kind: 'Event', lastTimestamp });
  store.put(events, event('old', '2026-01-01T00:00:00Z'));
  store.put(events, event('seen-again', '2026-01-01T00:30:00Z'));
  const stop = expireEvents(store, clock);
  await clock.advance(seconds(3700));
  t.deepEqual(
    store.list(events).map(({ metadata }) => metadata.name),
    ['seen-again'],
  );
  stop();
});
