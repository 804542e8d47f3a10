import { instant, workloadKey } from '../../core/index.ts';
import type { PodView, WorkloadView } from '../../kube/index.ts';

export const start = instant(Date.UTC(2026, 0, 5, 12));
export const hello = workloadKey({ resource: 'deployments.apps', namespace: 'default', name: 'hello' });

export const viewOf = (over: Partial<WorkloadView> = {}): WorkloadView => ({
  namespace: 'default',
  name: 'hello',
  uid: 'uid-hello',
  resourceVersion: '1',
  labels: {},
  annotations: { 'rouse.dev/enabled': 'true' },
  createdAt: start,
  deleting: false,
  resource: 'deployments.apps',
  generation: 1,
  observedGeneration: 1,
  specReplicas: 0,
  readyReplicas: 0,
  paused: false,
  selector: { matchLabels: { app: 'hello' }, matchExpressions: [] },
  podLabels: { app: 'hello' },
  podAnnotations: {},
  progressDeadlineSeconds: 600,
  conditions: [],
  scaledBy: [],
  isCountApplied: false,
  ...over,
});

export const podOf = (over: Partial<PodView> = {}): PodView => ({
  namespace: 'default',
  name: 'hello-1',
  uid: 'uid-hello-1',
  resourceVersion: '1',
  labels: { app: 'hello' },
  annotations: {},
  createdAt: start,
  deleting: false,
  owner: undefined,
  phase: 'Running',
  podIPs: ['10.0.0.1'],
  nodeName: 'n1',
  ready: true,
  scheduled: true,
  unschedulableMessage: undefined,
  hasReadinessGates: false,
  containers: [
    {
      name: 'app',
      image: 'app:1',
      ports: [],
      readinessProbe: undefined,
      state: 'running',
      stateReason: undefined,
      stateMessage: undefined,
      restarts: 0,
      ready: true,
    },
  ],
  ...over,
});
