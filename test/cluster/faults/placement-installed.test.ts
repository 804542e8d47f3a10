import { readFile, readdir } from 'node:fs/promises';
import test, { type ExecutionContext } from 'ava';
import { Agent, fetch as fetchBy } from 'undici';
import { until } from '../../support/until.ts';
import { clusterOf, type Cluster } from '../harness/cluster.ts';
import { install, systemNamespace } from '../harness/installed.ts';
import { answerCounts, fakePod, fakes, labelled, placedAnew, podsIn, spread } from './placement-scene.ts';

/** Placement as an administrator installs it: two schedulers and two controllers as pods, the extender behind its Service; and who tells when they fail. */

interface PodAt {
  readonly metadata: { readonly name: string };
  readonly status: { readonly podIP?: string };
}

/** Addresses of the pods of a part of Rouse, by name. */
type Parts = ReadonlyMap<string, string>;

const partsOf = async ({ api }: Cluster, component: string): Promise<Parts> => {
  const answer = await api('GET', `${systemNamespace}/pods?labelSelector=${encodeURIComponent(`app.kubernetes.io/component=${component}`)}`);
  const { items } = answer.body as unknown as { readonly items: readonly PodAt[] };
  return new Map(items.map(({ metadata, status }) => [metadata.name, status.podIP ?? '']));
};

const answersAt = async (ip: string | undefined): Promise<Readonly<Record<string, number>>> =>
  answerCounts(await (await fetch(`http://${ip ?? ''}:9090/metrics`)).text());
const scoredAt = async (ip: string | undefined): Promise<number> => (await answersAt(ip))['prioritize scored'] ?? 0;

interface SchedulerCounts {
  readonly scheduled: number;
  readonly algorithmSeconds: number;
}

/** What the schedulers have counted, together: one of them leads. */
const schedulerCounts = async (t: ExecutionContext, cluster: Cluster): Promise<() => Promise<SchedulerCounts>> => {
  const schedulers = await partsOf(cluster, 'scheduler');
  t.is(schedulers.size, 2);
  const dispatcher = new Agent({ connect: { rejectUnauthorized: false } });
  t.teardown(() => dispatcher.close());
  const headers = { authorization: `Bearer ${await cluster.token('admin')}` };
  return async () => {
    const texts = await Promise.all([...schedulers.values()].map(async (ip) => (await fetchBy(`https://${ip}:10259/metrics`, { dispatcher, headers })).text()));
    const sum = (series: RegExp): number => texts.reduce((total, text) => total + Number(series.exec(text)?.[1] ?? 0), 0);
    return {
      scheduled: sum(/^scheduler_schedule_attempts_total\{profile="rouse-scheduler",result="scheduled"\} (\S+)$/m),
      algorithmSeconds: sum(/^scheduler_scheduling_algorithm_duration_seconds_sum (\S+)$/m),
    };
  };
};

/** The one controller that runs: the processes of pods are ours to see. One whose pod was deleted by force may end a while after it. */
const controllerProcess = async (): Promise<number> => {
  const running = async (): Promise<readonly number[]> => {
    const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
    const commands = await Promise.all(pids.map(async (pid) => ({ pid: Number(pid), line: await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '') })));
    return commands.filter(({ line }) => line.includes('/main.ts\0controller')).map(({ pid }) => pid);
  };
  return until(
    'one controller runs',
    async () => {
      const [pid, ...more] = await running();
      return more.length === 0 ? pid : undefined;
    },
    60_000,
    running,
  );
};

/**
 * Resolves when the Service leads to none that is gone. Nodes hear of that a second and more after the pod's end, and until then some of the scheduler's calls are refused at once: it waits for none of those, so
 * that they would say nothing of one that hangs.
 */
const noneRefused = async (service: string): Promise<void> => {
  const connection = (): Promise<boolean> =>
    fetch(`http://${service}:9090/readyz`, { headers: { connection: 'close' } }).then(
      ({ ok }) => ok,
      () => false,
    );
  await until(
    'the Service leads to none that is gone',
    async () => (await Promise.all(Array.from({ length: 20 }, connection))).every((isAnswered) => isAnswered),
    20_000,
  );
};

test.serial('overlays/placement, as pods: a controller that is killed is followed by the other; of those that hang or are gone the metrics tell', async (t) => {
  t.timeout(200_000);
  const cluster = await clusterOf(t);
  const installed = await install(t, cluster, 'placement');
  const { api, kubectl } = cluster;
  const namespace = await cluster.namespace(t, labelled);
  const elsewhere = await cluster.namespace(t);
  const controllers = await partsOf(cluster, 'controller');
  t.is(controllers.size, 2);
  const count = 6;
  const web = fakes('web', namespace, count, { 'rouse.dev/min-scale': String(count) });
  t.is((await api('POST', `/apis/apps/v1/namespaces/${namespace}/deployments`, web)).status, 201);
  /** Every pod by `rouse-scheduler`, and as many answers of these controllers as there are pods. Best effort: on a slow machine it takes a few rounds. */
  const placedBy = async (of: Parts): Promise<Parts> => {
    const scored = async (): Promise<number> => (await Promise.all([...of.values()].map(scoredAt))).reduce((sum, each) => sum + each, 0);
    const before = await scored();
    const isPlaced = async (): Promise<boolean> => {
      const pods = await placedAnew(cluster, namespace, 'web', count);
      return pods.every(({ spec }) => spec.schedulerName === 'rouse-scheduler') && (await scored()) >= before + count;
    };
    await until('pods are placed by Rouse', isPlaced, 60_000, () => installed.logs());
    return of;
  };
  await placedBy(controllers);

  // The one that has the scheduler's connection is killed; another does not come.
  const scores = new Map(await Promise.all([...controllers].map(async ([name, ip]) => [name, await scoredAt(ip)] as const)));
  const [victim = '', survivor = ''] = [...controllers.keys()].sort((one, other) => (scores.get(other) ?? 0) - (scores.get(one) ?? 0));
  await kubectl(['-n', 'rouse-system', 'delete', 'pod', victim, '--force', '--grace-period=0', '--wait=false']);
  await kubectl(['-n', 'rouse-system', 'scale', 'deployment', 'rouse-controller', '--replicas=1']);
  const address = controllers.get(survivor);
  await placedBy(new Map([[survivor, address ?? '']]));
  await until('the other one alone is left', async () => [...(await partsOf(cluster, 'controller')).keys()].join() === survivor, 20_000);
  await noneRefused(await kubectl(['-n', 'rouse-system', 'get', 'service', 'rouse-controller', '-o', 'jsonpath={.spec.clusterIP}']));

  // Pods that name the scheduler themselves: no webhook has a say in it.
  const counts = await schedulerCounts(t, cluster);
  let made = 0;
  const bare = async (many: number, scheduler = 'rouse-scheduler'): Promise<void> => {
    const names = Array.from({ length: many }, () => `bare-${String((made += 1))}`);
    await Promise.all(names.map((name) => api('POST', `/api/v1/namespaces/${elsewhere}/pods`, fakePod(name, scheduler))));
    await until('they are on nodes', async () => {
      const pods = await podsIn(cluster, elsewhere);
      return pods.length === made && spread(pods)[''] === undefined;
    });
  };
  /** A binding is counted a moment after it is seen. Those of the default scheduler are not among them. */
  const scheduledSince = (before: SchedulerCounts, many: number): Promise<SchedulerCounts> =>
    until(
      `${many} more are counted as scheduled`,
      async () => {
        const after = await counts();
        return after.scheduled === before.scheduled + many && after;
      },
      20_000,
      async () => [before, await counts()],
    );
  const hanging = 5;
  const pid = await controllerProcess();
  const hang = async (): Promise<boolean> => {
    // So that the scheduler has a connection, which the stopped one finds a call on that nobody waits for.
    const idle = await counts();
    await bare(1);
    const [before, answersBefore] = [await scheduledSince(idle, 1), await answersAt(address)];
    process.kill(pid, 'SIGSTOP');
    try {
      await bare(hanging);
      await bare(hanging, 'default-scheduler');
    } finally {
      process.kill(pid, 'SIGCONT');
    }
    const [after, answers] = [await scheduledSince(before, hanging), await answersAt(address)];
    const waited = after.algorithmSeconds - before.algorithmSeconds;
    t.true(waited >= hanging * 0.03, `each has waited for 30 ms: all for ${waited} s`);
    const gone = (answers['prioritize gone'] ?? 0) - (answersBefore['prioritize gone'] ?? 0);
    t.is(answers['prioritize not-ours'], answersBefore['prioritize not-ours'], 'nobody was answered');
    return gone > 0;
  };
  await until('a call that nobody waited for is counted', hang, 60_000, () => answersAt(address));

  await kubectl(['-n', 'rouse-system', 'scale', 'deployment', 'rouse-controller', '--replicas=0']);
  await kubectl(['-n', 'rouse-system', 'delete', 'pod', survivor, '--force', '--grace-period=0', '--wait=false']);
  await until(
    'no controller is left',
    () =>
      answersAt(address).then(
        () => false,
        () => true,
      ),
    20_000,
  );
  const before = await counts();
  await bare(hanging);
  await scheduledSince(before, hanging);
});
