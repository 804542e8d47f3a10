import type { Deployment, ControllerRevision, ReplicaSet, StatefulSet } from 'kubernetes-types/apps/v1.d.ts';
import type { HorizontalPodAutoscaler } from 'kubernetes-types/autoscaling/v2.d.ts';
import type { Lease } from 'kubernetes-types/coordination/v1.d.ts';
import type { ConfigMap, Endpoints, Event, Namespace, Node, Pod, Secret, Service } from 'kubernetes-types/core/v1.d.ts';
import type { EndpointSlice } from 'kubernetes-types/discovery/v1.d.ts';
import type { MutatingWebhookConfiguration, ValidatingWebhookConfiguration } from 'kubernetes-types/admissionregistration/v1.d.ts';
import type { ObjectMeta } from 'kubernetes-types/meta/v1.d.ts';

/** Any Kubernetes object as it is on the wire: timestamps are strings, unknown fields are kept. */
export interface KubeObject {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata?: ObjectMeta;
}

/** Where a kind lives in the API. `T` is the wire type of its objects. */
export interface Resource<T extends KubeObject = KubeObject> {
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly kind: string;
  readonly namespaced: boolean;
  /** Never set: carries the type. */
  readonly type?: T;
}

const describe = <T extends KubeObject>(group: string, version: string, plural: string, kind: string, namespaced = true): Resource<T> => ({
  group,
  version,
  plural,
  kind,
  namespaced,
});

/** The kinds that Rouse itself reads or writes. */
export const resources = {
  configMaps: describe<ConfigMap>('', 'v1', 'configmaps', 'ConfigMap'),
  controllerRevisions: describe<ControllerRevision>('apps', 'v1', 'controllerrevisions', 'ControllerRevision'),
  deployments: describe<Deployment>('apps', 'v1', 'deployments', 'Deployment'),
  endpoints: describe<Endpoints>('', 'v1', 'endpoints', 'Endpoints'),
  endpointSlices: describe<EndpointSlice>('discovery.k8s.io', 'v1', 'endpointslices', 'EndpointSlice'),
  events: describe<Event>('', 'v1', 'events', 'Event'),
  horizontalPodAutoscalers: describe<HorizontalPodAutoscaler>('autoscaling', 'v2', 'horizontalpodautoscalers', 'HorizontalPodAutoscaler'),
  leases: describe<Lease>('coordination.k8s.io', 'v1', 'leases', 'Lease'),
  mutatingWebhookConfigurations: describe<MutatingWebhookConfiguration>(
    'admissionregistration.k8s.io',
    'v1',
    'mutatingwebhookconfigurations',
    'MutatingWebhookConfiguration',
    false,
  ),
  namespaces: describe<Namespace>('', 'v1', 'namespaces', 'Namespace', false),
  nodes: describe<Node>('', 'v1', 'nodes', 'Node', false),
  podMetrics: describe('metrics.k8s.io', 'v1beta1', 'pods', 'PodMetrics'),
  pods: describe<Pod>('', 'v1', 'pods', 'Pod'),
  replicaSets: describe<ReplicaSet>('apps', 'v1', 'replicasets', 'ReplicaSet'),
  secrets: describe<Secret>('', 'v1', 'secrets', 'Secret'),
  services: describe<Service>('', 'v1', 'services', 'Service'),
  statefulSets: describe<StatefulSet>('apps', 'v1', 'statefulsets', 'StatefulSet'),
  validatingWebhookConfigurations: describe<ValidatingWebhookConfiguration>(
    'admissionregistration.k8s.io',
    'v1',
    'validatingwebhookconfigurations',
    'ValidatingWebhookConfiguration',
    false,
  ),
} as const;
