import test from 'ava';
import fc from 'fast-check';
import { EventRing, type Change } from './event-ring.ts';
import { stored } from './stored.ts';

const change = (revision: number, size = 0): Change => ({
  type: 'MODIFIED',
  object: stored({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a', uid: 'a' }, data: { value: 'x'.repeat(size) } }, revision),
  previous: undefined,
  revision,
});

test('large objects push out the past before the count of changes does; the newest stays, whatever its size', (t) => {
  const ring = new EventRing({ changes: 1000, bytes: 10_000 }, 0);
  for (let revision = 1; revision <= 20; revision++) ring.push(change(revision, 3000));
  t.is(ring.after(0), undefined);
  t.deepEqual(
    ring.after(17)?.map(({ revision }) => revision),
    [18, 19, 20],
  );
  ring.push(change(21, 50_000));
  t.is(ring.after(19), undefined);
  t.deepEqual(
    ring.after(20)?.map(({ revision }) => revision),
    [21],
  );
});

test('law: what the ring gives after a revision is all that came after it, or it says that it does not know', (t) => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 400 }), { maxLength: 60 }),
      fc.integer({ min: 1, max: 10 }),
      fc.integer({ min: 0, max: 60 }),
      (sizes, changes, from) => {
        const ring = new EventRing({ changes, bytes: 2000 }, 0);
        sizes.forEach((size, index) => ring.push(change(index + 1, size)));
        const given = ring.after(from);
        const all = sizes.map((_, index) => index + 1).filter((revision) => revision > from);
        return given === undefined ? all.length > 0 : JSON.stringify(given.map(({ revision }) => revision)) === JSON.stringify(all);
      },
    ),
  );
  t.pass();
});
