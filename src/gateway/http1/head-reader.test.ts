import test from 'ava';
import fc from 'fast-check';
import { cuts, inPieces, latin1 } from '../../../test/support/pieces.ts';
import { HeadReader } from './head-reader.ts';

interface Outcome {
  readonly is: 'head' | 'more' | 'too-long' | 'malformed';
  readonly text: string;
  /** What is left behind the head. */
  readonly rest: string;
}

/** What a reader makes of `pieces`. */
const readAll = (pieces: readonly Buffer[], limit = 1000, from = 0, reader = new HeadReader(limit)): Outcome => {
  for (const [index, piece] of pieces.entries()) {
    const at = reader.read(piece, index === 0 ? from : 0);
    if (typeof at === 'number') {
      const rest = Buffer.concat([piece.subarray(at), ...pieces.slice(index + 1)]);
      return { is: 'head', text: reader.text.slice(0, reader.length), rest: rest.toString('latin1') };
    }
    if (at !== 'more') return { is: at, text: '', rest: '' };
  }
  return { is: 'more', text: '', rest: '' };
};

const head = 'GET / HTTP/1.1\r\nHost: a\r\nX: \t\xff\r\n\r\n';

test('however a head and what follows it are split, the head is read whole and nothing of the rest is taken', (t) => {
  fc.assert(
    fc.property(cuts, fc.constantFrom('', '\r\n', '\0\n\r', 'GET /2 HTTP/1.1\r\n\r\n'), fc.boolean(), (at, rest, emptyLineFirst) => {
      const text = `${emptyLineFirst ? '\r\n' : ''}${head}`;
      t.deepEqual(readAll(inPieces(latin1(`${text}${rest}`), at)), { is: 'head', text, rest });
    }),
  );
});

test('a reader reads head after head, and from anywhere in a piece', (t) => {
  const reader = new HeadReader(100);
  const [piece] = [latin1(`rest${head}${head}`)];
  t.is(reader.read(piece, 4), 4 + head.length);
  t.is(reader.read(piece.subarray(0, -3), 4 + head.length), 'more');
  t.is(reader.read(piece.subarray(-3), 0), 3);
  t.is(reader.text.slice(0, reader.length), head);
  t.is(reader.read(piece, 4), 4 + head.length);
  t.is(reader.read(piece, piece.length), 'more');
  t.is(reader.read(piece, 4), 4 + head.length);
});

const malformed = test.macro({
  exec: (t, text: string) => {
    for (let cut = 0; cut < text.length; cut += 1) t.is(readAll(inPieces(latin1(text), [cut])).is, 'malformed', `cut at ${cut}`);
    t.is(readAll([...latin1(text)].map((code) => Buffer.of(code))).is, 'malformed');
    t.is(readAll([latin1(`behind \n\0${text}`)], 1000, 9).is, 'malformed');
  },
  title: (_given, text: string) => `told at once that no head begins so: ${JSON.stringify(text)}`,
});
test(malformed, '\n');
test(malformed, '\nGET / HTTP/1.1');
test(malformed, 'GET / HTTP/1.1\nHost: a');
test(malformed, 'GET / HTTP/1.1\n\n');
test(malformed, 'GET / HTTP/1.1\rHost: a');
test(malformed, 'GET / HTTP/1.1\r\r\nHost: a');
test(malformed, '\r\r');
test(malformed, 'GET /\0');
test(malformed, '\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03');
test(malformed, 'A: \x1b[31m');

test('what stands before a head is none of its own', (t) => {
  t.is(readAll([latin1('\r\nGET')], 1000, 1).is, 'malformed');
});

test('what may still become a head is waited for', (t) => {
  for (let end = 0; end < head.length; end += 1)
    for (let cut = 0; cut < end; cut += 1) t.is(readAll(inPieces(latin1(head.slice(0, end)), [cut])).is, 'more', `${cut} of ${end}`);
});

test('a head is as long as the limit allows and no longer, however it is split and whatever follows', (t) => {
  const limit = head.length;
  fc.assert(
    fc.property(cuts, fc.constantFrom('', 'rest of it'), (at, rest) => {
      t.is(readAll(inPieces(latin1(`${head}${rest}`), at), limit).is, 'head');
      t.is(readAll(inPieces(latin1(`${head}${rest}`), at), limit - 1).is, 'too-long');
      t.is(readAll(inPieces(latin1('x'.repeat(limit)), at), limit).is, 'more');
      t.is(readAll(inPieces(latin1('x'.repeat(limit + 1)), at), limit).is, 'too-long');
    }),
  );
});

test('whatever comes, it is read or refused as a whole, and refused as malformed only where something in it is', (t) => {
  const parts = fc.constantFrom('a', ': ', '\r\n', '\r\n\r\n', '\r', '\n', '\0', '\t', '\x7f', '\xff');
  fc.assert(
    fc.property(fc.array(parts, { maxLength: 12 }), cuts, (pieces, at) => {
      const text = pieces.join('');
      const end = text.indexOf('\r\n\r\n');
      const { is } = readAll(inPieces(latin1(text), at));
      const bad = /[\0-\x08\x0b\x0c\x0e-\x1f]|\r(?!\n|$)|(?<!\r)\n/.test(end < 0 ? text : text.slice(0, end + 4));
      t.true(is === (end < 0 ? 'more' : 'head') || (bad && is === 'malformed'), `${JSON.stringify(text)} is ${is}`);
      if (end < 0) t.is(is, bad ? 'malformed' : 'more');
    }),
    { numRuns: 1000 },
  );
});

test('a head that comes byte by byte is copied no more than a few times over', (t) => {
  const long = latin1(`GET / HTTP/1.1\r\nX: ${'x'.repeat(32 * 1024)}\r\n\r\n`);
  let copied = 0;
  const buffers = Buffer.prototype as Buffer;
  const copy = Object.getOwnPropertyDescriptor(buffers, 'copy')?.value as Buffer['copy'];
  buffers.copy = function counted(this: Buffer, ...to: Parameters<Buffer['copy']>): number {
    const bytes = copy.apply(this, to);
    copied += bytes;
    return bytes;
  };
  try {
    t.is(
      readAll(
        [...long].map((code) => Buffer.of(code)),
        64 * 1024,
      ).is,
      'head',
    );
  } finally {
    buffers.copy = copy;
  }
  t.true(copied >= long.length && copied <= 3 * long.length, `${copied} of ${long.length}`);
});

test('a head in a piece of several KiB is read as in any other', (t) => {
  const long = `GET / HTTP/1.1\r\nX: ${'x'.repeat(3000)}\r\n\r\n`;
  const rest = 'rest of it';
  t.deepEqual(readAll([latin1(`${long}${rest}`)], long.length), { is: 'head', text: long, rest });
  t.is(readAll([latin1(`${long}${rest}`)], long.length - 1).is, 'too-long');
  t.deepEqual(readAll(inPieces(latin1(`${long}${rest}`), [2500]), long.length), { is: 'head', text: long, rest });
  t.is(readAll([latin1(long.slice(0, 2500))], long.length).is, 'more');
  t.is(readAll([latin1(`${long.slice(0, 2500)}\n`)], long.length).is, 'malformed');
});
