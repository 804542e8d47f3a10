import test from 'ava';
import fc from 'fast-check';
import { ApiError } from '../api-error.ts';
import { applyJsonPatch } from './json-patch.ts';

/** The examples of RFC 6902, Appendix A, that succeed: document, patch, result. */
const examples: readonly (readonly [title: string, document: object, patch: readonly object[], result: object])[] = [
  ['A.1 adding a member', { foo: 'bar' }, [{ op: 'add', path: '/baz', value: 'qux' }], { baz: 'qux', foo: 'bar' }],
  ['A.2 adding an array element', { foo: ['bar', 'baz'] }, [{ op: 'add', path: '/foo/1', value: 'qux' }], { foo: ['bar', 'qux', 'baz'] }],
  ['A.3 removing a member', { baz: 'qux', foo: 'bar' }, [{ op: 'remove', path: '/baz' }], { foo: 'bar' }],
  ['A.4 removing an array element', { foo: ['bar', 'qux', 'baz'] }, [{ op: 'remove', path: '/foo/1' }], { foo: ['bar', 'baz'] }],
  ['A.5 replacing a value', { baz: 'qux', foo: 'bar' }, [{ op: 'replace', path: '/baz', value: 'boo' }], { baz: 'boo', foo: 'bar' }],
  [
    'A.6 moving a value',
    { foo: { bar: 'baz', waldo: 'fred' }, qux: { corge: 'grault' } },
    [{ op: 'move', from: '/foo/waldo', path: '/qux/thud' }],
    { foo: { bar: 'baz' }, qux: { corge: 'grault', thud: 'fred' } },
  ],
  [
    'A.7 moving an array element',
    { foo: ['all', 'grass', 'cows', 'eat'] },
    [{ op: 'move', from: '/foo/1', path: '/foo/3' }],
    { foo: ['all', 'cows', 'eat', 'grass'] },
  ],
  [
    'A.8 testing, success',
    { baz: 'qux', foo: ['a', 2, 'c'] },
    [
      { op: 'test', path: '/baz', value: 'qux' },
      { op: 'test', path: '/foo/1', value: 2 },
    ],
    { baz: 'qux', foo: ['a', 2, 'c'] },
  ],
  ['A.10 adding a nested object', { foo: 'bar' }, [{ op: 'add', path: '/child', value: { grandchild: {} } }], { foo: 'bar', child: { grandchild: {} } }],
  ['A.11 ignoring unknown members', { foo: 'bar' }, [{ op: 'add', path: '/baz', value: 'qux', xyz: 123 }], { foo: 'bar', baz: 'qux' }],
  ['A.14 escaping', { '/': 9, '~1': 10 }, [{ op: 'test', path: '/~01', value: 10 }], { '/': 9, '~1': 10 }],
  ['A.16 adding an array value', { foo: ['bar'] }, [{ op: 'add', path: '/foo/-', value: ['abc', 'def'] }], { foo: ['bar', ['abc', 'def']] }],
  ['the whole document', { foo: 'bar' }, [{ op: 'replace', path: '', value: { a: 1 } }], { a: 1 }],
];

const applies = test.macro({
  exec(t, document: object, patch: readonly object[], result: object) {
    const before = structuredClone(document);
    const patched: unknown = applyJsonPatch({ ...document }, patch);
    t.deepEqual(patched, result);
    t.deepEqual(document, before);
  },
  title: (title = '') => `RFC 6902 ${title}`,
});
for (const [title, document, patch, result] of examples) test(title, applies, document, patch, result);

const refuses = test.macro({
  exec(t, document: object, patch: unknown, code: number) {
    const before = structuredClone(document);
    const error = t.throws(() => applyJsonPatch({ ...document }, patch), { instanceOf: ApiError });
    t.is(error.code, code);
    t.deepEqual(document, before);
  },
  title: (title = '') => `refused: ${title}`,
});
test('A.9 a test that fails is 422', refuses, { baz: 'qux' }, [{ op: 'test', path: '/baz', value: 'bar' }], 422);
test('A.12 adding below a target that does not exist is 422', refuses, { foo: 'bar' }, [{ op: 'add', path: '/baz/bat', value: 'qux' }], 422);
test('A.15 a string is not the number it spells', refuses, { '/': 9, '~1': 10 }, [{ op: 'test', path: '/~01', value: '10' }], 422);
test('removing what does not exist is 422, as Go has it', refuses, { foo: {} }, [{ op: 'remove', path: '/foo/bar' }], 422);
test('replacing what does not exist is 422', refuses, { foo: {} }, [{ op: 'replace', path: '/foo/bar', value: 1 }], 422);
test('an index beyond the end is 422', refuses, { foo: [1] }, [{ op: 'add', path: '/foo/3', value: 1 }], 422);
test(
  'later operations that fail leave nothing of the earlier ones',
  refuses,
  { a: 1 },
  [
    { op: 'replace', path: '/a', value: 2 },
    { op: 'remove', path: '/b' },
  ],
  422,
);
test('a body that is not a list is 400', refuses, {}, { op: 'add' }, 400);
test('an unknown operation is 400', refuses, {}, [{ op: 'merge', path: '/a' }], 400);
test('a pointer without a slash is 400', refuses, {}, [{ op: 'add', path: 'a', value: 1 }], 400);
test('a missing value is 400', refuses, {}, [{ op: 'add', path: '/a' }], 400);
test(
  'more than 10000 operations are 413',
  refuses,
  { a: 1 },
  Array.from({ length: 10_001 }, () => ({ op: 'test', path: '/a', value: 1 })),
  413,
);

test('A patch of __proto__ does not reach the prototype', (t) => {
  t.throws(() => applyJsonPatch({}, [{ op: 'add', path: '/__proto__/polluted', value: true }]), { instanceOf: ApiError });
  t.is(Reflect.get({}, 'polluted'), undefined);
});

test('Adding and then removing a field leaves the document as it was', (t) => {
  fc.assert(
    fc.property(fc.dictionary(fc.stringMatching(/^[a-z]{1,5}$/), fc.jsonValue()), fc.jsonValue(), (document, value) => {
      const result: unknown = applyJsonPatch(document, [
        { op: 'add', path: '/NEW', value },
        { op: 'remove', path: '/NEW' },
      ]);
      t.deepEqual(result, { ...document });
    }),
    { numRuns: 50 },
  );
});
