import type { ContainerView, PodView, ServiceView, WorkloadView } from '../../src/kube/index.ts';

/** Views with everything filled in, for tests that care about a field or two. */
const meta = (name: string) => ({
  namespace: 'default',
  name,
  uid: `uid-${name}`,
  resourceVersion: '1',
  labels: {},
  annotations: {},
  createdAt: 0,
  deleting: false,
});

export const aContainer = (more: Partial<ContainerView> = {}): ContainerView => ({
  name: 'app',
  image: 'app',
  ports: [{ name: 'http', containerPort: 8080, protocol: 'TCP' }],
  readinessProbe: undefined,
  state: 'running',
  stateReason: undefined,
  stateMessage: undefined,
  ready: true,
  ...more,
});

export const aPod = (name: string, more: Partial<PodView> = {}): PodView => ({
  ...meta(name),
  labels: { app: 'web' },
  owner: undefined,
  phase: 'Running',
  podIPs: ['10.1.0.1'],
  nodeName: 'n1',
  ready: true,
  scheduled: true,
  unschedulableMessage: undefined,
  hasReadinessGates: false,
  containers: [aContainer()],
  ...more,
});

export const aService = (name: string, more: Partial<ServiceView> = {}): ServiceView => ({
  ...meta(name),
  type: 'ClusterIP',
  selector: { app: 'web' },
  clusterIP: '10.96.0.1',
  ipFamilies: ['IPv4'],
  ports: [{ name: 'http', port: 80, protocol: 'TCP', targetPort: 8080, appProtocol: undefined }],
  sessionAffinity: 'None',
  internalTrafficPolicy: 'Cluster',
  externalTrafficPolicy: undefined,
  publishNotReadyAddresses: false,
  ...more,
});

export const aWorkload = (name: string, more: Partial<WorkloadView> = {}): WorkloadView => ({
  ...meta(name),
  resource: 'deployments.apps',
  generation: 1,
  observedGeneration: 1,
  specReplicas: 1,
  readyReplicas: 1,
  paused: false,
  selector: { matchLabels: { app: 'web' }, matchExpressions: [] },
  podLabels: { app: 'web' },
  podAnnotations: {},
  podRequests: { cpu: { without: 'app' }, memory: { without: 'app' } },
  progressDeadlineSeconds: 600,
  conditions: [],
  scaledBy: [],
  isCountApplied: false,
  firstOrdinal: 0,
  ...more,
});
