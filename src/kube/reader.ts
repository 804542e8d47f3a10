/**
 * Reading of wire JSON that may be anything: every accessor answers undefined (or empty) where the value is missing or of another
 * type, so that no object in a cluster, however odd, can break a watch.
 */

import { parseQuantity } from '../core/index.ts';

/** The value at `path`, undefined where a step is missing or no object. */
export const at = (value: unknown, ...path: readonly string[]): unknown => {
  let here = value;
  for (const step of path) {
    if (!isRecord(here) || !Object.hasOwn(here, step)) return undefined;
    here = here[step];
  }
  return here;
};

export const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);
export const integer = (value: unknown): number | undefined => (typeof value === 'number' && Number.isFinite(value) ? Math.trunc(value) : undefined);
export const flag = (value: unknown): boolean => value === true;
export const items = (value: unknown): readonly unknown[] => (Array.isArray(value) ? (value as readonly unknown[]) : []);

/** A Kubernetes quantity as a number, which YAML may have left a number. */
export const quantity = (value: unknown): number | undefined => (typeof value === 'number' ? value : parseQuantity(text(value) ?? ''));

/** Milliseconds since the epoch of an RFC 3339 timestamp; 0 if there is none. */
export const time = (value: unknown): number => {
  const parsed = typeof value === 'string' ? Date.parse(value) : Number.NaN;
  return Number.isNaN(parsed) ? 0 : parsed;
};

/** A number, or the name of a port. */
export const portReference = (value: unknown): number | string | undefined => (typeof value === 'string' ? value : integer(value));

/** The entries of a map of strings, of those keys that `keep` accepts. */
export const textMap = (value: unknown, keep: (key: string) => boolean = () => true): Readonly<Record<string, string>> => {
  if (!isRecord(value)) return none;
  const found: Record<string, string> = {};
  let any = false;
  for (const [key, entry] of Object.entries(value)) {
    if (typeof entry !== 'string' || !keep(key)) continue;
    found[key] = entry;
    any = true;
  }
  return any ? found : none;
};

export const texts = (value: unknown): readonly string[] => items(value).filter((entry) => typeof entry === 'string');

const none: Readonly<Record<string, string>> = Object.freeze({});

export const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> => typeof value === 'object' && value !== null && !Array.isArray(value);
