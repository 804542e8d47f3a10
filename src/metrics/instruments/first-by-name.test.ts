import test from 'ava';
import fc from 'fast-check';
import { FirstByName } from './first-by-name.ts';

test('they are always the first by name, whoever comes and goes, in whatever order they are told', (t) => {
  const names = fc.uniqueArray(fc.string({ minLength: 1, maxLength: 3 }), { maxLength: 12 });
  fc.assert(
    fc.property(fc.array(fc.tuple(names, fc.nat(8)), { minLength: 1, maxLength: 6 }), (times) => {
      const first = new FirstByName<string>((name) => name);
      for (const [all, most] of times) t.deepEqual([...first.of(all, most)].sort(), [...all].sort().slice(0, most));
    }),
  );
});
