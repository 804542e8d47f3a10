import type { KnownName, KnownNames } from './known-names.ts';

/** What kube-scheduler writes, and Go's `encoding/json` writes in no other way: fields in the order of the struct, no spaces. */
const opening = Buffer.from('{"Pod":');
const between = Buffer.from(',"Nodes":null,"NodeNames":[');
const closing = Buffer.from(']}');
/** Pods have some KB, and those of 1.5 MB do not fit into etcd. */
const largestPod = 256 * 1024;

const quote = 0x22;
const comma = 0x2c;
/** Of names that are the same bytes in JSON and out of it, in any encoding. */
const isOfName = new Uint8Array(256);
for (const byte of Buffer.from('abcdefghijklmnopqrstuvwxyz0123456789.-')) isOfName[byte] = 1;
/** Of names: a DNS subdomain (RFC 1123). */
const longestName = 253;

/** How many names are written between `from` and `to`, as `"a","b"`; undefined where anything else is. */
const countNames = (body: Buffer, from: number, to: number): number | undefined => {
  if (from === to) return 0;
  let count = 0;
  for (let at = from; at < to; at += 1) {
    if (body[at] !== quote) return undefined;
    const begin = (at += 1);
    while (isOfName[body[at] ?? 0] === 1) at += 1;
    if (at === begin || at - begin > longestName || at >= to || body[at] !== quote) return undefined;
    count += 1;
    at += 1;
    if (at < to && (body[at] !== comma || at + 1 === to)) return undefined;
  }
  return count;
};

const host = Buffer.from('{"Host":');
/** `,"Score":5}`, by score. */
const ends = Array.from({ length: 11 }, (_, score) => Buffer.from(`,"Score":${score}}`));
const noEnd = Buffer.from('}');
const longestEnd = Math.max(...ends.map(({ length }) => length));
const leftOpening = Buffer.from('{"NodeNames":[');
const leftClosing = Buffer.from('],"FailedNodes":{},"FailedAndUnresolvableNodes":{},"Error":""}');

/**
 * The names of a names-only call where they stand in its body, checked and not yet read: for a pod that is no workload's nobody needs them, and the answer
 * is written from the same bytes. Made by `namesText`; gone with the body.
 */
export class NamesText {
  readonly count: number;
  readonly #body: Buffer;
  readonly #from: number;
  readonly #to: number;
  #known: readonly KnownName[] | undefined;

  constructor(body: Buffer, from: number, to: number, count: number) {
    [this.#body, this.#from, this.#to, this.count] = [body, from, to, count];
  }

  /** In the order of the body; the same ones as in calls before where `names` is the same. */
  read(names: KnownNames): readonly KnownName[] {
    this.#known ??= names.read(this.#body, this.#from, this.#to);
    return this.#known;
  }

  /** Enough for either answer. */
  get mostBytes(): number {
    return this.#to - this.#from + this.count * (host.length + longestEnd) + leftOpening.length + leftClosing.length;
  }

  /** Writes `HostPriorityList` into `out`; returns its length. */
  writePriorities(out: Buffer, scores: readonly number[]): number {
    const [body, to] = [this.#body, this.#to];
    let at = this.#from;
    let length = 0;
    out[length++] = 0x5b;
    for (let index = 0; index < this.count; index += 1) {
      for (let of = 0; of < host.length; of += 1) out[length++] = host[of] ?? 0;
      out[length++] = quote;
      for (at += 1; body[at] !== quote; at += 1) out[length++] = body[at] ?? 0;
      out[length++] = quote;
      const end = ends[scores[index] ?? -1] ?? noEnd;
      for (let of = 0; of < end.length; of += 1) out[length++] = end[of] ?? 0;
      at += 1;
      if (at < to) {
        out[length++] = comma;
        at += 1;
      }
    }
    out[length++] = 0x5d;
    return length;
  }

  /** Writes `ExtenderFilterResult` with those that fit into `out`; returns its length. `fits` is undefined where all do. */
  writeLeft(out: Buffer, fits: readonly boolean[] | undefined): number {
    let length = leftOpening.copy(out);
    if (fits === undefined) length += this.#body.copy(out, length, this.#from, this.#to);
    else length = this.#writeThose(out, length, fits);
    return length + leftClosing.copy(out, length);
  }

  #writeThose(out: Buffer, from: number, fits: readonly boolean[]): number {
    const [body, to] = [this.#body, this.#to];
    let [at, length] = [this.#from, from];
    for (let index = 0; at < to; index += 1) {
      const begin = at;
      for (at += 1; body[at] !== quote;) at += 1;
      at += 1;
      if (fits[index] === true) {
        if (length > from) out[length++] = comma;
        for (let of = begin; of < at; of += 1) out[length++] = body[of] ?? 0;
      }
      at += 1;
    }
    return length;
  }
}

/** The call in the form that schedulers write: the text of the pod, and the names; undefined: it is in another one, or none. */
export const namesText = (body: Buffer): { readonly pod: string; readonly names: NamesText } | undefined => {
  if (body.length < opening.length + between.length + closing.length || opening.compare(body, 0, opening.length) !== 0) return undefined;
  const podEnds = body.subarray(0, largestPod).indexOf(between);
  const [from, to] = [podEnds + between.length, body.length - closing.length];
  if (podEnds === -1 || from > to || closing.compare(body, to) !== 0) return undefined;
  const count = countNames(body, from, to);
  return count === undefined ? undefined : { pod: body.toString('utf8', opening.length, podEnds), names: new NamesText(body, from, to, count) };
};
