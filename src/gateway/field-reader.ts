/** Reads the fields of one object of a file that a person wrote: each problem is noted with its place and what is legal, and reading goes on, so that all come out at once. */
export interface Fields {
  has(field: string): boolean;
  /** A note on the object itself. */
  problem(sentence: string): void;
  /** `undefined` as default: the field is required. */
  whole(field: string, least: number, most: number, byDefault: number | undefined): number;
  oneOf<T extends string>(field: string, legal: readonly T[], byDefault: T): T;
  parsed<T>(field: string, parse: (text: string) => T | undefined, want: string, byDefault?: string): T;
  /** An absent list is empty, unless `required`. */
  list<T>(field: string, most: number, read: (fields: Fields) => T, required?: boolean): readonly T[];
  texts(field: string, most: number): readonly string[];
}

/** Thrown where there is no value to go on with; caught at the object that the field belongs to. */
class Given extends Error {}

export class FieldReader {
  readonly #problems: string[];

  constructor(problems: string[]) {
    this.#problems = problems;
  }

  /** Reads `value` as an object; undefined if it is none, or if something that `read` needs is missing. A field that `read` did not ask for is a problem. */
  object<T>(value: unknown, at: string, read: (fields: Fields) => T): T | undefined {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      this.#problems.push(`${at}: want an object, got ${nameOf(value)}`);
      return undefined;
    }
    const fields = new ObjectFields(new Map(Object.entries(value)), at, this, this.#problems);
    try {
      const result = read(fields);
      fields.refuseUnknown();
      return result;
    } catch (thrown) {
      if (!(thrown instanceof Given)) throw thrown;
      return undefined;
    }
  }
}

class ObjectFields implements Fields {
  readonly #values: ReadonlyMap<string, unknown>;
  readonly #at: string;
  readonly #reader: FieldReader;
  readonly #problems: string[];
  readonly #asked = new Set<string>();

  constructor(values: ReadonlyMap<string, unknown>, at: string, reader: FieldReader, problems: string[]) {
    this.#values = values;
    this.#at = at;
    this.#reader = reader;
    this.#problems = problems;
  }

  has(field: string): boolean {
    this.#asked.add(field);
    return this.#values.get(field) !== undefined && this.#values.get(field) !== null;
  }

  problem(sentence: string): void {
    this.#problems.push(`${this.#at}: ${sentence}`);
  }

  whole(field: string, least: number, most: number, byDefault: number | undefined): number {
    if (!this.has(field)) return byDefault ?? this.#wrong(field, `want a whole number from ${least} to ${most}`);
    const value = this.#values.get(field);
    return typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most
      ? value
      : this.#wrong(field, `want a whole number from ${least} to ${most}, got ${nameOf(value)}`);
  }

  oneOf<T extends string>(field: string, legal: readonly T[], byDefault: T): T {
    return this.parsed(field, (text) => legal.find((known) => known === text), `one of ${legal.join(', ')}`, byDefault);
  }

  parsed<T>(field: string, parse: (text: string) => T | undefined, want: string, byDefault?: string): T {
    const value = this.has(field) ? this.#values.get(field) : byDefault;
    const result = typeof value === 'string' ? parse(value) : undefined;
    return result ?? this.#wrong(field, value === undefined ? `missing; want ${want}` : `want ${want}, got ${nameOf(value)}`);
  }

  list<T>(field: string, most: number, read: (fields: Fields) => T, required = false): readonly T[] {
    const items = this.#items(field, most, required);
    return items.flatMap((item, index) => {
      const value = this.#reader.object(item, `${this.#at}.${field}[${index}]`, read);
      return value === undefined ? [] : [value];
    });
  }

  texts(field: string, most: number): readonly string[] {
    return this.#items(field, most, false).map((item, index) =>
      typeof item === 'string' && item !== '' ? item : this.#wrong(`${field}[${index}]`, `want a string, got ${nameOf(item)}`),
    );
  }

  refuseUnknown(): void {
    for (const field of this.#values.keys())
      if (!this.#asked.has(field)) this.#problems.push(`${this.#at}.${field}: unknown field; known are ${[...this.#asked].sort().join(', ')}`);
  }

  #items(field: string, most: number, required: boolean): readonly unknown[] {
    if (!this.has(field)) return required ? this.#wrong(field, 'missing; want a list') : [];
    const value: unknown = this.#values.get(field);
    return Array.isArray(value) && value.length <= most ? value : this.#wrong(field, `want a list of at most ${most}, got ${nameOf(value)}`);
  }

  #wrong(field: string, problem: string): never {
    this.#problems.push(`${this.#at}.${field}: ${problem}`);
    throw new Given();
  }
}

const nameOf = (value: unknown): string => {
  if (value === null || value === undefined) return 'nothing';
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === 'object') return 'an object';
  return typeof value === 'string' ? JSON.stringify(value.slice(0, 100)) : JSON.stringify(value);
};
