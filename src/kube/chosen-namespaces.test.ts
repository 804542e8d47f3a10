import test from 'ava';
import { ChosenNamespaces } from './chosen-namespaces.ts';
import { SnapshotStore, type Entry } from './snapshot-store.ts';

const entry = (namespace: string, name: string, version: number): Entry<number> => ({
  namespace,
  name,
  uid: `${namespace}/${name}`,
  resourceVersion: String(version),
  value: version,
});

const scene = (): { store: SnapshotStore<number>; chosen: ChosenNamespaces<number>; told: string[]; content: () => readonly string[] } => {
  const store = new SnapshotStore<number>((problem) => {
    throw problem;
  });
  const told: string[] = [];
  store.subscribe(({ type, key }) => told.push(`${type} ${key}`));
  return {
    store,
    chosen: new ChosenNamespaces(store, () => undefined),
    told,
    content: () => ['a', 'b'].flatMap((namespace) => store.entriesOf(namespace).map(({ name, value }) => `${namespace}/${name}=${String(value)}`)),
  };
};

test('a list from before a deletion that the other watch has seen brings nothing back', (t) => {
  const { store, chosen, told, content } = scene();
  store.set(entry('a', 'gone', 5));
  chosen.choose('a', true, () => undefined);
  chosen.listing();
  chosen.deletedElsewhere('a', 'gone', '8');
  store.delete('a', 'gone');
  chosen.replace([entry('a', 'gone', 5), entry('a', 'stays', 6)], undefined, '7');
  t.deepEqual(content(), ['a/stays=6']);
  t.deepEqual(told, ['set a/gone', 'delete a/gone', 'set a/stays']);
});

test('what the other watch has newer than the list stays as it is', (t) => {
  const { store, chosen, told, content } = scene();
  store.set(entry('a', 'new', 9));
  store.set(entry('a', 'changed', 8));
  store.set(entry('a', 'gone before', 3));
  chosen.choose('a', true, () => undefined);
  chosen.listing();
  chosen.replace([entry('a', 'changed', 4)], undefined, '7');
  t.deepEqual(content(), ['a/new=9', 'a/changed=8']);
  t.deepEqual(told.slice(3), ['delete a/gone before']);
});

test('a namespace that is chosen while a list of everything comes in is left alone by it, and told to need one of its own', (t) => {
  const { chosen, content } = scene();
  let [wholes, ins] = [0, 0];
  const store = new SnapshotStore<number>(() => undefined);
  const own = new ChosenNamespaces(store, () => wholes++);
  own.listing();
  own.choose('a', false, () => ins++);
  own.set(entry('a', 'by watch', 9));
  t.is(own.nextLacking(), undefined);
  own.replace([entry('a', 'part', 3)], undefined, '7');
  const lacking = own.nextLacking();
  t.deepEqual([lacking?.namespace, wholes, ins, store.size], ['a', 1, 0, 1]);
  if (lacking !== undefined) own.merge(lacking, [entry('a', 'part', 3), entry('a', 'whole', 4)], '8');
  t.deepEqual([own.nextLacking(), ins, store.size], [undefined, 1, 3]);
  t.deepEqual([chosen.nextLacking(), content()], [undefined, []]);
});

test('a list after the history was reset to an earlier time is taken as it is', (t) => {
  const { chosen, content } = scene();
  chosen.choose('a', false, () => undefined);
  chosen.listing();
  chosen.replace([entry('a', 'x', 100)], undefined, '100');
  chosen.listing();
  chosen.replace([entry('a', 'y', 5)], undefined, '7');
  t.deepEqual(content(), ['a/y=5']);
});

test('objects of namespaces that were not chosen, or no longer are, are not kept', (t) => {
  const { chosen, told, content } = scene();
  chosen.choose('a', false, () => undefined);
  chosen.listing();
  chosen.replace([entry('a', 'x', 1), entry('b', 'x', 2)], undefined, '3');
  chosen.set(entry('b', 'y', 4));
  t.deepEqual(content(), ['a/x=1']);
  chosen.drop('a');
  chosen.set(entry('a', 'z', 5));
  t.deepEqual([content(), told], [[], ['set a/x', 'delete a/x']]);
});

test('a list that was asked for before the namespace was dropped and chosen again is of no use: what came in between is not in it', (t) => {
  const { chosen, content } = scene();
  chosen.listing();
  chosen.replace([], undefined, '1');
  chosen.choose('a', false, () => undefined);
  const first = chosen.nextLacking();
  chosen.drop('a');
  chosen.choose('a', false, () => undefined);
  if (first !== undefined) chosen.merge(first, [entry('a', 'deleted since', 2)], '3');
  t.deepEqual(content(), []);
  const second = chosen.nextLacking();
  t.is(second?.namespace, 'a');
  if (second !== undefined) chosen.merge(second, [entry('a', 'x', 4)], '5');
  t.deepEqual([content(), chosen.nextLacking()], [['a/x=4'], undefined]);
});
