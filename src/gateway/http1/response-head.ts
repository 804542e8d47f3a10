import type { Dispatcher } from 'undici';
import { hopByHop, tokens } from './request-head.ts';

/** What of a pod's answer goes on to the client, as names and values in turn. */

type RawHeaders = Dispatcher.DispatchController['rawHeaders'];

/** Headers as they came over the wire, in order, with case and duplicates; `trailer` stays where trailers can follow. */
export const forClient = (raw: RawHeaders): string[] => {
  const text = inTurn(raw);
  const named = new Set<string>();
  let hasLength = false;
  for (let index = 0; index < text.length; index += 2) {
    const lower = text[index]?.toLowerCase();
    if (lower === 'connection') for (const token of tokens(text[index + 1] ?? '')) named.add(token);
    hasLength ||= lower === 'content-length';
  }
  named.delete('content-length');
  const headers: string[] = [];
  for (let index = 0; index < text.length; index += 2) {
    const [name = '', value = ''] = [text[index], text[index + 1]];
    const lower = name.toLowerCase();
    if (lower === 'trailer' ? hasLength : hopByHop.has(lower) || named.has(lower)) continue;
    headers.push(name, value);
  }
  return headers;
};

/** undici gives raw headers as buffers over HTTP/1.1. */
const inTurn = (raw: RawHeaders): readonly string[] =>
  Array.isArray(raw) ? raw.map((part) => (typeof part === 'string' ? part : part.toString('latin1'))) : [];

export const pairs = (flat: readonly string[]): [string, string][] => {
  const result: [string, string][] = [];
  for (let index = 0; index < flat.length; index += 2) result.push([flat[index] ?? '', flat[index + 1] ?? '']);
  return result;
};

/** The headers of a 103 as Node takes them; undefined without `link`, the only thing that it may carry there. */
export const earlyHints = (headers: readonly string[]): Record<string, string | string[]> | undefined => {
  const hints: Record<string, string | string[]> = {};
  for (const [name, value] of pairs(headers)) {
    const known = hints[name.toLowerCase()];
    hints[name.toLowerCase()] = known === undefined ? value : [...[known].flat(), value];
  }
  return 'link' in hints ? hints : undefined;
};

/** A reason phrase that Node will write; undefined takes the standard one. */
export const plainPhrase = (phrase: string | undefined): string | undefined =>
  phrase !== undefined && /^[\t\x20-\x7e\x80-\xff]+$/.test(phrase) ? phrase : undefined;
