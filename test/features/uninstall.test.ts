import test from 'ava';
import { annotation } from '../../src/core/index.ts';
import { deployment, onboarded, service, type AppOptions } from '../support/app.ts';
import { startLoad } from '../support/load.ts';
import { startRouse, type RouseProcess } from '../support/rouse-process.ts';
import { startSeparateProcesses, type SeparateProcesses } from '../support/separate-processes.ts';
import { followSlices, type SliceAnswer, type SliceClient } from '../support/slice-client.ts';
import { until } from '../support/until.ts';

/** Every address of 127.0.0.0/8 can be bound on Linux alone; elsewhere two gateways have no two addresses to stand on. */
const onLinux = process.platform === 'linux' ? test.serial : test.serial.skip;

const deployments = '/apis/apps/v1/namespaces/default/deployments';
const services = '/api/v1/namespaces/default/services';
const webhookConfigurations = ['mutating', 'validating'].map((kind) => `/apis/admissionregistration.k8s.io/v1/${kind}webhookconfigurations/rouse`);
const stateOf = `rouse.dev/state`;

let rouse: SeparateProcesses;
let controller: RouseProcess;
const clients: SliceClient[] = [];

interface Live {
  readonly metadata: { readonly annotations?: Readonly<Record<string, string>>; readonly managedFields?: readonly { readonly manager?: string }[] };
  readonly spec: { readonly replicas?: number; readonly selector?: Readonly<Record<string, string>> };
}

const live = async (path: string, name: string): Promise<Live> => (await rouse.api('GET', `${path}/${name}`)).body as unknown as Live;
const exists = async (path: string): Promise<boolean> => (await rouse.api('GET', path)).status === 200;
const failuresOf = (answers: readonly SliceAnswer[]): readonly SliceAnswer[] => answers.filter(({ status }) => status !== 200);
const annotate = (name: string, annotations: Readonly<Record<string, string | null>>): Promise<unknown> =>
  rouse.api.patch(`${deployments}/${name}`, { metadata: { annotations } });

/** A plain Deployment that runs, its Service, and whoever calls it. */
const run = async (name: string, options: AppOptions): Promise<SliceClient> => {
  await rouse.api('POST', deployments, deployment(name, { annotations: {}, ...options }));
  await rouse.api('POST', services, service(name));
  const client = await followSlices(rouse.api, name);
  clients.push(client);
  await until(
    `${name} has its pods`,
    () => client.targets().length === (options.replicas ?? 0),
    45_000,
    () => client.targets(),
  );
  return client;
};

/** Switches Rouse on for it, and waits until the Service leads to both gateways. */
const onboard = async (name: string, client: SliceClient, annotations: Readonly<Record<string, string>> = {}): Promise<void> => {
  await annotate(name, { ...onboarded, ...annotations });
  const isTaken = async (): Promise<boolean> => annotation.selector in ((await live(services, name)).metadata.annotations ?? {});
  await until(
    `${name} leads to both gateways`,
    async () => client.targets().length === 2 && (await isTaken()),
    45_000,
    () => client.targets(),
  );
};

/** Runs a command of an admin to its end. */
const admin = async (...args: readonly string[]): Promise<{ readonly code: number | null; readonly lines: readonly string[]; readonly errors: string }> => {
  const command = startRouse([...args, '--kubeconfig', rouse.adminKubeconfig]);
  const code = await command.ended;
  return { code, lines: command.lines, errors: command.errors() };
};

test.before(async () => {
  if (process.platform !== 'linux') return;
  rouse = await startSeparateProcesses();
  controller = await rouse.startController();
  await rouse.leads(controller);
  await Promise.all([rouse.startGateway(0), rouse.startGateway(1)]);
});
test.after.always(async () => {
  await Promise.all(clients.map((client) => client.close()));
  await (rouse as SeparateProcesses | undefined)?.close();
});

/** Nothing of Rouse on it but what its owner wrote. */
const isAsBefore = async (name: string, replicas: number): Promise<boolean> => {
  const [workload, front] = [await live(deployments, name), await live(services, name)];
  const ours = Object.keys({ ...workload.metadata.annotations, ...front.metadata.annotations }).filter((key) => key.startsWith('rouse.dev/'));
  return workload.spec.replicas === replicas && front.spec.selector?.app === name && ours.every((key) => key in onboarded || key in scaling);
};

/** Nine long requests at once and two to a pod: three pods, also where a busy machine adds something between two of them. */
const scaling = { 'rouse.dev/target': '2', 'rouse.dev/target-utilization-percentage': '100', 'rouse.dev/max-scale': '3' };

onLinux(
  'uninstall under load fails no request, gives more pods than before while they are needed, and is taken up again by a controller started half-way',
  async (t) => {
    const [busy, resting] = [await run('busy', { replicas: 1, preStopSeconds: 2 }), await run('resting', { replicas: 2 })];
    await Promise.all([onboard('busy', busy, scaling), onboard('resting', resting)]);
    const load = startLoad(t, 9, () => busy.get('/sleep?ms=500'));
    await until('three pods are needed', async () => (await rouse.countOf('busy')).replicas === 3);
    await until('nothing runs of the other', async () => (await live(deployments, 'resting')).spec.replicas === 0);

    const dry = await admin('uninstall', '--dry-run');
    t.is(dry.code, 0, dry.errors);
    t.deepEqual(
      dry.lines.filter((line) => !line.startsWith('remove:')),
      [
        'hand back: workload default/busy, 3 pods now, 1 before Rouse',
        'hand back: workload default/resting, 0 pods now, 2 before Rouse',
        'hand back: Service default/busy',
        'hand back: Service default/resting',
        'dry run: nothing was changed',
      ],
    );
    t.true(stateOf in ((await live(deployments, 'busy')).metadata.annotations ?? {}));

    const restingLoad = startLoad(t, 1, () => resting.get('/'));
    const command = startRouse(['uninstall', '--kubeconfig', rouse.adminKubeconfig]);
    await command.line(/onboard nothing from now on/);
    await until('the controller has begun', async () => (await live(deployments, 'resting')).spec.replicas === 2);
    await controller.stop('SIGKILL');
    controller = await rouse.startController();
    const standsAlone = (client: SliceClient) => (): boolean => client.targets().every((target) => target.startsWith('127.0.0.1:'));
    await until('pods answer without a gateway', standsAlone(busy));
    // Now, and not when those of the other do too: a window later it is lowered.
    t.is((await rouse.countOf('busy')).replicas, 3, 'as many as are needed, until nothing comes through Rouse any more');
    await until('those of the other do too', standsAlone(resting));
    t.is(await command.ended, 0, command.errors());
    const answered = load.answers.length;
    await until('the load goes on', () => load.answers.length > answered + 20);
    t.deepEqual([failuresOf(await load.stop()), failuresOf(await restingLoad.stop())], [[], []]);
    t.true(await isAsBefore('busy', 1));
    t.true(await isAsBefore('resting', 2));
    t.deepEqual(await Promise.all(webhookConfigurations.map(exists)), [false, false]);
    t.false(await exists('/api/v1/namespaces/rouse-system'));
    t.deepEqual(command.lines.slice(-3), [
      command.lines.find((line) => /^a controller still runs \(.*\), started by somebody outside the cluster/.test(line)),
      '2 workloads still say rouse.dev/enabled: "true", which is yours: Rouse, installed again, would onboard them',
      'Rouse is uninstalled',
    ]);
    await annotate('resting', { note: 'written again' });
    const again = await admin('uninstall');
    t.deepEqual([again.code, again.lines], [0, ['Rouse is not installed: there is no Namespace rouse-system']]);
    t.true(await isAsBefore('resting', 2), 'the controller that still runs onboards nothing');
  },
);
