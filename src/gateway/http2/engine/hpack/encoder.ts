import type { ByteBuffer } from '../byte-buffer.ts';
import type { Sensitive } from '../sensitive.ts';
import { DynamicTable } from './dynamic-table.ts';
import { huffmanEncode, huffmanLength } from './huffman.ts';
import { staticNames, staticSize, staticValues } from './static-table.ts';

/** More than this is not used, whatever the other side would keep. */
const mostTableSize = 4096;
/** An entry of more than this would push out too many others. */
const longestIndexed = 1024;

/** Places that are looked at for a pair: with one alone, two that come with every request might push each other out for ever. */
const probes = 4;

/** So many that have been seen once share a place. */
const ways = 4;

/** Secrets, which compression must not let anybody guess byte by byte (RFC 7541 §7.1.3). */
const secrets: ReadonlySet<string> = new Set(['authorization', 'cookie', 'proxy-authorization', 'set-cookie']);

/** First bits of a literal (RFC 7541 §6.2), and bits of the index behind them. */
const kept = { pattern: 0x40, prefix: 6 } as const;
const notKept = { pattern: 0x00, prefix: 4 } as const;
const neverKept = { pattern: 0x10, prefix: 4 } as const;

/** Of a text: its length and five of its characters, which few others share. */
const digest = (text: string, start: number): number => {
  const last = text.length - 1;
  if (last < 0) return Math.imul(start, 31);
  const ends = (text.charCodeAt(0) << 14) ^ (text.charCodeAt(last) << 7) ^ text.charCodeAt(last === 0 ? 0 : last - 1);
  const middle = (text.charCodeAt(last >> 1) << 7) ^ text.charCodeAt(last >> 2);
  return Math.imul(Math.imul(Math.imul(start, 31) + last, 31) + middle, 31) + ends;
};
const placeOf = (hash: number): number => Math.imul(hash, 0x9e37_79b1) >>> 24;

/** A cheap guess at a place; what is found there is compared. Each pair of the static table has a place of its own. */
const pairPlace = (name: string, value: string): number => placeOf(digest(value, digest(name, 3)));
const namePlace = (name: string): number => placeOf(digest(name, 1));

/** All of both, where only one that repeats is to be kept. */
const hashOf = (name: string, value: string): number => {
  let hash = name.length;
  for (let at = 0; at < name.length; at += 1) hash = (Math.imul(hash, 31) + name.charCodeAt(at)) | 0;
  for (let at = 0; at < value.length; at += 1) hash = (Math.imul(hash, 31) + value.charCodeAt(at)) | 0;
  return hash ^ (hash >>> 15);
};

/** Where the static table has a name, and a pair with a value. */
const staticIndexOf = new Map<string, number>();
const staticPairPlaces = new Uint8Array(256);
for (let index = staticSize; index > 0; index -= 1) {
  const [name, value] = [staticNames[index] ?? '', staticValues[index] ?? ''];
  staticIndexOf.set(name, index);
  if (value !== '') staticPairPlaces[pairPlace(name, value)] = index;
}

/**
 * Writes field sections (RFC 7541) of one connection. A pair enters the dynamic table when it comes for the second time: ids, dates and lengths, which never do, push nothing out. What is
 * in the tables is found by a guess at its place, so that a field that has been indexed costs neither memory nor a walk through the table.
 */
export class Encoder {
  #table: DynamicTable = new DynamicTable(mostTableSize);
  readonly #pairs = new Int32Array(256 + probes);
  readonly #names = new Int32Array(256);
  readonly #seen = new Int32Array(128 * ways);
  /** Of the table, since the last block: the least, and what it is now; the other side has to hear of both (RFC 7541 §4.2). */
  #least = mostTableSize;
  #told = mostTableSize;

  /** The other side keeps no more than so much (SETTINGS_HEADER_TABLE_SIZE). */
  set tableSize(bytes: number) {
    const capacity = Math.min(bytes, mostTableSize);
    this.#least = Math.min(this.#least, capacity);
    this.#table.capacity = capacity;
  }

  /** `fields`: names and values in turn. `sensitive`: names of those that must never enter a table, beside those that everybody knows. */
  encode(fields: readonly string[], sensitive: Sensitive, into: ByteBuffer): void {
    this.#tellSize(into);
    for (let at = 0; at + 1 < fields.length; at += 2) this.#field(fields[at] ?? '', fields[at + 1] ?? '', sensitive, into);
  }

  #tellSize(into: ByteBuffer): void {
    const { capacity } = this.#table;
    if (this.#least === capacity && this.#told === capacity) return;
    into.reserve(12);
    if (this.#least < capacity) integer(into, 0x20, 5, this.#least);
    integer(into, 0x20, 5, capacity);
    this.#least = this.#told = capacity;
  }

  #field(name: string, value: string, sensitive: Sensitive, into: ByteBuffer): void {
    into.reserve(name.length + value.length + 16);
    if (secrets.has(name) || (sensitive.size > 0 && sensitive.has(name))) return this.#literal(neverKept, name, value, into);
    const place = pairPlace(name, value);
    const fixed = staticPairPlaces[place] ?? 0;
    if (fixed !== 0 && staticNames[fixed] === name && staticValues[fixed] === value) return integer(into, 0x80, 7, fixed);
    const table = this.#table;
    let free = place;
    for (let probe = place; probe < place + probes; probe += 1) {
      const number = this.#pairs[probe] ?? 0;
      if (!table.has(number)) free = probe;
      else if (table.name(number) === name && table.value(number) === value) return integer(into, 0x80, 7, staticSize + 1 + table.added - number);
    }
    if (!this.#comesAgain(name, value)) return this.#literal(notKept, name, value, into);
    this.#literal(kept, name, value, into);
    table.add(name, value, 0);
    this.#pairs[free] = this.#names[namePlace(name)] = table.added;
  }

  /** False for one that is seen for the first time, or that is too long to be kept. */
  #comesAgain(name: string, value: string): boolean {
    if (name.length + value.length > longestIndexed || name.length + value.length + 32 > this.#table.capacity) return false;
    const hash = hashOf(name, value);
    const [seen, set] = [this.#seen, (hash & 127) * ways];
    for (let at = set; at < set + ways; at += 1) if (seen[at] === hash) return true;
    seen.copyWithin(set + 1, set, set + ways - 1);
    seen[set] = hash;
    return false;
  }

  #literal({ pattern, prefix }: { readonly pattern: number; readonly prefix: number }, name: string, value: string, into: ByteBuffer): void {
    const index = this.#nameIndex(name);
    integer(into, pattern, prefix, index);
    if (index === 0) text(into, name);
    text(into, value);
  }

  #nameIndex(name: string): number {
    const fixed = staticIndexOf.get(name);
    if (fixed !== undefined) return fixed;
    const table = this.#table;
    const number = this.#names[namePlace(name)] ?? 0;
    return table.has(number) && table.name(number) === name ? staticSize + 1 + table.added - number : 0;
  }
}

/** RFC 7541 §5.1: `value` in `prefix` bits behind `pattern`, and more bytes where it does not fit. */
const integer = (into: ByteBuffer, pattern: number, prefix: number, value: number): void => {
  const most = (1 << prefix) - 1;
  if (value < most) return into.byte(pattern | value);
  into.byte(pattern | most);
  let rest = value - most;
  for (; rest >= 0x80; rest >>>= 7) into.byte((rest & 0x7f) | 0x80);
  into.byte(rest);
};

/** RFC 7541 §5.2, in the shorter of the two ways. */
const text = (into: ByteBuffer, value: string): void => {
  const encoded = huffmanLength(value);
  if (encoded < value.length) {
    integer(into, 0x80, 7, encoded);
    into.length = huffmanEncode(value, into.bytes, into.length);
    return;
  }
  integer(into, 0, 7, value.length);
  for (let at = 0; at < value.length; at += 1) into.byte(value.charCodeAt(at));
};
