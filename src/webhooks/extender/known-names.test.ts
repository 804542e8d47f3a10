import test from 'ava';
import fc from 'fast-check';
import { KnownNames } from './known-names.ts';

/** As they stand in a body: `read` is told where. */
const read = (known: KnownNames, names: readonly string[]): ReturnType<KnownNames['read']> => {
  const body = Buffer.from(`{"NodeNames":${JSON.stringify(names)}}`);
  return known.read(body, body.indexOf('[') + 1, body.length - ']}'.length);
};
const namesOf = (found: ReturnType<KnownNames['read']>): readonly string[] => found.map(({ name }) => name);
const numbered = (from: number, count: number): readonly string[] => Array.from({ length: count }, (_, index) => `node-${from + index}.example.com`);

test('a name that comes again is the same one, in whatever order', (t) => {
  const known = new KnownNames();
  const [first = { name: '' }, second] = read(known, ['n1', 'n2.example.com']);
  const node = {};
  first.found = node;
  const again = read(known, ['n3', 'n2.example.com', 'n1', 'n1']);
  t.deepEqual(namesOf(again), ['n3', 'n2.example.com', 'n1', 'n1']);
  t.is(again[1], second);
  t.is(again[2]?.found, node);
  t.is(again[3], again[2]);
  t.deepEqual(read(known, []), []);
});

test('names are read as they are written, whatever came before', (t) => {
  const known = new KnownNames();
  // Few letters, so that names come again, and are parts of others.
  const names = fc.array(fc.stringMatching(/^[ab.]{1,4}$|^[a-z0-9.-]{1,253}$/), { maxLength: 40 });
  fc.assert(
    fc.property(names, (all) => {
      t.deepEqual(namesOf(read(known, all)), all);
    }),
    { numRuns: 300 },
  );
});

test('all names of a large cluster are known after a few calls', (t) => {
  const known = new KnownNames();
  const names = numbered(0, 5000);
  for (let call = 0; call < 5; call += 1) read(known, names);
  const before = new Set(read(known, names));
  t.true(read(known, names).filter((name) => before.has(name)).length > 4990);
});

test('there is an end to what is kept: with names that are new again and again it begins anew, and reads on', (t) => {
  const known = new KnownNames();
  const [first] = read(known, ['first']);
  for (let call = 0; call < 6; call += 1) {
    const names = numbered(call * 50_000, 50_000);
    t.deepEqual(namesOf(read(known, names)), names);
  }
  t.not(read(known, ['first'])[0], first);
});

test('names that are made to belong into one place are read like others', (t) => {
  const known = new KnownNames();
  // 31 · "a" + "k" = 31 · "c" + "-": 4,096 names of one hash.
  const alike = Array.from({ length: 4096 }, (_, index) => index.toString(2).padStart(12, '0').replaceAll('0', 'ak').replaceAll('1', 'c-'));
  t.deepEqual(namesOf(read(known, alike)), alike);
  t.deepEqual(namesOf(read(known, alike)), alike);
});
