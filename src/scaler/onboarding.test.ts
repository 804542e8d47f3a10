import test from 'ava';
import { millis, seconds } from '../core/index.ts';
import type { WorkloadView } from '../kube/index.ts';
import { hello, viewOf } from './testing/views.ts';
import { world, type World } from './testing/world.ts';

const on = { 'rouse.dev/enabled': 'true', 'rouse.dev/window': '6s' };
const stateOf = ({ cluster }: World): unknown => JSON.parse(cluster.view.annotations['rouse.dev/state'] ?? 'null');
const hpa = {
  metadata: { name: 'hello', namespace: 'default', uid: 'uid-hpa', resourceVersion: '5' },
  spec: { minReplicas: 2, maxReplicas: 6, scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'hello' } },
};
const adopting = { ...on, 'rouse.dev/adopt-hpa': 'true' };
const poke = { workload: hello, held: 1, oldestHeldMs: 0 };

test('the count before onboarding is on record before any pod goes, also where the webhook was down', async (t) => {
  const w = await world((c) => {
    c.put(viewOf({ annotations: on, specReplicas: 3 }));
  });
  await w.advance(seconds(40));
  t.is(w.cluster.view.specReplicas, 0);
  t.deepEqual(stateOf(w), { v: 1, replicasBefore: 3 });
  const recorded = w.cluster.writes.findIndex((write) => write.includes('replicasBefore'));
  t.true(recorded >= 0 && recorded < w.cluster.writes.findIndex((write) => write.startsWith('scale')));
  t.is(w.events[0]?.type, 'onboarded');
});

test('live pods are not touched by onboarding', async (t) => {
  const w = await world((c) => {
    c.put(viewOf({ annotations: on, specReplicas: 3 }));
  });
  w.load.warm = false;
  await w.advance(seconds(10));
  t.is(w.cluster.view.specReplicas, 3);
  t.false(w.cluster.writes.some((write) => write.startsWith('scale')));
});

test('an adopted HPA is remembered, then removed, and its bounds apply where nothing else is said', async (t) => {
  const w = await world((c) => {
    c.put(viewOf({ annotations: { ...on, 'rouse.dev/adopt-hpa': 'true' }, specReplicas: 3 }));
    c.hpas.push(hpa);
  });
  await w.advance(seconds(2));
  t.deepEqual(stateOf(w), {
    v: 1,
    replicasBefore: 3,
    adoptedHpa: { apiVersion: 'autoscaling/v2', kind: 'HorizontalPodAutoscaler', metadata: { name: 'hello', namespace: 'default' }, spec: hpa.spec },
  });
  t.true(w.cluster.writes.findIndex((write) => write.includes('adoptedHpa')) < w.cluster.writes.indexOf('delete horizontalpodautoscalers hello'));
  t.like(w.registry.get(hello)?.spec.scaling, { min: 2, max: 6 });
  w.load.concurrency = 0;
  await w.advance(seconds(60));
  t.is(w.cluster.view.specReplicas, 2);
});

const resource = (name: string, target: object): object => ({ type: 'Resource', resource: { name, target } });
const ofQueue = { type: 'External', external: { metric: { name: 'queue' }, target: { type: 'AverageValue', averageValue: '30' } } };
const measuring = (...metrics: readonly object[]): typeof hpa => ({ ...hpa, spec: { ...hpa.spec, metrics } as typeof hpa.spec });

test('the targets of an adopted HPA apply where nobody says by what to scale; what cannot be taken over is named', async (t) => {
  const both = measuring(
    resource('cpu', { type: 'Utilization', averageUtilization: 75 }),
    resource('memory', { type: 'AverageValue', averageValue: '512Mi' }),
    ofQueue,
  );
  const w = await world((c) => {
    c.put(viewOf({ annotations: adopting, specReplicas: 3 }));
    c.hpas.push(both);
  });
  await w.advance(seconds(2));
  t.deepEqual(w.registry.get(hello)?.spec.scaling.metrics, [
    { metric: 'cpu', target: 75 },
    { metric: 'memory', target: 512 * 2 ** 20 },
  ]);
  t.deepEqual(
    w.events.filter(({ type }) => type === 'hpa-metrics-left-out'),
    [{ type: 'hpa-metrics-left-out', workload: hello, metrics: ['External queue (30)'] }],
  );
  t.regex(
    w.registry
      .get(hello)
      ?.warnings.map(({ message }) => message)
      .join() ?? '',
    /not taken over: External queue \(30\)/,
  );
  w.cluster.annotate({ 'rouse.dev/metric': 'concurrency' });
  await w.advance(seconds(2));
  t.deepEqual(w.registry.get(hello)?.spec.scaling.metrics, [{ metric: 'concurrency', target: 100 }], 'what is on the workload is all that counts');
  w.cluster.annotate({ 'rouse.dev/enabled': null });
  await w.advance(seconds(10));
  t.deepEqual(w.cluster.hpas[0]?.spec, both.spec, 'it comes back as it was');
});

test('of the behavior of an adopted HPA the wait before a fall is scale-down-delay; the rest is named', async (t) => {
  const policy = (type: string, value: number, periodSeconds: number): object => ({ type, value, periodSeconds });
  const behavior = {
    scaleUp: { stabilizationWindowSeconds: 30, selectPolicy: 'Min', policies: [policy('Pods', 2, 60)] },
    scaleDown: { stabilizationWindowSeconds: 120, selectPolicy: 'Max', policies: [policy('Percent', 100, 15)] },
  };
  const w = await world((c) => {
    c.put(viewOf({ annotations: adopting, specReplicas: 3 }));
    c.hpas.push({ ...hpa, spec: { ...hpa.spec, behavior } });
  });
  await w.advance(seconds(2));
  t.is(w.registry.get(hello)?.spec.scaling.scaleDownDelay, seconds(120));
  const rules = ['scaleUp stabilizationWindowSeconds 30', 'scaleUp policies (Pods 2 per 60s)', 'scaleUp selectPolicy Min'];
  t.deepEqual(
    w.events.filter(({ type }) => type === 'hpa-behavior-left-out'),
    [{ type: 'hpa-behavior-left-out', workload: hello, rules }],
  );
  t.regex(
    w.registry
      .get(hello)
      ?.warnings.map(({ message }) => message)
      .join() ?? '',
    /behavior .* not taken over: scaleUp stabilizationWindowSeconds 30/,
  );
  w.cluster.annotate({ 'rouse.dev/scale-down-delay': '5s' });
  await w.advance(seconds(2));
  t.is(w.registry.get(hello)?.spec.scaling.scaleDownDelay, seconds(5), 'what is on the workload wins');
});

test('what the API server fills in of a behavior is not missed', async (t) => {
  const policies = [
    { type: 'Pods', value: 4, periodSeconds: 15 },
    { type: 'Percent', value: 100, periodSeconds: 15 },
  ];
  const behavior = {
    scaleUp: { stabilizationWindowSeconds: 0, selectPolicy: 'Max', policies },
    scaleDown: { selectPolicy: 'Max', policies: policies.slice(1) },
  };
  const w = await world((c) => {
    c.put(viewOf({ annotations: adopting, specReplicas: 3 }));
    c.hpas.push({ ...hpa, spec: { ...hpa.spec, behavior } });
  });
  await w.advance(seconds(2));
  t.is(w.registry.get(hello)?.spec.scaling.scaleDownDelay, seconds(0));
  t.deepEqual(
    w.events.filter(({ type }) => type === 'hpa-behavior-left-out'),
    [],
  );
});

test("of an adopted HPA shares of memory and amounts of CPU are turned into Rouse's targets by the requests of the template, also of a new one", async (t) => {
  const turned = measuring(
    resource('cpu', { type: 'AverageValue', averageValue: '500m' }),
    resource('memory', { type: 'Utilization', averageUtilization: 60 }),
  );
  const w = await world((c) => {
    c.put(viewOf({ annotations: adopting, specReplicas: 3, podRequests: { cpu: 0.3, memory: 2e9 } }));
    c.hpas.push(turned);
  });
  const metrics = (): unknown => w.registry.get(hello)?.spec.scaling.metrics;
  const told = (): unknown => w.events.flatMap((event) => (event.type === 'hpa-metrics-left-out' ? [event.metrics] : []));
  await w.advance(seconds(2));
  t.deepEqual(metrics(), [
    { metric: 'cpu', target: 166.67 },
    { metric: 'memory', target: 1.2e9 },
  ]);
  w.cluster.put({ ...w.cluster.view, podRequests: { cpu: 1, memory: 1e9 } });
  t.deepEqual(metrics(), [
    { metric: 'cpu', target: 50 },
    { metric: 'memory', target: 6e8 },
  ]);
  t.deepEqual(told(), []);
  const without: WorkloadView = { ...w.cluster.view, podRequests: { cpu: 1, memory: { without: 'proxy' } } };
  for (const view of [without, without]) w.cluster.put({ ...view, generation: view.generation + 1 });
  t.deepEqual(metrics(), [{ metric: 'cpu', target: 50 }]);
  t.deepEqual(told(), [['Resource memory (60%: container proxy of the pod template has no memory request)']]);
});

test('of an HPA with nothing that can be taken over the bounds apply, and concurrency as always', async (t) => {
  const w = await world((c) => {
    c.put(viewOf({ annotations: adopting, specReplicas: 3 }));
    c.hpas.push(
      measuring(
        ofQueue,
        resource('cpu', { type: 'AverageValue', averageValue: '500m' }),
        resource('memory', { type: 'Utilization', averageUtilization: 60 }),
        resource('cpu', { type: 'Value', value: '2' }),
        { type: 'ContainerResource', containerResource: { name: 'cpu', container: 'app', target: { type: 'Utilization', averageUtilization: 50 } } },
        { type: 'Pods', pods: { metric: { name: 'packets' }, target: { averageValue: '1k' } } },
      ),
    );
  });
  await w.advance(seconds(2));
  t.like(w.registry.get(hello)?.spec.scaling, { min: 2, max: 6, metrics: [{ metric: 'concurrency', target: 100 }] });
  t.like(
    w.events.find(({ type }) => type === 'hpa-metrics-left-out'),
    {
      metrics: [
        'External queue (30)',
        'Resource cpu (500m: container app of the pod template has no cpu request)',
        'Resource memory (60%: container app of the pod template has no memory request)',
        'Resource cpu (2)',
        'ContainerResource cpu of container app (50%)',
        'Pods packets (1k)',
      ],
    },
  );
});

test('an HPA that comes later is adopted, where that is allowed; an edit in between is saved before it goes', async (t) => {
  const w = await world((c) => {
    c.put(viewOf({ annotations: adopting, specReplicas: 3 }));
  });
  await w.advance(seconds(4));
  t.is((stateOf(w) as { adoptedHpa?: unknown }).adoptedHpa, undefined);
  w.cluster.hpas.push({ ...hpa, spec: { ...hpa.spec, maxReplicas: 9 } });
  await w.advance(seconds(62));
  t.is(w.cluster.hpas.length, 0);
  t.like(w.registry.get(hello)?.spec.scaling, { max: 9 });
  t.is(w.events.filter(({ type }) => type === 'hpa-adopted').length, 1);
});

test('an HPA that is to be given back is not forgotten for another that comes later, which stays and is told', async (t) => {
  const w = await world((c) => {
    c.put(viewOf({ annotations: adopting, specReplicas: 3 }));
    c.hpas.push(hpa);
  });
  await w.advance(seconds(2));
  w.cluster.hpas.push({ ...hpa, metadata: { ...hpa.metadata, name: 'other', uid: 'uid-other' } });
  await w.advance(seconds(62));
  t.like(stateOf(w), { adoptedHpa: { metadata: { name: 'hello' } } });
  t.deepEqual(
    w.cluster.hpas.map(({ metadata }) => metadata?.name),
    ['other'],
  );
  t.true(w.events.some((event) => event.type === 'settings-refused' && /other scales the same workload, and hello is adopted/.test(event.problems[0] ?? '')));
});

test('that an HPA may be adopted can be said later', async (t) => {
  const w = await world((c) => {
    c.put(viewOf({ annotations: on, specReplicas: 3 }));
    c.hpas.push(hpa);
  });
  await w.advance(seconds(2));
  t.is(w.cluster.hpas.length, 1);
  w.cluster.annotate({ 'rouse.dev/adopt-hpa': 'true' });
  await w.advance(seconds(2));
  t.is(w.cluster.hpas.length, 0);
});

test('an HPA that came past the webhook and sets the count is told, and what to do', async (t) => {
  const w = await world((c) => {
    c.put(viewOf({ annotations: on, specReplicas: 3 }));
  });
  await w.advance(seconds(2));
  w.cluster.hpas.push(hpa);
  w.cluster.scaleByHand(5, 'kube-controller-manager');
  await w.advance(seconds(4));
  t.is(w.events.filter((event) => event.type === 'settings-refused' && /hello scales the same workload/.test(event.problems[0] ?? '')).length, 1);
  t.is(w.cluster.view.specReplicas, 5);
});

test('an HPA comes back as its owners wrote it, and as theirs', async (t) => {
  const managedFields = [
    { manager: 'argocd', operation: 'Apply', fieldsV1: { 'f:spec': {} } },
    { manager: 'kube-controller-manager', operation: 'Update', subresource: 'status', fieldsV1: { 'f:status': {} } },
  ];
  const ownerReferences = [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'owner', uid: 'u' }];
  const w = await world((c) => {
    c.put(viewOf({ annotations: adopting, specReplicas: 2 }));
    c.hpas.push({ ...hpa, metadata: { ...hpa.metadata, managedFields, ownerReferences } });
  });
  await w.advance(seconds(4));
  w.cluster.annotate({ 'rouse.dev/enabled': null });
  await w.advance(seconds(20));
  t.deepEqual(w.cluster.hpas[0]?.metadata?.managedFields, [managedFields[0]] as never);
  t.deepEqual(w.cluster.hpas[0]?.metadata?.ownerReferences, ownerReferences);
  t.is(stateOf(w), null);
});

test('an HPA that the API server will not take back is told once and stays on record until it is', async (t) => {
  const w = await world((c) => {
    c.put(viewOf({ annotations: adopting, specReplicas: 2 }));
    c.hpas.push(hpa);
  });
  await w.advance(seconds(4));
  w.cluster.creationRefusals.push('forbidden', 'forbidden', 'forbidden');
  w.cluster.annotate({ 'rouse.dev/enabled': null });
  await w.advance(seconds(4));
  t.truthy((stateOf(w) as { adoptedHpa?: unknown }).adoptedHpa);
  await w.advance(seconds(20));
  t.is(w.events.filter(({ type }) => type === 'hpa-refused').length, 1);
  t.is(w.cluster.hpas.length, 1);
  t.is(stateOf(w), null);
});

test('an HPA that may not be adopted stays and is told', async (t) => {
  const w = await world((c) => {
    c.put(viewOf({ annotations: on, specReplicas: 3 }));
    c.hpas.push(hpa);
  });
  await w.advance(seconds(2));
  t.is(w.cluster.hpas.length, 1);
  t.true(w.events.some((event) => event.type === 'settings-refused' && /adopt-hpa/.test(event.problems[0] ?? '')));
});

test('switching off hands back: as many pods as before, then the path, then what we wrote', async (t) => {
  const w = await world((c) => {
    c.put(viewOf({ annotations: on, specReplicas: 3 }));
  });
  await w.advance(seconds(40));
  t.is(w.cluster.view.specReplicas, 0);
  w.cluster.annotate({ 'rouse.dev/enabled': 'false' });
  await w.advance(seconds(4));
  t.is(w.cluster.view.specReplicas, 3);
  t.deepEqual(w.path.handedBack, [hello]);
  t.deepEqual(w.cluster.view.annotations, { 'rouse.dev/enabled': 'false', 'rouse.dev/window': '6s' });
  t.deepEqual(w.scaler.decided.workloads(), []);
  t.deepEqual(w.load.forgotten, [hello]);
});

test('under load hand-back keeps what is needed, and gives the count before once idle', async (t) => {
  const w = await world((c) => {
    c.put(viewOf({ annotations: on, specReplicas: 1 }));
  });
  w.load.concurrency = 350;
  w.load.inFlight = 350;
  await w.advance(seconds(4));
  t.is(w.cluster.view.specReplicas, 5);
  w.cluster.annotate({ 'rouse.dev/enabled': null });
  await w.advance(seconds(20));
  t.deepEqual(w.path.handedBack, [hello]);
  t.is(w.cluster.view.specReplicas, 5, 'connections that still run through a gateway count');
  w.load.inFlight = 0;
  await w.advance(seconds(4));
  t.is(w.cluster.view.specReplicas, 5, 'and so does the load of the last window');
  await w.advance(seconds(6));
  t.is(w.cluster.view.specReplicas, 1);
  t.false('rouse.dev/state' in w.cluster.view.annotations);
});

test('traffic is given back only when a pod is ready, or none can get ready', async (t) => {
  const w = await world((c) => {
    c.put(viewOf({ annotations: on, specReplicas: 1 }));
  });
  await w.advance(seconds(40));
  t.is(w.cluster.view.specReplicas, 0);
  w.cluster.podsGetReady = false;
  w.cluster.annotate({ 'rouse.dev/enabled': null });
  await w.advance(seconds(10));
  t.deepEqual(w.path.handedBack, []);
  w.cluster.setPods({ ready: true });
  await w.advance(seconds(1));
  t.deepEqual(w.path.handedBack, [hello]);
});

test('a hand-back that fails goes on until it is done', async (t) => {
  const w = await world((c) => {
    c.put(viewOf({ annotations: on, specReplicas: 1 }));
  });
  await w.advance(seconds(2));
  w.path.failures = 3;
  w.cluster.annotate({ 'rouse.dev/enabled': null });
  await w.advance(seconds(12));
  t.deepEqual(w.path.handedBack, [hello]);
  t.deepEqual(w.scaler.decided.workloads(), []);
});

test('switching on again in the middle of a hand-back ends it', async (t) => {
  const w = await world((c) => {
    c.put(viewOf({ annotations: on, specReplicas: 1 }));
  });
  await w.advance(seconds(2));
  w.path.failures = 1000;
  w.cluster.annotate({ 'rouse.dev/enabled': null });
  await w.advance(seconds(10));
  w.cluster.annotate({ 'rouse.dev/enabled': 'true' });
  w.path.failures = 0;
  await w.advance(seconds(40));
  t.deepEqual(w.path.handedBack, []);
  t.is(w.cluster.view.specReplicas, 0, 'it is scaled again');
  t.deepEqual(stateOf(w), { v: 1, replicasBefore: 1 });
});

test('an adopted HPA comes back on off-boarding and gets the count', async (t) => {
  const w = await world((c) => {
    c.put(viewOf({ annotations: { ...on, 'rouse.dev/adopt-hpa': 'true' }, specReplicas: 2 }));
    c.hpas.push(hpa);
  });
  await w.advance(seconds(4));
  t.is(w.cluster.hpas.length, 0);
  w.cluster.annotate({ 'rouse.dev/enabled': null });
  await w.advance(seconds(4));
  t.is(w.cluster.hpas.length, 1);
  t.deepEqual(w.cluster.hpas[0]?.spec, hpa.spec);
});

test('a leader that comes in the middle of a hand-back takes it up again', async (t) => {
  const w = await world((c) => {
    c.put(viewOf({ annotations: { 'rouse.dev/state': '{"v":1,"replicasBefore":2}' }, specReplicas: 0 }));
  });
  await w.advance(seconds(4));
  t.is(w.cluster.view.specReplicas, 2);
  t.deepEqual(w.path.handedBack, [hello]);
  t.deepEqual(w.cluster.view.annotations, {});
});

test('settings that cannot be read leave the last good ones in force', async (t) => {
  const w = await world((c) => {
    c.put(viewOf({ annotations: { ...on, 'rouse.dev/max-scale': '4' }, specReplicas: 1 }));
  });
  w.cluster.annotate({ 'rouse.dev/max-scale': 'many', 'rouse.dev/colour': 'red' });
  t.is(Number(w.registry.get(hello)?.spec.scaling.max), 4);
  t.is(w.registry.get(hello)?.problems.length, 2);
  t.is(w.events.filter(({ type }) => type === 'settings-refused').length, 1);
  w.load.concurrency = 10_000;
  await w.advance(seconds(4));
  t.is(w.cluster.view.specReplicas, 4);
  w.cluster.annotate({ 'rouse.dev/max-scale': '6', 'rouse.dev/colour': null });
  await w.advance(seconds(2));
  t.is(w.cluster.view.specReplicas, 6);
});

test('unreadable settings of a workload that this process has never read keep it as it is and let it wake', async (t) => {
  const annotations = { ...on, 'rouse.dev/max-scale': 'many', 'rouse.dev/state': '{"v":1,"replicasBefore":2}' };
  const w = await world((c) => {
    c.put(viewOf({ annotations, specReplicas: 0 }));
  });
  w.scaler.poke({ ...poke, held: 500 });
  await w.advance(millis(1));
  t.is(w.cluster.view.specReplicas, 1);
  await w.advance(seconds(120));
  t.is(w.cluster.view.specReplicas, 1);
});

test('a workload that was never onboarded and whose settings are wrong is left alone', async (t) => {
  const w = await world((c) => {
    c.put(viewOf({ annotations: { ...on, 'rouse.dev/max-scale': 'many' }, specReplicas: 3 }));
  });
  await w.advance(seconds(60));
  t.deepEqual(w.cluster.writes, []);
  t.deepEqual(w.scaler.decided.workloads(), []);
  t.is([...w.registry.refused()].length, 1);
});

test('an old template brought back past the webhook, without any annotation of ours, still hands everything back', async (t) => {
  const w = await world((c) => {
    c.put(viewOf({ annotations: on, specReplicas: 3 }));
  });
  await w.advance(seconds(40));
  t.is(w.cluster.view.specReplicas, 0);
  w.cluster.put({ annotations: {} });
  await w.advance(seconds(4));
  t.is(w.cluster.view.specReplicas, 3);
  t.deepEqual(w.path.handedBack, [hello]);
  t.deepEqual(w.scaler.decided.workloads(), []);
});

test('the record of what handing back needs is written again where somebody took it away', async (t) => {
  const w = await world((c) => {
    c.put(viewOf({ annotations: on, specReplicas: 3 }));
  });
  await w.advance(seconds(40));
  w.cluster.annotate({ 'rouse.dev/state': null });
  await w.advance(seconds(4));
  t.deepEqual(stateOf(w), { v: 1, replicasBefore: 3 });
});

test('a watch that lags behind the end of a hand-back does not begin another', async (t) => {
  const w = await world((c) => {
    c.put(viewOf({ annotations: on, specReplicas: 3 }));
  });
  await w.advance(seconds(2));
  w.cluster.annotate({ 'rouse.dev/enabled': null });
  w.cluster.lagging = true;
  await w.advance(seconds(20));
  w.cluster.catchUp();
  await w.advance(seconds(20));
  t.deepEqual(w.path.handedBack, [hello]);
  t.is(w.events.filter(({ type }) => type === 'off-boarded').length, 1);
  t.deepEqual(w.scaler.decided.workloads(), []);
});

test('a workload that was handed back can be onboarded again', async (t) => {
  const w = await world((c) => {
    c.put(viewOf({ annotations: on, specReplicas: 3 }));
  });
  await w.advance(seconds(2));
  w.cluster.annotate({ 'rouse.dev/enabled': null });
  await w.advance(seconds(6));
  t.deepEqual(w.scaler.decided.workloads(), []);
  w.cluster.put({ specReplicas: 4 });
  w.cluster.annotate({ 'rouse.dev/enabled': 'true' });
  await w.advance(seconds(40));
  t.deepEqual(stateOf(w), { v: 1, replicasBefore: 4 });
  t.is(w.cluster.view.specReplicas, 0);
});

test('requests that wait when the switch goes off still get a pod, also where there was none before', async (t) => {
  const w = await world((c) => {
    c.put(viewOf({ annotations: { ...on, 'rouse.dev/state': '{"v":1,"replicasBefore":0}' }, specReplicas: 0 }));
  });
  w.load.held = 3;
  w.cluster.annotate({ 'rouse.dev/enabled': null });
  await w.advance(seconds(2));
  t.is(w.cluster.view.specReplicas, 1);
});
