import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import http, { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import test from 'ava';
import { parse, stringify } from 'yaml';
import { dashboards } from '../../grafana/src/dashboards.ts';
import { createGatewayInstruments, createWorkerFigures } from '../../src/metrics/index.ts';
import { freePort } from '../support/free-port.ts';
import { controllerScene, gatewayFigures, processFigures, sayEverything, web, workload } from '../support/metric-figures.ts';
import { dashboardQueries, ruleQueries, type RuleFile } from '../support/monitoring-queries.ts';
import { startRouse } from '../support/rouse-process.ts';
import { filledIn, isQuery, runbooks } from '../support/runbooks.ts';
import { until } from '../support/until.ts';

/**
 * A real Prometheus scrapes a running `rouse local` with a workload under load, one that sleeps and one that cannot start; and, as a second target, the instruments with figures that a laptop
 * does not have (a budget, workers, TLS, a scheduler extender, ejected pods). Every query of every panel and rule is asked of it and has to give numbers.
 */

const rulesFolder = join(import.meta.dirname, '..', '..', 'grafana', 'rules');
const rules = ['alerts.yaml', 'recording.yaml'] as const;

let prometheus = '';
/** When it began to scrape, in seconds. */
let begun = 0;
/** The last begun ends first. */
const ends: (() => unknown)[] = [];
test.after.always(async () => {
  for (const end of ends.reverse()) await end();
});

interface Answer {
  readonly status: string;
  readonly error?: string;
  readonly data?: {
    readonly result?: readonly { readonly metric: Readonly<Record<string, string>>; readonly values: readonly (readonly [number, string])[] }[];
  };
}

/** An expression since the first scrape, for the load is over by the time of the tests; only what is a number. */
const ask = async (expr: string): Promise<readonly { readonly labels: Readonly<Record<string, string>>; readonly values: readonly number[] }[]> => {
  const end = Date.now() / 1000;
  const query = new URLSearchParams({ query: expr, start: String(begun), end: String(end), step: '1' });
  const answer = (await (await fetch(`${prometheus}/api/v1/query_range?${query.toString()}`)).json()) as Answer;
  if (answer.status !== 'success') throw new Error(`${expr}: ${answer.error ?? ''}`);
  return (answer.data?.result ?? [])
    .map(({ metric, values }) => ({ labels: metric, values: values.map(([, value]) => Number(value)).filter((value) => Number.isFinite(value)) }))
    .filter(({ values }) => values.length > 0);
};

const manifest = (name: string, annotations: Readonly<Record<string, string>>, command: readonly string[], replicas: number): readonly object[] => [
  {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, annotations: { 'rouse.dev/enabled': 'true', 'rouse.dev/window': '6s', ...annotations } },
    spec: {
      replicas,
      selector: { matchLabels: { app: name } },
      template: { metadata: { labels: { app: name } }, spec: { containers: [{ name: 'app', image: 'none', command, ports: [{ containerPort: 8080 }] }] } },
    },
  },
  { apiVersion: 'v1', kind: 'Service', metadata: { name }, spec: { selector: { app: name }, ports: [{ port: 80, targetPort: 8080 }] } },
];
const server = "require('node:http').createServer((_, response) => setTimeout(() => response.end('x'), 30)).listen(process.env.PORT)";

/** Everything that instruments can show, growing from scrape to scrape. */
const everythingGrowing = (): (() => Promise<string>) => {
  const scene = controllerScene([workload(web)]);
  let scrapes = 0;
  return async () => {
    scrapes += 1;
    sayEverything(scene.instruments);
    const calls = { bounds: [0.001, 0.01], counts: [4 * scrapes, 3 * scrapes, scrapes], sum: 0.06 * scrapes, count: 8 * scrapes };
    scene.figures = {
      ...scene.figures,
      extender: { answers: new Map([['prioritize', new Map([['scored', 7 * scrapes]])]]), durationSeconds: new Map([['prioritize', calls]]) },
    };
    const workers = createWorkerFigures().expose(new Map(), { wanted: 2, serving: 2 });
    const gateway = await createGatewayInstruments(() => ({ ...gatewayFigures(), process: processFigures })).expose();
    const withoutProcess = (await scene.instruments.expose()).body.replaceAll(/^(?:# \w+ )?(?:process|nodejs)_.*\n/gm, '');
    return `${withoutProcess}\n${gateway.body}\n${workers}\n`;
  };
};

test.before(async (t) => {
  t.timeout(180_000);
  const directory = await mkdtemp(join(tmpdir(), 'rouse-prometheus-'));
  ends.push(() => rm(directory, { recursive: true, force: true }));
  const app = join(directory, 'app.yaml');
  const objects = [
    ...manifest('busy', { 'rouse.dev/target': '2', 'rouse.dev/max-scale': '5' }, ['node', '-e', server], 0),
    ...manifest('sleepy', {}, ['node', '-e', server], 2),
    ...manifest('broken', {}, ['/nonexistent/program'], 0),
  ];
  await writeFile(app, objects.map((object) => stringify(object)).join('---\n'));
  const rouse = startRouse(['local', '-f', app, '--api-port', '0', '--gateway-port', '0', '--metrics-port', '0']);
  ends.push(() => rouse.stop());
  const [, shared = ''] = await rouse.line(/^ {2}gateway +(http:\S+?),/);
  const [, metrics = ''] = await rouse.line(/^ready: .*metrics=(\S+)$/);

  const everything = everythingGrowing();
  const figures = createServer((_request, response) => {
    void everything().then((body) => response.end(body));
  }).listen(0, '127.0.0.1');
  await once(figures, 'listening');
  ends.push(() => figures.close());

  const target = (job: string, address: string): object => ({ job_name: job, static_configs: [{ targets: [address] }] });
  const config = join(directory, 'prometheus.yml');
  const port = await freePort();
  await writeFile(
    config,
    stringify({
      global: { scrape_interval: '1s', evaluation_interval: '1s' },
      rule_files: rules.map((name) => join(rulesFolder, name)),
      scrape_configs: [target('rouse', new URL(metrics).host), target('figures', `127.0.0.1:${(figures.address() as AddressInfo).port}`)],
    }),
  );
  begun = Date.now() / 1000;
  const child = spawn(
    'prometheus',
    [`--config.file=${config}`, `--storage.tsdb.path=${join(directory, 'data')}`, `--web.listen-address=127.0.0.1:${port}`, '--log.level=error'],
    { stdio: ['ignore', 'inherit', 'inherit'] },
  );
  const closed = once(child, 'close');
  ends.push(async () => {
    child.kill('SIGKILL');
    await closed;
  });
  prometheus = `http://127.0.0.1:${port}`;
  await until('Prometheus is ready', async () => (await fetch(`${prometheus}/-/ready`).catch(() => undefined))?.ok === true, 30_000);

  await until(
    'Prometheus has seen the gateway before the first request',
    async () => (await ask('rouse_gateway_hold_seconds_count{workload="busy"} == 0')).length > 0,
    30_000,
  );

  const get = async (name: string): Promise<number | undefined> => {
    const request = http.get({ host: '127.0.0.1', port: new URL(shared).port, headers: { host: `${name}.default.localhost` }, timeout: 20_000 });
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    await text(response);
    return response.statusCode;
  };
  const statuses = new Map<string, Set<number | undefined>>();
  const load = async (name: string): Promise<void> => {
    const status = await get(name);
    statuses.set(name, (statuses.get(name) ?? new Set()).add(status));
  };
  const end = performance.now() + 22_000;
  while (performance.now() < end) await Promise.all([...Array.from({ length: 8 }, () => load('busy')), load('broken'), load('nobody')]);
  for (const [name, status] of [
    ['nobody', 404],
    ['busy', 200],
    ['broken', 503],
  ] as const)
    t.deepEqual([...(statuses.get(name) ?? [])], [status], name);
});

const scenes = [
  ['default', 'busy'],
  ['default', 'broken'],
  ['shop', 'web'],
] as const;

/** As Grafana does before it asks. */
const filled = (expr: string, [namespace, name]: (typeof scenes)[number]): string =>
  expr
    .replaceAll('$__rate_interval', '15s')
    .replaceAll('$__range', '30s')
    .replaceAll('$namespace', namespace)
    .replaceAll('$workload', name)
    .replaceAll('$price', '0.04');

for (const [file, dashboard] of dashboards)
  test(`every query of ${file} gives numbers`, async (t) => {
    const queries = dashboardQueries(file, dashboard);
    t.true(queries.length > 8);
    for (const { where, expr } of queries) {
      t.notRegex(filled(expr, scenes[0]), /\$/, where);
      const answers = await Promise.all(scenes.map((scene) => ask(filled(expr, scene))));
      t.true(answers.some((series) => series.length > 0), `${where} gives nothing: ${expr}`); // prettier-ignore
    }
  });

test('every query of a runbook gives numbers', async (t) => {
  const queries = (await runbooks()).flatMap(({ alert, spans }) => spans.filter(isQuery).map((query) => ({ alert, query })));
  t.true(queries.length >= 10);
  for (const { alert, query } of queries) {
    const answers = await Promise.all(scenes.map(([namespace, name]) => ask(filledIn(query, { namespace, name }).replaceAll('[5m]', '[15s]'))));
    t.true(
      answers.some((series) => series.length > 0),
      `${alert}: ${query}`,
    );
  }
});

test('every rule is evaluated without an error, and what is recorded has numbers', async (t) => {
  const { data } = (await (await fetch(`${prometheus}/api/v1/rules`)).json()) as {
    data: { groups: readonly { rules: readonly { name: string; type: string; health: string; lastError?: string }[] }[] };
  };
  const evaluated = data.groups.flatMap((group) => group.rules);
  const written = (await Promise.all(rules.map(async (name) => ruleQueries(parse(await readFile(join(rulesFolder, name), 'utf8')) as RuleFile)))).flat();
  t.deepEqual(evaluated.map(({ name }) => name).sort(), written.map(({ where }) => where).sort());
  for (const { name, health, lastError, type } of evaluated) {
    t.deepEqual([health, lastError], ['ok', undefined], name);
    if (type === 'recording') t.true((await ask(name)).length > 0, name);
  }
});

test('the alert about a workload that cannot be woken is on its way to fire, those about Rouse are silent', async (t) => {
  let ofLocal: readonly Readonly<Record<string, string>>[] = [];
  // One scrape may come while a gateway does not have the newest routes yet: what is over by the next one is on its way to nothing.
  const isSo = async (): Promise<boolean> => {
    const { data } = (await (await fetch(`${prometheus}/api/v1/alerts`)).json()) as {
      data: { alerts: readonly { labels: Readonly<Record<string, string>> }[] };
    };
    ofLocal = data.alerts.map(({ labels }) => labels).filter(({ job }) => job === 'rouse');
    const areOfWakes = ofLocal.every(({ alertname }) => alertname === 'RouseWakeFailing');
    return areOfWakes && ofLocal.some(({ workload: name }) => name === 'broken');
  };
  await until('no alert but the one about broken', isSo, 15_000, () => ofLocal);
  t.pass();
});

test('what sleeps saves pods, what is under load uses them', async (t) => {
  const newest = async (expr: string): Promise<number> => (await ask(expr))[0]?.values.at(-1) ?? 0;
  const [saved, used] = ['rouse_saved_pod_seconds_total{job="rouse",workload="sleepy"}', 'rouse_pod_seconds_total{job="rouse",workload="busy"}'];
  const more = async (expr: string, than: number): Promise<boolean> => (await newest(expr)) > than;
  await until(
    'sleepy has saved',
    () => more(saved, 2),
    30_000,
    () => newest(saved),
  );
  await until(
    'busy has used',
    () => more(used, 5),
    30_000,
    () => newest(used),
  );
  t.pass();
});

test('promtool has nothing to say against the rules, and their tests are green', async (t) => {
  t.timeout(500_000);
  for (const args of [
    ['check', 'rules', ...rules.map((name) => join(rulesFolder, name))],
    ['test', 'rules', join(rulesFolder, 'tests', 'alerts.yaml')],
  ]) {
    const child = spawn('promtool', args, { timeout: 240_000 });
    let said = '';
    child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
    const [code] = (await once(child, 'close')) as [number | null];
    t.is(code, 0, said);
  }
});
