import { failed, ok, type Result } from '../result.ts';
import { millis, pods, type Millis, type Pods } from '../units.ts';
import { parseDuration } from './duration.ts';

/** Reads one value. The problem says what is wrong beyond "not legal", as the end of a sentence that begins with the value; undefined if there is nothing to add. */
export type Parse<T> = (text: string) => Result<T, string | undefined>;
export type Parsed<P> = P extends Parse<infer T> ? T : never;

const none = failed(undefined);
/** Kubernetes' own bound on replica counts and most integers. */
export const largestInteger = 2_147_483_647;

export const map =
  <A, B>(parse: Parse<A>, turn: (value: A) => B): Parse<B> =>
  (text) => {
    const result = parse(text);
    return result.ok ? ok(turn(result.value)) : result;
  };

export const integer =
  (min: number, max: number = largestInteger): Parse<number> =>
  (text) => {
    const value = /^[+-]?\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
    return value >= min && value <= max ? ok(value === 0 ? 0 : value) : none;
  };

export const podCount = (min: number): Parse<Pods> => map(integer(min), pods);

export const decimal =
  (accepts: (value: number) => boolean): Parse<number> =>
  (text) => {
    const value = /^[+-]?(?:\d{1,15}(?:\.\d{0,15})?|\.\d{1,15})$/.test(text) ? Number(text) : Number.NaN;
    return Number.isFinite(value) && accepts(value) ? ok(value) : none;
  };

/** A percentage in the range, given with or without `%`, as a fraction. */
export const percentage = (min: number, max: number): Parse<number> => {
  const number = decimal((value) => value >= min && value <= max);
  return (text) => {
    const value = number(text.endsWith('%') ? text.slice(0, -1) : text);
    return value.ok ? ok(value.value / 100) : value;
  };
};

export const duration =
  (min: number, max: number, step = 0): Parse<Millis> =>
  (text) => {
    const value = parseDuration(text);
    if (value === undefined) return /^\d+(?:\.\d+)?$/.test(text) ? failed('has no unit') : none;
    if (step > 0 && value % step !== 0) return none;
    return value >= min && value <= max ? ok(millis(value)) : none;
  };

export const oneOf =
  <const T extends string>(...words: readonly T[]): Parse<T> =>
  (text) => {
    const word = words.find((candidate) => candidate === text);
    return word === undefined ? none : ok(word);
  };

/** Only the two words: YAML's other booleans (`yes`, `on`, `1`) would be a guess. */
export const flag: Parse<boolean> = map(oneOf('true', 'false'), (word) => word === 'true');

/** A name that Kubernetes takes for namespaces, Services and most else (RFC 1123). */
export const dnsLabel = /^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?$/;

/** Comma-separated Kubernetes names, at least one, no duplicates. */
export const names: Parse<readonly string[]> = (text) => {
  const found = text.split(',').map((name) => name.trim());
  const bad = found.find((name) => !dnsLabel.test(name));
  if (bad !== undefined) return failed(bad === '' ? 'has an empty name' : `has ${JSON.stringify(bad)}, which is no Kubernetes name`);
  return new Set(found).size === found.length ? ok(found) : failed('has a name twice');
};

/** Text that is kept as it is, up to `longest` characters. */
export const freeText =
  (longest: number): Parse<string> =>
  (text) =>
    text === '' ? failed('is empty') : text.length > longest ? failed(`is longer than ${String(longest)} characters`) : ok(text);
