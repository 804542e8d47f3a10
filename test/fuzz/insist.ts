import { inspect } from 'node:util';

/** Throws unless `holds`; `what` says what should have been so. */
export function insist(holds: boolean, what: string, seen?: unknown): asserts holds {
  if (!holds) throw new Error(seen === undefined ? what : `${what}, got ${inspect(seen, { depth: 8, maxStringLength: 500, breakLength: Infinity })}`);
}

/** The path of the first number in `value` that is NaN or infinite. */
export const notFinite = (value: unknown, path = ''): string | undefined => {
  if (typeof value === 'number') return Number.isFinite(value) ? undefined : `${path} = ${value}`;
  if (value instanceof Map) return notFinite([...(value as ReadonlyMap<unknown, unknown>)], path);
  if (typeof value !== 'object' || value === null) return undefined;
  for (const [key, inner] of Object.entries(value)) {
    const found = notFinite(inner, `${path}.${key}`);
    if (found !== undefined) return found;
  }
  return undefined;
};
