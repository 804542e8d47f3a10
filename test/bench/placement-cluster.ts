import { setTimeout as sleep } from 'node:timers/promises';
import type { Pod } from 'kubernetes-types/core/v1.d.ts';
import { seededRandom } from '../../src/core/index.ts';
import type { Cluster, Scope } from '../cluster/harness/cluster.ts';
import { rouseFromShell } from '../cluster/harness/rouse-from-shell.ts';
import { startSecondScheduler } from '../cluster/harness/second-scheduler.ts';
import { until } from '../support/until.ts';
import { inCluster } from './in-cluster.ts';
import type { Workload } from './placement/load.ts';
import { ModelNodes, type Start } from './placement/model-nodes.ts';
import { defaults, type Settings } from './placement/settings.ts';
import { percentile, table } from './statistics.ts';

const settings: Settings = { ...defaults, machines: 20, sandboxMs: 200 };
const workloadCount = 24;
const rounds = Number(process.env['ROUNDS'] ?? 8);
const seeds = [1, 2];
const contestants = ['default', 'warm'] as const;
type Contestant = (typeof contestants)[number];
const controllerAddress = '10.77.200.10';

/** So that a start takes a second or two: 80 to 320 MB, which takes 1 to 4 s to pull, and 0.3 to 1.5 s on two cores. */
const workloads: readonly Workload[] = Array.from({ length: workloadCount }, (_, index) => {
  const random = seededRandom(index + 1);
  return { index, cpu: 0.5, memory: 2 ** 29, imageBytes: 80e6 * 4 ** random(), startWork: 600 * 5 ** random() };
});
const nameOf = ({ index }: Workload): string => `app-${index}`;

interface Wake {
  readonly workload: Workload;
  readonly replicas: number;
}

/** Half of the workloads at once, in each round others; one in four with three pods. */
const wakesOf = (seed: number): readonly (readonly Wake[])[] => {
  const random = seededRandom(seed);
  return Array.from({ length: rounds }, () => workloads.flatMap((workload) => (random() < 0.5 ? [{ workload, replicas: random() < 0.25 ? 3 : 1 }] : [])));
};

/** What no placement can beat, ms by round: every start on a quick node that it has to itself, and each image once. */
const leastOf = (seed: number): readonly (readonly number[])[] => {
  const seen = new Set<Workload>();
  return wakesOf(seed).map((wakes) =>
    wakes.flatMap(({ workload, replicas }) => {
      const pull = seen.has(workload) ? 0 : workload.imageBytes / settings.machineBandwidth;
      seen.add(workload);
      return Array.from({ length: replicas }, () => pull + settings.sandboxMs + workload.startWork / settings.coresOfStart);
    }),
  );
};

const deploymentOf = (workload: Workload, namespace: string, contestant: Contestant): object => {
  const labels = { app: nameOf(workload) };
  const ours = { 'rouse.dev/enabled': 'true', 'rouse.dev/path': 'none', 'rouse.dev/placement': 'warm', 'rouse.dev/pause': 'true' };
  const requests = { cpu: `${workload.cpu * 1000}m`, memory: String(workload.memory) };
  const container = { name: 'app', image: `registry.test/${nameOf(workload)}:1`, resources: { requests } };
  return {
    metadata: { name: nameOf(workload), namespace, ...(contestant === 'warm' ? { annotations: ours } : {}) },
    spec: {
      replicas: 0,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { terminationGracePeriodSeconds: 0, containers: [container] } },
    },
  };
};

/** All wakes of one seed under one contestant, on nodes of their own. The bench scales; Rouse is told to leave the counts alone, and only places. */
const play = async (
  cluster: Cluster,
  parent: Scope,
  contestant: Contestant,
  seed: number,
  errors: () => unknown,
): Promise<{ starts: readonly (readonly Start[])[]; pulls: number }> => {
  const closing: (() => unknown)[] = [];
  const scope: Scope = { title: parent.title, teardown: (fn) => void closing.push(fn) };
  const { api } = cluster;
  try {
    const namespace = await cluster.namespace(scope, contestant === 'warm' ? { 'rouse.dev/placement': 'enabled' } : {});
    const workloadOf = ({ metadata }: Pod): Workload => workloads[Number(metadata?.labels?.['app']?.slice('app-'.length))]!;
    const nodes = new ModelNodes(cluster, { settings, seed, prefix: `${contestant}-${seed}-`, namespace, workloadOf });
    await nodes.join(scope);
    const path = `/apis/apps/v1/namespaces/${namespace}/deployments`;
    for (const workload of workloads) {
      const { status, body } = await api('POST', path, deploymentOf(workload, namespace, contestant));
      if (status !== 201) throw new Error(JSON.stringify(body));
    }
    if (contestant === 'warm') await untilOnboarded(cluster, path, errors);
    const pods = async (): Promise<readonly Pod[]> =>
      ((await api('GET', `/api/v1/namespaces/${namespace}/pods`)).body as unknown as { readonly items: readonly Pod[] }).items;
    const starts: Start[][] = [];
    for (const wakes of wakesOf(seed)) {
      const before = nodes.finished.length;
      const expected = before + wakes.reduce((sum, { replicas }) => sum + replicas, 0);
      const scale = (to: (wake: Wake) => number): Promise<unknown> =>
        Promise.all(wakes.map((wake) => api.patch(`${path}/${nameOf(wake.workload)}/scale`, { spec: { replicas: to(wake) } })));
      await scale(({ replicas }) => replicas);
      await Promise.race([
        nodes.failure,
        until(
          'all are ready',
          () => nodes.finished.length >= expected,
          60_000,
          async () => [await errors(), (await pods()).map(({ status, spec }) => [spec?.schedulerName, spec?.nodeName, status?.conditions])],
        ),
      ]);
      starts.push(nodes.finished.slice(before));
      const schedulers = new Set((await pods()).map(({ spec }) => spec?.schedulerName));
      const wanted = contestant === 'warm' ? 'rouse-scheduler' : 'default-scheduler';
      if (schedulers.size !== 1 || !schedulers.has(wanted)) throw new Error(`pods of ${[...schedulers].join(', ')}: want ${wanted}`);
      await sleep(500);
      await scale(() => 0);
      await until('all are gone', async () => (await pods()).length === 0, 30_000);
    }
    return { starts, pulls: nodes.pulls };
  } finally {
    for (const close of closing.reverse()) await close();
  }
};

const untilOnboarded = async ({ api }: Cluster, path: string, errors: () => unknown): Promise<void> => {
  const onboarded = async (): Promise<number> =>
    ((await api('GET', path)).body as unknown as { readonly items: readonly { metadata: { annotations?: Record<string, string> } }[] }).items.filter(
      ({ metadata }) => metadata.annotations?.['rouse.dev/status'] !== undefined,
    ).length;
  await until('all workloads are taken', async () => (await onboarded()) === workloadCount, 40_000, errors);
};

const seconds = (ms: number): string => (ms / 1000).toFixed(2);
const rowOf = (name: string, times: readonly number[], pulls: string): readonly string[] => {
  const mean = times.reduce((sum, ms) => sum + ms, 0) / times.length;
  return [name, String(times.length), ...[0.5, 0.95, 0.99].map((share) => seconds(percentile(times, share))), seconds(mean), pulls];
};

/** Of a contestant, or of the least: all rounds, and those in which most images have been somewhere. */
const rowsOf = (name: string, rounds: readonly (readonly number[])[][], pulls: number): readonly (readonly string[])[] => {
  const all = rounds.flat(2);
  return [
    rowOf(`${name}, all rounds`, all, `${Math.round((100 * pulls) / all.length)} %`),
    rowOf(`${name}, the second half of them`, rounds.flatMap((each) => each.slice(each.length / 2)).flat(), ''),
  ];
};

const measure = async (cluster: Cluster, scope: Scope): Promise<void> => {
  const rouse = await rouseFromShell(scope, cluster, { placement: true });
  const controller = await rouse.startController(controllerAddress);
  const [, metrics = ''] = await controller.line(/^ready: .*metrics=(\S+)/);
  const scheduler = await startSecondScheduler(scope, cluster, { urlPrefix: `https://${controllerAddress}:9443/extender`, caFile: rouse.caFile });
  const errors = (): unknown => [controller.errors().slice(-2000), scheduler.errors()];
  const all = new Map<string, { readonly rounds: (readonly number[])[][]; pulls: number }>();
  for (const seed of seeds)
    for (const contestant of contestants) {
      process.stderr.write(`bench: ${contestant}, seed ${seed}\n`);
      const { starts, pulls } = await play(cluster, scope, contestant, seed, errors);
      const played = all.get(contestant) ?? { rounds: [], pulls: 0 };
      played.rounds.push(starts.map((round) => round.map(({ ms }) => ms)));
      played.pulls += pulls;
      all.set(contestant, played);
    }
  const pullsAtLeast = seeds.reduce((sum, seed) => sum + new Set(wakesOf(seed).flatMap((wakes) => wakes.map(({ workload }) => workload))).size, 0);
  all.set('the least', { rounds: seeds.map((seed) => [...leastOf(seed)]), pulls: pullsAtLeast });
  const rows = [...all].flatMap(([name, played]) => rowsOf(name, played.rounds, played.pulls));
  console.log(`\nthe real kube-scheduler, ${settings.machines} model nodes in three zones, ${seeds.length} × ${rounds} rounds of wakes; created to ready, s\n`);
  console.log(table(['', 'starts', 'p50', 'p95', 'p99', 'mean', 'pulls'], rows));
  const answers = (await (await fetch(metrics)).text()).matchAll(/^rouse_extender_answers_total\{verb="prioritize",reason="([^"]+)"\} (\d+)$/gm);
  console.log(`\nanswers of the extender: ${[...answers].map(([, reason, count]) => `${reason} ${count}`).join(', ')}`);
};

/** The same wakes under the default scheduler and under ours, on the real control plane; starts cost what the model of the simulation says, in real time. */
export const run = (): Promise<void> => inCluster('placement-cluster', measure, { nodes: 0 });
