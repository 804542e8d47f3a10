import type { ObjectName, Selection } from './client.ts';
import type { Resource } from './resource.ts';

/** Path of all objects of a kind, in one namespace or everywhere. */
export const collectionPath = (resource: Resource, namespace?: string): string => {
  const root = resource.group === '' ? `/api/${resource.version}` : `/apis/${resource.group}/${resource.version}`;
  return resource.namespaced && namespace !== undefined
    ? `${root}/namespaces/${encodeURIComponent(namespace)}/${resource.plural}`
    : `${root}/${resource.plural}`;
};

/** Path of one object. An empty or relative name would address the collection or something else altogether: those give undefined. */
export const objectPath = (resource: Resource, { namespace, name }: ObjectName, subresource?: 'scale' | 'status'): string | undefined => {
  if (!isSegment(name) || (resource.namespaced && !isSegment(namespace ?? ''))) return undefined;
  const path = `${collectionPath(resource, namespace)}/${encodeURIComponent(name)}`;
  return subresource === undefined ? path : `${path}/${subresource}`;
};

const isSegment = (name: string): boolean => name !== '' && name !== '.' && name !== '..';

/** The query of a list or watch. */
export const selectionQuery = ({ labelSelector, fieldSelector }: Selection): Record<string, string> => ({
  ...(labelSelector === undefined ? {} : { labelSelector }),
  ...(fieldSelector === undefined ? {} : { fieldSelector }),
});

export const withQuery = (path: string, query: Readonly<Record<string, string>>): string => {
  const search = new URLSearchParams(query).toString();
  return search === '' ? path : `${path}?${search}`;
};
