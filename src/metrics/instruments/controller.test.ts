import test from 'ava';
import { pods, workloadKey } from '../../core/index.ts';
import { controllerScene, decisionFor, queue, series, web, workload } from '../../../test/support/metric-figures.ts';

const of = 'namespace="shop",workload="web"';

test('a controller shows counts and limits, the values of metrics with what they want, decisions by reason, cold starts by phase, and itself', async (t) => {
  const { instruments } = controllerScene([workload(web)]);
  for (const reason of ['steady', 'steady', 'panic'] as const) instruments.decided(web, decisionFor(reason));
  instruments.woken(web);
  instruments.coldStarted(web, { decide: 2, schedule: 3, start: 58, ready: 28, forward: 5 });
  instruments.ticked(12);
  instruments.reconciled(3, 'failed');
  instruments.reviewed('mutate', 'changed', 2);
  const shown = series((await instruments.expose()).body);
  for (const line of [
    `rouse_desired_pods{${of}} 2`,
    `rouse_ready_pods{${of}} 1`,
    `rouse_starting_pods{${of}} 1`,
    `rouse_min_pods{${of}} 0`,
    `rouse_max_pods{${of}} 10`,
    `rouse_pods_before_onboarding{${of}} 3`,
    `rouse_panic_mode{${of}} 0`,
    `rouse_settings_valid{${of}} 1`,
    `rouse_wake_failing{${of},reason="quota"} 1`,
    `rouse_stable_value{${of},metric="concurrency"} 12`,
    `rouse_panic_value{${of},metric="concurrency"} 15`,
    `rouse_target_value{${of},metric="concurrency"} 70`,
    `rouse_wanted_pods{${of},metric="concurrency"} 1`,
    `rouse_decisions_total{${of},reason="steady"} 2`,
    `rouse_decisions_total{${of},reason="panic"} 1`,
    `rouse_wakes_total{${of},outcome="served"} 1`,
    `rouse_cold_start_seconds_sum{${of},phase="start"} 0.058`,
    `rouse_cold_start_seconds_bucket{${of},phase="forward",le="0.005"} 1`,
    `rouse_cold_start_seconds_bucket{${of},phase="forward",le="0.0025"} 0`,
    'rouse_fleet_workloads{state="awake"} 1',
    'rouse_fleet_refused_workloads 1',
    'rouse_fleet_desired_pods 2',
    'rouse_fleet_decisions_total{reason="steady"} 2',
    'rouse_fleet_wakes_total{outcome="served"} 1',
    'rouse_fleet_cold_start_seconds_count{phase="ready"} 1',
    'rouse_build_info{version="1.2.3"} 1',
    'rouse_leader 1',
    'rouse_link_gateways{state="behind"} 1',
    'rouse_watch_in_touch{resource="services"} 0',
    'rouse_watch_last_heard_timestamp_seconds{resource="pods"} 1700000000.5',
    'rouse_certificate_expiry_timestamp_seconds{certificate="serving"} 1893456000',
    'rouse_tick_duration_seconds_bucket{le="0.025"} 1',
    'rouse_tick_duration_seconds_sum 0.012',
    'rouse_reconcile_duration_seconds_count{outcome="failed"} 1',
    'rouse_admission_duration_seconds_count{webhook="mutate",outcome="changed"} 1',
    'rouse_budget_limit_pods{namespace="shop"} 5',
    'rouse_budget_used_pods{namespace="shop"} 4',
    'rouse_budget_wanted_pods{namespace="shop"} 7',
    'rouse_report_drops_total{reason="invalid"} 3',
    'rouse_metrics_api_reads_total{outcome="ok"} 4',
    'rouse_extender_answers_total{verb="prioritize",reason="scored"} 7',
    'rouse_extender_duration_seconds_bucket{verb="prioritize",le="0.01"} 7',
    'process_cpu_seconds_total 1.5',
  ])
    t.true(shown.includes(line), line);
  t.false(
    shown.some((line) => line.includes('metric="rps"') && !line.startsWith('rouse_target_value')),
    'what has no value is not zero',
  );
  t.false(shown.some((line) => line.startsWith('rouse_watch_last_heard_timestamp_seconds{resource="services"}')));
});

test('latency is shown in seconds and cpu as a ratio, whatever the settings count in', async (t) => {
  const demands = (['latency', 'cpu', 'memory'] as const).map((metric) => ({
    reading: { metric, kind: 'value' as const, stable: 250, panic: 400, age: 0 as never },
    target: 200,
    stablePods: 2.5,
    panicPods: 4,
  }));
  const { instruments } = controllerScene([
    workload(web, { decision: decisionFor('panic', { demands, panicking: true, formula: { stable: 3, panic: 5, readings: [] } }) }),
  ]);
  const shown = series((await instruments.expose()).body);
  for (const line of [
    `rouse_stable_value{${of},metric="latency"} 0.25`,
    `rouse_panic_value{${of},metric="cpu"} 4`,
    `rouse_target_value{${of},metric="latency"} 0.2`,
    `rouse_stable_value{${of},metric="memory"} 250`,
    `rouse_wanted_pods{${of},metric="latency"} 4`,
    `rouse_wanted_pods{${of},metric="formula"} 5`,
    `rouse_panic_mode{${of}} 1`,
  ])
    t.true(shown.includes(line), line);
});

test('without a ceiling, a count before onboarding, a failure and a decision there is no number for them', async (t) => {
  const bare = workload(web, { max: undefined, replicasBefore: undefined, wakeFailure: undefined, decision: undefined });
  const shown = series((await controllerScene([bare]).instruments.expose()).body);
  for (const name of ['rouse_max_pods', 'rouse_pods_before_onboarding', 'rouse_wake_failing', 'rouse_panic_mode', 'rouse_stable_value', 'rouse_wanted_pods'])
    t.false(
      shown.some((line) => line.startsWith(`${name}{`)),
      name,
    );
});

const seconds = async ({ instruments }: ReturnType<typeof controllerScene>): Promise<readonly (number | undefined)[]> => {
  const shown = series((await instruments.expose()).body);
  const valueOf = (name: string): number | undefined => {
    const line = shown.find((each) => each.startsWith(`${name} `));
    return line === undefined ? undefined : Number(line.split(' ')[1]);
  };
  return [valueOf(`rouse_saved_pod_seconds_total{${of}}`), valueOf(`rouse_pod_seconds_total{${of}}`), valueOf('rouse_fleet_saved_pod_seconds_total')];
};
const podsNow = (ready: number, starting = 0) => decisionFor('steady', { ready: pods(ready), starting: pods(starting) });

test('savings are pods fewer than before onboarding times seconds, never less than none, up to the moment of the scrape', async (t) => {
  const scene = controllerScene([workload(web)]);
  scene.instruments.decided(web, podsNow(1, 1), 3);
  scene.now = 10_000;
  t.deepEqual(await seconds(scene), [10, 20, 10]);
  scene.instruments.decided(web, podsNow(5), 3);
  scene.now = 20_000;
  t.deepEqual(await seconds(scene), [10, 70, 10], 'more pods than before are no negative saving');
  scene.instruments.decided(web, podsNow(0), 3);
  scene.now = 21_500;
  t.deepEqual(await seconds(scene), [14.5, 70, 14.5]);
});

test('only the leader counts what pods take and save; whoever takes over goes on from there', async (t) => {
  const scene = controllerScene([workload(web)]);
  scene.leads = false;
  scene.instruments.decided(web, podsNow(0), 3);
  scene.now = 10_000;
  t.deepEqual(await seconds(scene), [0, 0, 0]);
  scene.leads = true;
  scene.instruments.decided(web, podsNow(0), 3);
  scene.now = 12_000;
  t.deepEqual(await seconds(scene), [6, 0, 6]);
});

test('a workload of which the count before onboarding is not on record saves nothing', async (t) => {
  const scene = controllerScene([workload(web)]);
  scene.instruments.decided(web, podsNow(0));
  scene.now = 10_000;
  t.deepEqual(await seconds(scene), [0, 0, 0]);
});

test('many workloads that come and go each have their own time, and nothing of who was there before', async (t) => {
  const keys = Array.from({ length: 200 }, (_, index) => workloadKey({ resource: 'deployments.apps', namespace: 'x', name: `w${String(index)}` }));
  const scene = controllerScene([workload(web)]);
  for (const key of keys) scene.instruments.decided(key, podsNow(1), 2);
  scene.now = 1000;
  for (const key of keys) scene.instruments.forget(key);
  scene.instruments.decided(web, podsNow(1), 3);
  scene.now = 2000;
  t.deepEqual(await seconds(scene), [2, 1, 202]);
});

test('a wake is counted once, by what came first', async (t) => {
  const { instruments } = controllerScene([workload(web)]);
  const phases = { decide: 1, schedule: 1, start: 1, ready: 1, forward: 1 };
  instruments.woken(web);
  instruments.wakeEnded(web, 'image-pull');
  instruments.coldStarted(web, phases);
  instruments.woken(web);
  instruments.coldStarted(web, phases);
  instruments.wakeEnded(web, 'unserved');
  instruments.woken(web);
  instruments.wakeEnded(web, 'unserved');
  instruments.wakeEnded(web, 'unserved');
  const shown = series((await instruments.expose()).body);
  t.deepEqual(shown.filter((line) => line.startsWith('rouse_wakes_total')).sort(), [
    `rouse_wakes_total{${of},outcome="image-pull"} 1`,
    `rouse_wakes_total{${of},outcome="served"} 1`,
    `rouse_wakes_total{${of},outcome="unserved"} 1`,
  ]);
});

test('a controller that no scheduler may ask shows nothing of it', async (t) => {
  const scene = controllerScene([workload(web)]);
  const { extender: _, ...figures } = scene.figures;
  scene.figures = figures;
  t.false(series((await scene.instruments.expose()).body).some((line) => line.startsWith('rouse_extender')));
});

test('the series of a workload that was handed back go, and do not come back with old counts; the sums keep them', async (t) => {
  const scene = controllerScene([web, queue].map((key) => workload(key)));
  const { instruments, figures } = scene;
  for (const key of [web, queue]) instruments.decided(key, decisionFor('steady'), 3);
  await instruments.expose();
  scene.figures = { ...figures, workloads: [workload(web)] };
  t.false((await instruments.expose()).body.includes('queue'));
  scene.figures = figures;
  t.false((await instruments.expose()).body.includes('rouse_decisions_total{namespace="shop",workload="statefulsets.apps/queue"'));
  instruments.forget(web);
  const { body } = await instruments.expose();
  t.false(body.includes('rouse_decisions_total{namespace'));
  t.true(body.includes('rouse_fleet_decisions_total{reason="steady"} 2'));
});

test('beyond the limit workloads get no series, their number is told, and the sums have them', async (t) => {
  const keys = Array.from({ length: 12 }, (_, index) => workloadKey({ resource: 'deployments.apps', namespace: 'x', name: `w${String(index)}` }));
  const scene = controllerScene(keys.map((key) => workload(key)));
  for (const [most, without] of [
    [10, 2],
    [0, 12],
  ] as const) {
    scene.figures = { ...scene.figures, mostWorkloads: most };
    const shown = series((await scene.instruments.expose()).body);
    t.is(shown.filter((line) => line.startsWith('rouse_desired_pods{')).length, most);
    t.true(shown.includes(`rouse_workloads_without_series ${String(without)}`));
    t.true(shown.includes('rouse_fleet_desired_pods 24'));
    t.true(shown.includes('rouse_fleet_wake_failing_workloads{reason="quota"} 12'));
    t.true(shown.includes('rouse_fleet_invalid_settings_workloads 0'));
  }
});

test('a workload at rest has 20 series, and its histograms come with its first cold start: the size of a scrape is bounded by the number of workloads', async (t) => {
  const keys = Array.from({ length: 100 }, (_, index) => workloadKey({ resource: 'deployments.apps', namespace: 'x', name: `w${String(index)}` }));
  const { instruments } = controllerScene(keys.map((key) => workload(key, { wakeFailure: undefined })));
  for (const key of keys) instruments.decided(key, decisionFor('idle'), 3);
  const perWorkload = async (): Promise<number> =>
    series((await instruments.expose()).body).filter((line) => line.includes('namespace="x"')).length / keys.length;
  const atRest = await perWorkload();
  t.true(atRest <= 20, String(atRest));
  for (const key of keys) {
    instruments.woken(key);
    instruments.coldStarted(key, { decide: 1, schedule: 1, start: 1, ready: 1, forward: 1 });
  }
  t.is(await perWorkload(), atRest + 1 + 95);
});
