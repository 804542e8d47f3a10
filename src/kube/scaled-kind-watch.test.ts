import test, { type ExecutionContext } from 'ava';
import { failed, millis, ok, seededRandom, silentLogger, systemClock } from '../core/index.ts';
import { ScriptedKubeApi } from '../../test/support/scripted-kube-api.ts';
import { until } from '../../test/support/until.ts';
import { loadKubeConfig, resources, watchScaledKind, type Refusal, type ResourceWatch, type ScaleState, type WorkloadView } from './index.ts';

interface Scene {
  readonly api: ScriptedKubeApi;
  readonly watch: ResourceWatch<WorkloadView>;
  /** What `/scale` of each object says. */
  readonly scales: Map<string, { replicas: number; selector: string }>;
  /** Objects whose `/scale` was read, in order. */
  readonly reads: string[];
  readonly refusals: Refusal[];
  refuse: Refusal | undefined;
}

const forbidden: Refusal = { kind: 'forbidden', message: 'no', status: 403, retryAfterMs: undefined };
const concerned = (generation: number): object => ({ generation, annotations: { 'rouse.dev/enabled': 'true' } });

const scene = async (t: ExecutionContext, prepare: (api: ScriptedKubeApi, scales: Scene['scales']) => void = () => undefined): Promise<Scene> => {
  const api = await ScriptedKubeApi.start();
  const scales: Scene['scales'] = new Map();
  prepare(api, scales);
  const connection = await loadKubeConfig({ kind: 'text', text: api.kubeConfig });
  const [reads, refusals]: [string[], Refusal[]] = [[], []];
  const watch = watchScaledKind({
    name: 'widgets.example.com',
    connection,
    resource: resources.configMaps,
    client: {
      readScale: async (_resource, { name }) => {
        reads.push(name);
        await Promise.resolve();
        if (found.refuse !== undefined) return failed(found.refuse);
        const scale = scales.get(name);
        const state: ScaleState | undefined = scale === undefined ? undefined : { ...scale, resourceVersion: '1' };
        return state === undefined ? failed({ ...forbidden, kind: 'not-found' }) : ok(state);
      },
    },
    concerns: ({ annotations }) => 'rouse.dev/enabled' in annotations,
    onRefusal: (refusal) => refusals.push(refusal),
    clock: systemClock,
    random: seededRandom(1),
    logger: silentLogger,
    timing: { firstBackoff: millis(10), longestBackoff: millis(50) },
  });
  const found: Scene = { api, watch, scales, reads, refusals, refuse: undefined };
  const stop = new AbortController();
  const running = watch.run(stop.signal);
  t.teardown(async () => {
    stop.abort();
    await running;
    connection.close();
    await api.stop();
  });
  return found;
};

test('count and selector are those of /scale, and only of objects that concern us', async (t) => {
  const { watch, reads } = await scene(t, (api, scales) => {
    api.put('ours', {}, 'default', concerned(1));
    api.put('theirs');
    scales.set('ours', { replicas: 3, selector: 'app=web,tier in (a,b)' });
  });
  await watch.snapshot.synced;
  t.deepEqual(
    [...watch.snapshot.values()].map(({ name, specReplicas, selector, podLabels, resource }) => ({ name, specReplicas, selector, podLabels, resource })),
    [
      {
        name: 'ours',
        specReplicas: 3,
        selector: { matchLabels: { app: 'web' }, matchExpressions: [{ key: 'tier', operator: 'In', values: ['a', 'b'] }] },
        podLabels: { app: 'web' },
        resource: 'widgets.example.com',
      },
    ],
  );
  t.deepEqual(reads, ['ours']);
});

test('/scale is read again when the spec has changed, and not for a status', async (t) => {
  const { api, watch, scales, reads } = await scene(t, (api, scales) => {
    api.put('ours', {}, 'default', concerned(1));
    scales.set('ours', { replicas: 3, selector: 'app=web' });
  });
  await watch.snapshot.synced;
  const { resourceVersion } = api.put('ours', {}, 'default', { ...concerned(1), labels: { new: 'label' } }).metadata;
  await until('the change is in', () => watch.snapshot.get('default/ours')?.resourceVersion === resourceVersion);
  t.is(reads.length, 1);
  scales.set('ours', { replicas: 5, selector: 'app=web' });
  api.put('ours', {}, 'default', concerned(2));
  await until('the count is in', () => watch.snapshot.get('default/ours')?.specReplicas === 5);
  t.is(reads.length, 2);
});

test('while an object names no selector, it is asked again at each of its changes', async (t) => {
  const { api, watch, scales } = await scene(t, (api, scales) => {
    api.put('ours', {}, 'default', concerned(1));
    scales.set('ours', { replicas: 1, selector: '' });
  });
  await watch.snapshot.synced;
  t.deepEqual(watch.snapshot.get('default/ours')?.selector, { matchLabels: {}, matchExpressions: [] });
  scales.set('ours', { replicas: 1, selector: 'app=web' });
  api.put('ours', {}, 'default', concerned(1));
  await until('the selector is in', () => watch.snapshot.get('default/ours')?.selector.matchLabels['app'] === 'web');
});

test('an object that concerned us once stays in view until it is deleted', async (t) => {
  const { api, watch } = await scene(t, (api, scales) => {
    api.put('ours', {}, 'default', concerned(1));
    scales.set('ours', { replicas: 1, selector: 'app=web' });
  });
  await watch.snapshot.synced;
  api.put('ours', {}, 'default', { generation: 1 });
  await until('the switch is gone', () => Object.keys(watch.snapshot.get('default/ours')?.annotations ?? { none: '' }).length === 0);
  api.remove('ours');
  await until('it is gone', () => watch.snapshot.size === 0);
  t.pass();
});

test('a refused /scale is told, does not hold up the others, and is asked for again', async (t) => {
  const found = await scene(t, (api, scales) => {
    api.put('ours', {}, 'default', concerned(1));
    scales.set('ours', { replicas: 1, selector: 'app=web' });
  });
  await found.watch.snapshot.synced;
  found.refuse = forbidden;
  found.api.put('late', {}, 'default', concerned(1));
  found.scales.set('late', { replicas: 2, selector: 'app=late' });
  await until('the refusal is told', () => found.refusals.length > 0);
  t.is(found.watch.snapshot.get('default/late'), undefined);
  found.refuse = undefined;
  await until('it is in', () => found.watch.snapshot.get('default/late')?.specReplicas === 2);
});
