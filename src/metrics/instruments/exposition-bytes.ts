import type { PlainHistogram } from './histogram.ts';
import type { LabelText, Metric, Sample } from './series.ts';

/** Some thousand lines, well under a millisecond. */
const pieceBytes = 64 * 1024;
/** UTF-8 has no more bytes for a character of a string. */
const most = 3;
/** No bound and no number of ours is longer, with what stands around it. */
const lineEnd = 64;

/** ASCII. */
const [newline, space, comma, zero, open, close] = [10, 32, 44, 48, 123, 125];
const bound = { first: Buffer.from('le="'), further: Buffer.from(',le="') };

const empty = Buffer.alloc(0);

const printed = (value: number): string => (value === Number.POSITIVE_INFINITY ? '+Inf' : value === Number.NEGATIVE_INFINITY ? '-Inf' : String(value));

/**
 * The lines of an exposition as bytes, in pieces. What many lines share is not put together as text for each: names are encoded once for a metric, and nearly all lines of many workloads are
 * buckets, in which what stands before the bound is copied from the line above.
 */
export class ExpositionBytes {
  /** Set by whoever has written a piece full, until it is asked. */
  #full = false;
  readonly #openMetrics: boolean;
  readonly #pieces: Buffer[] = [];
  readonly #bounds = new Map<readonly number[], readonly Buffer[]>();
  #piece = Buffer.allocUnsafeSlow(pieceBytes);
  #at = 0;
  /** Of the metric that is written: `name`, `name_bucket{`, `name_sum`, `name_count`. */
  #name = empty;
  #bucketOf = empty;
  #sumOf = empty;
  #countOf = empty;

  constructor(format: 'text' | 'openmetrics') {
    this.#openMetrics = format === 'openmetrics';
  }

  /** Whether a piece has become full since this was asked last. */
  get pieceIsFull(): boolean {
    const full = this.#full;
    this.#full = false;
    return full;
  }

  begin({ name, help, type }: Pick<Metric, 'name' | 'help' | 'type'>): void {
    const family = this.#openMetrics && type === 'counter' ? name.replace(/_total$/, '') : name;
    const comments = `# HELP ${family} ${help}\n# TYPE ${family} ${type}\n`;
    this.#room(comments.length * most);
    this.#text(comments);
    this.#name = Buffer.from(name);
    [this.#bucketOf = empty, this.#sumOf = empty, this.#countOf = empty] = ['_bucket{', '_sum', '_count'].map((end) => Buffer.from(`${name}${end}`));
  }

  sample({ labels, more = '', value }: Sample<number>): void {
    this.#room(this.#name.length + (labels.length + more.length) * most + lineEnd);
    this.#line(this.#name, labels, more, value);
  }

  histogram({ labels, more = '', value: { bounds, counts, sum, count } }: Sample<PlainHistogram>): void {
    const ends = this.#bounds.get(bounds) ?? this.#newBounds(bounds);
    this.#room((ends.length + 2) * (this.#bucketOf.length + (labels.length + more.length) * most + lineEnd));
    const from = this.#at;
    this.#bytes(this.#bucketOf);
    this.#text(labels);
    if (more !== '') this.#more(labels, more);
    this.#bytes(labels === '' && more === '' ? bound.first : bound.further);
    const start = this.#at;
    let below = 0;
    for (let index = 0; index < ends.length; index += 1) {
      if (index > 0) {
        this.#piece.copyWithin(this.#at, from, start);
        this.#at += start - from;
      }
      below += counts[index] ?? 0;
      this.#bytes(ends[index] ?? empty);
      this.#number(index === bounds.length ? count : below);
    }
    this.#line(this.#sumOf, labels, more, sum);
    this.#line(this.#countOf, labels, more, count);
  }

  /** All pieces; nothing can be written afterwards. */
  end(): readonly Buffer[] {
    this.#finishPiece();
    return this.#pieces;
  }

  /** What stands after the start of a bucket's line, for each bound. */
  #newBounds(bounds: readonly number[]): readonly Buffer[] {
    const written = bounds.map((each) => (this.#openMetrics && Number.isInteger(each) ? `${each}.0` : String(each)));
    const ends = [...written, '+Inf'].map((each) => Buffer.from(`${each}"} `));
    this.#bounds.set(bounds, ends);
    return ends;
  }

  // None of these asks whether there is room.

  #line(name: Buffer, labels: LabelText, more: LabelText, value: number): void {
    this.#bytes(name);
    if (labels !== '' || more !== '') {
      this.#byte(open);
      this.#text(labels);
      if (more !== '') this.#more(labels, more);
      this.#byte(close);
    }
    this.#byte(space);
    this.#number(value);
  }

  #more(labels: LabelText, more: LabelText): void {
    if (labels !== '') this.#byte(comma);
    this.#text(more);
  }

  #number(value: number): void {
    if (value < 10 && Number.isInteger(value) && value >= 0) this.#byte(zero + value);
    else this.#text(printed(value));
    this.#byte(newline);
  }

  #byte(byte: number): void {
    this.#piece[this.#at] = byte;
    this.#at += 1;
  }

  #bytes(bytes: Buffer): void {
    this.#piece.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  /** Quick where the string is in one piece in memory: not one that was just put together. */
  #text(text: string): void {
    this.#at += this.#piece.write(text, this.#at);
  }

  #room(bytes: number): void {
    if (this.#piece.length - this.#at >= bytes) return;
    this.#finishPiece();
    this.#full = true;
    this.#piece = Buffer.allocUnsafeSlow(Math.max(bytes, pieceBytes));
    this.#at = 0;
  }

  #finishPiece(): void {
    if (this.#at > 0) this.#pieces.push(this.#piece.subarray(0, this.#at));
  }
}
