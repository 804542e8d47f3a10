import { ApiError } from './api-error.ts';
import type { FieldMatcher } from './selectors.ts';

/** One term of a field selector. */
export interface FieldTerm {
  readonly field: string;
  readonly equal: boolean;
  readonly value: string;
}

/**
 * Parses `?fieldSelector=`: `a=b`, `a==b`, `a!=b` joined by commas; `\` escapes `,`, `=` and itself. `supported` is what the resource allows beside
 * `metadata.name` and (if namespaced) `metadata.namespace`. Throws ApiError 400 (apimachinery `pkg/fields/selector.go`).
 */
export const parseFieldSelector = (text: string, supported: readonly string[]): FieldMatcher => {
  const terms = fieldTerms(text, supported);
  return (object) => terms.every(({ field, equal, value }) => (valueOf(object, field) === value) === equal);
};

/** The terms of a field selector, checked as `parseFieldSelector` does. */
export const fieldTerms = (text: string, supported: readonly string[]): FieldTerm[] => {
  const terms = split(text).map(parseTerm);
  for (const { field } of terms) {
    if (field === 'metadata.name' || field === 'metadata.namespace' || supported.includes(field)) continue;
    throw ApiError.badRequest(
      supported.length > 0 ? `field label not supported: ${field}` : `"${field}" is not a known field selector: only "metadata.name", "metadata.namespace"`,
    );
  }
  return terms;
};

/** Splits at commas that are not escaped; empty parts are nothing. */
const split = (text: string): string[] => (text.match(/(?:\\.|[^,\\])+/gs) ?? []).filter((part) => part !== '');

const parseTerm = (term: string): FieldTerm => {
  const [, field, operator, value] = /^((?:\\.|[^=!\\])*)(==|!=|=)(.*)$/s.exec(term) ?? [];
  if (field === undefined || operator === undefined || value === undefined)
    throw ApiError.badRequest(`invalid selector: '${term}'; can't understand '${term}'`);
  return { field, equal: operator !== '!=', value: unescape(value, term) };
};

const unescape = (value: string, term: string): string => {
  if (/(?:^|[^\\])(?:\\\\)*=/.test(value)) throw ApiError.badRequest(`invalid selector: '${term}'; can't understand '${term}'`);
  if (/^(?:[^\\]|\\[\\,=])*$/s.test(value)) return value.replaceAll(/\\(.)/gs, '$1');
  throw ApiError.badRequest(`invalid field selector: invalid escape sequence in '${value}'`);
};

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> => typeof value === 'object' && value !== null && !Array.isArray(value);

const at = (object: unknown, path: string): unknown =>
  path.split('.').reduce<unknown>((value, name) => (isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined), object);

/** What a field is when the object does not have it, if not the empty string. */
const absent: Readonly<Record<string, string>> = { 'spec.hostNetwork': 'false', 'spec.unschedulable': 'false', 'status.replicas': '0' };

const valueOf = (object: object, field: string): string => {
  if (field === 'source') return print(at(object, 'source.component')) || print(at(object, 'reportingComponent'));
  const value = at(object, field);
  return value === undefined ? (absent[field] ?? '') : print(value);
};

const print = (value: unknown): string => {
  if (Array.isArray(value)) return value.map((item) => (isObject(item) ? print(item['ip']) : print(item))).join(',');
  return typeof value === 'string' ? value : typeof value === 'number' || typeof value === 'boolean' ? String(value) : '';
};
