import { failed, messageOf, ok, type Result } from '../core/index.ts';

/**
 * Reads one untrusted JSON value as a `T`, or throws `Unreadable` with the place and what was wanted there. What crosses the link is read
 * this way on both sides: sizes are bounded and numbers are finite before anything else sees them. Unknown fields are left out, so that a
 * newer peer may send more than we know.
 */
export type Read<T> = (value: unknown, at: string) => T;

class Unreadable extends Error {
  constructor(at: string, want: string) {
    super(`${at}: want ${want}`);
  }
}

/** Runs `read` on a whole message; the problem is a sentence that names the field. */
export const readAll = <T>(read: Read<T>, value: unknown): Result<T, string> => {
  try {
    return ok(read(value, 'message'));
  } catch (thrown) {
    return failed(messageOf(thrown));
  }
};

/** A finite number from 0 to `max`. */
export const amount =
  (max: number): Read<number> =>
  (value, at) => {
    if (typeof value !== 'number' || !(value >= 0 && value <= max)) throw new Unreadable(at, `a number from 0 to ${max}`);
    return value;
  };

/** A whole number from 0 to `max`. */
export const whole =
  (max: number = Number.MAX_SAFE_INTEGER): Read<number> =>
  (value, at) => {
    if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0 || value > max) throw new Unreadable(at, `a whole number from 0 to ${max}`);
    return value;
  };

/** A string of at most `max` characters. */
export const text =
  (max: number): Read<string> =>
  (value, at) => {
    if (typeof value !== 'string' || value.length > max) throw new Unreadable(at, `a string of at most ${max} characters`);
    return value;
  };

export const flag: Read<boolean> = (value, at) => {
  if (typeof value !== 'boolean') throw new Unreadable(at, 'true or false');
  return value;
};

/** A string that `parse` takes. */
export const parsed =
  <T>(parse: (text: string) => T | undefined, what: string): Read<T> =>
  (value, at) => {
    const result = typeof value === 'string' ? parse(value) : undefined;
    if (result === undefined) throw new Unreadable(at, what);
    return result;
  };

export const oneOf = <const T extends string>(names: readonly T[]): Read<T> =>
  parsed((name) => names.find((known) => known === name), `one of ${names.join(', ')}`);

/** `undefined` where the field is absent or null. */
export const optional =
  <T>(read: Read<T>): Read<T | undefined> =>
  (value, at) =>
    value === undefined || value === null ? undefined : read(value, at);

export const list =
  <T>(read: Read<T>, max: number): Read<readonly T[]> =>
  (value, at) => {
    if (!Array.isArray(value) || value.length > max) throw new Unreadable(at, `a list of at most ${max}`);
    return value.map((item, index) => read(item, `${at}[${index}]`));
  };

/** What `read` gives, where `holds` of it. */
export const checked =
  <T>(read: Read<T>, holds: (value: T) => boolean, what: string): Read<T> =>
  (value, at) => {
    const result = read(value, at);
    if (!holds(result)) throw new Unreadable(at, what);
    return result;
  };

const fieldsOf = (value: unknown, at: string): ReadonlyMap<string, unknown> => {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Unreadable(at, 'an object');
  return new Map(Object.entries(value));
};

/** Names to values; without a prototype, so that no name means anything else. */
export const record =
  <T>(read: Read<T>, max: number): Read<Readonly<Record<string, T>>> =>
  (value, at) => {
    const fields = fieldsOf(value, at);
    if (fields.size > max) throw new Unreadable(at, `an object of at most ${max} fields`);
    const result: Record<string, T> = {};
    Object.setPrototypeOf(result, null);
    for (const [name, item] of fields) {
      if (name.length > 256) throw new Unreadable(at, 'names of at most 256 characters');
      result[name] = read(item, `${at}.${name}`);
    }
    return result;
  };

type Fields<T> = { readonly [Name in keyof T]-?: Read<T[Name]> };

export const shape =
  <T>(fields: Fields<T>): Read<T> =>
  (value, at) => {
    const given = fieldsOf(value, at);
    const result: Partial<T> = {};
    for (const name in fields) {
      const item = fields[name](given.get(name), `${at}.${name}`);
      if (item !== undefined) result[name] = item;
    }
    return result as T;
  };

/** A union told apart by the string in `field`: `result[name]` reads the rest. */
export const union =
  <T>(field: string, cases: ReadonlyMap<string, Read<T>>): Read<T> =>
  (value, at) => {
    const name = fieldsOf(value, at).get(field);
    const read = typeof name === 'string' ? cases.get(name) : undefined;
    if (read === undefined) throw new Unreadable(`${at}.${field}`, `one of ${[...cases.keys()].join(', ')}`);
    return read(value, at);
  };
