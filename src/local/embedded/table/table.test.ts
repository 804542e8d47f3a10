import test from 'ava';
import { isObject, listAt, textAt, type JsonObject } from '../json.ts';
import { humanDuration } from './age.ts';
import { renderTable } from './table.ts';

const now = Date.parse('2026-01-01T01:00:00Z');
const metadata = { name: 'x', creationTimestamp: '2026-01-01T00:58:58Z' };

const cells = (group: string, kind: string, object: JsonObject): readonly unknown[] => {
  const table = renderTable([{ metadata, ...object }], { resource: { group, kind }, now, includeObject: 'Metadata', headers: true, metadata: {} });
  return listAt(listAt(table, 'rows')[0], 'cells');
};
const headers = (group: string, kind: string): string =>
  listAt(renderTable([], { resource: { group, kind }, now, includeObject: 'None', headers: true, metadata: {} }), 'columnDefinitions')
    .filter(isObject)
    .map((column) => `${column['priority'] === 1 ? '+' : ''}${textAt(column, 'name') ?? ''}`)
    .join(' ');

const ages: readonly (readonly [seconds: number, text: string])[] = [
  [-5, '<invalid>'],
  [-1, '0s'],
  [0, '0s'],
  [119, '119s'],
  [120, '2m'],
  [192, '3m12s'],
  [599, '9m59s'],
  [600, '10m'],
  [10_799, '179m'],
  [10_800, '3h'],
  [11_100, '3h5m'],
  [28_800, '8h'],
  [172_799, '47h'],
  [172_800, '2d'],
  [176_400, '2d1h'],
  [691_200, '8d'],
  [63_072_000, '2y'],
  [63_158_400, '2y1d'],
  [252_288_000, '8y'],
];
test('Ages have two or three significant figures', (t) => {
  for (const [seconds, text] of ages) t.is(humanDuration(seconds * 1000), text);
});

test('The columns are those that kubectl users know; + marks -o wide', (t) => {
  t.is(headers('', 'Pod'), 'Name Ready Status Restarts Age +IP +Node +Nominated Node +Readiness Gates');
  t.is(headers('apps', 'Deployment'), 'Name Ready Up-to-date Available Age +Containers +Images +Selector');
  t.is(headers('apps', 'ReplicaSet'), 'Name Desired Current Ready Age +Containers +Images +Selector');
  t.is(headers('', 'Service'), 'Name Type Cluster-IP External-IP Port(s) Age +Selector');
  t.is(headers('', 'Event'), 'Last Seen Type Reason Object +Subobject +Source Message +First Seen +Count +Name');
  t.is(headers('autoscaling', 'HorizontalPodAutoscaler'), 'Name Reference Targets MinPods MaxPods Replicas Age');
  t.is(headers('rbac.authorization.k8s.io', 'Role'), 'Name Created At');
});

const container = (state: object, more: object = {}): object => ({ name: 'app', ready: false, restartCount: 0, state, ...more });
const pod = (status: object, more: object = {}): JsonObject => ({ spec: { containers: [{ name: 'app' }] }, status, ...more });
const statuses: readonly (readonly [what: string, pod: JsonObject, ready: string, status: string, restarts: string])[] = [
  ['pending', pod({ phase: 'Pending' }), '0/1', 'Pending', '0'],
  ['creating', pod({ phase: 'Pending', containerStatuses: [container({ waiting: { reason: 'ContainerCreating' } })] }), '0/1', 'ContainerCreating', '0'],
  ['running', pod({ phase: 'Running', containerStatuses: [container({ running: {} }, { ready: true })] }), '1/1', 'Running', '0'],
  [
    'crashing',
    pod({
      phase: 'Running',
      containerStatuses: [
        container({ waiting: { reason: 'CrashLoopBackOff' } }, { restartCount: 3, lastState: { terminated: { finishedAt: '2026-01-01T00:59:00Z' } } }),
      ],
    }),
    '0/1',
    'CrashLoopBackOff',
    '3 (60s ago)',
  ],
  ['failed', pod({ phase: 'Failed', containerStatuses: [container({ terminated: { exitCode: 3 } })] }), '0/1', 'ExitCode:3', '0'],
  ['killed', pod({ phase: 'Failed', containerStatuses: [container({ terminated: { exitCode: 137, signal: 9 } })] }), '0/1', 'Signal:9', '0'],
  ['evicted', pod({ phase: 'Failed', reason: 'Evicted' }), '0/1', 'Evicted', '0'],
  ['terminating', pod({ phase: 'Running' }, { metadata: { ...metadata, deletionTimestamp: '2026-01-01T00:59:00Z' } }), '0/1', 'Terminating', '0'],
  [
    'initialising',
    pod(
      { phase: 'Pending', initContainerStatuses: [container({ running: {} })] },
      { spec: { containers: [{ name: 'app' }], initContainers: [{ name: 'a' }, { name: 'b' }] } },
    ),
    '0/1',
    'Init:0/2',
    '0',
  ],
];
test('READY, STATUS and RESTARTS of a pod tell what it is doing', (t) => {
  for (const [what, object, ready, status, restarts] of statuses) t.deepEqual(cells('', 'Pod', object).slice(1, 4), [ready, status, restarts], what);
});

const workloadSpec = {
  replicas: 3,
  selector: { matchLabels: { app: 'x' }, matchExpressions: [{ key: 'a', operator: 'In', values: ['2', '1'] }] },
  template: {
    spec: {
      containers: [
        { name: 'a', image: 'i' },
        { name: 'b', image: 'j' },
      ],
    },
  },
};
const rows: readonly (readonly [group: string, kind: string, object: JsonObject, cells: readonly unknown[]])[] = [
  ['apps', 'Deployment', { spec: workloadSpec, status: { readyReplicas: 1, updatedReplicas: 2 } }, ['x', '1/3', 2, 0, '62s', 'a,b', 'i,j', 'a in (1,2),app=x']],
  ['apps', 'ReplicaSet', { spec: workloadSpec, status: { replicas: 2 } }, ['x', 3, 2, 0, '62s', 'a,b', 'i,j', 'a in (1,2),app=x']],
  ['apps', 'StatefulSet', { spec: workloadSpec }, ['x', '0/3', '62s', 'a,b', 'i,j']],
  [
    '',
    'Service',
    { spec: { type: 'ClusterIP', clusterIPs: ['10.0.0.1'], ports: [{ port: 80, protocol: 'TCP' }], selector: { b: '2', a: '1' } } },
    ['x', 'ClusterIP', '10.0.0.1', '<none>', '80/TCP', '62s', 'a=1,b=2'],
  ],
  ['', 'Service', { spec: { type: 'LoadBalancer' } }, ['x', 'LoadBalancer', '<none>', '<pending>', '<none>', '62s', '<none>']],
  [
    '',
    'Endpoints',
    { subsets: [{ addresses: ['1', '2', '3', '4'].map((last) => ({ ip: `10.0.0.${last}` })), ports: [{ port: 8080 }] }] },
    ['x', '10.0.0.1:8080,10.0.0.2:8080,10.0.0.3:8080 + 1 more...', '62s'],
  ],
  [
    'discovery.k8s.io',
    'EndpointSlice',
    { addressType: 'IPv4', ports: [{ port: 80 }], endpoints: [{ addresses: ['10.0.0.1'] }] },
    ['x', 'IPv4', '80', '10.0.0.1', '62s'],
  ],
  ['discovery.k8s.io', 'EndpointSlice', { addressType: 'IPv4' }, ['x', 'IPv4', '<unset>', '<unset>', '62s']],
  ['', 'ConfigMap', { data: { a: '1' }, binaryData: { b: '' } }, ['x', 2, '62s']],
  ['', 'Secret', { type: 'Opaque', data: { a: '1' } }, ['x', 'Opaque', 1, '62s']],
  ['', 'Namespace', { status: { phase: 'Active' } }, ['x', 'Active', '62s']],
  ['coordination.k8s.io', 'Lease', { spec: { holderIdentity: 'me' } }, ['x', 'me', '62s']],
  ['admissionregistration.k8s.io', 'MutatingWebhookConfiguration', { webhooks: [{}, {}] }, ['x', 2, '62s']],
  ['policy', 'PodDisruptionBudget', { spec: { minAvailable: '50%' }, status: { disruptionsAllowed: 1 } }, ['x', '50%', 'N/A', 1, '62s']],
  [
    'apps',
    'ControllerRevision',
    { revision: 4, metadata: { ...metadata, ownerReferences: [{ apiVersion: 'apps/v1', kind: 'Deployment', name: 'web', controller: true }] } },
    ['x', 'deployment.apps/web', 4, '62s'],
  ],
  [
    'autoscaling',
    'HorizontalPodAutoscaler',
    {
      spec: {
        scaleTargetRef: { kind: 'Deployment', name: 'web' },
        maxReplicas: 5,
        metrics: [{ type: 'Resource', resource: { name: 'cpu', target: { averageUtilization: 80 } } }],
      },
      status: { currentReplicas: 2, currentMetrics: [{ type: 'Resource', resource: { current: { averageUtilization: 30 } } }] },
    },
    ['x', 'Deployment/web', 'cpu: 30%/80%', '<unset>', 5, 2, '62s'],
  ],
  [
    '',
    'Event',
    {
      type: 'Normal',
      reason: 'Scaled',
      message: ' up ',
      involvedObject: { kind: 'Deployment', name: 'web' },
      lastTimestamp: '2026-01-01T00:59:50Z',
      source: { component: 'rouse' },
    },
    ['10s', 'Normal', 'Scaled', 'deployment/web', '', 'rouse', 'up', '<unknown>', 1, 'x'],
  ],
  [
    '',
    'Node',
    { spec: { unschedulable: true }, status: { conditions: [{ type: 'Ready', status: 'True' }], nodeInfo: { kubeletVersion: 'v1.36.3' } } },
    ['x', 'Ready,SchedulingDisabled', '<none>', '62s', 'v1.36.3', '<none>', '<none>', '<unknown>', '<unknown>', '<unknown>'],
  ],
];
test('Rows hold what kube-apiserver prints', (t) => {
  for (const [group, kind, object, wanted] of rows) t.deepEqual(cells(group, kind, object), [...wanted], kind);
});

test('A row carries nothing, the metadata or the whole object, as asked for', (t) => {
  const row = (includeObject: 'None' | 'Metadata' | 'Object'): unknown =>
    listAt(renderTable([{ metadata, data: {} }], { resource: { group: '', kind: 'ConfigMap' }, now, includeObject, headers: false, metadata: {} }), 'rows')[0];
  const shown = { cells: ['x', 0, '62s'] };
  t.deepEqual(row('None'), shown);
  t.deepEqual(row('Metadata'), { ...shown, object: { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata } });
  t.deepEqual(row('Object'), { ...shown, object: { metadata, data: {} } });
});
