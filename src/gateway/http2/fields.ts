import { isPassableTrailer } from '../http1/fields.ts';
import type { Fields } from './engine/stream.ts';

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
export const eachField = (fields: Fields, see: (name: string, value: string) => void): void => {
  for (let at = 0; at + 1 < fields.length; at += 2) {
    const name = fields[at] ?? '';
    if (!name.startsWith(':')) see(name, fields[at + 1] ?? '');
  }
};

/** Where it is said what time it is (RFC 9110 §6.6.1). */
export interface Dates {
  date(): string;
}

/** The head of a pod's answer as it goes to the client. */
export const answerFields = (status: number, from: Fields, dates: Dates): string[] => {
  const fields = [':status', String(status)];
  let dated = 0;
  eachField(from, (name, value) => {
    if (name === 'date') dated += 1;
    // No body can follow, and a client might wait for one (RFC 9110 §8.6).
    if (!isHopByHop(name) && name !== 'te' && !(name === 'content-length' && status === 204)) fields.push(name, value);
  });
  if (dated === 0) fields.push('date', dates.date());
  return fields;
};

/** The head of an interim answer. */
export const interimFields = (status: number, from: Fields): string[] => {
  const fields = [':status', String(status)];
  eachField(from, (name, value) => {
    if (!isHopByHop(name) && name !== 'te' && name !== 'content-length') fields.push(name, value);
  });
  return fields;
};

/** The trailers that may go on. */
export const trailerFields = (from: Fields): string[] => {
  const fields: string[] = [];
  eachField(from, (name, value) => {
    if (isPassableTrailer(name)) fields.push(name, value);
  });
  return fields;
};
