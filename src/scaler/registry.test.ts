import test from 'ava';
import { ManualClock, silentLogger } from '../core/index.ts';
import type { ConfigMapView, NamespaceView } from '../kube/index.ts';
import { WorkloadRegistry } from './registry.ts';
import { FakeCluster } from './testing/fake-cluster.ts';
import { hello, start, viewOf } from './testing/views.ts';

const meta = { uid: 'u', resourceVersion: '1', labels: {}, createdAt: start, deleting: false };
const setUp = (): {
  cluster: FakeCluster;
  registry: WorkloadRegistry;
  told: string[];
  config: (data: Record<string, string> | undefined, version: string, annotations?: Record<string, string>) => void;
  namespace: (annotations: Record<string, string>, version: string) => void;
} => {
  const cluster = new FakeCluster(new ManualClock(start));
  const registry = new WorkloadRegistry({
    workloads: [cluster.workloads],
    namespaces: cluster.namespaces,
    configMaps: cluster.configMaps,
    logger: silentLogger,
  });
  const told: string[] = [];
  registry.subscribe((key) => told.push(key));
  return {
    cluster,
    registry,
    told,
    config: (data, version, annotations = {}) => {
      const value: ConfigMapView = { ...meta, namespace: 'rouse-system', name: 'rouse-config', annotations, data: data ?? {} };
      if (data === undefined) cluster.configMaps.delete('rouse-system', 'rouse-config');
      else cluster.configMaps.set({ namespace: 'rouse-system', name: 'rouse-config', uid: 'u', resourceVersion: version, value });
    },
    namespace: (annotations, version) => {
      const value: NamespaceView = { ...meta, name: 'default', annotations, phase: 'Active' };
      cluster.namespaces.set({ namespace: '', name: 'default', uid: 'u', resourceVersion: version, value });
    },
  };
};

test('only workloads with the switch on, or with something to hand back, are looked after', (t) => {
  const { cluster, registry } = setUp();
  cluster.put(viewOf({ annotations: {} }));
  t.is(registry.size, 0);
  cluster.annotate({ 'rouse.dev/enabled': 'true' });
  t.is(registry.get(hello)?.phase, 'onboarded');
  cluster.annotate({ 'rouse.dev/enabled': 'false' });
  t.is(registry.size, 0, 'nothing was written on it yet');
  cluster.annotate({ 'rouse.dev/enabled': 'true', 'rouse.dev/state': '{"v":1,"replicasBefore":2}' });
  cluster.annotate({ 'rouse.dev/enabled': null });
  t.is(registry.get(hello)?.phase, 'off-boarding');
  cluster.annotate({ 'rouse.dev/state': null });
  t.is(registry.size, 0);
});

test('a bad switch keeps an onboarded workload onboarded', (t) => {
  const { cluster, registry } = setUp();
  cluster.put(viewOf());
  cluster.annotate({ 'rouse.dev/enabled': 'yes', 'rouse.dev/state': '{"v":1,"replicasBefore":2}' });
  t.is(registry.get(hello)?.phase, 'onboarded');
  t.is(registry.get(hello)?.problems[0]?.key, 'rouse.dev/enabled');
});

test('defaults come from the Namespace and rouse-config, and a change of either reaches the workloads', (t) => {
  const { cluster, registry, told, config, namespace } = setUp();
  cluster.put(viewOf());
  const min = (): number | undefined => registry.get(hello)?.spec.scaling.min;
  t.is(min(), 0);
  config({ 'min-scale': '1' }, '2');
  t.is(min(), 1);
  namespace({ 'rouse.dev/min-scale': '2' }, '2');
  t.is(min(), 2);
  cluster.annotate({ 'rouse.dev/min-scale': '3' });
  t.is(min(), 3);
  cluster.annotate({ 'rouse.dev/min-scale': null });
  namespace({}, '3');
  config(undefined, '');
  t.is(min(), 0);
  t.true(told.length >= 6);
});

test('a rouse-config with problems leaves the last good one in force', (t) => {
  const { registry, config } = setUp();
  config({ 'max-scale-limit': '7' }, '2');
  config({ 'max-scale-limit': 'many', windo: '2s' }, '3');
  t.is(registry.config.maxScaleLimit, 7);
  t.is(registry.configProblems.length, 2);
  config({}, '4');
  t.is(registry.config.maxScaleLimit, 'unlimited');
  t.deepEqual(registry.configProblems, []);
});

test('an unrelated change keeps the very same spec', (t) => {
  const { cluster, registry } = setUp();
  cluster.put(viewOf());
  const before = registry.get(hello)?.spec;
  cluster.annotate({ 'rouse.dev/status': '{"v":1}', 'example.com/x': 'y' });
  t.is(registry.get(hello)?.spec, before);
});

test('a workload that is being deleted is gone', (t) => {
  const { cluster, registry } = setUp();
  cluster.put(viewOf());
  cluster.put({ deleting: true });
  t.is(registry.size, 0);
});

test('while we lead what is to be handed back is remembered, whoever takes our annotations away; a standby goes by what is written', (t) => {
  const { cluster, registry } = setUp();
  cluster.put(viewOf({ annotations: { 'rouse.dev/enabled': 'true', 'rouse.dev/state': '{"v":1,"replicasBefore":2}' } }));
  registry.remember(true);
  cluster.put({ annotations: {} });
  t.like(registry.get(hello), { phase: 'off-boarding', state: { v: 1, replicasBefore: 2 } });
  registry.remember(false);
  t.is(registry.size, 0);
  cluster.put({ annotations: { 'rouse.dev/enabled': 'true', 'rouse.dev/state': '{"v":1,"replicasBefore":2}' } });
  cluster.put({ annotations: {} });
  t.is(registry.size, 0);
});

test('what was released is gone, also while the watch still shows it as it was', (t) => {
  const { cluster, registry } = setUp();
  cluster.put(viewOf({ annotations: { 'rouse.dev/state': '{"v":1,"replicasBefore":2}' } }));
  registry.remember(true);
  t.is(registry.get(hello)?.phase, 'off-boarding');
  const { view } = cluster;
  registry.release(hello, '9000');
  t.is(registry.size, 0);
  cluster.put({ readyReplicas: 1 });
  t.is(registry.size, 0, 'older than our last write');
  cluster.workloads.set({
    namespace: 'default',
    name: 'hello',
    uid: view.uid,
    resourceVersion: '9001',
    value: { ...view, resourceVersion: '9001', annotations: { 'rouse.dev/enabled': 'true' } },
  });
  t.is(registry.get(hello)?.phase, 'onboarded');
});

test('told to hand everything back, it does so with workloads that are switched on, also where rouse-config cannot be read, until told otherwise', (t) => {
  const { cluster, registry, config } = setUp();
  const state = { 'rouse.dev/state': '{"v":1,"replicasBefore":2}' };
  cluster.put(viewOf());
  cluster.annotate({ 'rouse.dev/enabled': 'true', ...state });
  config({ 'min-scale': 'many' }, '2', { 'rouse.dev/hand-back': 'all' });
  t.true(registry.handsBackAll);
  t.is(registry.get(hello)?.phase, 'off-boarding');
  cluster.annotate({ 'rouse.dev/state': null });
  t.is(registry.size, 0, 'handed back, it is not onboarded again');
  cluster.annotate({ 'rouse.dev/window': '8s' });
  t.is(registry.size, 0, 'nor by any other write of its owner');
  config({}, '3');
  t.false(registry.handsBackAll);
  t.is(registry.get(hello)?.phase, 'onboarded');
});

test('a kind that is taken out of allow-kinds is handed back; one that was never in it is refused, with what to do', (t) => {
  const { cluster, registry, config } = setUp();
  cluster.put(viewOf({ annotations: { 'rouse.dev/enabled': 'true', 'rouse.dev/state': '{"v":1,"replicasBefore":2}' } }));
  t.is(registry.get(hello)?.phase, 'onboarded');
  config({ 'allow-kinds': 'statefulsets.apps' }, '2');
  t.is(registry.get(hello)?.phase, 'off-boarding');
  cluster.annotate({ 'rouse.dev/state': null });
  t.is(registry.get(hello), undefined);
  t.regex([...registry.refused()][0]?.problems[0]?.message ?? '', /deployments\.apps is not in allow-kinds of ConfigMap rouse-system\/rouse-config; add it/);
  config({}, '3');
  t.is(registry.get(hello)?.phase, 'onboarded');
  t.is([...registry.refused()].length, 0);
});
