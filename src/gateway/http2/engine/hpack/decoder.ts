import { kindOf } from '../field-kinds.ts';
import { noneSensitive, type Sensitive } from '../sensitive.ts';
import { DynamicTable, entryOverhead } from './dynamic-table.ts';
import { huffmanDecode } from './huffman.ts';
import { staticNames, staticSize, staticValues } from './static-table.ts';
import { textOf } from './texts.ts';

/** What we say in SETTINGS_HEADER_TABLE_SIZE by not saying it. */
const tableSize = 4096;
const greatest = 2 ** 28;

const staticKinds = Uint8Array.from(staticNames, (name, index) => kindOf(name, staticValues[index] ?? ''));
/** What was encoded becomes text through here. */
let scratch = Buffer.allocUnsafeSlow(256);

const noBytes: Buffer = Buffer.alloc(0);

/** `large`: longer than the list may be; the compression state is as it should be, and the next one can be read. `broken`: it is not, and nothing can be read any more. */
export type Decoded = 'ok' | 'large' | 'broken';

/** Reads field sections (RFC 7541) of one connection. */
export class Decoder {
  /** What was read last: names and values in turn. Not used again. */
  fields: string[] = [];
  /** Of each field in `fields`, by `kindOf`; only until the next section is read. */
  readonly kinds: Uint8Array;
  sensitive: Sensitive = noneSensitive;
  readonly #table = new DynamicTable(tableSize);
  readonly #most: number;
  #bytes = noBytes;
  #at = 0;
  #end = 0;
  #listSize = 0;
  #broken = false;

  /** `most`: of a list, by RFC 9113 §6.5.2. */
  constructor(most: number) {
    this.#most = most;
    this.kinds = new Uint8Array(Math.ceil(most / entryOverhead) + 1);
  }

  decode(bytes: Buffer, from: number, to: number): Decoded {
    this.fields = [];
    this.sensitive = noneSensitive;
    this.#bytes = bytes;
    this.#at = from;
    this.#end = to;
    this.#listSize = 0;
    this.#resize();
    while (this.#at < to && !this.#broken) this.#field();
    // Nor is what was read from kept in memory.
    this.#bytes = noBytes;
    return this.#broken ? 'broken' : this.#listSize > this.#most ? 'large' : 'ok';
  }

  /** Changes of the table's size stand at the beginning of a block, and nowhere else (RFC 7541 §4.2). */
  #resize(): void {
    while (this.#at < this.#end && ((this.#bytes[this.#at] ?? 0) & 0xe0) === 0x20) {
      const capacity = this.#integer(5);
      if (capacity > tableSize) this.#broken = true;
      if (this.#broken) return;
      this.#table.capacity = capacity;
    }
  }

  #field(): void {
    const first = this.#bytes[this.#at] ?? 0;
    if (first >= 0x80) this.#indexed(this.#integer(7));
    else if (first >= 0x40) this.#literal(this.#integer(6), true, false);
    else if (first >= 0x20) this.#broken = true;
    else this.#literal(this.#integer(4), false, first >= 0x10);
  }

  #indexed(index: number): void {
    if (index <= staticSize) {
      if (index === 0) this.#broken = true;
      else this.#take(staticNames[index] ?? '', staticValues[index] ?? '', staticKinds[index] ?? 0);
      return;
    }
    const table = this.#table;
    const number = table.added - (index - staticSize - 1);
    if (table.has(number)) this.#take(table.name(number), table.value(number), table.kind(number));
    else this.#broken = true;
  }

  #literal(index: number, isIndexed: boolean, isSensitive: boolean): void {
    const name = index === 0 ? this.#string() : this.#nameAt(index);
    const value = this.#string();
    if (this.#broken) return;
    const kind = kindOf(name, value);
    if (isIndexed) this.#table.add(name, value, kind);
    if (isSensitive) this.sensitive = this.sensitive === noneSensitive ? new Set([name]) : (this.sensitive as Set<string>).add(name);
    this.#take(name, value, kind);
  }

  #nameAt(index: number): string {
    if (index <= staticSize) return staticNames[index] ?? '';
    const number = this.#table.added - (index - staticSize - 1);
    if (!this.#table.has(number)) this.#broken = true;
    return this.#table.name(number);
  }

  #take(name: string, value: string, kind: number): void {
    this.#listSize += name.length + value.length + entryOverhead;
    if (this.#listSize > this.#most) return;
    this.kinds[this.fields.length >> 1] = kind;
    this.fields.push(name, value);
  }

  /** RFC 7541 §5.1, up to 2^28. */
  #integer(prefix: number): number {
    const most = (1 << prefix) - 1;
    let value = (this.#bytes[this.#at++] ?? 0) & most;
    if (value < most) return value;
    for (let shift = 0; this.#at < this.#end && shift <= 21; shift += 7) {
      const byte = this.#bytes[this.#at++] ?? 0;
      value += (byte & 0x7f) << shift;
      if (byte < 0x80 && value <= greatest) return value;
    }
    this.#broken = true;
    return 0;
  }

  /** RFC 7541 §5.2. */
  #string(): string {
    if (this.#at >= this.#end) this.#broken = true;
    if (this.#broken) return '';
    const isHuffman = (this.#bytes[this.#at] ?? 0) >= 0x80;
    const length = this.#integer(7);
    const from = this.#at;
    if (length > this.#end - from) this.#broken = true;
    if (this.#broken) return '';
    this.#at += length;
    if (!isHuffman) return textOf(this.#bytes, from, this.#at);
    // The shortest code has 5 bits.
    if (length * 8 > scratch.length * 5) scratch = Buffer.allocUnsafeSlow(length * 2);
    const decoded = huffmanDecode(this.#bytes, from, this.#at, scratch);
    if (decoded < 0) this.#broken = true;
    return this.#broken ? '' : textOf(scratch, 0, decoded);
  }
}
