import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import test from 'ava';
import { concurrencyOf, start } from '../../../test/support/decision-inputs.ts';
import { instant, nextTurn, pods, workloadKey, type Decision, type GatewayCode, type WorkloadKey } from '../../core/index.ts';
import { createControllerInstruments, createGatewayInstruments, type ControllerFigures, type GatewayFigures, type WorkloadFigures } from '../index.ts';
import type { GatewayWorkloadFigures, RevisionFigures } from './gateway.ts';
import { createWorkerFigures } from './workers.ts';
import { CountingHistogram, exposeHistogram } from './histogram.ts';

const web = workloadKey({ resource: 'deployments.apps', namespace: 'shop', name: 'web' });
const queue = workloadKey({ resource: 'statefulsets.apps', namespace: 'shop', name: 'queue' });

const histogram = (...values: readonly number[]): CountingHistogram => {
  const counting = new CountingHistogram([0.1, 1]);
  for (const value of values) counting.observe(value);
  return counting;
};

const series = (body: string): readonly string[] => body.split('\n').filter((line) => line !== '' && !line.startsWith('#'));

const quiet: GatewayWorkloadFigures = {
  revisions: [],
  inFlight: 0,
  held: 0,
  heldBytes: 0,
  refused: new Map(),
  holdSeconds: histogram(),
  aborted: { client: { none: 0, begun: 0 }, pod: { none: 0, begun: 0 }, gateway: { none: 0, begun: 0 } },
  ignored: 0,
  pokes: 0,
  connectFailures: 0,
  retries: 0,
  retriesOverBudget: 0,
  ejections: new Map(),
  ejectedPods: 0,
  podConnections: { open: 0, idle: 0, opened: 0 },
};
const revision = (name: string, requests: readonly (readonly [number, number])[], bytes: number, durationSeconds: CountingHistogram): RevisionFigures => ({
  revision: name,
  requests: new Map(requests),
  durationSeconds,
  requestBytes: bytes,
  responseBytes: 2 * bytes,
});

const gatewayFigures = (): GatewayFigures => ({
  workloads: new Map<WorkloadKey, GatewayWorkloadFigures>([
    [
      web,
      {
        ...quiet,
        revisions: [revision('', [[503, 1]], 0, histogram(5)), revision('6f9c', [[200, 7]], 70, histogram(0.05, 0.5)), revision('fresh', [], 0, histogram())],
        inFlight: 3,
        held: 2,
        heldBytes: 32_768,
        refused: new Map<GatewayCode, number>([['hold-queue-full', 1]]),
        holdSeconds: histogram(0.05, 0.5, 5),
        aborted: { client: { none: 1, begun: 2 }, pod: { none: 3, begun: 4 }, gateway: { none: 0, begun: 5 } },
        ignored: 6,
        pokes: 7,
        connectFailures: 8,
        retries: 4,
        retriesOverBudget: 1,
        ejections: new Map([['connect', 2]]),
        ejectedPods: 1,
        podConnections: { open: 5, idle: 2, opened: 9 },
      },
    ],
    [queue, { ...quiet, revisions: [revision('1', [[0, 4]], 10, histogram())] }],
  ]),
  unrouted: new Map<GatewayCode, number>([['unknown-host', 5]]),
  rejectedConnections: new Map([['plain-http', 2]]),
  certificates: new Map([
    ['tls.crt', { notAfter: instant(Date.UTC(2030, 0, 1)), valid: 1 as const }],
    ['shop/tls.crt', { notAfter: undefined, valid: 0 as const }],
  ]),
  routesValid: 1,
  holdBudget: { bytes: 163_840_000, usedBytes: 32_768 },
  connections: 11,
  accessLog: { written: 12, dropped: 1 },
});

test('a gateway shows every figure of every workload, told apart by revision where its pods have a part in it', async (t) => {
  const { body, contentType } = await createGatewayInstruments(gatewayFigures).expose();
  t.regex(contentType, /^text\/plain; version=0\.0\.4/);
  const shown = series(body);
  const of = 'namespace="shop",workload="web"';
  const other = 'namespace="shop",workload="statefulsets.apps/queue"';
  const none = 'namespace="",workload=""';
  for (const line of [
    `rouse_gateway_requests_total{${of},revision="",code="503",code_class="5xx"} 1`,
    `rouse_gateway_requests_total{${of},revision="6f9c",code="200",code_class="2xx"} 7`,
    `rouse_gateway_requests_total{${other},revision="1",code="0",code_class="none"} 4`,
    `rouse_gateway_requests_total{${none},revision="",code="404",code_class="4xx"} 5`,
    `rouse_gateway_request_bytes_total{${of},revision="6f9c"} 70`,
    `rouse_gateway_response_bytes_total{${of},revision="6f9c"} 140`,
    `rouse_gateway_response_bytes_total{${other},revision="1"} 20`,
    `rouse_gateway_in_flight{${of}} 3`,
    `rouse_gateway_in_flight{${other}} 0`,
    `rouse_gateway_held_requests{${of}} 2`,
    `rouse_gateway_refused_requests_total{${of},reason="hold-queue-full"} 1`,
    `rouse_gateway_refused_requests_total{${none},reason="unknown-host"} 5`,
    `rouse_gateway_aborted_requests_total{${of},by="client",answer="none"} 1`,
    `rouse_gateway_aborted_requests_total{${of},by="client",answer="begun"} 2`,
    `rouse_gateway_aborted_requests_total{${of},by="pod",answer="none"} 3`,
    `rouse_gateway_aborted_requests_total{${of},by="pod",answer="begun"} 4`,
    `rouse_gateway_aborted_requests_total{${of},by="gateway",answer="begun"} 5`,
    `rouse_gateway_ignored_requests_total{${of}} 6`,
    `rouse_gateway_pokes_total{${of}} 7`,
    `rouse_gateway_connect_failures_total{${of}} 8`,
    `rouse_gateway_retries_total{${of}} 4`,
    `rouse_gateway_retries_over_budget_total{${of}} 1`,
    `rouse_gateway_pod_ejections_total{${of},reason="connect"} 2`,
    `rouse_gateway_ejected_pods{${of}} 1`,
    `rouse_gateway_pod_connections{${of},state="active"} 3`,
    `rouse_gateway_pod_connections{${of},state="idle"} 2`,
    `rouse_gateway_pod_connections_opened_total{${of}} 9`,
    `rouse_gateway_held_bytes{${of}} 32768`,
    'rouse_gateway_hold_budget_used_bytes 32768',
    'rouse_gateway_hold_budget_bytes 163840000',
    'rouse_gateway_connections 11',
    'rouse_gateway_access_log_lines_total{outcome="dropped"} 1',
    'rouse_gateway_routes_valid 1',
    `rouse_gateway_hold_seconds_bucket{${of},le="0.1"} 1`,
    `rouse_gateway_hold_seconds_bucket{${of},le="1"} 2`,
    `rouse_gateway_hold_seconds_bucket{${of},le="+Inf"} 3`,
    `rouse_gateway_hold_seconds_sum{${of}} 5.55`,
    `rouse_gateway_hold_seconds_count{${other}} 0`,
    `rouse_gateway_request_duration_seconds_bucket{${of},revision="6f9c",le="0.1"} 1`,
    `rouse_gateway_request_duration_seconds_sum{${of},revision="6f9c"} 0.55`,
    `rouse_gateway_request_duration_seconds_count{${of},revision=""} 1`,
  ])
    t.true(shown.includes(line), line);
  // A revision that has had no request has bytes alone, and a connection takes as long as it takes.
  t.deepEqual(
    shown.filter((line) => line.includes('revision="fresh"')),
    [`rouse_gateway_request_bytes_total{${of},revision="fresh"} 0`, `rouse_gateway_response_bytes_total{${of},revision="fresh"} 0`],
  );
  t.false(body.includes(`rouse_gateway_request_duration_seconds_count{${other}`));
});

test('each metric has its help and type once', async (t) => {
  const { body } = await createGatewayInstruments(gatewayFigures).expose();
  const types = body.split('\n').filter((line) => line.startsWith('# TYPE'));
  t.is(new Set(types).size, types.length);
  t.is(types.length, 27);
  t.is(body.split('\n').filter((line) => line.startsWith('# HELP')).length, 27);
});

test('a second scrape shows the figures as they are then', async (t) => {
  let figures = gatewayFigures();
  const instruments = createGatewayInstruments(() => figures);
  await instruments.expose();
  figures = { ...figures, workloads: new Map(), rejectedConnections: new Map(), certificates: new Map(), routesValid: 0 };
  t.deepEqual(series((await instruments.expose()).body), [
    'rouse_gateway_requests_total{namespace="",workload="",revision="",code="404",code_class="4xx"} 5',
    'rouse_gateway_refused_requests_total{namespace="",workload="",reason="unknown-host"} 5',
    'rouse_gateway_hold_budget_used_bytes 32768',
    'rouse_gateway_hold_budget_bytes 163840000',
    'rouse_gateway_connections 11',
    'rouse_gateway_access_log_lines_total{outcome="written"} 12',
    'rouse_gateway_access_log_lines_total{outcome="dropped"} 1',
    'rouse_gateway_routes_valid 0',
  ]);
});

test('a gateway that serves TLS shows when its certificates expire and whether they are the newest; one that does not shows nothing of the kind', async (t) => {
  const shown = async (change: Partial<GatewayFigures>): Promise<readonly string[]> => {
    const { body } = await createGatewayInstruments(() => ({ ...gatewayFigures(), ...change })).expose();
    return series(body).filter((line) => /certificate|rejected/.test(line));
  };
  t.deepEqual(await shown({}), [
    'rouse_gateway_rejected_connections_total{reason="plain-http"} 2',
    'rouse_gateway_certificate_expiry_timestamp_seconds{file="tls.crt"} 1893456000',
    'rouse_gateway_certificate_valid{file="tls.crt"} 1',
    'rouse_gateway_certificate_valid{file="shop/tls.crt"} 0',
  ]);
  t.deepEqual(await shown({ certificates: new Map(), rejectedConnections: new Map() }), []);
});

const decision: Decision = {
  kind: 'hold',
  to: pods(2),
  at: start,
  reason: 'steady',
  excessBurstCapacity: 0,
  evidence: {
    demands: [
      { reading: concurrencyOf(12, 15), target: 70, stablePods: 1, panicPods: 1 },
      { reading: { metric: 'rps', kind: 'no-data', age: undefined }, target: 70, stablePods: 0, panicPods: 0 },
    ],
    steps: [],
    panicking: false,
    wanted: 2,
    replicas: pods(2),
    ready: pods(2),
    starting: pods(0),
    held: 0,
    inFlight: 0,
  },
};
const noDrops = { late: 0, doubled: 0, invalid: 3, unknownGateway: 0, overLimit: 0 };
const workload = (key: WorkloadKey): WorkloadFigures => ({ key, desired: 2, ready: 1, decision });
const controllerOf = (keys: readonly WorkloadKey[]): ControllerFigures => ({
  workloads: keys.map(workload),
  leader: true,
  configValid: true,
  drops: noDrops,
  budget: [{ namespace: 'shop', limit: 5, used: 4, wanted: 7 }],
  usageReads: new Map([['ok', 4]]),
  extender: {
    answers: new Map([['prioritize', new Map([['scored', 7]])]]),
    durationSeconds: new Map([['prioritize', { bounds: [0.001, 0.01], counts: [4, 3, 1], sum: 0.06, count: 8 }]]),
  },
});

test('a controller shows wanted and ready pods, the values of metrics, decisions by reason, cold starts by phase, and who leads', async (t) => {
  const instruments = createControllerInstruments(() => controllerOf([web]));
  for (const reason of ['steady', 'steady', 'panic'] as const) instruments.decided(web, reason);
  instruments.coldStarted(web, { decide: 2, schedule: 3, start: 58, ready: 28, forward: 5 });
  const shown = series((await instruments.expose()).body);
  const labels = 'namespace="shop",workload="web"';
  for (const line of [
    `rouse_desired_pods{${labels}} 2`,
    `rouse_ready_pods{${labels}} 1`,
    `rouse_stable_value{${labels},metric="concurrency"} 12`,
    `rouse_panic_value{${labels},metric="concurrency"} 15`,
    `rouse_decisions_total{${labels},reason="steady"} 2`,
    `rouse_decisions_total{${labels},reason="panic"} 1`,
    'rouse_leader 1',
    'rouse_budget_limit_pods{namespace="shop"} 5',
    'rouse_budget_used_pods{namespace="shop"} 4',
    'rouse_budget_wanted_pods{namespace="shop"} 7',
    'rouse_report_drops_total{reason="invalid"} 3',
    'rouse_metrics_api_reads_total{outcome="ok"} 4',
    `rouse_cold_start_seconds_sum{${labels},phase="start"} 0.058`,
    `rouse_cold_start_seconds_bucket{${labels},phase="forward",le="0.005"} 1`,
    `rouse_cold_start_seconds_bucket{${labels},phase="forward",le="0.0025"} 0`,
    'rouse_extender_answers_total{verb="prioritize",reason="scored"} 7',
    'rouse_extender_duration_seconds_bucket{verb="prioritize",le="0.01"} 7',
    'rouse_extender_duration_seconds_count{verb="prioritize"} 8',
  ])
    t.true(shown.includes(line), line);
  t.false(shown.some((line) => line.includes('metric="rps"')));
});

test('a controller that no scheduler may ask shows nothing of it', async (t) => {
  const { extender: _, ...figures } = controllerOf([web]);
  const { body } = await createControllerInstruments(() => figures).expose();
  t.false(series(body).some((line) => line.startsWith('rouse_extender')));
});

test('the series of a workload that was handed back go, and do not come back with old counts', async (t) => {
  let keys: readonly WorkloadKey[] = [web, queue];
  const instruments = createControllerInstruments(() => controllerOf(keys));
  for (const key of keys) instruments.decided(key, 'steady');
  await instruments.expose();
  keys = [web];
  t.false((await instruments.expose()).body.includes('queue'));
  keys = [web, queue];
  t.false((await instruments.expose()).body.includes('rouse_decisions_total{namespace="shop",workload="statefulsets.apps/queue"'));
  instruments.forget(web);
  t.false((await instruments.expose()).body.includes('rouse_decisions_total{'));
});

/** A row for each metric: name, type, labels, what its help says. */
const rowsOf = (body: string): readonly string[] =>
  [...body.matchAll(/^# HELP (\S+) (.*)\n# TYPE \S+ (\S+)$/gm)].map(([, name = '', help = '', type = '']) => {
    const [, labels = ''] = new RegExp(`^${name}(?:_count)?\\{(.*)\\} `, 'm').exec(body) ?? [];
    return [`\`${name}\``, type, [...labels.matchAll(/(\w+)="/g)].map(([, label]) => `\`${label ?? ''}\``).join(', '), help]
      .join(' | ')
      .replaceAll(/ {2,}/g, ' ');
  });

test('docs/reference/metrics.md has every metric with its type, its labels and its help, and no other', async (t) => {
  const controller = createControllerInstruments(() => controllerOf([web]));
  controller.decided(web, 'steady');
  controller.coldStarted(web, { decide: 2, schedule: 3, start: 58, ready: 28, forward: 5 });
  const workers = createWorkerFigures().expose(new Map(), { wanted: 2, serving: 2 });
  const exposed = [(await createGatewayInstruments(gatewayFigures).expose()).body, workers.body, (await controller.expose()).body].flatMap(rowsOf);
  const page = await readFile(join(import.meta.dirname, '..', '..', '..', 'docs', 'reference', 'metrics.md'), 'utf8');
  const documented = [...page.matchAll(/^\| (`rouse_.*?) \|$/gm)].map(([, row = '']) => row.replaceAll(/ +\| +/g, ' | ').trim());
  t.deepEqual([...documented].sort(), [...exposed].sort());
});

test('beyond the limit workloads get no series, and their number is told', async (t) => {
  const keys = Array.from({ length: 12 }, (_, index) => workloadKey({ resource: 'deployments.apps', namespace: 'x', name: `w${String(index)}` }));
  const shown = series((await createControllerInstruments(() => controllerOf(keys), 10).expose()).body);
  t.is(shown.filter((line) => line.startsWith('rouse_desired_pods')).length, 10);
  t.true(shown.includes('rouse_workloads_without_series 2'));
});

test('a histogram leaves out what is no duration, and counts every other value in one bucket', (t) => {
  const counting = histogram(0, 0.1, 0.100001, 1, 2, Number.NaN, -1, Number.POSITIVE_INFINITY);
  t.deepEqual(counting.counts, [2, 2, 1]);
  t.is(counting.count, 5);
});

test('label values are escaped', (t) => {
  t.true(exposeHistogram('x', 'y', [{ labels: { a: 'q"\\\n' }, histogram: histogram() }]).includes('x_count{a="q\\"\\\\\\n"} 0'));
});

test('importing metrics does not load prom-client, and importing the decider does not load mathjs', async (t) => {
  const source = `
    const { registerHooks } = await import('node:module');
    const asked = new Set();
    registerHooks({ resolve: (specifier, context, next) => (asked.add(specifier), next(specifier, context)) });
    const { createGatewayInstruments } = await import(${JSON.stringify(join(import.meta.dirname, '../index.ts'))});
    const { loadFormulas } = await import(${JSON.stringify(join(import.meta.dirname, '../../decider/index.ts'))});
    const heavy = () => ['luxon', 'prom-client', 'mathjs/number'].filter((name) => asked.has(name));
    const atImport = heavy();
    await loadFormulas();
    await createGatewayInstruments(() => ({ workloads: new Map(), unrouted: new Map(), rejectedConnections: new Map(), certificates: new Map(), routesValid: 1, holdBudget: { bytes: 1, usedBytes: 0 }, connections: 0, accessLog: { written: 0, dropped: 0 } })).expose();
    console.log(JSON.stringify([atImport, heavy()]));`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', source]);
  t.deepEqual(JSON.parse(stdout), [['luxon'], ['luxon', 'prom-client', 'mathjs/number']]);
});

test('a scrape of many workloads lets others have their turn between two metrics, and two at once show the same', async (t) => {
  const all = gatewayFigures();
  const instruments = createGatewayInstruments(() => all);
  await instruments.expose();
  let turns = 0;
  let over = false;
  const count = async (): Promise<void> => {
    for (; !over; turns += 1) await nextTurn();
  };
  const counting = count();
  const [one, other] = await Promise.all([instruments.expose(), instruments.expose()]);
  over = true;
  await counting;
  t.true(turns >= 20, `${turns} turns`);
  t.is(one.body, other.body);
});
