import { isDeepStrictEqual } from 'node:util';
import { apiClient, type ApiAnswer, type ApiClient } from './api-client.ts';
import type { TestLocal } from './local.ts';

/** What kubectl 1.36 sends for everyday commands (seen with `kubectl -v=9`), without the binary. */
export interface Kubectl {
  /** Client-side apply: the three-way strategic merge patch from last-applied, manifest and live object. */
  apply(manifest: Manifest): Promise<ApiAnswer>;
  applyServerSide(manifest: Manifest, options: { readonly manager: string; readonly force?: boolean }): Promise<ApiAnswer>;
  /** `null` takes an annotation away. */
  annotate(manifest: Manifest, annotations: Readonly<Record<string, string | null>>): Promise<ApiAnswer>;
  scale(manifest: Manifest, replicas: number): Promise<ApiAnswer>;
  /** `rollout undo` of a Deployment to the revision before. */
  undo(manifest: Manifest): Promise<ApiAnswer>;
  get(manifest: Manifest): Promise<Live>;
  close(): Promise<void>;
}

type Json = Readonly<Record<string, unknown>>;

export type Manifest = Json & {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: Json & { readonly name: string; readonly namespace: string; readonly annotations?: Readonly<Record<string, string>> };
};

export interface ManagedFields {
  readonly manager: string;
  readonly operation: string;
  readonly subresource?: string;
  readonly fieldsV1: Json;
}

/** A stored object, as far as these tests look. */
export interface Live {
  readonly metadata: {
    readonly name: string;
    readonly uid: string;
    readonly resourceVersion: string;
    readonly generation?: number;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly managedFields: readonly ManagedFields[];
  };
  readonly spec: Json & { readonly replicas?: number; readonly selector?: unknown; readonly template?: { readonly metadata: { readonly labels: object } } };
}

const lastApplied = 'kubectl.kubernetes.io/last-applied-configuration';
const plurals: ReadonlyMap<string, string> = new Map([
  ['Deployment', 'deployments'],
  ['Service', 'services'],
  ['HorizontalPodAutoscaler', 'horizontalpodautoscalers'],
]);

const collectionOf = ({ apiVersion, kind, metadata }: Manifest): string =>
  `/${apiVersion.includes('/') ? 'apis' : 'api'}/${apiVersion}/namespaces/${metadata.namespace}/${plurals.get(kind) ?? kind}`;
const pathOf = (manifest: Manifest): string => `${collectionOf(manifest)}/${manifest.metadata.name}`;

const isMap = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value);
const mapOf = (value: unknown): Json => (isMap(value) ? value : {});

/** The merge key of a list of the few kinds that tests apply; undefined where the list is replaced as a whole. */
const mergeKeyOf = (name: string, list: readonly unknown[]): string | undefined => {
  if (name === 'ports') return list.some((item) => isMap(item) && 'containerPort' in item) ? 'containerPort' : 'port';
  return ['containers', 'env', 'volumes'].includes(name) ? 'name' : undefined;
};

const mapsIn = (value: unknown): readonly Json[] => (Array.isArray(value) ? (value as readonly unknown[]).filter(isMap) : []);

const mergedList = (name: string, key: string, original: unknown, modified: unknown, current: unknown): Json => {
  const [before, wanted, live] = [mapsIn(original), mapsIn(modified), mapsIn(current)];
  const same = (list: readonly Json[], item: Json): Json | undefined => list.find((other) => other[key] === item[key]);
  const changed = wanted.flatMap((item) => {
    const there = same(live, item);
    const patch = there === undefined ? item : threeWay(same(before, item) ?? {}, item, there);
    return Object.keys(patch).length === 0 ? [] : [{ ...patch, [key]: item[key] }];
  });
  const gone = before.filter((item) => same(wanted, item) === undefined).map((item) => ({ $patch: 'delete', [key]: item[key] }));
  if (changed.length + gone.length === 0) return {};
  return { [`$setElementOrder/${name}`]: wanted.map((item) => ({ [key]: item[key] })), [name]: [...changed, ...gone] };
};

/** What differs between `modified` and `current`, and what `original` had and `modified` has not (k8s.io/apimachinery strategicpatch, CreateThreeWayMergePatch). */
const threeWay = (original: Json, modified: Json, current: Json): Json => {
  const patch: Record<string, unknown> = {};
  for (const [name, wanted] of Object.entries(modified)) {
    const live = current[name];
    const mergeKey = Array.isArray(wanted) ? mergeKeyOf(name, wanted) : undefined;
    if (isMap(wanted) && isMap(live)) {
      const below = threeWay(mapOf(original[name]), wanted, live);
      if (Object.keys(below).length > 0) patch[name] = below;
    } else if (mergeKey !== undefined && Array.isArray(live)) Object.assign(patch, mergedList(name, mergeKey, original[name], wanted, live));
    else if (!isDeepStrictEqual(wanted, live)) patch[name] = wanted;
  }
  for (const name of Object.keys(original)) if (!(name in modified)) patch[name] = null;
  return patch;
};

/** Keys sorted, as Go prints maps. */
const sorted = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isMap(value)) return value;
  return Object.fromEntries(
    Object.keys(value)
      .sort()
      .map((key) => [key, sorted(value[key])]),
  );
};

const withLastApplied = (manifest: Manifest): Manifest => {
  const plain = { ...manifest, metadata: { ...manifest.metadata, annotations: manifest.metadata.annotations ?? {} } };
  return { ...plain, metadata: { ...plain.metadata, annotations: { ...plain.metadata.annotations, [lastApplied]: `${JSON.stringify(sorted(plain))}\n` } } };
};

const apply = async (api: ApiClient, manifest: Manifest): Promise<ApiAnswer> => {
  const manager = 'fieldManager=kubectl-client-side-apply&fieldValidation=Strict';
  const found = await api('GET', pathOf(manifest));
  const modified = withLastApplied(manifest);
  if (found.status === 404) return api('POST', `${collectionOf(manifest)}?${manager}`, modified);
  const original = mapOf(JSON.parse(found.body.metadata?.annotations?.[lastApplied] ?? '{}'));
  const patch = threeWay(original, modified, found.body);
  return Object.keys(patch).length === 0 ? found : api.patch(`${pathOf(manifest)}?${manager}`, patch, 'strategic-merge');
};

/** Annotations that a ReplicaSet does not share with its Deployment (kubectl/pkg/polymorphichelpers/rollback.go, annotationsToSkip). */
const ownAnnotations: readonly string[] = [
  lastApplied,
  ...['revision', 'revision-history', 'desired-replicas', 'max-replicas'].map((name) => `deployment.kubernetes.io/${name}`),
  'deprecated.deployment.rollback.to',
];

const undo = async (api: ApiClient, manifest: Manifest): Promise<ApiAnswer> => {
  const { metadata } = (await api('GET', pathOf(manifest))).body as unknown as Live;
  const list = await api('GET', `${collectionOf(manifest).replace('deployments', 'replicasets')}?labelSelector=app%3D${metadata.name}`);
  const revision = ({ metadata: { annotations } }: Live): number => Number(annotations?.['deployment.kubernetes.io/revision']);
  const [, before] = (list.body as unknown as { readonly items: readonly Live[] }).items.toSorted((one, other) => revision(other) - revision(one));
  if (before?.spec.template === undefined) throw new Error(`there is no revision to go back to: ${JSON.stringify(list.body)}`);
  const { 'pod-template-hash': _, ...labels } = before.spec.template.metadata.labels as Record<string, string>;
  const own = Object.entries(metadata.annotations ?? {}).filter(([key]) => ownAnnotations.includes(key));
  const restored = Object.entries(before.metadata.annotations ?? {}).filter(([key]) => !ownAnnotations.includes(key));
  return api.patch(
    pathOf(manifest),
    [
      { op: 'replace', path: '/spec/template', value: { ...before.spec.template, metadata: { ...before.spec.template.metadata, labels } } },
      { op: 'replace', path: '/metadata/annotations', value: Object.fromEntries([...own, ...restored]) },
    ],
    'json',
  );
};

export const kubectl = ({ local }: TestLocal): Kubectl => {
  const { url, caPem, adminToken } = local.cluster.api;
  const api = apiClient({ url, caPem, token: adminToken, userAgent: 'kubectl/v1.36.3 (linux/amd64) kubernetes/0f29094' });
  return {
    apply: (manifest) => apply(api, manifest),
    applyServerSide: (manifest, { manager, force = false }) =>
      api.patch(`${pathOf(manifest)}?fieldManager=${manager}&fieldValidation=Strict&force=${force}`, manifest, 'apply'),
    annotate: (manifest, annotations) => api.patch(`${pathOf(manifest)}?fieldManager=kubectl-annotate`, { metadata: { annotations } }),
    scale: (manifest, replicas) => api.patch(`${pathOf(manifest)}/scale`, { spec: { replicas } }),
    undo: (manifest) => undo(api, manifest),
    get: async (manifest) => (await api('GET', pathOf(manifest))).body as unknown as Live,
    close: () => api.close(),
  };
};
