import { codes, tokenCodes, valueCodes } from './grammar.ts';

/** The fields that a gateway acts on, or that end at it. Every other one is passed as it came. */
export const fieldNames = [
  'connection',
  'content-length',
  'date',
  'expect',
  'forwarded',
  'host',
  'http2-settings',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'user-agent',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-port',
  'x-forwarded-proto',
  'x-real-ip',
] as const;
export type FieldName = (typeof fieldNames)[number];

const longestName = Math.max(...fieldNames.map(({ length }) => length));
/** By length, so that most names are told apart from all of these without being looked at. */
const namesByLength: readonly (readonly FieldName[])[] = Array.from({ length: longestName + 1 }, (_, length) =>
  fieldNames.filter((name) => name.length === length),
);

const known: ReadonlySet<string> = new Set(fieldNames);

/** True where `bytes` has `lower`, a field name in lower case, at `at`, in whatever case. Only for token characters: no other two of them differ by 0x20 alone. */
const hasAt = (bytes: Uint8Array, at: number, lower: string): boolean => {
  for (let index = 0; index < lower.length; index += 1) if (((bytes[at + index] ?? 0) | 0x20) !== lower.charCodeAt(index)) return false;
  return true;
};

const nameAt = (bytes: Uint8Array, start: number, end: number): FieldName | undefined => {
  const candidates = namesByLength[end - start];
  if (candidates === undefined) return undefined;
  for (const candidate of candidates) if (hasAt(bytes, start, candidate)) return candidate;
  return undefined;
};

/**
 * Reads the field lines of a section one by one (RFC 9112 §5), and stops at the first that is not exactly `name ":" OWS value OWS CRLF`: a blank before the colon, a folded
 * line, a bare CR or LF, a control character. Each line takes the place of the one before, so that none costs memory. All are offsets into the text.
 */
export class FieldReader {
  /** Undefined for a field that the gateway does not act on. */
  name: FieldName | undefined;
  start = 0;
  nameEnd = 0;
  /** The value is without the blanks around it. */
  valueStart = 0;
  valueEnd = 0;
  /** Behind its CRLF. */
  end: number;
  malformed = false;
  readonly text: string;
  readonly #bytes: Uint8Array;
  /** What is to be added to an offset into the text to have the one into the bytes. */
  readonly #shift: number;
  readonly #emptyLineAt: number;

  /**
   * The first line of the section begins at `from` of `text`, and its empty line ends at `to`. `bytes` has the same from `start` on: V8 reads a byte of them in half the time that a character of a string takes.
   */
  constructor(text: string, from: number, to = text.length, bytes: Uint8Array = Buffer.from(text, 'latin1'), start = 0) {
    this.text = text;
    this.end = from;
    this.#bytes = bytes;
    this.#shift = start;
    this.#emptyLineAt = to - 2;
  }

  /** On to the next line. False at the end of the section, and at a malformed line. */
  next(): boolean {
    const bytes = this.#bytes;
    const shift = this.#shift;
    if (this.end >= this.#emptyLineAt || this.malformed) return false;
    const start = this.end + shift;
    let at = start;
    while (tokenCodes[bytes[at] ?? 0] === 1) at += 1;
    const nameEnd = at;
    if (at === start || bytes[at] !== codes.colon) return this.#malformed();
    at += 1;
    while (isBlank(bytes[at])) at += 1;
    const valueStart = at;
    while (valueCodes[bytes[at] ?? 0] === 1) at += 1;
    if (bytes[at] !== codes.carriageReturn || bytes[at + 1] !== codes.lineFeed) return this.#malformed();
    this.start = start - shift;
    this.nameEnd = nameEnd - shift;
    this.valueStart = valueStart - shift;
    this.end = at + 2 - shift;
    while (at > valueStart && isBlank(bytes[at - 1])) at -= 1;
    this.valueEnd = at - shift;
    this.name = nameAt(bytes, start, nameEnd);
    return true;
  }

  get value(): string {
    return this.text.slice(this.valueStart, this.valueEnd);
  }

  /** False for most names that `isForwarding` would refuse, without looking at them whole. */
  get mayBeForwarding(): boolean {
    const first = this.text.charCodeAt(this.start) | 0x20;
    return first === codes.lowerX || first === codes.lowerF;
  }

  get lowerName(): string {
    return this.name ?? this.text.slice(this.start, this.nameEnd).toLowerCase();
  }

  #malformed(): false {
    this.malformed = true;
    return false;
  }
}

const isBlank = (code: number | undefined): boolean => code === codes.space || code === codes.tab;

const closeToken: readonly string[] = ['close'];
export const keepAliveToken: readonly string[] = ['keep-alive'];

/** `before` and the tokens of a comma-separated list, in lower case. */
export const withTokens = (before: readonly string[], value: string): readonly string[] =>
  before.length === 0 ? tokens(value) : [...before, ...tokens(value)];

/** The tokens of a comma-separated list, in lower case. */
export const tokens = (value: string): readonly string[] => {
  // Nearly every message has one of these, or none.
  if (value === 'keep-alive') return keepAliveToken;
  if (value === 'close') return closeToken;
  return value
    .split(',')
    .map((token) => token.trim().toLowerCase())
    .filter((token) => token !== '');
};

/** A length as `Content-Length` gives it: digits alone, no more than can be counted exactly; undefined for anything else (RFC 9112 §6.3). Of `text` from `from` to `to`. */
export const contentLengthOf = (text: string, from = 0, to = text.length): number | undefined => {
  if (from === to || to - from > 15) return undefined;
  let length = 0;
  for (let index = from; index < to; index += 1) {
    const digit = text.charCodeAt(index) - 0x30;
    if (digit < 0 || digit > 9) return undefined;
    length = length * 10 + digit;
  }
  return length;
};

/** Says where a request comes from, so that only the edge may write it. Programs behind CGI-like interfaces cannot tell `X_Forwarded_For` from the real one. */
export const isForwarding = (lower: string): boolean => {
  const name = lower.replaceAll('_', '-');
  return name.startsWith('x-forwarded-') || name === 'forwarded' || name === 'x-real-ip';
};

/** Never in a trailer, beside what the gateway acts on: who is who, and what the content is (RFC 9110 §6.5.1). */
const notInTrailers: ReadonlySet<string> = new Set([
  'authorization',
  'cache-control',
  'content-encoding',
  'content-range',
  'content-type',
  'cookie',
  'max-forwards',
  'set-cookie',
]);

/** `name` in lower case. */
export const isPassableTrailer = (name: string): boolean => !known.has(name) && !notInTrailers.has(name) && !isForwarding(name);

/**
 * A trailer section without the lines that none may have, and without its empty line; undefined where it is malformed, or frames a body that is over: some would read on by that
 * (node:http does).
 */
export const passableTrailers = (text: string): string | undefined => {
  let [passed, at] = ['', 0];
  const fields = new FieldReader(text, 0);
  while (fields.next()) {
    if (fields.name === 'content-length' || fields.name === 'transfer-encoding') return undefined;
    if (isPassableTrailer(fields.lowerName)) continue;
    passed += text.slice(at, fields.start);
    at = fields.end;
  }
  return fields.malformed ? undefined : passed + text.slice(at, -2);
};
