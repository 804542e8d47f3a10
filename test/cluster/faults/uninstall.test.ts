import test, { type ExecutionContext } from 'ava';
import { annotation } from '../../../src/core/index.ts';
import { deployment, service } from '../../support/app.ts';
import { startRouse, type RouseProcess } from '../../support/rouse-process.ts';
import { until } from '../../support/until.ts';
import { clusterOf, type Cluster } from '../harness/cluster.ts';
import { install, systemNamespace } from '../harness/installed.ts';
import { ask, leadsToGateways, startLoad, type Load } from './load.ts';

/** Leaving a real cluster without a trace. */

interface Live {
  readonly metadata: { readonly annotations?: Readonly<Record<string, string>>; readonly managedFields?: readonly { readonly manager?: string }[] };
  readonly spec: { readonly clusterIP: string; readonly replicas?: number; readonly selector?: Readonly<Record<string, string>> };
}

/** Six at once and two to a pod: three pods. */
const settings = {
  'rouse.dev/window': '6s',
  'rouse.dev/target': '2',
  'rouse.dev/target-utilization-percentage': '100',
  'rouse.dev/max-scale': '3',
  'rouse.dev/hold-timeout': '2m',
};

interface App {
  readonly address: string;
  get(kind: 'deployments' | 'services'): Promise<Live>;
  replicas(): Promise<number>;
  /** Nothing of Rouse is on it but what its owner wrote, and it has so many pods. */
  isAsBefore(replicas: number): Promise<boolean>;
}

const run = async (t: ExecutionContext, { api, kubectl }: Cluster, namespace: string, name: string, replicas: number): Promise<App> => {
  const paths = { deployments: `/apis/apps/v1/namespaces/${namespace}/deployments`, services: `/api/v1/namespaces/${namespace}/services` };
  // It serves on for longer than nodes need to hear of its end, on a slow machine too: after the uninstall they lead straight to it.
  const app = deployment(name, { namespace, replicas, annotations: {}, preStopSeconds: 5 });
  t.is((await api('POST', paths.deployments, app)).status, 201);
  const created = await api('POST', paths.services, service(name, namespace));
  t.is(created.status, 201);
  await kubectl(['rollout', 'status', `deployment/${name}`, '-n', namespace, '--timeout=60s']);
  const get = async (kind: keyof typeof paths): Promise<Live> => (await api('GET', `${paths[kind]}/${name}`)).body as unknown as Live;
  return {
    address: (created.body as unknown as Live).spec.clusterIP,
    get,
    replicas: async () => (await get('deployments')).spec.replicas ?? 0,
    isAsBefore: async (wanted) => {
      const [workload, front] = [await get('deployments'), await get('services')];
      const ours = Object.keys({ ...workload.metadata.annotations, ...front.metadata.annotations }).filter((key) => key.startsWith('rouse.dev/'));
      const managers = [workload, front].flatMap(({ metadata }) => (metadata.managedFields ?? []).map(({ manager }) => manager));
      const slices = await kubectl(['get', 'endpointslices', '-n', namespace, '-l', `kubernetes.io/service-name=${name}`, '-o', 'name']);
      return (
        workload.spec.replicas === wanted &&
        front.spec.selector?.['app'] === name &&
        ours.every((key) => key === annotation.enabled || key in settings) &&
        !managers.includes('rouse') &&
        !slices.includes('-rouse-')
      );
    },
  };
};

const onboard = async ({ kubectl }: Cluster, namespace: string, names: readonly string[]): Promise<void> => {
  const texts = Object.entries({ ...settings, [annotation.enabled]: 'true' }).map(([key, value]) => `${key}=${value}`);
  for (const name of names) await kubectl(['annotate', 'deployment', name, '-n', namespace, ...texts]);
  for (const name of names)
    await kubectl(['wait', 'service', name, '-n', namespace, '--for=jsonpath={.metadata.annotations.rouse\\.dev/selector}', '--timeout=30s']);
};

const command = async (cluster: Cluster, ...args: readonly string[]): Promise<RouseProcess> =>
  startRouse([...args, '--kubeconfig', await cluster.kubeconfig('admin')]);
const goesOn = async (load: Load): Promise<void> => {
  const from = load.answered;
  await until(
    'the load goes on',
    () => load.answered > from + 60,
    60_000,
    () => load.failures.slice(-3),
  );
};
const isGone = async ({ api }: Cluster, path: string): Promise<boolean> => (await api('GET', path)).status === 404;
const traces = [
  systemNamespace,
  ...['mutating', 'validating'].map((kind) => `/apis/admissionregistration.k8s.io/v1/${kind}webhookconfigurations/rouse`),
  ...['clusterroles', 'clusterrolebindings'].flatMap((kind) =>
    ['rouse-controller', 'rouse-workloads', 'rouse-further-kinds'].map((name) => `/apis/rbac.authorization.k8s.io/v1/${kind}/${name}`),
  ),
];

test.serial('uninstall under load: itself and the leader killed half-way, it is taken up again; no request fails, and nothing of Rouse is left', async (t) => {
  t.timeout(400_000);
  const cluster = await clusterOf(t);
  const namespace = await cluster.namespace(t);
  const installed = await install(t, cluster);
  const [busy, resting] = [await run(t, cluster, namespace, 'busy', 1), await run(t, cluster, namespace, 'resting', 2)];
  await onboard(cluster, namespace, ['busy', 'resting']);
  await leadsToGateways(busy.address);
  const load = startLoad(busy.address, 6);
  t.teardown(() => load.stop());
  await until(
    'three pods are needed',
    async () => (await busy.replicas()) === 3,
    60_000,
    () => installed.logs(),
  );
  await until(
    'nothing runs of the other',
    async () => (await resting.replicas()) === 0,
    60_000,
    () => installed.logs(),
  );
  await goesOn(load);
  const before = load.failures.length;

  const first = await command(cluster, 'uninstall');
  await first.line(/onboard nothing from now on/);
  await first.stop('SIGKILL');
  const lease = await cluster.api('GET', '/apis/coordination.k8s.io/v1/namespaces/rouse-system/leases/rouse-controller');
  const leader = String((lease.body['spec'] as { readonly holderIdentity?: string }).holderIdentity).replace(/-[0-9a-f]{8}$/, '');
  await cluster.kubectl(['delete', 'pod', leader, '-n', 'rouse-system', '--force', '--grace-period=0']);
  const waiting = ask(resting.address);
  const second = await command(cluster, 'uninstall');
  await second.line(/^handed back: Service .*busy/);
  t.is(await busy.replicas(), 3, 'as many as are needed, until nothing comes through Rouse any more');
  t.is(await second.ended, 0, `${second.lines.join('\n')}\n${second.errors()}\n${await installed.logs()}`);
  t.is(second.lines.at(-1), 'Rouse is uninstalled');
  t.regex(await waiting, /"pod":"resting-/);
  await goesOn(load);
  await load.stop();
  t.deepEqual(load.failures.slice(before), [], second.lines.join('\n'));
  t.true(await busy.isAsBefore(1), JSON.stringify([await busy.get('deployments'), await busy.get('services')]));
  t.true(await resting.isAsBefore(2), JSON.stringify([await resting.get('deployments'), await resting.get('services')]));
  for (const path of traces) t.true(await isGone(cluster, path), path);
});

test.serial("where Rouse's namespace was deleted, restore repairs the cluster from the annotations alone", async (t) => {
  t.timeout(400_000);
  const cluster = await clusterOf(t);
  const namespace = await cluster.namespace(t);
  const installed = await install(t, cluster);
  const [running, resting] = [await run(t, cluster, namespace, 'running', 1), await run(t, cluster, namespace, 'resting', 2)];
  await onboard(cluster, namespace, ['running', 'resting']);
  await cluster.kubectl(['annotate', 'deployment', 'running', '-n', namespace, 'rouse.dev/min-scale=2']);
  await until(
    'each has what Rouse wants',
    async () => (await running.replicas()) === 2 && (await resting.replicas()) === 0,
    60_000,
    () => installed.logs(),
  );
  await cluster.kubectl(['delete', 'namespace', 'rouse-system', '--wait=false']);
  // No more than the administrator who did this would wait: the gateways' drain is a matter of its own.
  await cluster.kubectl(['delete', 'pods', '--all', '-n', 'rouse-system', '--force', '--grace-period=0', '--ignore-not-found']);
  await until('it is gone', () => isGone(cluster, systemNamespace), 60_000);
  // Pods that are deleted by force end a moment after they are gone from the API.
  const isRefused = (): Promise<boolean> =>
    ask(running.address).then(
      () => false,
      () => true,
    );
  await until('the Service leads to gateways that are dead', isRefused, 20_000);

  const restore = await command(cluster, 'restore');
  t.is(await restore.ended, 0, `${restore.lines.join('\n')}\n${restore.errors()}`);
  for (const [app, name, replicas] of [
    [running, 'running', 2],
    [resting, 'resting', 2],
  ] as const) {
    await until(
      `${name} answers`,
      () =>
        ask(app.address).then(
          (text) => text.includes(`"pod":"${name}-`),
          () => false,
        ),
      20_000,
    );
    await cluster.kubectl(['annotate', 'deployment', name, '-n', namespace, 'rouse.dev/min-scale-']);
    t.true(await app.isAsBefore(replicas), JSON.stringify([await app.get('deployments'), await app.get('services')]));
  }
  for (const path of traces.filter((each) => each.includes('webhook'))) t.true(await isGone(cluster, path), path);
  const again = await command(cluster, 'restore');
  t.is(await again.ended, 0);
  t.true(again.lines.includes('nothing of Rouse was on any workload or Service'), again.lines.join('\n'));
});
