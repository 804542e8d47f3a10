import test from 'ava';
import fc from 'fast-check';
import { configMapView, endpointsView, endpointSliceView, namespaceView, podView, serviceView, workloadView } from '../index.ts';
import { Interner } from './interner.ts';

const metadata = {
  namespace: 'default',
  name: 'web-1',
  uid: 'u1',
  resourceVersion: '7',
  creationTimestamp: '2030-01-01T00:00:00Z',
  labels: { app: 'web' },
  ownerReferences: [
    { kind: 'Thing', name: 'other', uid: 'o0' },
    { kind: 'ReplicaSet', name: 'web', uid: 'o1', controller: true },
  ],
  annotations: {
    'rouse.dev/x': '1',
    'kubectl.kubernetes.io/last-applied-configuration': '{}',
    'example.org/big': 'y'.repeat(1000),
    'controller.kubernetes.io/pod-deletion-cost': '5',
  },
  managedFields: [
    { manager: 'kubectl', operation: 'Update', subresource: 'scale', time: '2030-01-01T00:00:01Z', fieldsV1: { 'f:spec': { 'f:replicas': {} } } },
    { manager: 'rouse', operation: 'Update', subresource: 'scale', time: '2030-01-01T00:00:05Z', fieldsV1: { 'f:spec': { 'f:replicas': {} } } },
    { manager: 'kubectl-client-side-apply', operation: 'Update', time: '2030-01-01T00:00:09Z', fieldsV1: { 'f:spec': { 'f:replicas': {} } } },
  ],
};

test('a pod is trimmed to what is used', (t) => {
  const view = podView({
    metadata,
    spec: {
      nodeName: 'n1',
      readinessGates: [{ conditionType: 'a' }],
      containers: [
        {
          name: 'app',
          image: 'app:1',
          ports: [{ containerPort: 80, name: 'http' }],
          readinessProbe: { httpGet: { path: '/up', port: 'http', httpHeaders: [{ name: 'a', value: 'b' }] }, timeoutSeconds: 3 },
        },
        { name: 'side', image: 'side:1' },
      ],
    },
    status: {
      phase: 'Running',
      podIP: '10.0.0.1',
      podIPs: [{ ip: '10.0.0.1' }, { ip: 'fd00::1' }],
      conditions: [
        { type: 'Ready', status: 'True', lastTransitionTime: '2030-01-01T00:00:05Z' },
        { type: 'PodScheduled', status: 'True' },
      ],
      containerStatuses: [
        {
          name: 'side',
          restartCount: 4,
          ready: false,
          state: { waiting: { reason: 'CrashLoopBackOff', message: 'back-off' } },
          lastState: { terminated: { exitCode: 137, reason: 'OOMKilled' } },
        },
        { name: 'app', restartCount: 0, ready: true, state: { running: { startedAt: '2030-01-01T00:00:00Z' } } },
      ],
    },
  });
  t.deepEqual(view, {
    namespace: 'default',
    name: 'web-1',
    uid: 'u1',
    resourceVersion: '7',
    labels: { app: 'web' },
    annotations: { 'rouse.dev/x': '1', 'controller.kubernetes.io/pod-deletion-cost': '5' },
    createdAt: Date.UTC(2030, 0, 1),
    deleting: false,
    owner: { kind: 'ReplicaSet', name: 'web', uid: 'o1' },
    phase: 'Running',
    podIPs: ['10.0.0.1', 'fd00::1'],
    nodeName: 'n1',
    ready: true,
    readyChangedAt: Date.UTC(2030, 0, 1, 0, 0, 5),
    resources: { containers: ['app', 'side'], cpuRequest: undefined, withoutCpuRequest: 'app' },
    scheduled: true,
    unschedulableMessage: undefined,
    hasReadinessGates: true,
    containers: [
      {
        name: 'app',
        image: 'app:1',
        ports: [{ name: 'http', containerPort: 80, protocol: 'TCP' }],
        readinessProbe: { kind: 'http', port: 'http', path: '/up', headers: { a: 'b' }, timeoutSeconds: 3, scheme: 'HTTP' },
        state: 'running',
        stateReason: undefined,
        stateMessage: undefined,
        ready: true,
      },
      {
        name: 'side',
        image: 'side:1',
        ports: [],
        readinessProbe: undefined,
        state: 'waiting',
        stateReason: 'CrashLoopBackOff',
        stateMessage: 'back-off',
        lastEnd: 'exit code 137 (OOMKilled)',
        ready: false,
      },
    ],
  });
});

test('what a pod requests is that of its containers and sidecars together, or what it says itself', (t) => {
  const asking = (cpu: unknown): object => ({ resources: { requests: { cpu } } });
  const of = (spec: object): unknown => podView({ metadata, spec }).resources;
  const two = [
    { name: 'app', ...asking('250m') },
    { name: 'side', ...asking(1) },
  ];
  t.like(of({ containers: two }), { containers: ['app', 'side'], cpuRequest: 1.25, withoutCpuRequest: undefined });
  const sidecar = { name: 'proxy', restartPolicy: 'Always', ...asking('100m') };
  t.like(of({ containers: two, initContainers: [{ name: 'once' }, sidecar] }), {
    containers: ['app', 'side', 'proxy'],
    withoutCpuRequest: undefined,
    cpuRequest: 1.35,
  });
  t.like(of({ containers: two, initContainers: [{ ...sidecar, ...asking('.5') }] }), { cpuRequest: 1.75 });
  t.like(of({ containers: [{ name: 'app' }], ...asking('2') }), { containers: ['app'], cpuRequest: 2, withoutCpuRequest: undefined });
  for (const none of [undefined, '', '0', 'much', -1, {}])
    t.like(of({ containers: [{ name: 'app', ...asking(none) }] }), { cpuRequest: undefined, withoutCpuRequest: 'app' });
});

test('of a template every request is kept, or who has none; a limit is one where no request is said', (t) => {
  const of = (spec: object): unknown => workloadView('deployments.apps')({ metadata, spec: { template: { spec } } }).podRequests;
  const app = { name: 'app', resources: { requests: { cpu: '250m' }, limits: { cpu: '1', memory: '1Gi' } } };
  const side = { name: 'side', resources: { requests: { memory: '1Mi' } } };
  t.deepEqual(of({ containers: [app] }), { cpu: 0.25, memory: 2 ** 30 });
  t.deepEqual(of({ containers: [app, side] }), { cpu: { without: 'side' }, memory: 2 ** 30 + 2 ** 20 });
  t.deepEqual(of({ containers: [app], initContainers: [{ name: 'once' }, { ...side, restartPolicy: 'Always' }] }), {
    cpu: { without: 'side' },
    memory: 2 ** 30 + 2 ** 20,
  });
  t.deepEqual(of({ containers: [app, side], resources: { requests: { cpu: '2' }, limits: { memory: '4Gi' } } }), { cpu: 2, memory: 2 ** 30 + 2 ** 20 });
  t.deepEqual(of({ containers: [{ name: 'app' }], resources: { limits: { memory: '4Gi' } } }), { cpu: { without: 'app' }, memory: 2 ** 32 });
  t.deepEqual(workloadView('things.example.com')({ metadata }).podRequests, { cpu: { without: '' }, memory: { without: '' } });
});

test('why a pod cannot be scheduled is kept', (t) => {
  const view = podView({
    metadata,
    spec: { containers: [] },
    status: { conditions: [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: '0/3 nodes' }] },
  });
  t.is(view.unschedulableMessage, '0/3 nodes');
  t.false(view.scheduled);
});

test('init containers are kept where there are some, so that one that cannot start is seen', (t) => {
  const view = podView({
    metadata,
    spec: { containers: [], initContainers: [{ name: 'migrate', image: 'm:1' }] },
    status: { initContainerStatuses: [{ name: 'migrate', state: { waiting: { reason: 'ImagePullBackOff' } } }] },
  });
  t.like(view.initContainers?.[0], { name: 'migrate', state: 'waiting', stateReason: 'ImagePullBackOff' });
  t.false('initContainers' in podView({ metadata }));
});

test('pods of one workload share what they have in common', (t) => {
  const pod = (name: string): unknown => ({
    metadata: { ...metadata, name },
    spec: { containers: [{ name: 'app', ports: [{ containerPort: 80 }], readinessProbe: { tcpSocket: { port: 80 } } }] },
  });
  const [one, other] = [podView(structuredClone(pod('a'))), podView(structuredClone(pod('b')))];
  t.is(one.labels, other.labels);
  t.is(one.owner, other.owner);
  t.is(one.containers[0]?.ports, other.containers[0]?.ports);
  t.is(one.containers[0]?.readinessProbe, other.containers[0]?.readinessProbe);
});

test('what is shared is bounded', (t) => {
  const interner = new Interner(2);
  const first = interner.share({ a: 1 });
  t.is(interner.share({ a: 1 }), first);
  interner.share({ a: 2 });
  interner.share({ a: 3 });
  t.not(interner.share({ a: 1 }), first);
  t.deepEqual(interner.share({ a: 1 }), { a: 1 });
});

test('a workload remembers who scaled it last, newest first, and only through /scale', (t) => {
  const view = workloadView('deployments.apps')({
    metadata: { ...metadata, generation: 4 },
    spec: {
      replicas: 0,
      paused: true,
      selector: { matchLabels: { app: 'web' }, matchExpressions: [{ key: 'tier', operator: 'In', values: ['a'] }] },
      template: { metadata: { labels: { app: 'web' } } },
    },
    status: { observedGeneration: 3, readyReplicas: 2, conditions: [{ type: 'ReplicaFailure', status: 'True', reason: 'FailedCreate', message: 'quota' }] },
  });
  t.deepEqual(view.scaledBy, [
    { manager: 'rouse', at: Date.UTC(2030, 0, 1, 0, 0, 5) },
    { manager: 'kubectl', at: Date.UTC(2030, 0, 1, 0, 0, 1) },
  ]);
  t.is(view.specReplicas, 0);
  t.is(view.progressDeadlineSeconds, 600);
  t.true(view.paused);
  t.deepEqual(view.conditions, [{ type: 'ReplicaFailure', status: 'True', reason: 'FailedCreate', message: 'quota' }]);
  t.false('kubectl.kubernetes.io/last-applied-configuration' in view.annotations);
  t.true('example.org/big' in view.annotations);
});

test('the first pod of a StatefulSet is number 0, unless it says otherwise', (t) => {
  const firstOf = (spec: object): number => workloadView('statefulsets.apps')({ metadata, spec }).firstOrdinal;
  t.deepEqual([{}, { ordinals: {} }, { ordinals: { start: 5 } }].map(firstOf), [0, 0, 5]);
});

test('a Service without a selector, or with an empty one, has none', (t) => {
  t.is(serviceView({ metadata, spec: { selector: {} } }).selector, undefined);
  t.is(serviceView({ metadata, spec: {} }).selector, undefined);
  const view = serviceView({
    metadata,
    spec: { selector: { app: 'web' }, ports: [{ port: 80 }, { port: 81, targetPort: 'http', name: 'x', appProtocol: 'kubernetes.io/h2c' }] },
  });
  t.deepEqual(view.selector, { app: 'web' });
  t.deepEqual(view.ports, [
    { name: undefined, port: 80, protocol: 'TCP', targetPort: 80, appProtocol: undefined },
    { name: 'x', port: 81, protocol: 'TCP', targetPort: 'http', appProtocol: 'kubernetes.io/h2c' },
  ]);
});

test('conditions of an endpoint that are not set have the meaning the API gives them', (t) => {
  const view = endpointSliceView({
    metadata: { ...metadata, labels: { 'kubernetes.io/service-name': 'web', 'endpointslice.kubernetes.io/managed-by': 'rouse.dev' } },
    endpoints: [
      { addresses: ['10.0.0.1'], targetRef: { kind: 'Pod', uid: 'p' } },
      { addresses: ['10.0.0.2'], conditions: { ready: false, serving: true, terminating: true } },
    ],
    ports: [{ port: 80 }, { name: 'x' }],
  });
  t.is(view.serviceName, 'web');
  t.is(view.managedBy, 'rouse.dev');
  t.is(view.owner?.uid, 'o1');
  t.deepEqual(view.endpoints, [
    { addresses: ['10.0.0.1'], ready: true, serving: true, terminating: false, podUid: 'p' },
    { addresses: ['10.0.0.2'], ready: false, serving: true, terminating: true, podUid: undefined },
  ]);
  t.deepEqual(view.ports, [
    { name: '', port: 80, protocol: 'TCP' },
    { name: 'x', port: undefined, protocol: 'TCP' },
  ]);
});

test('endpoints are counted, ready or not', (t) => {
  t.is(endpointsView({ metadata, subsets: [{ addresses: [{}, {}], notReadyAddresses: [{}] }, {}] }).addresses, 3);
});

/** Any JSON, biased to the field names that the mappers look for, so that odd values turn up in all places. */
const odd = fc.letrec((tie) => ({
  value: fc.oneof({ depthSize: 'small' }, fc.constantFrom(null, true, 0, -1, 1e300, '', 'x', '2030'), fc.array(tie('value'), { maxLength: 3 }), tie('object')),
  object: fc.dictionary(
    fc.constantFrom(
      ...[
        'metadata',
        'spec',
        'status',
        'labels',
        'annotations',
        'ownerReferences',
        'controller',
        'containers',
        'containerStatuses',
        'name',
        'state',
        'waiting',
      ],
      ...[
        'running',
        'conditions',
        'type',
        'ports',
        'readinessProbe',
        'httpGet',
        'httpHeaders',
        'port',
        'podIPs',
        'ip',
        'template',
        'selector',
        'matchExpressions',
      ],
      ...['managedFields', 'fieldsV1', 'endpoints', 'addresses', 'subsets', 'data', '__proto__', 'constructor'],
    ),
    tie('value'),
    { maxKeys: 8 },
  ),
})).value;

for (const [name, view] of Object.entries({
  podView,
  serviceView,
  workload: workloadView('x.y'),
  endpointSliceView,
  endpointsView,
  configMapView,
  namespaceView,
})) {
  test(`${name} takes any JSON, and always answers the same whole view`, (t) => {
    fc.assert(
      fc.property(odd, (raw) => {
        const seen = view(raw);
        t.deepEqual(Object.keys(seen).sort(), Object.keys(view({})).sort());
        t.is(typeof seen.name, 'string');
      }),
    );
  });
}
