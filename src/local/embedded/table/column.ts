import { textAt, textsAt, type JsonObject } from '../json.ts';
import { since } from './age.ts';

export type Cell = string | number;

/** A column of a Table and what it shows of an object. `wide` columns appear with `-o wide` only (priority 1). */
export interface Column {
  readonly name: string;
  readonly type: 'string' | 'integer' | 'date';
  /** `name`: the column that names the object. */
  readonly format: '' | 'name';
  readonly priority: 0 | 1;
  readonly cell: (object: JsonObject, now: number) => Cell;
}

type CellOf = Column['cell'];

export const column = (name: string, cell: CellOf): Column => ({ name, type: 'string', format: '', priority: 0, cell });
export const integer = (name: string, cell: (object: JsonObject) => number): Column => ({ name, type: 'integer', format: '', priority: 0, cell });
export const wide = (name: string, cell: CellOf): Column => ({ name, type: 'string', format: '', priority: 1, cell });

export const nameOf: CellOf = (object) => textAt(object, 'metadata', 'name') ?? '';
export const nameColumn: Column = { name: 'Name', type: 'string', format: 'name', priority: 0, cell: nameOf };
export const ageColumn: Column = column('Age', (object, now) => since(textAt(object, 'metadata', 'creationTimestamp'), now));

export const none = '<none>';
export const orNone = (text: string): string => (text === '' ? none : text);

/** `a=b,c=d`, or `<none>`. */
export const labelText = (object: JsonObject, ...path: readonly string[]): string =>
  orNone(
    Object.entries(textsAt(object, ...path))
      .map(([key, value]) => `${key}=${value}`)
      .sort()
      .join(','),
  );

/** At most `most` of the items, and how many more there are. */
export const abridged = (items: readonly string[], most: number, ifEmpty: string, separator = ','): string => {
  if (items.length === 0) return ifEmpty;
  const shown = items.slice(0, most).join(separator);
  return items.length > most ? `${shown} + ${String(items.length - most)} more...` : shown;
};
