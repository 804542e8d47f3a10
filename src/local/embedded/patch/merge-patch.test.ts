import test from 'ava';
import fc from 'fast-check';
import { ApiError } from '../api-error.ts';
import { applyMergePatch, mergeValues } from './merge-patch.ts';

/** RFC 7396, Appendix A: original, patch, result. */
const examples: readonly (readonly [unknown, unknown, unknown])[] = [
  [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
  [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
  [{ a: 'b' }, { a: null }, {}],
  [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
  [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
  [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
  [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
  [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
  [
    ['a', 'b'],
    ['c', 'd'],
    ['c', 'd'],
  ],
  [{ a: 'b' }, ['c'], ['c']],
  [{ a: 'foo' }, null, null],
  [{ a: 'foo' }, 'bar', 'bar'],
  [{ e: null }, { a: 1 }, { e: null, a: 1 }],
  [[1, 2], { a: 'b', c: null }, { a: 'b' }],
  [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
];

test('The examples of RFC 7396 come out as it says', (t) => {
  for (const [original, patch, result] of examples) t.deepEqual(mergeValues(original, patch), result);
});

test('A merge patch applied twice is the same as once, and changes neither argument', (t) => {
  const object = fc.dictionary(fc.stringMatching(/^[a-c]$/), fc.jsonValue({ maxDepth: 2 }));
  fc.assert(
    fc.property(object, object, (original, patch) => {
      const before = structuredClone([original, patch]);
      const once = mergeValues(original, patch);
      t.deepEqual(mergeValues(once, patch), once);
      t.deepEqual([original, patch], before);
    }),
    { numRuns: 100 },
  );
});

test('A body that is not an object is refused', (t) => {
  t.is(t.throws(() => applyMergePatch({}, [1]), { instanceOf: ApiError }).code, 400);
});

test('A field named __proto__ stays a field', (t) => {
  const merged = applyMergePatch({}, JSON.parse('{"__proto__": {"polluted": true}}'));
  t.is(Reflect.get({}, 'polluted'), undefined);
  t.true(Object.hasOwn(merged, '__proto__'));
});
