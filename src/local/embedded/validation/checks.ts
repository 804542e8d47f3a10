import { cause, type StatusCause } from '../api-error.ts';

/** Small checks that several kinds share. All take the path of the field and give the causes, none if all is well. */

const quantity = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+|[numkMGTPE]|[KMGTPE]i)?$/;

export const oneOf = (field: string, value: unknown, legal: readonly string[]): StatusCause[] =>
  value === undefined || (typeof value === 'string' && legal.includes(value)) ? [] : [cause.unsupported(field, value, legal)];

/** An integer ≥ `least`, if set. */
export const atLeast = (field: string, value: unknown, least: number): StatusCause[] => {
  if (value === undefined) return [];
  if (typeof value !== 'number' || !Number.isInteger(value)) return [cause.invalid(field, value, 'must be an integer')];
  return value >= least ? [] : [cause.invalid(field, value, `must be greater than or equal to ${String(least)}`)];
};

export const portNumber = (field: string, value: unknown): StatusCause[] => {
  if (value === undefined) return [cause.required(field)];
  return typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= 65_535
    ? []
    : [cause.invalid(field, value, 'must be between 1 and 65535, inclusive')];
};

/** IANA service name, as ports are named: at most 15 of lower case letters, digits and single dashes, with a letter. */
export const portName = (field: string, value: unknown): StatusCause[] => {
  if (value === undefined) return [];
  const legal = typeof value === 'string' && value.length <= 15 && /^[a-z0-9]+(-[a-z0-9]+)*$/.test(value) && /[a-z]/.test(value);
  return legal ? [] : [cause.invalid(field, value, 'must be at most 15 lower case alphanumeric characters or single dashes, with at least one letter')];
};

/** A port by number or by name. */
export const portReference = (field: string, value: unknown): StatusCause[] => (typeof value === 'string' ? portName(field, value) : portNumber(field, value));

export const protocols = ['TCP', 'UDP', 'SCTP'];

/** Each value once. */
export const unique = (field: (index: number) => string, values: readonly (string | undefined)[]): StatusCause[] =>
  values.flatMap((value, index) => (value !== undefined && values.indexOf(value) < index ? [cause.duplicate(field(index), value)] : []));

/** Resource quantities such as `500m` and `128Mi` (apimachinery `pkg/api/resource`). */
export const quantityCauses = (field: string, value: unknown): StatusCause[] => {
  if ((typeof value === 'string' && quantity.test(value)) || typeof value === 'number') return [];
  return [cause.invalid(field, value, "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'")];
};

/** A count or a percentage such as `25%`, ≥ 0. */
export const countOrPercent = (field: string, value: unknown): StatusCause[] => {
  if (value === undefined) return [];
  if (typeof value === 'string')
    return /^\d+%$/.test(value) ? [] : [cause.invalid(field, value, "a valid percent string must be a numeric string followed by an ending '%'")];
  return atLeast(field, value, 0);
};

export const isZero = (value: unknown): boolean => value === 0 || value === '0%';
