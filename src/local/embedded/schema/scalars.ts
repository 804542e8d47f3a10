/** Where a value stands: for messages. */
export interface Place {
  /** As a strict decoding error has it: with the indices of lists and the keys of maps. */
  readonly path: string;
  /** The model of the object that has the field. */
  readonly struct: string;
  /** As Go's decoder has it: the names of fields alone. */
  readonly fields: string;
}

/** Bounds of Go's integers. The largest of 64 bits is no number of JavaScript, and the next is too large. */
const bounds: Readonly<Record<string, number>> = { int32: 2 ** 31, int64: 2 ** 63, either: 2 ** 31 };

const fits = (value: number, type: string): boolean => {
  const bound = bounds[type];
  return bound !== undefined && Number.isInteger(value) && value >= -bound && value < bound;
};

/** The scalar as it is kept, or undefined if it is none of this type. A quantity may be written as a number; it is a string ever after. */
export const asScalar = (value: unknown, type: string): string | number | boolean | undefined => {
  if (typeof value === 'string') return type === 'string' || type === 'either' || type === 'quantity' ? value : undefined;
  if (typeof value === 'boolean') return type === 'boolean' ? value : undefined;
  if (typeof value !== 'number') return undefined;
  if (type === 'quantity') return String(value);
  return fits(value, type) ? value : undefined;
};

/** Types whose name in Go is another. An IntOrString that is no string was to be an int32. */
const goNames: Readonly<Record<string, string>> = { boolean: 'bool', either: 'int32' };

const structName = (model: string): string => model.replace(/^[A-Za-z]*?V\d/, '');

const goType = (type: string): string => {
  if (type.startsWith('[]')) return `[]${goType(type.slice(2))}`;
  if (type.startsWith('{}')) return `map[string]${goType(type.slice(2))}`;
  const version = /^[A-Za-z]*?V(\d)/.exec(type)?.[1];
  return version === undefined ? (goNames[type] ?? type) : `v${version}.${structName(type)}`;
};

/** A number is told only where a number could have been right. */
const found = (value: unknown, type: string): string => {
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'number') return type in bounds ? `number ${String(value)}` : 'number';
  return typeof value === 'boolean' ? 'bool' : typeof value;
};

/** What Go's decoder says of a value that is not of its field's type. */
export const mismatch = (value: unknown, type: string, { struct, fields }: Place): TypeError =>
  new TypeError(
    type === 'quantity'
      ? "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
      : `json: cannot unmarshal ${found(value, type)} into Go struct field ${structName(struct)}.${fields} of type ${goType(type)}`,
  );
