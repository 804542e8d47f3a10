import test, { type ExecutionContext } from 'ava';
import { failed, instant, ManualClock, millis, ok, silentLogger, workloadKey, type Result } from '../core/index.ts';
import { SnapshotStore, type ConfigMapView, type DiscoveredKind, type ReflectorState, type Refusal, type Resource, type WorkloadView } from '../kube/index.ts';
import { WorkloadRegistry } from './registry.ts';
import { viewOf } from './testing/views.ts';
import { WorkloadKinds, type KindListener } from './workload-kinds.ts';

const widgets: Resource = { group: 'example.com', version: 'v1', plural: 'widgets', kind: 'Widget', namespaced: true };
const name = 'widgets.example.com';
const key = workloadKey({ resource: name, namespace: 'default', name: 'hello' });
const refused = (kind: Refusal['kind'], status: number): Result<never, Refusal> => failed({ kind, message: 'said no', status, retryAfterMs: undefined });
const all = `deployments.apps,statefulsets.apps,${name}`;

interface Watched {
  readonly store: SnapshotStore<WorkloadView>;
  readonly resource: Resource;
  readonly listener: KindListener;
  isRunning: boolean;
}

const scene = (t: ExecutionContext) => {
  const clock = new ManualClock(instant(Date.UTC(2026, 0, 1)));
  const configMaps = new SnapshotStore<ConfigMapView>((problem) => t.fail(String(problem)));
  const registry = new WorkloadRegistry({ workloads: [], namespaces: undefined, configMaps, logger: silentLogger });
  const watches: Watched[] = [];
  const server: { found: Result<DiscoveredKind | undefined, Refusal>; asked: number } = { found: ok({ resource: widgets, hasScale: true }), asked: 0 };
  const told: string[] = [];
  const kinds = new WorkloadKinds({
    clock,
    logger: silentLogger,
    registry,
    configSynced: configMaps.synced,
    discover: async () => {
      server.asked++;
      await Promise.resolve();
      return server.found;
    },
    watch: ({ resource }, listener) => {
      const store = new SnapshotStore<WorkloadView>((problem) => t.fail(String(problem)));
      const watched: Watched = { store, resource, listener, isRunning: false };
      watches.push(watched);
      return {
        snapshot: store,
        run: (signal) => {
          watched.isRunning = true;
          return new Promise((resolve) => {
            signal.addEventListener('abort', () => {
              watched.isRunning = false;
              resolve();
            });
          });
        },
      };
    },
  });
  kinds.onProblem((kind, problem) => told.push(`${kind}: ${problem}`));
  let version = 0;
  const config = (allowKinds: string): void => {
    const value = { namespace: 'rouse-system', name: 'rouse-config', uid: 'c', resourceVersion: String(++version), labels: {}, annotations: {}, createdAt: 0 };
    configMaps.set({ ...value, value: { ...value, deleting: false, data: { 'allow-kinds': allowKinds } } });
    configMaps.markSynced();
  };
  const stop = new AbortController();
  const running = kinds.run(stop.signal);
  t.teardown(async () => {
    stop.abort();
    await running;
  });
  let isSynced = false;
  void kinds.synced.then(() => (isSynced = true));
  const settle = async (): Promise<void> => {
    for (let turn = 0; turn < 20; turn++) await Promise.resolve();
  };
  return { clock, registry, watches, server, told, kinds, config, settle, isSynced: () => isSynced };
};

const put = ({ store }: Watched, annotations: Record<string, string>, resourceVersion = '5'): void => {
  const value = { ...viewOf({ annotations }), resource: name, resourceVersion };
  store.set({ namespace: 'default', name: 'hello', uid: value.uid, resourceVersion, value });
};
const waiting = (status: number | undefined): ReflectorState => ({
  resource: name,
  namespace: undefined,
  phase: 'waiting',
  failures: 2,
  problem: 'said no',
  status,
});
const on = { 'rouse.dev/enabled': 'true', 'rouse.dev/state': '{"v":1,"replicasBefore":1}' };

test('a kind that allow-kinds names is found, watched, and its objects are workloads', async (t) => {
  const { registry, watches, kinds, config, settle, isSynced } = scene(t);
  t.false(isSynced());
  config(all);
  await settle();
  t.is(kinds.resourceOf(name), widgets);
  t.deepEqual(
    kinds.kinds().map((kind) => kind.name),
    ['deployments.apps', 'statefulsets.apps', name],
  );
  t.false(isSynced(), 'its first list is not in');
  watches[0]?.store.markSynced();
  await settle();
  t.true(isSynced());
  if (watches[0] !== undefined) put(watches[0], on);
  t.is(registry.get(key)?.phase, 'onboarded');
});

test('only the usual kinds are there without a request to the API server', async (t) => {
  const { kinds, server, config, settle, isSynced } = scene(t);
  config('deployments.apps');
  await settle();
  t.true(isSynced());
  t.is(server.asked, 0);
  t.deepEqual(
    kinds.kinds().map((kind) => kind.name),
    ['deployments.apps'],
  );
});

test('a kind that is not there is told once, holds nothing up, and is found when it comes', async (t) => {
  const { clock, watches, server, told, kinds, config, settle, isSynced } = scene(t);
  server.found = ok(undefined);
  config(all);
  await settle();
  t.true(isSynced());
  t.deepEqual(told, [`${name}: the API server has no such kind; install its CustomResourceDefinition`]);
  await clock.advance(millis(15_000));
  await settle();
  t.is(told.length, 1);
  server.found = ok({ resource: widgets, hasScale: true });
  await clock.advance(millis(15_000));
  await settle();
  t.is(watches.length, 1);
  watches[0]?.listener.onState({ ...waiting(undefined), phase: 'watching', failures: 0 });
  t.deepEqual(kinds.problems(), []);
});

test('a kind without /scale, or of the whole cluster, is of no use, and that is said', async (t) => {
  const { clock, server, told, config, settle } = scene(t);
  server.found = ok({ resource: widgets, hasScale: false });
  config(all);
  await settle();
  server.found = ok({ resource: { ...widgets, namespaced: false }, hasScale: true });
  await clock.advance(millis(15_000));
  await settle();
  t.deepEqual(told, [`${name}: Widget has no sub-resource /scale`, `${name}: Widget is not namespaced`]);
});

test('an API server that is away is waited for; rights that are missing are not', async (t) => {
  const { clock, watches, server, told, config, settle, isSynced } = scene(t);
  server.found = refused('unavailable', 503);
  config(all);
  await settle();
  t.false(isSynced());
  server.found = ok({ resource: widgets, hasScale: true });
  await clock.advance(millis(15_000));
  await settle();
  watches[0]?.listener.onState(waiting(503));
  await settle();
  t.false(isSynced());
  watches[0]?.listener.onState(waiting(403));
  await settle();
  t.true(isSynced());
  t.true(told.includes(`${name}: it cannot be followed: said no`));
});

test('a kind that is taken out of allow-kinds is followed until its workloads are handed back', async (t) => {
  const { registry, watches, kinds, config, settle } = scene(t);
  config(all);
  await settle();
  const [watched] = watches;
  if (watched === undefined) return t.fail('not watched');
  watched.store.markSynced();
  put(watched, on);
  config('deployments.apps');
  await settle();
  t.is(registry.get(key)?.phase, 'off-boarding');
  t.regex(registry.get(key)?.problems[0]?.message ?? '', /widgets\.example\.com is not in allow-kinds/);
  t.true(watched.isRunning);
  t.is(kinds.resourceOf(name), widgets);
  t.false(kinds.kinds().some((kind) => kind.name === name));
  put(watched, { 'rouse.dev/enabled': 'true' }, '6');
  await settle();
  t.is(registry.get(key), undefined);
  t.false(watched.isRunning);
  config(all);
  await settle();
  t.is(watches.length, 2);
});

test('a kind whose definition goes takes its workloads along; one that moves to another version is followed there', async (t) => {
  const { registry, watches, server, config, settle } = scene(t);
  config(all);
  await settle();
  const [first] = watches;
  if (first === undefined) return t.fail('not watched');
  put(first, on);
  server.found = ok({ resource: { ...widgets, version: 'v2' }, hasScale: true });
  first.listener.onState(waiting(404));
  await settle();
  t.deepEqual(
    watches.map(({ resource, isRunning }) => [resource.version, isRunning]),
    [
      ['v1', false],
      ['v2', true],
    ],
  );
  t.is(registry.get(key), undefined);
});
