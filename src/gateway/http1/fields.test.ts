import test from 'ava';
import fc from 'fast-check';
import { contentLengthOf, fieldNames, FieldReader, passableTrailers, tokens } from './fields.ts';

/** Names, values and whole lines as a reader of `text` sees them; undefined where it sees a malformed one. */
const linesIn = (text: string, from = 0): readonly (readonly [string, string, string])[] | undefined => {
  const fields = new FieldReader(text, from);
  const lines: [string, string, string][] = [];
  while (fields.next()) lines.push([text.slice(fields.start, fields.nameEnd), fields.value, text.slice(fields.start, fields.end)]);
  return fields.malformed ? undefined : lines;
};
const pairsIn = (text: string, from = 0): readonly (readonly [string, string])[] | undefined => linesIn(text, from)?.map(([name, value]) => [name, value]);

const read = test.macro({
  exec: (t, text: string, pairs: readonly (readonly [string, string])[]) => t.deepEqual(pairsIn(text), pairs),
  title: (_given, text: string) => `read as field lines: ${JSON.stringify(text)}`,
});
test(read, '\r\n', []);
test(read, 'Host: a\r\n\r\n', [['Host', 'a']]);
test(read, 'Host:a\r\nhost:b\r\n\r\n', [
  ['Host', 'a'],
  ['host', 'b'],
]);
test(read, 'X: \t a \t b\t \r\n\r\n', [['X', 'a \t b']]);
test(read, 'X:\r\n\r\n', [['X', '']]);
test(read, 'X: \t \r\n\r\n', [['X', '']]);
test(read, "!#$%&'*+-.^_`|~09azAZ: :\r\n\r\n", [["!#$%&'*+-.^_`|~09azAZ", ':']]);
test(read, 'X: \x80\xff "{}\r\n\r\n', [['X', '\x80\xff "{}']]);

const refused = test.macro({
  exec: (t, text: string) => t.is(linesIn(text), undefined),
  title: (_given, text: string) => `no field lines: ${JSON.stringify(text)}`,
});
test(refused, 'Host : a\r\n\r\n');
test(refused, ' Host: a\r\n\r\n');
test(refused, 'X: a\r\n b\r\n\r\n');
test(refused, 'X: a\r\n\tb: c\r\n\r\n');
test(refused, ': a\r\n\r\n');
test(refused, 'X\r\n\r\n');
test(refused, 'X: a\nY: b\r\n\r\n');
test(refused, 'X: a\rY: b\r\n\r\n');
test(refused, 'X: a\r\r\n\r\n');
test(refused, 'X: a\rxY: b\r\n\r\n');
test(refused, 'X: a\0b\r\n\r\n');
test(refused, 'X: a\x7fb\r\n\r\n');
test(refused, 'X: a\x1bb\r\n\r\n');
test(refused, 'X\xe4: a\r\n\r\n');
test(refused, 'X(: a\r\n\r\n');
test(refused, 'X"Y: a\r\n\r\n');
test(refused, 'X: a\r\nY: b');
test(refused, 'X: a');

test('every field that the gateway acts on is known in whatever case, and none that is longer, shorter or spelt otherwise', (t) => {
  const known = (name: string) => {
    const fields = new FieldReader(`${name}: a\r\n\r\n`, 0);
    fields.next();
    return fields.name;
  };
  for (const name of fieldNames) {
    t.is(known(name), name);
    t.is(known(name.toUpperCase()), name);
    t.is(known(`${name.slice(0, 1).toUpperCase()}${name.slice(1)}`), name);
    for (const other of [`${name}x`, name.slice(1), `${name.slice(0, -1)}z`, `q${name.slice(1)}`, `${name.slice(0, 1)}_${name.slice(2)}`])
      t.is(known(other), undefined, other);
    t.is(known(name.replace('-', '_')), name.includes('-') ? undefined : name);
  }
  t.is(known('x'.repeat(200)), undefined);
});

const name = fc.stringMatching(/^[!#$%&'*+.^_`|~\w-]{1,20}$/);
const blanks = fc.stringMatching(/^[ \t]{0,3}$/);
const value = fc.stringMatching(/^(?:[!-~\x80-\xff](?:[\t -~\x80-\xff]{0,20}[!-~\x80-\xff])?)?$/);
const lines = fc.array(fc.tuple(name, blanks, value, blanks), { maxLength: 8 });

test('whatever the fields, each is read as it was printed, in order, and the lines together are the text', (t) => {
  fc.assert(
    fc.property(lines, (fields) => {
      const before = 'GET / HTTP/1.1\r\n';
      const text = `${before}${fields.map(([of, ahead, is, behind]) => `${of}:${ahead}${is}${behind}\r\n`).join('')}\r\n`;
      t.deepEqual(
        pairsIn(text, before.length),
        fields.map(([of, , is]) => [of, is]),
      );
      const found = linesIn(text, before.length) ?? [];
      t.is(`${before}${found.map(([, , line]) => line).join('')}\r\n`, text);
    }),
  );
});

test('whatever the text, reading it ends, and what is read has no control character in it', (t) => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom('X', ':', ' ', '\t', '\r\n', '\r', '\n', '\0', 'a', '\x7f', '\xff', 'Host: b\r\n')), (parts) =>
      (pairsIn(`${parts.join('')}\r\n`) ?? []).every(([of, is]) => of !== '' && !/[\0-\x08\n-\x1f\x7f]/.test(`${of}${is}`) && is.trim() === is),
    ),
    { numRuns: 1000 },
  );
  t.pass();
});

const length = test.macro({
  exec: (t, text: string, expected: number | undefined) => t.is(contentLengthOf(text), expected),
  title: (_given, text: string, expected: number | undefined) => `a Content-Length of ${JSON.stringify(text)} is ${expected ?? 'none'}`,
});
test(length, '0', 0);
test(length, '7', 7);
test(length, '0042', 42);
test(length, '999999999999999', 999_999_999_999_999);
test(length, '1000000000000000', undefined);
test(length, '', undefined);
test(length, '+1', undefined);
test(length, '-1', undefined);
test(length, '1 ', undefined);
test(length, '1,1', undefined);
test(length, '0x10', undefined);
test(length, '1e3', undefined);
test(length, '1.0', undefined);
test(length, '1:', undefined);
test(length, '1/', undefined);
test(length, '\xb2', undefined);

test('the tokens of a list are compared in lower case, and empty ones are none', (t) => {
  t.deepEqual(tokens(' Close,, X-A ,\tkeep-alive,'), ['close', 'x-a', 'keep-alive']);
  t.deepEqual(tokens(''), []);
});

const trailers = test.macro({
  exec: (t, text: string, passed: string | undefined) => t.is(passableTrailers(text), passed),
  title: (_given, text: string, passed: string | undefined) =>
    passed === undefined ? `no trailers: ${JSON.stringify(text)}` : `of the trailers ${JSON.stringify(text)} ${JSON.stringify(passed)} goes on`,
});
test(trailers, '\r\n', '');
test(trailers, 'X-Sum: 1\r\n\r\n', 'X-Sum: 1\r\n');
test(trailers, 'x-a:1 \r\nHost: b\r\nX-A: 2\r\n\r\n', 'x-a:1 \r\nX-A: 2\r\n');
const framing: ReadonlySet<string> = new Set(['content-length', 'transfer-encoding']);
for (const name of framing) test(trailers, `X-Sum: 1\r\n${name}: 1\r\n\r\n`, undefined);
for (const name of [
  ...fieldNames.filter((name) => !framing.has(name)),
  'Authorization',
  'Cache-Control',
  'content-encoding',
  'Content-Range',
  'Content-Type',
  'COOKIE',
  'Max-Forwards',
  'Set-Cookie',
])
  test(trailers, `${name}: a\r\n\r\n`, '');
test(trailers, 'X-Sum: 1\nY: 2\r\n\r\n', undefined);
test(trailers, 'X-Sum : 1\r\n\r\n', undefined);
