import { sensitiveHeaders, type IncomingHttpHeaders, type OutgoingHttpHeaders } from 'node:http2';
import { isPassableTrailer } from '../http1/fields.ts';

/** Names and values in turn, as node:http2 gives them: in order, with duplicates, names in lower case, pseudo fields first. */
export type RawFields = readonly string[];

/** Ends at the gateway (RFC 9110 §7.6.1). Most of these make a message of HTTP/2 malformed, and are refused before they get here. */
const endsHere: ReadonlySet<string> = new Set([
  'connection',
  'http2-settings',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
]);

export const isHopByHop = (name: string): boolean => endsHere.has(name);

/** Calls `see` with each field that is no pseudo field. */
export const eachField = (raw: RawFields, see: (name: string, value: string) => void): void => {
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const [name, value] = [raw[at] ?? '', raw[at + 1] ?? ''];
    if (!name.startsWith(':')) see(name, value);
  }
};

/** `fields` with the mark of those that must never enter a compression table (RFC 7541 §6.2.3: an intermediary keeps it). */
export const keepSensitive = (fields: string[], from: IncomingHttpHeaders): string[] => {
  const marked: unknown = Reflect.get(from, sensitiveHeaders);
  return !Array.isArray(marked) || marked.length === 0 ? fields : Object.assign(fields, { [sensitiveHeaders]: marked });
};

/** The head of a pod's answer as it goes to the client. */
export const answerFields = (status: number, headers: IncomingHttpHeaders, raw: RawFields): string[] => {
  const fields = [':status', String(status)];
  eachField(raw, (name, value) => {
    // No body can follow, and a client might wait for one (RFC 9110 §8.6).
    if (!isHopByHop(name) && name !== 'te' && !(name === 'content-length' && status === 204)) fields.push(name, value);
  });
  return keepSensitive(fields, headers);
};

/** The head of an interim answer. */
export const interimFields = (status: number, raw: RawFields): OutgoingHttpHeaders => ({
  ':status': status,
  ...collect(raw, (name) => !isHopByHop(name) && name !== 'te' && name !== 'content-length'),
});

/** The trailers that may go on. */
export const trailerFields = (raw: RawFields): OutgoingHttpHeaders => collect(raw, isPassableTrailer);

const collect = (raw: RawFields, passes: (name: string) => boolean): Record<string, string[]> => {
  const fields: Record<string, string[]> = {};
  eachField(raw, (name, value) => {
    if (passes(name)) (fields[name] ??= []).push(value);
  });
  return fields;
};
