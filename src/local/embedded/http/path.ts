import { findResource, registry, type ResourceDefinition } from '../registry.ts';

/** What a URL below `/api` or `/apis` names. */
export interface ResourcePath {
  readonly resource: ResourceDefinition;
  /** Undefined: cluster-scoped, or all namespaces. */
  readonly namespace: string | undefined;
  /** Undefined: the collection. */
  readonly name: string | undefined;
  /** Empty for the resource itself. */
  readonly subresource: string;
  /** The old form `/api/v1/watch/…`. */
  readonly isWatch: boolean;
}

const namespaceSubresources = new Set(['status', 'finalize']);

const decoded = (segment: string): string | undefined => {
  try {
    return decodeURIComponent(segment);
  } catch {
    return undefined;
  }
};

/** The parts of a path; undefined if one of them is not legally encoded. */
export const segmentsOf = (pathname: string): readonly string[] | undefined => {
  const segments = pathname
    .split('/')
    .filter((segment) => segment !== '')
    .map(decoded);
  return segments.every((segment) => segment !== undefined) ? segments : undefined;
};

/** Undefined if no such resource is served. */
export const parseResourcePath = (segments: readonly string[]): ResourcePath | undefined => {
  const [root, ...rest] = segments;
  if (root === 'api') return withinVersion('', rest[0] ?? '', rest.slice(1));
  if (root === 'apis') return withinVersion(rest[0] ?? '', rest[1] ?? '', rest.slice(2));
  return undefined;
};

const withinVersion = (group: string, version: string, segments: readonly string[]): ResourcePath | undefined => {
  const isWatch = segments[0] === 'watch';
  const rest = isWatch ? segments.slice(1) : segments;
  const [first, second, third] = rest;
  const isNamespaceItself = group === '' && (rest.length <= 2 || (rest.length === 3 && namespaceSubresources.has(third ?? '')));
  if (first === 'namespaces' && !isNamespaceItself) return located(group, version, second, rest.slice(2), isWatch);
  return located(group, version, undefined, rest, isWatch);
};

const located = (
  group: string,
  version: string,
  namespace: string | undefined,
  [plural, name, subresource, ...more]: readonly string[],
  isWatch: boolean,
): ResourcePath | undefined => {
  const resource = findResource(group, version, plural ?? '');
  if (resource === undefined || more.length > 0) return undefined;
  if (!resource.namespaced && namespace !== undefined) return undefined;
  // A single object, or anything but reading, needs its namespace.
  if (resource.namespaced && namespace === undefined && name !== undefined) return undefined;
  return { resource, namespace, name, subresource: subresource ?? '', isWatch };
};

/** The sub-resources of a resource, by name. */
export const subresourcesOf = (resource: ResourceDefinition): readonly string[] => {
  const own: readonly string[] = ownSubresources[`${resource.group}/${resource.plural}`] ?? [];
  return [...(resource.hasScale ? ['scale'] : []), ...(resource.hasStatus ? ['status'] : []), ...own];
};

const ownSubresources: Readonly<Record<string, readonly string[]>> = {
  '/namespaces': ['finalize'],
  '/pods': ['binding', 'eviction', 'log'],
  '/serviceaccounts': ['token'],
};

/** The groups in discovery order, each with its versions, preferred first. */
export const groupVersions = (): ReadonlyMap<string, readonly string[]> => {
  const groups = new Map<string, string[]>();
  for (const { group, version } of registry) {
    const versions = groups.get(group) ?? [];
    if (!versions.includes(version)) versions.push(version);
    groups.set(group, versions);
  }
  return groups;
};
