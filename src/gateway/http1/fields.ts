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

/** A line of a field that the gateway acts on. All are offsets into the text of the section; the value is without the blanks around it. */
export interface FieldLine {
  /** `other`: one that was asked for beside those of `fieldNames`. */
  readonly name: FieldName | 'other';
  readonly start: number;
  readonly nameEnd: number;
  readonly valueStart: number;
  readonly valueEnd: number;
  /** Behind its CRLF. */
  readonly end: number;
}

/** True where `text` has `lower`, a field name in lower case, at `at`, in whatever case. Only for token characters: no other two of them differ by 0x20 alone. */
const hasAt = (text: string, at: number, lower: string): boolean => {
  for (let index = 0; index < lower.length; index += 1) if ((text.charCodeAt(at + index) | 0x20) !== lower.charCodeAt(index)) return false;
  return true;
};

const nameAt = (text: string, start: number, end: number): FieldName | undefined => {
  const candidates = namesByLength[end - start];
  if (candidates === undefined) return undefined;
  for (const candidate of candidates) if (hasAt(text, start, candidate)) return candidate;
  return undefined;
};

/**
 * Checks the field lines of `text` from `from` to the empty line that ends it (RFC 9112 §5), and gives those that the gateway acts on, and those whose name in lower case
 * is `alsoWanted`. Undefined where a line is not exactly `name ":" OWS value OWS CRLF`: a blank before the colon, a folded line, a bare CR or LF, a control character.
 */
export const readFieldLines = (text: string, from: number, alsoWanted?: (lower: string) => boolean): readonly FieldLine[] | undefined => {
  const lines: FieldLine[] = [];
  const end = text.length - 2;
  for (let at = from; at < end;) {
    const start = at;
    while (tokenCodes[text.charCodeAt(at)] === 1) at += 1;
    const nameEnd = at;
    if (nameEnd === start || text.charCodeAt(at) !== codes.colon) return undefined;
    at += 1;
    while (isBlank(text.charCodeAt(at))) at += 1;
    const valueStart = at;
    while (valueCodes[text.charCodeAt(at)] === 1) at += 1;
    if (text.charCodeAt(at) !== codes.carriageReturn || text.charCodeAt(at + 1) !== codes.lineFeed) return undefined;
    let valueEnd = at;
    while (valueEnd > valueStart && isBlank(text.charCodeAt(valueEnd - 1))) valueEnd -= 1;
    at += 2;
    const name = nameAt(text, start, nameEnd) ?? (alsoWanted?.(text.slice(start, nameEnd).toLowerCase()) === true ? 'other' : undefined);
    if (name !== undefined) lines.push({ name, start, nameEnd, valueStart, valueEnd, end: at });
  }
  return lines;
};

const isBlank = (code: number): boolean => code === codes.space || code === codes.tab;

/** The tokens of a comma-separated list, in lower case. */
export const tokens = (value: string): readonly string[] =>
  value
    .split(',')
    .map((token) => token.trim().toLowerCase())
    .filter((token) => token !== '');

/** A length as `Content-Length` gives it: digits alone, no more than can be counted exactly; undefined for anything else (RFC 9112 §6.3). */
export const contentLengthOf = (value: string): number | undefined => {
  if (value.length === 0 || value.length > 15) return undefined;
  let length = 0;
  for (let index = 0; index < value.length; index += 1) {
    const digit = value.charCodeAt(index) - 0x30;
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
export const isPassableTrailer = (name: string): boolean => nameAt(name, 0, name.length) === undefined && !notInTrailers.has(name) && !isForwarding(name);

/**
 * A trailer section without the lines that none may have, and without its empty line; undefined where it is malformed, or frames a body that is over: some would read on by that
 * (node:http does).
 */
export const passableTrailers = (text: string): string | undefined => {
  const ending = readFieldLines(text, 0, (lower) => !isPassableTrailer(lower));
  if (ending === undefined) return undefined;
  let [passed, at] = ['', 0];
  for (const { name, start, end } of ending) {
    if (name === 'content-length' || name === 'transfer-encoding') return undefined;
    passed += text.slice(at, start);
    at = end;
  }
  return passed + text.slice(at, -2);
};
