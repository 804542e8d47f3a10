import { spawn } from 'node:child_process';
import { once } from 'node:events';
import test from 'ava';
import { coldStartPhases, workloadKey } from '../../src/core/index.ts';
import { controllerScene, decisionFor, workload } from '../support/metric-figures.ts';
import { startSeparateProcesses } from '../support/separate-processes.ts';
import { startRouse, type RouseProcess } from '../support/rouse-process.ts';
import { until } from '../support/until.ts';

/** `/metrics` of a `rouse local` with some traffic, by the rules of Prometheus' own promtool and by the names that docs/reference/metrics.md promises. */

let rouse: RouseProcess;
let text = '';

interface Sample {
  readonly name: string;
  readonly labels: ReadonlyMap<string, string>;
  readonly value: number;
}
const samples: Sample[] = [];
const kinds = new Map<string, string>();

const fetchText = async (
  url: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<{ readonly status: number; readonly body: string; readonly type: string }> => {
  const answer = await fetch(url, { headers });
  return { status: answer.status, body: await answer.text(), type: answer.headers.get('content-type') ?? '' };
};

test.before(async (t) => {
  t.timeout(120_000);
  rouse = startRouse(['local', '-f', 'deploy/examples/hello.yaml', '--api-port', '0', '--gateway-port', '0', '--metrics-port', '0']);
  const [, shared = ''] = await rouse.line(/^ {2}gateway +(http:\S+?),/);
  const [, app = '', metrics = ''] = await rouse.line(/^ready: app=(\S+) api=\S+ metrics=(\S+)$/);
  const answers = await Promise.all(Array.from({ length: 12 }, () => fetchText(app)));
  t.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200]));
  t.is((await fetchText(shared)).status, 404, 'no workload by this host');
  await rouse.line(/^hello: first byte after /);
  // The next tick reads what the reports have brought by then.
  text = await until('the load is in the windows, and a pod that is ready', async () => {
    const { status, body, type } = await fetchText(metrics);
    t.is(status, 200);
    t.regex(type, /^text\/plain; version=0\.0\.4/);
    return /^rouse_stable_value\{.*\} [\d.]*[1-9]/m.test(body) && /^rouse_ready_pods\{.*\} [1-9]/m.test(body) && body;
  });
  for (const line of text.split('\n')) {
    const [, kindOf, kind] = /^# TYPE (\S+) (\S+)$/.exec(line) ?? [];
    if (kindOf !== undefined && kind !== undefined) kinds.set(kindOf, kind);
    const [, name, labels = '', value] = /^([a-z_]+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
    if (name !== undefined)
      samples.push({ name, labels: new Map([...labels.matchAll(/(\w+)="([^"]*)"/g)].map(([, key = '', of = '']) => [key, of])), value: Number(value) });
  }
});
test.after.always(() => rouse.stop());

/** What promtool says to an exposition; nothing is good. */
const promtoolSays = async (exposition: string): Promise<readonly [number | null, string]> => {
  const child = spawn('promtool', ['check', 'metrics'], { timeout: 120_000 });
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
  child.stdin.end(exposition);
  const [code] = (await once(child, 'close')) as [number | null];
  return [code, said];
};

test('promtool has nothing to say against the metrics of rouse local', async (t) => {
  t.deepEqual(await promtoolSays(text), [0, '']);
});

test('nor against those of a controller, a gateway, and a gateway of two workers, as processes of their own', async (t) => {
  const processes = await startSeparateProcesses();
  t.teardown(() => processes.close());
  const controller = await processes.startController();
  const gateways = [await processes.startGateway(0), await processes.startGateway(1, undefined, ['--workers', '2'])];
  await processes.leads(controller);
  for (const rouse of [controller, ...gateways]) {
    const [, metrics = ''] = await rouse.line(/^ready: .*metrics=(\S+)/);
    const { body } = await fetchText(metrics);
    t.regex(body, rouse === controller ? /^rouse_leader 1$/m : /^rouse_gateway_controllers_linked [01]$/m);
    t.regex(body, /^process_cpu_seconds_total [\d.]+$/m);
    t.deepEqual(await promtoolSays(body), [0, '']);
  }
});

const ofWorkload = ['namespace', 'workload'];
const promised: Readonly<Record<string, { readonly kind: string; readonly labels: readonly string[] }>> = {
  rouse_gateway_requests_total: { kind: 'counter', labels: [...ofWorkload, 'revision', 'code', 'code_class'] },
  rouse_gateway_request_duration_seconds: { kind: 'histogram', labels: [...ofWorkload, 'revision'] },
  rouse_gateway_request_bytes_total: { kind: 'counter', labels: [...ofWorkload, 'revision'] },
  rouse_gateway_response_bytes_total: { kind: 'counter', labels: [...ofWorkload, 'revision'] },
  rouse_gateway_aborted_requests_total: { kind: 'counter', labels: [...ofWorkload, 'by', 'answer'] },
  rouse_gateway_pod_connections: { kind: 'gauge', labels: [...ofWorkload, 'state'] },
  rouse_gateway_pod_connections_opened_total: { kind: 'counter', labels: ofWorkload },
  rouse_gateway_connections: { kind: 'gauge', labels: [] },
  rouse_gateway_in_flight: { kind: 'gauge', labels: ofWorkload },
  rouse_gateway_held_requests: { kind: 'gauge', labels: ofWorkload },
  rouse_gateway_held_bytes: { kind: 'gauge', labels: ofWorkload },
  rouse_gateway_refused_requests_total: { kind: 'counter', labels: [...ofWorkload, 'reason'] },
  rouse_gateway_retries_total: { kind: 'counter', labels: ofWorkload },
  rouse_gateway_retries_over_budget_total: { kind: 'counter', labels: ofWorkload },
  rouse_gateway_ejected_pods: { kind: 'gauge', labels: ofWorkload },
  rouse_gateway_hold_budget_used_bytes: { kind: 'gauge', labels: [] },
  rouse_gateway_hold_budget_bytes: { kind: 'gauge', labels: [] },
  rouse_gateway_hold_seconds: { kind: 'histogram', labels: ofWorkload },
  rouse_gateway_routes_valid: { kind: 'gauge', labels: [] },
  rouse_desired_pods: { kind: 'gauge', labels: ofWorkload },
  rouse_ready_pods: { kind: 'gauge', labels: ofWorkload },
  rouse_stable_value: { kind: 'gauge', labels: [...ofWorkload, 'metric'] },
  rouse_panic_value: { kind: 'gauge', labels: [...ofWorkload, 'metric'] },
  rouse_decisions_total: { kind: 'counter', labels: [...ofWorkload, 'reason'] },
  rouse_cold_start_seconds: { kind: 'histogram', labels: [...ofWorkload, 'phase'] },
  rouse_starting_pods: { kind: 'gauge', labels: ofWorkload },
  rouse_wanted_pods: { kind: 'gauge', labels: [...ofWorkload, 'metric'] },
  rouse_target_value: { kind: 'gauge', labels: [...ofWorkload, 'metric'] },
  rouse_panic_mode: { kind: 'gauge', labels: ofWorkload },
  rouse_wakes_total: { kind: 'counter', labels: [...ofWorkload, 'outcome'] },
  rouse_saved_pod_seconds_total: { kind: 'counter', labels: ofWorkload },
  rouse_pod_seconds_total: { kind: 'counter', labels: ofWorkload },
  rouse_tick_duration_seconds: { kind: 'histogram', labels: [] },
  rouse_reconcile_duration_seconds: { kind: 'histogram', labels: ['outcome'] },
  rouse_admission_duration_seconds: { kind: 'histogram', labels: ['webhook', 'outcome'] },
  rouse_watch_in_touch: { kind: 'gauge', labels: ['resource'] },
  rouse_link_gateways: { kind: 'gauge', labels: ['state'] },
  process_cpu_seconds_total: { kind: 'counter', labels: [] },
  rouse_leader: { kind: 'gauge', labels: [] },
};

for (const [name, { kind, labels }] of Object.entries(promised))
  test(`${name} is a ${kind} with the labels ${labels.length === 0 ? '(none)' : labels.join(', ')}`, (t) => {
    t.is(kinds.get(name), kind);
    const found = samples.filter((sample) => sample.name === (kind === 'histogram' ? `${name}_count` : name));
    t.true(found.length > 0);
    for (const sample of found) t.deepEqual([...sample.labels.keys()], labels);
  });

const valueOf = (name: string, labels: Readonly<Record<string, string>>): number | undefined =>
  samples.find((sample) => sample.name === name && Object.entries(labels).every(([key, value]) => sample.labels.get(key) === value))?.value;
const hello = { namespace: 'default', workload: 'hello' };

test('each request is counted once, held ones and those without a workload too', (t) => {
  t.is(valueOf('rouse_gateway_requests_total', { ...hello, code: '200' }), 12);
  t.is(valueOf('rouse_gateway_requests_total', { namespace: '', workload: '', code: '404' }), 1);
  t.is(valueOf('rouse_gateway_request_duration_seconds_count', hello), 12);
  const held = valueOf('rouse_gateway_hold_seconds_count', hello) ?? 0;
  t.true(held >= 1 && held <= 12, String(held));
  t.is(valueOf('rouse_gateway_held_requests', hello), 0);
});

test('a cold start is recorded once in each of its phases, and the wake by its reason', (t) => {
  for (const phase of coldStartPhases) t.is(valueOf('rouse_cold_start_seconds_count', { ...hello, phase }), 1, phase);
  t.true((valueOf('rouse_decisions_total', { ...hello, reason: 'wake-request' }) ?? 0) >= 1);
  t.is(valueOf('rouse_leader', {}), 1);
  t.is(valueOf('rouse_wakes_total', { ...hello, outcome: 'served' }), 1);
  t.is(valueOf('rouse_link_gateways', { state: 'current' }), 1);
  t.is(valueOf('rouse_watch_in_touch', { resource: 'pods' }), 1);
  t.is(valueOf('rouse_gateway_routes_valid', {}), 1);
  t.true((valueOf('rouse_ready_pods', hello) ?? 0) >= 1);
});

test('a scrape of 5,000 workloads takes less than 300 ms of CPU; 10 MB asleep, 65 MB when each of them has been woken', async (t) => {
  const keys = Array.from({ length: 5000 }, (_, index) => workloadKey({ resource: 'deployments.apps', namespace: 'team', name: `service-${String(index)}` }));
  const { instruments } = controllerScene(keys.map((key) => workload(key, { wakeFailure: undefined })));
  for (const key of keys) for (const reason of ['steady', 'idle', 'wake-request'] as const) instruments.decided(key, decisionFor(reason), 3);
  const scrapes = async (most: number): Promise<void> => {
    const took: number[] = [];
    for (let round = 0; round < 5; round += 1) {
      const begin = process.cpuUsage();
      const { pieces } = await instruments.expose('openmetrics');
      const { user, system } = process.cpuUsage(begin);
      took.push((user + system) / 1000);
      t.true(pieces.reduce((sum, { length }) => sum + length, 0) < most);
    }
    // The least of them: what else the machine has to do only adds to it.
    t.true(Math.min(...took) < 300, took.join(', '));
  };
  await scrapes(10_000_000);
  for (const key of keys) {
    instruments.woken(key);
    instruments.coldStarted(key, { decide: 1, schedule: 2, start: 3, ready: 4, forward: 5 });
  }
  await scrapes(65_000_000);
});
