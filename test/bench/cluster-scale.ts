import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { cpus } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { controllerRequests, type AuditedRequest } from '../cluster/harness/audit.ts';
import type { Cluster } from '../cluster/harness/cluster.ts';
import { rouseFromShell, type RouseFromShell } from '../cluster/harness/rouse-from-shell.ts';
import type { RouseProcess } from '../support/rouse-process.ts';
import { until } from '../support/until.ts';
import { inCluster } from './in-cluster.ts';
import { cpuSeconds, residentBytes } from './process-usage.ts';
import { percentile, table } from './statistics.ts';

const workloads = Number(process.env['WORKLOADS'] ?? 2000);
const perNamespace = 20;
const wakes = 100;
if (!(workloads >= wakes)) throw new Error(`WORKLOADS is ${String(process.env['WORKLOADS'])}: want a number of ${wakes} or more`);
const restMs = Number(process.env['REST_MS'] ?? 60_000);
const parallel = 24;
/** Those that are woken at once run a program; the others have pods without one. */
const isWoken = (index: number): boolean => index % Math.floor(workloads / wakes) === 0 && index < wakes * Math.floor(workloads / wakes);

/** Many workloads with pods that run nothing, on the real API server: onboarding, rest, a gateway that leaves and comes, and simultaneous wakes. */
export const run = (): Promise<void> =>
  inCluster('cluster-scale', async (cluster, scope) => {
    await measure(cluster, await rouseFromShell(scope, cluster));
  });

type Row = readonly [string, string];

const measure = async (cluster: Cluster, rouse: RouseFromShell): Promise<void> => {
  const controller = await rouse.startController('10.77.200.10');
  await rouse.startGateway('10.77.200.1');
  const second = await rouse.startGateway('10.77.200.2');
  say(`${workloads} Deployments and Services in ${Math.ceil(workloads / perNamespace)} namespaces`);
  await create(cluster);
  const rows: Row[] = [['', `${workloads} workloads, ${cpus().length} cores shared with the control plane`]];
  rows.push(...(await costing('a workload onboarded', workloads, controller, () => onboarding(cluster))));
  say('waiting for all of them to sleep');
  await until('all sleep', async () => (await awake(cluster)) === 0, 300_000);
  // Thousands of Events are told a few a second, and what was decided is noted every ten.
  await until('what there was to tell is told', () => quiet(cluster), 600_000);
  rows.push(...(await rest(cluster, controller)));
  rows.push(...(await gatewayLeavesAndComes(cluster, rouse, second)));
  rows.push(...(await costing('a wake', wakes, controller, () => wakeMany(cluster, controller))));
  rows.push(['memory of the controller at the end', `${Math.round(residentMb(controller))} MB`]);
  console.log(table(['measured', 'value'], rows));
};

/** The rows of `act`, and the CPU of the controller in it, which says more than times do on a machine that others use. */
const costing = async (what: string, times: number, controller: RouseProcess, act: () => Promise<readonly Row[]>): Promise<readonly Row[]> => {
  const before = cpuSeconds(pidOf(controller));
  const rows = await act();
  return [...rows, [`CPU of the controller for ${what}`, `${(((cpuSeconds(pidOf(controller)) - before) * 1000) / times).toFixed(1)} ms`]];
};

const say = (line: string): void => {
  process.stderr.write(`bench: ${line}\n`);
};

const inParallel = async <T>(items: readonly T[], work: (item: T) => Promise<unknown>): Promise<void> => {
  const queue = [...items];
  await Promise.all(
    Array.from({ length: parallel }, async () => {
      for (let item = queue.shift(); item !== undefined; item = queue.shift()) await work(item);
    }),
  );
};

const names = Array.from({ length: workloads }, (_, index) => ({
  namespace: `many-${Math.floor(index / perNamespace)}`,
  name: `web-${index}`,
  isRunning: isWoken(index),
}));
const namespaces = [...new Set(names.map(({ namespace }) => namespace))];

const create = async ({ api }: Cluster): Promise<void> => {
  const make = async (path: string, body: object): Promise<void> => {
    const { status, body: answer } = await api('POST', path, body);
    if (status !== 201) throw new Error(`${path}: ${JSON.stringify(answer)}`);
  };
  await inParallel(namespaces, (name) => make('/api/v1/namespaces', { metadata: { name } }));
  await inParallel(namespaces, (name) =>
    until(`the ServiceAccount of ${name}`, async () => (await api('GET', `/api/v1/namespaces/${name}/serviceaccounts/default`)).status === 200, 60_000),
  );
  await inParallel(names, async ({ namespace, name, isRunning }) => {
    const labels = { app: name };
    const image = isRunning ? 'rouse.test/app' : 'rouse.test/fake';
    const readinessProbe = isRunning ? { readinessProbe: { httpGet: { path: '/ready', port: 8080 }, periodSeconds: 1 } } : {};
    const container = { name: 'app', image, ports: [{ containerPort: 8080 }], ...readinessProbe };
    const template = { metadata: { labels }, spec: { terminationGracePeriodSeconds: 1, containers: [container] } };
    await make(`/api/v1/namespaces/${namespace}/services`, { metadata: { name }, spec: { selector: labels, ports: [{ port: 80, targetPort: 8080 }] } });
    await make(`/apis/apps/v1/namespaces/${namespace}/deployments`, { metadata: { name }, spec: { replicas: 1, selector: { matchLabels: labels }, template } });
  });
  await until('all pods are ready', async () => (await deployments(api)).every(({ status }) => status?.readyReplicas === 1), 300_000);
};

interface Deployment {
  readonly spec: { readonly replicas: number };
  readonly status?: { readonly readyReplicas?: number };
}

const itemsOf = async <T>(api: Cluster['api'], path: string): Promise<readonly T[]> => {
  await sleep(500);
  return ((await api('GET', path)).body as { readonly items?: readonly T[] }).items ?? [];
};
const deployments = (api: Cluster['api']): Promise<readonly Deployment[]> => itemsOf(api, '/apis/apps/v1/deployments');
const awake = async ({ api }: Cluster): Promise<number> => (await deployments(api)).filter(({ spec }) => spec.replicas > 0).length;

const onboarding = async ({ api }: Cluster): Promise<readonly Row[]> => {
  const annotations = { 'rouse.dev/enabled': 'true', 'rouse.dev/window': '6s' };
  const begun = performance.now();
  await inParallel(names, ({ namespace, name }) => api.patch(`/apis/apps/v1/namespaces/${namespace}/deployments/${name}`, { metadata: { annotations } }));
  const said = performance.now();
  const isTaken = ({ spec }: { readonly spec: { readonly selector?: object } }): boolean => spec.selector === undefined;
  // `kubernetes` has no selector of its own.
  await until('all are taken over', async () => (await itemsOf<{ spec: object }>(api, '/api/v1/services')).filter(isTaken).length > workloads, 300_000);
  return [
    ['to switch all of them on (the admin)', seconds(said - begun)],
    ['to onboard: until the last Service is taken over', seconds(performance.now() - begun)],
  ];
};

/** Ten seconds without an Event. */
const quiet = async ({ directory }: Cluster): Promise<boolean> => {
  const from = Date.now();
  await sleep(12_000);
  return !(await controllerRequests(directory, from)).some(({ resource }) => resource === 'events');
};

const rest = async (cluster: Cluster, controller: RouseProcess): Promise<readonly Row[]> => {
  say(`at rest for ${restMs / 1000} s`);
  const [from, cpu] = [Date.now(), cpuSeconds(pidOf(controller))];
  await sleep(restMs);
  const used = cpuSeconds(pidOf(controller)) - cpu;
  const calls = await controllerRequests(cluster.directory, from);
  const kinds = Map.groupBy(calls, ({ verb, resource }) => `${verb} ${resource}`);
  const most = [...kinds].sort(([, a], [, b]) => b.length - a.length).slice(0, 4);
  return [
    [
      'requests to the API server at rest',
      `${((calls.length / restMs) * 1000).toFixed(2)}/s (${most.map(([kind, { length }]) => `${kind} ${length}`).join(', ')})`,
    ],
    ['CPU of the controller at rest', `${((used / restMs) * 100_000).toFixed(1)} % of a core`],
    ['memory of the controller at rest', `${Math.round(residentMb(controller))} MB`],
  ];
};

const gatewayLeavesAndComes = async (cluster: Cluster, rouse: RouseFromShell, gateway: RouseProcess): Promise<readonly Row[]> => {
  const step = async (what: string, act: () => Promise<unknown>): Promise<Row> => {
    say(what);
    const from = Date.now();
    await act();
    let writes: readonly AuditedRequest[] = [];
    for (let before = -1; writes.length !== before || writes.length === 0;) {
      await sleep(3000);
      before = writes.length;
      writes = (await controllerRequests(cluster.directory, from)).filter(
        ({ resource, verb }) => resource === 'endpointslices' && (verb === 'patch' || verb === 'create'),
      );
      if (Date.now() - from > 60_000) break;
    }
    const last = Math.max(...writes.map(({ at }) => at));
    return [what, `${writes.length} writes of slices, the last after ${seconds(last - from)}`];
  };
  return [await step('one of two gateways leaves', () => gateway.stop('SIGTERM')), await step('it comes back', () => rouse.startGateway('10.77.200.2'))];
};

const wakeMany = async (cluster: Cluster, controller: RouseProcess): Promise<readonly Row[]> => {
  const { api } = cluster;
  say(`${wakes} simultaneous wakes`);
  const chosen = names.filter(({ isRunning }) => isRunning);
  const ports = new Map<string, string>();
  await inParallel(chosen, async ({ namespace, name }) => {
    const { metadata } = (await api('GET', `/api/v1/namespaces/${namespace}/services/${name}`)).body;
    ports.set(name, /80=(\d+)/.exec(metadata?.annotations?.['rouse.dev/gateway-ports'] ?? '')?.[1] ?? '');
  });
  const before = await phaseSums(controller);
  // Connections that are there, so that what is measured is Rouse, and not the client that makes a hundred of them.
  const clients = await Promise.all(chosen.map(async ({ name }) => ({ name, socket: await connected(Number(ports.get(name))) })));
  const from = Date.now();
  const sent = new Map<string, number>();
  const answers = clients.map(async ({ name, socket }) => {
    sent.set(name, Date.now());
    socket.write('GET / HTTP/1.1\r\nHost: web\r\n\r\n');
    const [first] = (await once(socket, 'data', { signal: AbortSignal.timeout(120_000) })) as [Buffer];
    if (!first.toString().startsWith('HTTP/1.1 200')) throw new Error(`${name}: ${first.toString().slice(0, 200)}`);
    return Date.now() - (sent.get(name) ?? from);
  });
  const firstBytes = await Promise.all(answers);
  for (const { socket } of clients) socket.destroy();
  await sleep(1000);
  const patches = (await controllerRequests(cluster.directory, from)).filter(
    ({ verb, resource, name }) => verb === 'patch' && resource === 'deployments/scale' && sent.has(name),
  );
  const firsts = [...sent].flatMap(([name, at]) => {
    const mine = patches.filter((patch) => patch.name === name).map((patch) => patch.at);
    return mine.length === 0 ? [] : [Math.min(...mine) - at];
  });
  const after = await phaseSums(controller);
  const phases = [...after].map(([phase, { sum, count }]) => {
    const was = before.get(phase) ?? { sum: 0, count: 0 };
    return `${phase} ${Math.round(((sum - was.sum) / (count - was.count)) * 1000)}`;
  });
  const figures = (values: readonly number[]): string => `p50 ${Math.round(percentile(values, 0.5))} ms, p95 ${Math.round(percentile(values, 0.95))} ms`;
  return [
    [`${wakes} wakes: request to /scale at the API server`, `${figures(firsts)} (${firsts.length} seen)`],
    [`${wakes} wakes of a Node program: request to first byte`, figures(firstBytes)],
    ['the same by phase, mean, ms', phases.join(', ')],
  ];
};

/** What the controller's histogram of cold starts holds, by phase, in seconds. */
const phaseSums = async (controller: RouseProcess): Promise<ReadonlyMap<string, { readonly sum: number; readonly count: number }>> => {
  const [, metrics = ''] = await controller.line(/^ready: .*metrics=(\S+)/);
  const text = await (await fetch(metrics)).text();
  const found = new Map<string, { sum: number; count: number }>();
  for (const [, what, labels = '', value] of text.matchAll(/^rouse_cold_start_seconds_(sum|count)\{(.*)\} (\S+)$/gm)) {
    const phase = /phase="(\w+)"/.exec(labels)?.[1] ?? '';
    const sums = found.get(phase) ?? { sum: 0, count: 0 };
    if (what === 'sum') sums.sum += Number(value);
    else sums.count += Number(value);
    found.set(phase, sums);
  }
  return found;
};

const connected = async (port: number): Promise<Socket> => {
  const socket = connect({ host: '10.77.200.1', port, noDelay: true });
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  return socket;
};

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;
const pidOf = ({ child }: RouseProcess): number => child.pid ?? 0;
const residentMb = (rouse: RouseProcess): number => residentBytes(pidOf(rouse)) / 1024 / 1024;
