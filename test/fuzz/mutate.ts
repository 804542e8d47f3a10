import type { Random } from '../../src/core/index.ts';

const below = (random: Random, limit: number): number => Math.floor(random() * limit);

/** Pieces that break parsers more often than random bytes do. */
const nasty = [
  '\r\n',
  '\n',
  '\0',
  '\r',
  ' ',
  '\t',
  ':',
  '"',
  '{',
  '}',
  '[',
  ']',
  ',',
  '&a *a',
  '__proto__',
  'constructor',
  '-1',
  '1e309',
  'NaN',
  '0x10',
  '9'.repeat(40),
  '\u2028',
  'Ａ',
  'chunked',
  'Content-Length: 5',
  'Transfer-Encoding: chunked',
];

/** One to four random edits of one of the `corpus` texts. */
export const mutate = (random: Random, corpus: readonly string[]): Buffer => {
  let bytes: Buffer = Buffer.from(corpus[below(random, corpus.length)] ?? '', 'utf8');
  for (let edits = 1 + below(random, 4); edits > 0; edits--) bytes = edit(random, bytes, corpus);
  return bytes;
};

const edit = (random: Random, bytes: Buffer, corpus: readonly string[]): Buffer => {
  const at = below(random, bytes.length + 1);
  const to = Math.min(bytes.length, at + 1 + below(random, 16));
  const insert = (piece: Buffer, upTo: number): Buffer => Buffer.concat([bytes.subarray(0, at), piece, bytes.subarray(upTo)]);
  switch (below(random, 6)) {
    case 0:
      return insert(Buffer.alloc(0), to);
    case 1:
      return insert(Buffer.from([below(random, 256)]), Math.min(bytes.length, at + 1));
    case 2:
      return insert(Buffer.from(nasty[below(random, nasty.length)] ?? ''), at);
    case 3:
      return insert(bytes.subarray(at, to), at);
    case 4: {
      const other = Buffer.from(corpus[below(random, corpus.length)] ?? '');
      const from = below(random, other.length);
      return insert(other.subarray(from, from + below(random, 64)), at);
    }
    default:
      return bytes.subarray(0, at);
  }
};
