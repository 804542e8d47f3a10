/** API path of each resource, up to the plural. */
const groups: Readonly<Record<string, string>> = {
  configmaps: '/api/v1',
  endpoints: '/api/v1',
  events: '/api/v1',
  pods: '/api/v1',
  secrets: '/api/v1',
  serviceaccounts: '/api/v1',
  services: '/api/v1',
  controllerrevisions: '/apis/apps/v1',
  deployments: '/apis/apps/v1',
  replicasets: '/apis/apps/v1',
  statefulsets: '/apis/apps/v1',
  horizontalpodautoscalers: '/apis/autoscaling/v2',
  leases: '/apis/coordination.k8s.io/v1',
  endpointslices: '/apis/discovery.k8s.io/v1',
  poddisruptionbudgets: '/apis/policy/v1',
  roles: '/apis/rbac.authorization.k8s.io/v1',
};

/** `/apis/apps/v1/namespaces/NS/deployments/NAME/SUBRESOURCE`. */
export const paths = (plural: string, namespace: string, name?: string, subresource?: string): string => {
  const group = groups[plural];
  if (group === undefined) throw new Error(`no path known for ${plural}`);
  return [group, 'namespaces', namespace, plural, name, subresource].filter((part) => part !== undefined).join('/');
};

export const allNamespaces = (plural: string): string => `${groups[plural] ?? ''}/${plural}`;

export const configMap = (name: string, data: Readonly<Record<string, string>> = {}, labels: Readonly<Record<string, string>> = {}) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, labels },
  data,
});

export const container = (name = 'app', image = 'registry.invalid/app:1') => ({ name, image });

/** No scheduler places it and no kubelet runs it. Goes at once when deleted. */
const unschedulable = { nodeSelector: { 'rouse.dev/conformance': 'nowhere' }, terminationGracePeriodSeconds: 0 };

export const podSpec = (more: object = {}) => ({ ...unschedulable, containers: [container()], ...more });

export const pod = (name: string, labels: Readonly<Record<string, string>> = {}, more: object = {}) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, labels },
  spec: podSpec(more),
});

export const deployment = (name: string, replicas: number, spec: object = {}, pods: object = {}) => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name, labels: { app: name } },
  spec: { replicas, selector: { matchLabels: { app: name } }, template: { metadata: { labels: { app: name } }, spec: podSpec(pods) }, ...spec },
});

export const statefulSet = (name: string, replicas: number) => ({
  ...deployment(name, replicas, { serviceName: name }),
  kind: 'StatefulSet',
});

export const replicaSet = (name: string, replicas: number) => ({ ...deployment(name, replicas), kind: 'ReplicaSet' });

export const service = (name: string, selector: Readonly<Record<string, string>> | undefined, more: object = {}) => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name },
  spec: { ...(selector === undefined ? {} : { selector }), ports: [{ name: 'http', port: 80, targetPort: 8080, protocol: 'TCP' }], ...more },
});

/** A slice of a Service that a controller named `manager` keeps. */
export const slice = (name: string, serviceName: string, manager: string, address: string, owner?: object) => ({
  apiVersion: 'discovery.k8s.io/v1',
  kind: 'EndpointSlice',
  metadata: {
    name,
    labels: { 'kubernetes.io/service-name': serviceName, 'endpointslice.kubernetes.io/managed-by': manager },
    ...(owner === undefined ? {} : { ownerReferences: [owner] }),
  },
  addressType: 'IPv4',
  endpoints: [{ addresses: [address], conditions: { ready: true } }],
  ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
});

/** A reference to an owner, as `metadata.ownerReferences` holds it. */
export const ownedBy = (apiVersion: string, kind: string, name: string, uid: string, more: object = {}) => ({ apiVersion, kind, name, uid, ...more });
