import { tokenCodes, valueCodes } from '../../http1/grammar.ts';

/** What a field is to the rules of RFC 9113 §8: told once, when it is read or enters a compression table. */
export const kinds = {
  regular: 0,
  method: 1,
  scheme: 2,
  path: 3,
  authority: 4,
  status: 5,
  protocol: 6,
  contentLength: 7,
  host: 9,
  /** Makes its message malformed: characters that none may have, upper case, a field of the connection, an unknown pseudo field. */
  malformed: 8,
} as const;

/** From here to there. */
export const isPseudo = (kind: number): boolean => kind >= kinds.method && kind <= kinds.protocol;

const ofName: ReadonlyMap<string, number> = new Map(
  Object.entries({
    ':method': kinds.method,
    ':scheme': kinds.scheme,
    ':path': kinds.path,
    ':authority': kinds.authority,
    ':status': kinds.status,
    ':protocol': kinds.protocol,
    host: kinds.host,
    'content-length': kinds.contentLength,
    connection: kinds.malformed,
    'keep-alive': kinds.malformed,
    'proxy-connection': kinds.malformed,
    'transfer-encoding': kinds.malformed,
    upgrade: kinds.malformed,
  }),
);

/** Of a token, without upper case. */
const nameCodes = tokenCodes.map((allowed, code) => (code >= 0x41 && code <= 0x5a ? 0 : allowed));

const isToken = (text: string, allowed: Uint8Array): boolean => {
  for (let at = 0; at < text.length; at += 1) if (allowed[text.charCodeAt(at)] !== 1) return false;
  return text.length > 0;
};

const isBlank = (code: number): boolean => code === 0x20 || code === 0x09;

const isValue = (value: string): boolean => {
  for (let at = 0; at < value.length; at += 1) if (valueCodes[value.charCodeAt(at)] !== 1) return false;
  return value.length === 0 || !(isBlank(value.charCodeAt(0)) || isBlank(value.charCodeAt(value.length - 1)));
};

/** `te` may say `trailers` and nothing else (RFC 9113 §8.2.2). */
export const kindOf = (name: string, value: string): number => {
  if (!isValue(value)) return kinds.malformed;
  const kind = ofName.get(name);
  if (kind === kinds.method && !isToken(value, tokenCodes)) return kinds.malformed;
  if (kind !== undefined) return kind;
  if (name === 'te') return value === 'trailers' ? kinds.regular : kinds.malformed;
  return isToken(name, nameCodes) ? kinds.regular : kinds.malformed;
};
