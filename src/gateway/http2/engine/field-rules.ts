import { contentLengthOf } from '../../http1/fields.ts';
import { isPseudo, kinds } from './field-kinds.ts';

/** In the place of a content length. */
export const noLength = -1;
export const malformed = -2;

const bit = (kind: number): number => 1 << kind;
const request = bit(kinds.method) | bit(kinds.scheme) | bit(kinds.path);
const connect = bit(kinds.method) | bit(kinds.authority);
/** One of them names the host. */
const names = bit(kinds.authority) | bit(kinds.host);
const allOfRequest = request | names | bit(kinds.protocol);

/** The pseudo fields of the section that was walked through last, a bit for each kind; of those that are looked at, their values. */
let found = 0;
let method = '';
let status = '';
let path = '';

/** Looks at each field once. Returns the content length, `noLength`, or `malformed` where a rule for every message is broken (RFC 9113 §8.2, §8.3). */
const walk = (fields: readonly string[], kindsOf: Uint8Array): number => {
  let [length, isRegular] = [noLength, false];
  found = 0;
  method = status = path = '';
  for (let at = 0; at < fields.length; at += 2) {
    const kind = kindsOf[at >> 1] ?? kinds.malformed;
    if (kind === kinds.regular) isRegular = true;
    else if (kind === kinds.host) {
      isRegular = true;
      found |= bit(kind);
    } else if (kind === kinds.malformed) return malformed;
    else if (kind === kinds.contentLength) {
      isRegular = true;
      const said = contentLengthOf(fields[at + 1] ?? '');
      if (said === undefined || length !== noLength) return malformed;
      length = said;
    } else {
      // Pseudo fields come first, and once.
      if (isRegular || (found & bit(kind)) !== 0) return malformed;
      found |= bit(kind);
      if (kind === kinds.method) method = fields[at + 1] ?? '';
      else if (kind === kinds.status) status = fields[at + 1] ?? '';
      else if (kind === kinds.path) path = fields[at + 1] ?? '';
    }
  }
  return length;
};

/** The content length of a request's head; `noLength` where it says none, `malformed` (RFC 9113 §8.3.1, §8.5, RFC 8441 §4). */
export const requestLength = (fields: readonly string[], kindsOf: Uint8Array, canTunnel: boolean): number => {
  const length = walk(fields, kindsOf);
  if (length === malformed || (found & ~allOfRequest) !== 0) return malformed;
  const hasProtocol = (found & bit(kinds.protocol)) !== 0;
  if (method === 'CONNECT' && !hasProtocol) return (found & ~bit(kinds.host)) === connect ? length : malformed;
  if (hasProtocol && !(canTunnel && method === 'CONNECT' && (found & bit(kinds.authority)) !== 0)) return malformed;
  return (found & request) === request && (found & names) !== 0 && path !== '' && method !== '' ? length : malformed;
};

/** The status of the head that `answerLength` has looked at. */
export const answerStatus = (): number => Number(status);

/** As `requestLength`, of an answer's head (RFC 9113 §8.3.2). */
export const answerLength = (fields: readonly string[], kindsOf: Uint8Array): number => {
  const length = walk(fields, kindsOf);
  return length !== malformed && (found & ~bit(kinds.host)) === bit(kinds.status) && /^[1-5][0-9]{2}$/.test(status) && status !== '101' ? length : malformed;
};

/** No pseudo fields (RFC 9113 §8.1). */
export const areTrailers = (fields: readonly string[], kindsOf: Uint8Array): boolean => {
  for (let at = 0; at < fields.length >> 1; at += 1) {
    const kind = kindsOf[at] ?? kinds.malformed;
    if (kind === kinds.malformed || isPseudo(kind)) return false;
  }
  return true;
};
