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

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

const nastyValues: readonly Json[] = [
  null,
  true,
  0,
  -1,
  1.5,
  1e308,
  9_007_199_254_740_993,
  '',
  ' ',
  '0',
  'x'.repeat(5000),
  '\n',
  '\u0000',
  '\ud800',
  [],
  {},
  [null],
  [[[]]],
];
const nastyKeys = ['__proto__', 'constructor', 'toString', '', '/', '~1', 'a.b', 'length', '$patch', '$setElementOrder/containers', '\ud800'];

/** One to four random edits of one of the `corpus` texts, each a JSON document, as values: the result is JSON again. */
export const mutateJson = (random: Random, corpus: readonly string[]): Buffer => {
  const parse = (): Json => JSON.parse(corpus[below(random, corpus.length)] ?? 'null') as Json;
  let value = parse();
  for (let edits = 1 + below(random, 4); edits > 0; edits--) value = editValue(random, value, parse());
  return Buffer.from(JSON.stringify(value), 'utf8');
};

/** Something of `other`: a whole inner value of it. */
const partOf = (random: Random, other: Json): Json => {
  let part = other;
  for (let depth = below(random, 6); depth > 0 && typeof part === 'object' && part !== null; depth--) {
    const inside: readonly Json[] = Object.values(part);
    if (inside.length === 0) break;
    part = inside[below(random, inside.length)] ?? null;
  }
  return part;
};

const newValue = (random: Random, other: Json): Json => (random() < 0.6 ? (nastyValues[below(random, nastyValues.length)] ?? null) : partOf(random, other));

/** Walks down to a random place and changes what is there. */
const editValue = (random: Random, value: Json, other: Json): Json => {
  if (typeof value !== 'object' || value === null || random() < 0.1) return newValue(random, other);
  if (Array.isArray(value)) {
    const items: Json[] = [...(value as readonly Json[])];
    const at = below(random, items.length + 1);
    if (items.length > 0 && random() < 0.7) items[at % items.length] = editValue(random, items[at % items.length] ?? null, other);
    else items.splice(at, below(random, 2), ...(random() < 0.3 ? [] : [items[at] ?? newValue(random, other)]));
    return items;
  }
  const entries = Object.entries(value);
  const at = below(random, Math.max(1, entries.length));
  const [key, inner] = entries[at] ?? ['', null];
  const dice = random();
  if (dice < 0.75 && entries.length > 0) entries[at] = [key, editValue(random, inner, other)];
  else if (dice < 0.85) entries.splice(at, 1);
  else entries.push([random() < 0.5 ? (nastyKeys[below(random, nastyKeys.length)] ?? '') : key, newValue(random, other)]);
  // fromEntries defines `__proto__` as a property like any other, as JSON.parse does.
  return Object.fromEntries(entries);
};
