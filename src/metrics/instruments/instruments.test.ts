import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import test from 'ava';
import { concurrencyOf, start } from '../../../test/support/decision-inputs.ts';
import { instant, pods, workloadKey, type Decision, type GatewayCode, type WorkloadKey } from '../../core/index.ts';
import { createControllerInstruments, createGatewayInstruments, type ControllerFigures, type GatewayFigures, type WorkloadFigures } from '../index.ts';
import { CountingHistogram, exposeHistogram } from './histogram.ts';

const web = workloadKey({ resource: 'deployments.apps', namespace: 'shop', name: 'web' });
const queue = workloadKey({ resource: 'statefulsets.apps', namespace: 'shop', name: 'queue' });

const histogram = (...values: readonly number[]): CountingHistogram => {
  const counting = new CountingHistogram([0.1, 1]);
  for (const value of values) counting.observe(value);
  return counting;
};

const series = (body: string): readonly string[] => body.split('\n').filter((line) => line !== '' && !line.startsWith('#'));

const gatewayFigures = (): GatewayFigures => ({
  workloads: new Map([
    [
      web,
      {
        requests: new Map([
          [200, 7],
          [503, 1],
        ]),
        inFlight: 3,
        held: 2,
        heldBytes: 32_768,
        refused: new Map<GatewayCode, number>([['hold-queue-full', 1]]),
        holdSeconds: histogram(0.05, 0.5, 5),
      },
    ],
    [queue, { requests: new Map([[0, 4]]), inFlight: 0, held: 0, heldBytes: 0, refused: new Map<GatewayCode, number>(), holdSeconds: histogram() }],
  ]),
  unrouted: new Map<GatewayCode, number>([['unknown-host', 5]]),
  rejectedConnections: new Map(),
  certificates: new Map(),
  routesValid: 1,
  holdBudget: { bytes: 163_840_000, usedBytes: 32_768 },
});

test('a gateway shows requests by code, in flight, held, what is left to hold more, refusals by reason, hold times and whether its routes are valid', async (t) => {
  const { body, contentType } = await createGatewayInstruments(gatewayFigures).expose();
  t.regex(contentType, /^text\/plain; version=0\.0\.4/);
  t.deepEqual(series(body), [
    'rouse_gateway_requests_total{namespace="shop",workload="web",code="200"} 7',
    'rouse_gateway_requests_total{namespace="shop",workload="web",code="503"} 1',
    'rouse_gateway_requests_total{namespace="shop",workload="statefulsets.apps/queue",code="0"} 4',
    'rouse_gateway_requests_total{namespace="",workload="",code="404"} 5',
    'rouse_gateway_in_flight{namespace="shop",workload="web"} 3',
    'rouse_gateway_in_flight{namespace="shop",workload="statefulsets.apps/queue"} 0',
    'rouse_gateway_held_requests{namespace="shop",workload="web"} 2',
    'rouse_gateway_held_requests{namespace="shop",workload="statefulsets.apps/queue"} 0',
    'rouse_gateway_refused_requests_total{namespace="shop",workload="web",reason="hold-queue-full"} 1',
    'rouse_gateway_refused_requests_total{namespace="",workload="",reason="unknown-host"} 5',
    'rouse_gateway_held_bytes{namespace="shop",workload="web"} 32768',
    'rouse_gateway_held_bytes{namespace="shop",workload="statefulsets.apps/queue"} 0',
    'rouse_gateway_hold_budget_used_bytes 32768',
    'rouse_gateway_hold_budget_bytes 163840000',
    'rouse_gateway_routes_valid 1',
    'rouse_gateway_hold_seconds_bucket{namespace="shop",workload="web",le="0.1"} 1',
    'rouse_gateway_hold_seconds_bucket{namespace="shop",workload="web",le="1"} 2',
    'rouse_gateway_hold_seconds_bucket{namespace="shop",workload="web",le="+Inf"} 3',
    'rouse_gateway_hold_seconds_sum{namespace="shop",workload="web"} 5.55',
    'rouse_gateway_hold_seconds_count{namespace="shop",workload="web"} 3',
    'rouse_gateway_hold_seconds_bucket{namespace="shop",workload="statefulsets.apps/queue",le="0.1"} 0',
    'rouse_gateway_hold_seconds_bucket{namespace="shop",workload="statefulsets.apps/queue",le="1"} 0',
    'rouse_gateway_hold_seconds_bucket{namespace="shop",workload="statefulsets.apps/queue",le="+Inf"} 0',
    'rouse_gateway_hold_seconds_sum{namespace="shop",workload="statefulsets.apps/queue"} 0',
    'rouse_gateway_hold_seconds_count{namespace="shop",workload="statefulsets.apps/queue"} 0',
  ]);
});

test('each metric has its help and type once', async (t) => {
  const { body } = await createGatewayInstruments(gatewayFigures).expose();
  const types = body.split('\n').filter((line) => line.startsWith('# TYPE'));
  t.is(new Set(types).size, types.length);
  t.is(types.length, 12);
  t.is(body.split('\n').filter((line) => line.startsWith('# HELP')).length, 9);
});

test('a second scrape shows the figures as they are then', async (t) => {
  let figures = gatewayFigures();
  const instruments = createGatewayInstruments(() => figures);
  await instruments.expose();
  figures = { ...figures, workloads: new Map(), routesValid: 0 };
  t.deepEqual(series((await instruments.expose()).body), [
    'rouse_gateway_requests_total{namespace="",workload="",code="404"} 5',
    'rouse_gateway_refused_requests_total{namespace="",workload="",reason="unknown-host"} 5',
    'rouse_gateway_hold_budget_used_bytes 32768',
    'rouse_gateway_hold_budget_bytes 163840000',
    'rouse_gateway_routes_valid 0',
  ]);
});

test('a gateway that serves TLS shows when its certificates expire and whether they are the newest; one that does not shows nothing of the kind', async (t) => {
  const shown = async (change: Partial<GatewayFigures>): Promise<readonly string[]> => {
    const { body } = await createGatewayInstruments(() => ({ ...gatewayFigures(), ...change })).expose();
    return series(body).filter((line) => /certificate|rejected/.test(line));
  };
  t.deepEqual(await shown({}), []);
  const certificates: GatewayFigures['certificates'] = new Map([
    ['tls.crt', { notAfter: instant(Date.UTC(2030, 0, 1)), valid: 1 }],
    ['shop/tls.crt', { notAfter: undefined, valid: 0 }],
  ]);
  t.deepEqual(await shown({ certificates, rejectedConnections: new Map([['plain-http', 2]]) }), [
    'rouse_gateway_rejected_connections_total{reason="plain-http"} 2',
    'rouse_gateway_certificate_expiry_timestamp_seconds{file="tls.crt"} 1893456000',
    'rouse_gateway_certificate_valid{file="tls.crt"} 1',
    'rouse_gateway_certificate_valid{file="shop/tls.crt"} 0',
  ]);
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
const controllerOf = (keys: readonly WorkloadKey[]): ControllerFigures => ({ workloads: keys.map(workload), leader: true, configValid: true, drops: noDrops });

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
    'rouse_report_drops_total{reason="invalid"} 3',
    `rouse_cold_start_seconds_sum{${labels},phase="start"} 0.058`,
    `rouse_cold_start_seconds_bucket{${labels},phase="forward",le="0.005"} 1`,
    `rouse_cold_start_seconds_bucket{${labels},phase="forward",le="0.0025"} 0`,
  ])
    t.true(shown.includes(line), line);
  t.false(shown.some((line) => line.includes('metric="rps"')));
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
    await createGatewayInstruments(() => ({ workloads: new Map(), unrouted: new Map(), rejectedConnections: new Map(), certificates: new Map(), routesValid: 1, holdBudget: { bytes: 1, usedBytes: 0 } })).expose();
    console.log(JSON.stringify([atImport, heavy()]));`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', source]);
  t.deepEqual(JSON.parse(stdout), [['luxon'], ['luxon', 'prom-client', 'mathjs/number']]);
});
