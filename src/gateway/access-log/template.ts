import { failed, ok, type Result } from '../../core/index.ts';
import type { LogEntry } from './entry.ts';
import { defaultTemplate, logField, logFieldNames, type LogValue } from './fields.ts';

/** A line, with its end. */
export type PrintLine = (entry: LogEntry) => string;

type Piece = string | ((entry: LogEntry) => string);

const legal = `off, json, or a JSON object of strings, in which %FIELD% is one of ${logFieldNames.join(', ')}, header(NAME), and %% a percent sign`;
const example = '{"at":"%time%","request":"%method% %path%","ms":"%duration_ms%","referer":"%header(referer)%"}';
const bad = (what: string): { readonly ok: false; readonly problem: string } => failed(`${what}: want ${legal}, e.g. ${example}`);

/** Compiles what says how a line looks, once; undefined for `off`. The problem is a sentence that names the key, its value and what is legal. */
export const compileAccessLog = (text: string): Result<PrintLine | undefined, string> => {
  if (text === 'off') return ok(undefined);
  if (text === 'json') return compile(defaultTemplate);
  let template: unknown;
  try {
    template = JSON.parse(text);
  } catch {
    return bad(`${JSON.stringify(text)} is not JSON`);
  }
  if (typeof template !== 'object' || template === null || Array.isArray(template)) return bad(`${text} is no object`);
  return compile(template as Readonly<Record<string, unknown>>);
};

const compile = (template: Readonly<Record<string, unknown>>): Result<PrintLine, string> => {
  const pieces: Piece[] = [];
  for (const [key, value] of Object.entries(template)) {
    if (typeof value !== 'string') return bad(`${key}: ${JSON.stringify(value)} is no string`);
    pieces.push(`${pieces.length === 0 ? '{' : ','}${JSON.stringify(key)}:`);
    const problem = compileValue(value, pieces);
    if (problem !== undefined) return bad(`${key}: ${JSON.stringify(value)} ${problem}`);
  }
  if (pieces.length === 0) return bad('{} has no field');
  pieces.push('}\n');
  const merged = mergeTexts(pieces);
  return ok((entry) => {
    let line = '';
    for (const piece of merged) line += typeof piece === 'string' ? piece : piece(entry);
    return line;
  });
};

/** Adds the pieces of one value to `pieces`. Gives what is wrong with it. */
const compileValue = (value: string, pieces: Piece[]): string | undefined => {
  // At odd places is what stands between two percent signs.
  const parts = value.split('%');
  if (parts.length % 2 === 0) return 'has a percent sign without its second';
  const only = parts.length === 3 && parts[0] === '' && parts[2] === '' && parts[1] !== '';
  if (!only) pieces.push('"');
  for (const [index, part] of parts.entries()) {
    if (index % 2 === 0) pieces.push(inText(part));
    else if (part === '') pieces.push('%');
    else {
      const field = logField(part);
      if (field === undefined) return `names the unknown field %${part}%`;
      pieces.push(only ? (entry) => asJson(field(entry)) : (entry) => inText(field(entry) ?? '-'));
    }
  }
  if (!only) pieces.push('"');
  return undefined;
};

/** Neither what JSON escapes, nor what some programs that read lines of JSON stumble over. */
const isPlain = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/;
const quoted = (text: string): string => (isPlain.test(text) ? `"${text}"` : JSON.stringify(text).replaceAll('\x7f', String.raw`\u007f`));
const asJson = (value: LogValue): string => {
  if (value === undefined) return 'null';
  return typeof value === 'number' ? String(value) : quoted(value);
};
const inText = (value: string | number): string => (typeof value === 'number' ? String(value) : quoted(value).slice(1, -1));

const mergeTexts = (pieces: readonly Piece[]): readonly Piece[] => {
  const merged: Piece[] = [];
  for (const piece of pieces) {
    const last = merged.at(-1);
    if (typeof piece === 'string' && typeof last === 'string') merged[merged.length - 1] = last + piece;
    else merged.push(piece);
  }
  return merged;
};
