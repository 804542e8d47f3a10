import { failed, ok } from '../result.ts';
import type { Parse } from './scalars.ts';

const longest = 1024;
const key = String.raw`(?:[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?/)?[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?`;
const value = String.raw`(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?`;
const requirement = new RegExp(String.raw`^(?:!\s*${key}|${key}(?:\s*(?:==?|!=)\s*${value}|\s+(?:not)?in\s*\(\s*${value}(?:\s*,\s*${value})*\s*\))?)$`);

/** A label selector as kubectl takes it (`a=b,c!=d,e in (f,g),!h`), kept as text. */
export const selector: Parse<string> = (text) => {
  if (text.length > longest) return failed(`is longer than ${String(longest)} characters`);
  const requirements = text.split(/,(?![^(]*\))/).map((part) => part.trim());
  const bad = requirements.find((part) => !requirement.test(part));
  return bad === undefined ? ok(text) : failed(bad === '' ? 'is empty or has an empty part' : `has ${JSON.stringify(bad)}, which is no label requirement`);
};
