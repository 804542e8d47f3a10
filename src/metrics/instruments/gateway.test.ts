import test from 'ava';
import { nextTurn } from '../../core/index.ts';
import { createGatewayInstruments, type GatewayFigures } from '../index.ts';
import { CountingHistogram } from './histogram.ts';
import { label } from './series.ts';
import { gatewayFigures, series } from '../../../test/support/metric-figures.ts';

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
    'rouse_gateway_controllers_linked 2',
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
  t.is(types.length, 47);
  t.is(body.split('\n').filter((line) => line.startsWith('# HELP')).length, 47);
});

test('a second scrape shows the figures as they are then; what is of no workload of now stays in the sums', async (t) => {
  let figures = gatewayFigures();
  const instruments = createGatewayInstruments(() => figures);
  await instruments.expose();
  figures = { ...figures, workloads: new Map(), rejectedConnections: new Map(), certificates: new Map(), routesValid: 0 };
  const shown = series((await instruments.expose()).body);
  t.deepEqual(
    shown.filter((line) => !line.startsWith('rouse_gateway_fleet_')),
    [
      'rouse_gateway_requests_total{namespace="",workload="",revision="",code="404",code_class="4xx"} 5',
      'rouse_gateway_refused_requests_total{namespace="",workload="",reason="unknown-host"} 5',
      'rouse_gateway_workloads_without_series 0',
      'rouse_gateway_hold_budget_used_bytes 32768',
      'rouse_gateway_hold_budget_bytes 163840000',
      'rouse_gateway_connections 11',
      'rouse_gateway_access_log_lines_total{outcome="written"} 12',
      'rouse_gateway_access_log_lines_total{outcome="dropped"} 1',
      'rouse_gateway_controllers_linked 2',
      'rouse_gateway_routes_valid 0',
    ],
  );
  for (const line of [
    'rouse_gateway_fleet_requests_total{code="200",code_class="2xx"} 9',
    'rouse_gateway_fleet_requests_total{code="404",code_class="4xx"} 6',
    'rouse_gateway_fleet_refused_requests_total{reason="unknown-host"} 7',
    'rouse_gateway_fleet_request_bytes_total 90',
    'rouse_gateway_fleet_in_flight 3',
    'rouse_gateway_fleet_aborted_requests_total{by="pod",answer="begun"} 0',
    'rouse_gateway_fleet_pod_connections{state="active"} 3',
    'rouse_gateway_fleet_hold_seconds_bucket{le="0.1"} 1',
    'rouse_gateway_fleet_request_duration_seconds_count 3',
  ])
    t.true(shown.includes(line), line);
  t.false(shown.some((line) => line.startsWith('rouse_gateway_fleet_') && /revision|workload/.test(line)));
});

test('beyond the limit workloads get no series, the first by name stay, and the sums have all', async (t) => {
  const figures = gatewayFigures();
  const whole = series((await createGatewayInstruments(() => figures).expose()).body).filter((line) => line.includes('_fleet_'));
  for (const [most, workloads] of [
    [1, ['statefulsets.apps/queue']],
    [0, []],
  ] as const) {
    const shown = series((await createGatewayInstruments(() => ({ ...figures, perWorkloadMetrics: most })).expose()).body);
    const named = new Set(shown.flatMap((line) => /workload="([^"]+)"/.exec(line)?.[1] ?? []));
    t.deepEqual([...named], [...workloads]);
    t.true(shown.includes(`rouse_gateway_workloads_without_series ${2 - most}`));
    t.deepEqual(
      shown.filter((line) => line.includes('_fleet_')),
      whole,
    );
  }
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

test('a histogram leaves out what is no duration, and counts every other value in one bucket', (t) => {
  const counting = new CountingHistogram([0.1, 1]);
  for (const value of [0, 0.1, 0.100001, 1, 2, Number.NaN, -1, Number.POSITIVE_INFINITY]) counting.observe(value);
  t.deepEqual(counting.counts, [2, 2, 1]);
  t.is(counting.count, 5);
});

test('label values are escaped', (t) => {
  t.is(label('a', 'q"\\\n'), 'a="q\\"\\\\\\n"');
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
