import test from 'ava';
import fc from 'fast-check';
import { cuts, inPieces, latin1 } from '../../../test/support/pieces.ts';
import { bodyReader, nowhere, type BodySink, type MessageLength, type PassAs } from './message-body.ts';

interface Read {
  readonly passed: string;
  /** `broken`: the framing; `cut`: the connection ended too soon. */
  readonly is: 'whole' | 'cut' | 'broken';
  readonly rest: string;
}

/** What a reader makes of `pieces`, and of the end of the connection behind them. */
const readAll = (length: MessageLength, passAs: PassAs, pieces: readonly Buffer[]): Read => {
  const reader = bodyReader(length, passAs);
  const passed: string[] = [];
  const sink: BodySink = { text: (text) => passed.push(text), bytes: (chunk, from, to) => passed.push(chunk.toString('latin1', from, to)), holdsBytes: false };
  const isDone = (): boolean => reader.done;
  for (const [index, piece] of pieces.entries()) {
    const at = isDone() ? 0 : reader.read(piece, 0, sink);
    if (at < 0) return { passed: passed.join(''), is: 'broken', rest: '' };
    if (isDone()) return { passed: passed.join(''), is: 'whole', rest: Buffer.concat([piece.subarray(at), ...pieces.slice(index + 1)]).toString('latin1') };
    if (at < piece.length) throw new Error(`it stopped at ${at} of ${piece.length}, and is not done`);
  }
  const whole = reader.end(sink);
  return { passed: passed.join(''), is: whole ? 'whole' : 'cut', rest: '' };
};
const readText = (length: MessageLength, passAs: PassAs, text: string): Read => readAll(length, passAs, [latin1(text)]);

/** Decodes a chunked body that must be one, and nothing behind it. Shares nothing with the reader. */
const decode = (text: string): { readonly content: string; readonly trailers: string } => {
  let content = '';
  for (let rest = text; ;) {
    const size = /^([\da-f]+)\r\n/i.exec(rest);
    if (size?.[1] === undefined) throw new Error(`no size: ${JSON.stringify(rest.slice(0, 40))}`);
    const [length, from] = [Number.parseInt(size[1], 16), size[0].length];
    if (length === 0) {
      const trailers = /^0+\r\n((?:[^\r\n]+\r\n)*)\r\n$/.exec(rest)?.[1];
      if (trailers === undefined) throw new Error(`no end: ${JSON.stringify(rest)}`);
      return { content, trailers };
    }
    if (rest.slice(from + length, from + length + 2) !== '\r\n') throw new Error('a chunk that does not end where it should');
    content += rest.slice(from, from + length);
    rest = rest.slice(from + length + 2);
  }
};

const content = fc.string({ unit: fc.constantFrom('a', '\r', '\n', '0', ';', '\0', '\xff'), maxLength: 40 });
const chunk = fc.record({
  data: fc.string({ unit: fc.constantFrom('a', '\r', '\n', '0', ';', '\xff'), minLength: 1, maxLength: 40 }),
  zeros: fc.nat(3),
  upper: fc.boolean(),
  extension: fc.constantFrom('', '', ';', ';a', ';a=b', ';a="b c";d'),
});
const trailerLines = fc.array(fc.constantFrom('X-Sum: 1\r\n', 'x-a:\r\n', 'Host: b\r\n', 'Set-Cookie: a\r\n', 'X-B: \xff\r\n'), { maxLength: 3 });
const passable = (lines: readonly string[]): string => lines.filter((line) => line.toLowerCase().startsWith('x')).join('');

const chunkedBody = fc
  .record({ chunks: fc.array(chunk, { maxLength: 6 }), trailers: trailerLines, last: fc.constantFrom('0', '000', '0;end') })
  .map((body) => ({
    ...body,
    text: `${body.chunks
      .map(({ data, zeros, upper, extension }) => {
        const size = `${'0'.repeat(zeros)}${data.length.toString(16)}`;
        return `${upper ? size.toUpperCase() : size}${extension}\r\n${data}\r\n`;
      })
      .join('')}${body.last}\r\n${body.trailers.join('')}\r\n`,
  }));

test('however a chunked body is split, it goes on as a chunked body with the same content and the trailers that may go on, and nothing behind it is taken', (t) => {
  fc.assert(
    fc.property(chunkedBody, cuts, fc.constantFrom('', '\r\n', 'GET / HTTP/1.1\r\n'), ({ chunks, trailers, text }, at, behind) => {
      const { passed, is, rest } = readAll('chunked', 'chunked', inPieces(latin1(`${text}${behind}`), at));
      t.deepEqual({ is, rest }, { is: 'whole', rest: behind });
      t.deepEqual(decode(passed), { content: chunks.map(({ data }) => data).join(''), trailers: passable(trailers) });
    }),
    { numRuns: 1000 },
  );
});

test('however a chunked body is split, in plain form just its content goes on', (t) => {
  fc.assert(
    fc.property(chunkedBody, cuts, ({ chunks, text }, at) => {
      const read = readAll('chunked', 'plain', inPieces(latin1(`${text}behind`), at));
      t.deepEqual(read, { passed: chunks.map(({ data }) => data).join(''), is: 'whole', rest: 'behind' });
    }),
    { numRuns: 1000 },
  );
});

test('a chunked body without extensions and trailers that comes in one piece goes on as it came', (t) => {
  for (const text of ['5\r\nhello\r\n0\r\n\r\n', '0A\r\n0123456789\r\n1\r\n!\r\n0\r\n\r\n', '0\r\n\r\n'])
    t.is(readText('chunked', 'chunked', text).passed, text);
});

test('a body of a known length is taken to its last byte and no further, and goes on as it came', (t) => {
  fc.assert(
    fc.property(content, cuts, fc.constantFrom<PassAs>('chunked', 'plain'), (text, at, passAs) => {
      const read = readAll(text.length, passAs, inPieces(latin1(`${text}behind`), at));
      t.deepEqual(read, { passed: text, is: 'whole', rest: 'behind' });
    }),
  );
  t.is(readText(3, 'plain', 'ab').is, 'cut');
  t.is(readText(0, 'plain', '').is, 'whole');
});

test('a body that ends with its connection goes on whole, in chunks where the other side needs them', (t) => {
  fc.assert(
    fc.property(content, cuts, (text, at) => {
      const pieces = inPieces(latin1(text), at);
      t.deepEqual(readAll('until-close', 'plain', pieces), { passed: text, is: 'whole', rest: '' });
      const { passed, is } = readAll('until-close', 'chunked', pieces);
      t.is(is, 'whole');
      t.deepEqual(decode(passed), { content: text, trailers: '' });
    }),
  );
});

test('reading where nothing has come changes nothing', (t) => {
  for (const length of [3, 'chunked', 'until-close'] as const)
    for (const passAs of ['chunked', 'plain'] as const) {
      const passed: string[] = [];
      const reader = bodyReader(length, passAs);
      const sink: BodySink = {
        text: (text) => passed.push(text),
        bytes: (from, start, end) => passed.push(from.toString('latin1', start, end)),
        holdsBytes: false,
      };
      t.is(reader.read(latin1('abc'), 3, sink), 3);
      t.is(passed.join(''), '');
      t.false(reader.done);
    }
});

test('a body that nobody wants is read all the same', (t) => {
  const reader = bodyReader('chunked', 'chunked');
  t.is(reader.read(latin1('1\r\na\r\n0\r\n\r\nrest'), 0, nowhere), 11);
  t.true(reader.done);
});

/** Told however it is split, and never passed on as whole. */
const broken = test.macro({
  exec: (t, text: string) => {
    for (const passAs of ['chunked', 'plain'] as const) {
      t.is(readText('chunked', passAs, text).is, 'broken');
      for (let cut = 1; cut < text.length; cut += Math.ceil(text.length / 50))
        t.is(readAll('chunked', passAs, inPieces(latin1(text), [cut])).is, 'broken', `cut at ${cut}`);
    }
  },
  title: (_given, text: string) => `no chunked body: ${JSON.stringify(text.slice(0, 60))}, ${text.length} bytes`,
});
test(broken, '\r\n');
test(broken, 'g\r\n');
test(broken, '/\r\n');
test(broken, ':\r\n');
test(broken, '`\r\n');
test(broken, '@\r\n');
test(broken, ';a\r\n\r\n');
test(broken, '-1\r\n');
test(broken, '+1\r\na\r\n0\r\n\r\n');
test(broken, '0x1\r\na\r\n0\r\n\r\n');
test(broken, ' 1\r\na\r\n0\r\n\r\n');
test(broken, '1 \r\na\r\n0\r\n\r\n');
test(broken, '1\na\n0\n\n');
test(broken, '1\rxa\r\n');
test(broken, '1\r\nab\r\n');
test(broken, '1\r\na\n');
test(broken, '1\r\na\rx');
test(broken, '1\r\na\r\n\r\n');
test(broken, '1\r\na\r\n0\n\n');
test(broken, '1;a\nb\r\n');
test(broken, '1;a\0\r\n');
test(broken, '1;a\rb\r\n');
test(broken, '00000000000001\r\n');
test(broken, 'fffffffffffffff\r\n');
test(broken, `1;${'a'.repeat(17_000)}\r\n`);
test(broken, `${`1;${'a'.repeat(99)}\r\nx\r\n`.repeat(170)}0\r\n\r\n`);
test(broken, '0\r\nX : 1\r\n\r\n');
test(broken, '0\r\nX\r\n\r\n');
test(broken, '0\r\nX: 1\n\r\n\r\n');
test(broken, '0\r\nContent-Length: 3\r\n\r\nabc');
test(broken, '0\r\n\n');
test(broken, '0\r\n\rx');
test(broken, '0\r\nX: \0');
test(broken, '0\r\n folded: 1\r\n\r\n');
test(broken, `0\r\nX: ${'x'.repeat(8192)}\r\n\r\n`);

test('a chunked body that stops anywhere is not whole, and what went on of it is not either', (t) => {
  const text = '5;a\r\nhello\r\n1\r\n!\r\n0\r\nX-Sum: 1\r\n\r\n';
  for (let end = 0; end < text.length; end += 1)
    for (let cut = 0; cut < Math.max(1, end); cut += 1) {
      const { is, passed } = readAll('chunked', 'chunked', inPieces(latin1(text.slice(0, end)), [cut]));
      t.is(is, 'cut');
      t.throws(() => decode(passed));
    }
});

test('the largest sizes are counted exactly', (t) => {
  const reader = bodyReader('chunked', 'chunked');
  const passed: string[] = [];
  const sink: BodySink = {
    text: (text) => passed.push(text),
    bytes: (from, start, end) => passed.push(from.toString('latin1', start, end)),
    holdsBytes: false,
  };
  t.is(reader.read(latin1('fffffffff'), 0, sink), 9);
  t.is(reader.read(latin1('ffff\r\nab'), 0, sink), 8);
  t.is(passed.join(''), 'fffffffffffff\r\nab');
});

test('whatever comes as a chunked body, however it is split, the outcome is the same and what went on of it is as good as what came', (t) => {
  const parts = fc.constantFrom('1', '2', '0', '\r\n', '\r', '\n', 'a', 'bc', ';', ';x=y', 'X: 1\r\n', '0\r\n\r\n', '1\r\na\r\n', '\0', ' ');
  fc.assert(
    fc.property(fc.array(parts, { maxLength: 14 }), cuts, (pieces, at) => {
      const bytes = latin1(pieces.join(''));
      const [once, split, plain] = [
        readAll('chunked', 'chunked', [bytes]),
        readAll('chunked', 'chunked', inPieces(bytes, at)),
        readAll('chunked', 'plain', [bytes]),
      ];
      t.deepEqual([split.is, split.rest], [once.is, once.rest]);
      t.deepEqual([plain.is, plain.rest], [once.is, once.rest]);
      if (once.is === 'whole') {
        t.deepEqual(decode(split.passed), decode(once.passed));
        t.is(plain.passed, decode(once.passed).content);
      } else t.throws(() => decode(split.passed));
    }),
    { numRuns: 3000 },
  );
});

test('trailers of a body that goes on plain are told to whoever can pass them, those alone that may go on', (t) => {
  const told: string[] = [];
  const content: string[] = [];
  const sink: BodySink = {
    text: (text) => content.push(text),
    bytes: (chunk, from, to) => content.push(chunk.toString('latin1', from, to)),
    holdsBytes: false,
    trailers: (lines) => told.push(lines),
  };
  const read = (text: string): number => {
    const reader = bodyReader('chunked', 'plain');
    reader.read(latin1(text), 0, sink);
    t.true(reader.done);
    return reader.content;
  };
  t.is(read('3\r\nabc\r\n0\r\nX-Sum: 7\r\nHost: b\r\n\r\n'), 3);
  t.is(read('2\r\nde\r\n0\r\n\r\n'), 2);
  t.is(content.join(''), 'abcde');
  t.deepEqual(told, ['X-Sum: 7\r\n']);
});

test('of a body with a length it is known how much has come', (t) => {
  const reader = bodyReader(5, 'plain');
  t.is(reader.content, 0);
  reader.read(latin1('abc'), 0, nowhere);
  t.is(reader.content, 3);
  t.false(reader.done);
  reader.read(latin1('de, and more'), 0, nowhere);
  t.is(reader.content, 5);
  t.true(reader.done);
});
