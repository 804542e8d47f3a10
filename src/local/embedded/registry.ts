import type { Resource } from '../../kube/index.ts';

/** How one kind behaves in the embedded API. Everything that differs between kinds and is not code is here. */
export interface ResourceDefinition extends Resource {
  readonly singular: string;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  /** `stored`: the usual verbs. `review`: only POST, answered at once and never stored (TokenReview and its like). `measured`: only GET, of what the node measures. */
  readonly storage: 'stored' | 'review' | 'measured';
  /** Has `/status`: main writes leave the status alone, `/status` writes leave all else alone. */
  readonly hasStatus: boolean;
  readonly hasScale: boolean;
  /** Counts changes of the spec in `metadata.generation`. */
  readonly hasGeneration: boolean;
  /** PUT without a `resourceVersion` is taken as it is (kube-apiserver: AllowUnconditionalUpdate). */
  readonly unconditionalUpdate: boolean;
  /** PUT of a name that does not exist creates it (AllowCreateOnUpdate). */
  readonly createOnUpdate: boolean;
  /** Field selectors beside `metadata.name` and `metadata.namespace`: the dotted path in the object. */
  readonly fieldSelectors: readonly string[];
  /** Where the objects are kept, if another version or group is a view of the same objects. */
  readonly storedAs: { readonly group: string; readonly version: string; readonly plural: string } | undefined;
}

interface Traits {
  readonly singular?: string;
  readonly short?: readonly string[];
  readonly categories?: readonly string[];
  readonly review?: true;
  readonly measured?: true;
  readonly status?: true;
  readonly scale?: true;
  readonly generation?: true;
  readonly conditionalUpdate?: true;
  readonly createOnUpdate?: true;
  readonly fields?: readonly string[];
  readonly storedAs?: ResourceDefinition['storedAs'];
  readonly cluster?: true;
}

const define = (group: string, version: string, plural: string, kind: string, traits: Traits = {}): ResourceDefinition => ({
  group,
  version,
  plural,
  kind,
  namespaced: traits.cluster !== true,
  singular: traits.singular ?? kind.toLowerCase(),
  shortNames: traits.short ?? [],
  categories: traits.categories ?? [],
  storage: traits.review === true ? 'review' : traits.measured === true ? 'measured' : 'stored',
  hasStatus: traits.status === true,
  hasScale: traits.scale === true,
  hasGeneration: traits.generation === true,
  unconditionalUpdate: traits.conditionalUpdate !== true,
  createOnUpdate: traits.createOnUpdate === true,
  fieldSelectors: traits.fields ?? [],
  storedAs: traits.storedAs,
});

const all = ['all'];
const involved = ['kind', 'namespace', 'name', 'uid', 'apiVersion', 'resourceVersion', 'fieldPath'];
const podFields = [
  'spec.nodeName',
  'spec.restartPolicy',
  'spec.schedulerName',
  'spec.serviceAccountName',
  'spec.hostNetwork',
  'status.phase',
  'status.podIP',
  'status.podIPs',
  'status.nominatedNodeName',
];
const eventFields = ['reason', 'type'];

/** Every kind that the embedded API serves, in discovery order. */
export const registry: readonly ResourceDefinition[] = [
  define('', 'v1', 'configmaps', 'ConfigMap', { short: ['cm'] }),
  define('', 'v1', 'endpoints', 'Endpoints', { singular: 'endpoints', short: ['ep'], createOnUpdate: true }),
  define('', 'v1', 'events', 'Event', {
    short: ['ev'],
    createOnUpdate: true,
    fields: [...involved.map((field) => `involvedObject.${field}`), 'source', 'reportingComponent', ...eventFields],
  }),
  define('', 'v1', 'namespaces', 'Namespace', { short: ['ns'], cluster: true, status: true, fields: ['status.phase'] }),
  define('', 'v1', 'nodes', 'Node', { short: ['no'], cluster: true, status: true, fields: ['spec.unschedulable'] }),
  define('', 'v1', 'pods', 'Pod', { short: ['po'], categories: all, status: true, generation: true, fields: podFields }),
  define('', 'v1', 'secrets', 'Secret', { fields: ['type'] }),
  define('', 'v1', 'serviceaccounts', 'ServiceAccount', { short: ['sa'] }),
  define('', 'v1', 'services', 'Service', { short: ['svc'], categories: all, status: true, fields: ['spec.clusterIP', 'spec.type'] }),
  define('admissionregistration.k8s.io', 'v1', 'mutatingwebhookconfigurations', 'MutatingWebhookConfiguration', {
    categories: ['api-extensions'],
    cluster: true,
    generation: true,
  }),
  define('admissionregistration.k8s.io', 'v1', 'validatingwebhookconfigurations', 'ValidatingWebhookConfiguration', {
    categories: ['api-extensions'],
    cluster: true,
    generation: true,
  }),
  define('apps', 'v1', 'controllerrevisions', 'ControllerRevision'),
  define('apps', 'v1', 'deployments', 'Deployment', { short: ['deploy'], categories: all, status: true, scale: true, generation: true }),
  define('apps', 'v1', 'replicasets', 'ReplicaSet', {
    short: ['rs'],
    categories: all,
    status: true,
    scale: true,
    generation: true,
    fields: ['status.replicas'],
  }),
  define('apps', 'v1', 'statefulsets', 'StatefulSet', { short: ['sts'], categories: all, status: true, scale: true, generation: true }),
  define('authentication.k8s.io', 'v1', 'selfsubjectreviews', 'SelfSubjectReview', { review: true, cluster: true }),
  define('authentication.k8s.io', 'v1', 'tokenreviews', 'TokenReview', { review: true, cluster: true }),
  define('authorization.k8s.io', 'v1', 'localsubjectaccessreviews', 'LocalSubjectAccessReview', { review: true }),
  define('authorization.k8s.io', 'v1', 'selfsubjectaccessreviews', 'SelfSubjectAccessReview', { review: true, cluster: true }),
  define('authorization.k8s.io', 'v1', 'subjectaccessreviews', 'SubjectAccessReview', { review: true, cluster: true }),
  define('autoscaling', 'v2', 'horizontalpodautoscalers', 'HorizontalPodAutoscaler', {
    short: ['hpa'],
    categories: all,
    status: true,
    conditionalUpdate: true,
  }),
  define('autoscaling', 'v1', 'horizontalpodautoscalers', 'HorizontalPodAutoscaler', {
    short: ['hpa'],
    categories: all,
    status: true,
    conditionalUpdate: true,
    storedAs: { group: 'autoscaling', version: 'v2', plural: 'horizontalpodautoscalers' },
  }),
  define('coordination.k8s.io', 'v1', 'leases', 'Lease', { createOnUpdate: true, conditionalUpdate: true }),
  define('discovery.k8s.io', 'v1', 'endpointslices', 'EndpointSlice', { generation: true }),
  define('events.k8s.io', 'v1', 'events', 'Event', {
    short: ['ev'],
    createOnUpdate: true,
    fields: [...involved.map((field) => `regarding.${field}`), 'reportingController', ...eventFields],
    storedAs: { group: '', version: 'v1', plural: 'events' },
  }),
  define('metrics.k8s.io', 'v1beta1', 'pods', 'PodMetrics', { singular: '', measured: true }),
  define('policy', 'v1', 'poddisruptionbudgets', 'PodDisruptionBudget', { short: ['pdb'], status: true, generation: true }),
  define('rbac.authorization.k8s.io', 'v1', 'clusterrolebindings', 'ClusterRoleBinding', { cluster: true }),
  define('rbac.authorization.k8s.io', 'v1', 'clusterroles', 'ClusterRole', { cluster: true }),
  define('rbac.authorization.k8s.io', 'v1', 'rolebindings', 'RoleBinding'),
  define('rbac.authorization.k8s.io', 'v1', 'roles', 'Role'),
];

/** `apps/v1/deployments`, `/v1/pods`: the key of a resource. */
export const resourceKey = (resource: Pick<Resource, 'group' | 'version' | 'plural'>): string => `${resource.group}/${resource.version}/${resource.plural}`;

const byKey = new Map(registry.map((resource) => [resourceKey(resource), resource]));

/** The definition of a resource, or undefined if it is not served. */
export const findResource = (group: string, version: string, plural: string): ResourceDefinition | undefined =>
  byKey.get(resourceKey({ group, version, plural }));

export const findKind = (apiVersion: string, kind: string): ResourceDefinition | undefined =>
  registry.find((resource) => resource.kind === kind && apiVersionOf(resource) === apiVersion);

/** `apps/v1`, `v1`. */
export const apiVersionOf = (resource: Pick<Resource, 'group' | 'version'>): string =>
  resource.group === '' ? resource.version : `${resource.group}/${resource.version}`;
