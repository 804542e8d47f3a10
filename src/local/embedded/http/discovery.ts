import type { JsonObject } from '../json.ts';
import { registry, type ResourceDefinition } from '../registry.ts';
import { jsonLine } from '../store/serialise.ts';
import { negotiate, type Representation } from './accept.ts';
import { groupVersions, subresourcesOf } from './path.ts';

const storedVerbs = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'];

const verbsOf = (resource: ResourceDefinition): readonly string[] => {
  if (resource.storage === 'review') return ['create'];
  if (resource.storage === 'measured') return ['get', 'list'];
  return resource.kind === 'Namespace' ? storedVerbs.filter((verb) => verb !== 'deletecollection') : storedVerbs;
};

interface Subresource {
  readonly verbs: readonly string[];
  /** If it is not the kind of its parent. */
  readonly kind?: { readonly group: string; readonly version: string; readonly kind: string };
}

const readWrite = ['get', 'patch', 'update'];

const subresources: Readonly<Record<string, Subresource>> = {
  scale: { verbs: readWrite, kind: { group: 'autoscaling', version: 'v1', kind: 'Scale' } },
  status: { verbs: readWrite },
  finalize: { verbs: ['update'] },
  binding: { verbs: ['create'], kind: { group: '', version: 'v1', kind: 'Binding' } },
  eviction: { verbs: ['create'], kind: { group: 'policy', version: 'v1', kind: 'Eviction' } },
  log: { verbs: ['get'] },
  token: { verbs: ['create'], kind: { group: 'authentication.k8s.io', version: 'v1', kind: 'TokenRequest' } },
};

const kindFields = ({ kind }: Subresource): JsonObject =>
  kind === undefined ? {} : { ...(kind.group === '' ? {} : { group: kind.group }), version: kind.version };

const plainResources = (resource: ResourceDefinition): readonly JsonObject[] => [
  {
    name: resource.plural,
    singularName: resource.singular,
    namespaced: resource.namespaced,
    kind: resource.kind,
    verbs: verbsOf(resource),
    ...(resource.shortNames.length === 0 ? {} : { shortNames: resource.shortNames }),
    ...(resource.categories.length === 0 ? {} : { categories: resource.categories }),
  },
  ...subresourcesOf(resource).map((name) => {
    const sub = subresources[name] ?? { verbs: [] };
    return {
      name: `${resource.plural}/${name}`,
      singularName: '',
      namespaced: resource.namespaced,
      ...kindFields(sub),
      kind: sub.kind?.kind ?? resource.kind,
      verbs: sub.verbs,
    };
  }),
];

const resourceList = (group: string, version: string): JsonObject => ({
  kind: 'APIResourceList',
  apiVersion: 'v1',
  groupVersion: group === '' ? version : `${group}/${version}`,
  resources: registry.filter((resource) => resource.group === group && resource.version === version).flatMap(plainResources),
});

const groupOf = (name: string, versions: readonly string[]): JsonObject => ({
  name,
  versions: versions.map((version) => ({ groupVersion: `${name}/${version}`, version })),
  preferredVersion: { groupVersion: `${name}/${versions[0] ?? ''}`, version: versions[0] },
});

const aggregatedResource = (resource: ResourceDefinition): JsonObject => ({
  resource: resource.plural,
  responseKind: { group: resource.group, version: resource.version, kind: resource.kind },
  scope: resource.namespaced ? 'Namespaced' : 'Cluster',
  singularResource: resource.singular,
  verbs: verbsOf(resource),
  ...(resource.shortNames.length === 0 ? {} : { shortNames: resource.shortNames }),
  ...(resource.categories.length === 0 ? {} : { categories: resource.categories }),
  subresources: subresourcesOf(resource).map((name) => {
    const sub = subresources[name] ?? { verbs: [] };
    return {
      subresource: name,
      responseKind: sub.kind ?? { group: resource.group, version: resource.version, kind: resource.kind },
      verbs: sub.verbs,
    };
  }),
});

const aggregated = (version: 'v2' | 'v2beta1', isCore: boolean): JsonObject => ({
  kind: 'APIGroupDiscoveryList',
  apiVersion: `apidiscovery.k8s.io/${version}`,
  metadata: {},
  items: [...groupVersions()]
    .filter(([group]) => (group === '') === isCore)
    .map(([group, versions]) => ({
      metadata: group === '' ? { creationTimestamp: null } : { name: group, creationTimestamp: null },
      versions: versions.map((each) => ({
        version: each,
        freshness: 'Current',
        resources: registry.filter((resource) => resource.group === group && resource.version === each).map(aggregatedResource),
      })),
    })),
});

export interface DiscoveryAnswer {
  readonly body: string;
  readonly contentType: string;
}

const json = (value: JsonObject): DiscoveryAnswer => ({ body: jsonLine(value), contentType: 'application/json' });

const root = (segments: readonly string[], form: Representation): DiscoveryAnswer => {
  const isCore = segments[0] === 'api';
  if (form === 'discovery-v2' || form === 'discovery-v2beta1') {
    const version = form === 'discovery-v2' ? 'v2' : 'v2beta1';
    return {
      body: jsonLine(aggregated(version, isCore)),
      contentType: `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`,
    };
  }
  if (isCore) return json({ kind: 'APIVersions', versions: ['v1'], serverAddressByClientCIDRs: [] });
  const groups = [...groupVersions()].filter(([group]) => group !== '').map(([group, versions]) => groupOf(group, versions));
  return json({ kind: 'APIGroupList', apiVersion: 'v1', groups });
};

/** Answers `/api`, `/apis`, `/apis/GROUP` and `…/VERSION`; undefined if the path is not one of discovery. */
export const discovery = (segments: readonly string[], accept: string | undefined): DiscoveryAnswer | undefined => {
  const [head, first = '', second = ''] = segments;
  if (head !== 'api' && head !== 'apis') return undefined;
  if (segments.length === 1) return root(segments, negotiate(accept, ['object', 'discovery-v2', 'discovery-v2beta1']));
  const [group, version] = head === 'api' ? ['', first] : [first, second];
  const versions = groupVersions().get(group);
  if (versions === undefined) return undefined;
  if (head === 'apis' && segments.length === 2) return json({ kind: 'APIGroup', apiVersion: 'v1', ...groupOf(group, versions) });
  const length = head === 'api' ? 2 : 3;
  return segments.length === length && versions.includes(version) ? json(resourceList(group, version)) : undefined;
};
