/** A path into JSON: `spec.replicas`, `items.0.metadata.name`, or its steps where a key has dots. */
export type Path = string | readonly string[];

/** What lies at a path, undefined if nothing does. */
export const at = (value: unknown, path: Path): unknown => {
  let found = value;
  for (const step of typeof path === 'string' ? path.split('.') : path) {
    if (typeof found !== 'object' || found === null) return undefined;
    found = Reflect.get(found, step);
  }
  return found;
};

export const listAt = (value: unknown, path: Path): readonly unknown[] => {
  const found = at(value, path);
  return Array.isArray(found) ? found : [];
};

export const textAt = (value: unknown, path: Path): string => {
  const found = at(value, path);
  return typeof found === 'string' ? found : '';
};

export const numberAt = (value: unknown, path: Path): number => {
  const found = at(value, path);
  return typeof found === 'number' ? found : Number.NaN;
};

export const nameOf = (object: unknown): string => textAt(object, 'metadata.name');
export const revisionOf = (object: unknown): string => textAt(object, 'metadata.resourceVersion');
export const uidOf = (object: unknown): string => textAt(object, 'metadata.uid');
