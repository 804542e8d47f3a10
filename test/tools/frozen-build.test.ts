import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import test, { type ExecutionContext } from 'ava';
import { annotation } from '../../src/core/index.ts';
import { deployment, onboarded, service, type AppOptions } from '../support/app.ts';
import { startLoad } from '../support/load.ts';
import { startSeparateProcesses, type SeparateProcesses } from '../support/separate-processes.ts';
import { followSlices, type SliceClient } from '../support/slice-client.ts';
import { until } from '../support/until.ts';

/**
 * Builds of different age work together, as they do while a cluster is upgraded or goes back. The older one is frozen in `test/data/rouse-link-v1.tgz`: the
 * controller and the gateway of the first build that spoke version 1 of the link. `test/data/rouse-link-v1.md` says how it was made, and how the next one is.
 */

/** What only we write. */
const ours: ReadonlySet<string> = new Set([annotation.state, annotation.status, annotation.selector, annotation.gatewayPorts]);
const deployments = '/apis/apps/v1/namespaces/default/deployments';
const services = '/api/v1/namespaces/default/services';

const unpackOlderBuild = async (t: ExecutionContext): Promise<string> => {
  const directory = await mkdtemp(join(tmpdir(), 'rouse-older-'));
  t.teardown(() => rm(directory, { recursive: true }));
  await promisify(execFile)('tar', ['-xzf', join(import.meta.dirname, '..', 'data', 'rouse-link-v1.tgz'), '-C', directory]);
  return join(directory, 'main.js');
};

interface Live {
  readonly metadata: { readonly annotations?: Readonly<Record<string, string>> };
  readonly spec: { readonly replicas?: number; readonly selector?: { readonly app?: string } };
}

interface Scene {
  readonly rouse: SeparateProcesses;
  readonly onboard: (name: string, options?: AppOptions) => Promise<SliceClient>;
  /** Switches it off, and waits until it and its Service are as they were before. */
  readonly handBack: (name: string, replicas: number) => Promise<void>;
  /** Waits until every taken-over Service leads to these gateways and to no other. */
  readonly leadTo: (...addresses: readonly string[]) => Promise<void>;
}

const startScene = async (t: ExecutionContext): Promise<Scene> => {
  const rouse = await startSeparateProcesses();
  const taken = new Map<string, SliceClient>();
  const all: SliceClient[] = [];
  t.teardown(async () => {
    await Promise.all(all.map((client) => client.close()));
    await rouse.close();
  });
  const live = async (path: string, name: string): Promise<Live> => (await rouse.api('GET', `${path}/${name}`)).body as unknown as Live;
  return {
    rouse,
    onboard: async (name, options = {}) => {
      const created = await rouse.api('POST', deployments, deployment(name, { ...options, annotations: { ...onboarded, ...options.annotations } }));
      t.is(created.status, 201, JSON.stringify(created.body));
      await rouse.api('POST', services, service(name));
      const client = await followSlices(rouse.api, name);
      all.push(client);
      taken.set(name, client);
      await until(`${name} is taken over`, async () => annotation.selector in ((await live(services, name)).metadata.annotations ?? {}));
      return client;
    },
    handBack: async (name, replicas) => {
      taken.delete(name);
      await rouse.api.patch(`${deployments}/${name}`, { metadata: { annotations: { [annotation.enabled]: null } } });
      const both = (): Promise<readonly [Live, Live]> => Promise.all([live(deployments, name), live(services, name)]);
      const isAsBefore = async (): Promise<boolean> => {
        const [workload, front] = await both();
        const left = Object.keys({ ...workload.metadata.annotations, ...front.metadata.annotations }).filter((key) => ours.has(key));
        return workload.spec.replicas === replicas && front.spec.selector?.app === name && left.length === 0;
      };
      // Two programs have to start first, for which Rouse itself waits so long.
      await until(`${name} is as before`, isAsBefore, 60_000, both);
    },
    leadTo: async (...addresses) => {
      const targets = (): readonly (readonly string[])[] => [...taken.values()].map((client) => client.targets());
      const wanted = addresses.join();
      const isSo = (): boolean =>
        targets().every(
          (each) =>
            each
              .map((target) => target.split(':')[0])
              .sort()
              .join() === wanted,
        );
      await until(`every Service leads to ${wanted}`, isSo, 20_000, targets);
    },
  };
};

/**
 * Four requests to a pod: two at once want one, four more want another, with room for error on both sides. What two gateways report is in step to a second
 * only, so while a load moves from one to the other a panic window of less than that (a tenth of 6 s) sees some of it twice: this one has three seconds.
 */
const scaling = {
  'rouse.dev/target': '4',
  'rouse.dev/target-utilization-percentage': '100',
  'rouse.dev/max-scale': '4',
  'rouse.dev/panic-window-percentage': '50',
};
const [atFirst, more] = [2, 4] as const;

/** Two pods before, and never more than one with Rouse: that there were two, only `rouse.dev/state` can tell. */
const given: AppOptions = { replicas: 2, annotations: { 'rouse.dev/max-scale': '1' } };

// Both gateways have an address of their own on loopback, which only Linux has without being told.
if (process.platform === 'linux')
  test('an upgrade and the way back, under load: older and newer controllers and gateways work together, and no request fails', async (t) => {
    t.timeout(120_000);
    const older = await unpackOlderBuild(t);
    const { rouse, onboard, handBack, leadTo } = await startScene(t);
    const oldController = await rouse.startController(0, older);
    const [oldGateway] = await Promise.all([rouse.startGateway(0, older), rouse.leads(oldController)]);
    // `idle-n` sleep until they are asked; `given-n` are handed back by another build than the one that onboarded them.
    const apps = [onboard('web', { annotations: scaling }), onboard('idle-1'), onboard('idle-2'), onboard('given-1', given)] as const;
    const [web, idle1, idle2] = await Promise.all(apps);
    await leadTo(rouse.gatewayAddress(0));
    const loads = [startLoad(t, atFirst, () => web.get('/sleep?ms=1000'))];
    await until('a pod', async () => (await rouse.countOf('web')).replicas === 1);
    let before = await rouse.countOf('web');
    const hasFewer = (name: string): Promise<unknown> => until(`${name} has fewer pods than before`, async () => (await rouse.countOf(name)).replicas < 2);
    /** What needs each kind of message of the link: a wake, a rise that only reports can ask for, a release. */
    const worksTogether = async (pair: string, idle: SliceClient, name: string): Promise<void> => {
      t.deepEqual(await rouse.countOf('web'), before, `${pair}: the change of hands has moved no count`);
      loads.push(startLoad(t, more, () => web.get('/sleep?ms=1000')));
      const wake = async (): Promise<void> => {
        const { status, text } = await idle.get('/');
        t.is(status, 200, `${pair}: ${text}`);
      };
      const rise = (): Promise<unknown> => until(`${pair}: a pod more`, async () => (await rouse.countOf('web')).replicas === before.replicas + 1);
      await Promise.all([wake(), rise(), handBack(name, 2)]);
      const after = await rouse.countOf('web');
      t.deepEqual(after, { replicas: before.replicas + 1, changes: before.changes + 1 }, pair);
      before = after;
    };

    const newController = await rouse.startController(1);
    await hasFewer('given-1');
    t.is(await oldController.stop('SIGTERM'), 0, oldController.errors());
    await rouse.leads(newController);
    await onboard('given-2', given);
    await worksTogether('a newer controller, an older gateway', idle1, 'given-1');

    const oldAgain = await rouse.startController(0, older);
    await rouse.startGateway(1);
    await leadTo(rouse.gatewayAddress(0), rouse.gatewayAddress(1));
    t.is(await oldGateway.stop('SIGTERM'), 0, oldGateway.errors());
    await leadTo(rouse.gatewayAddress(1));
    await hasFewer('given-2');
    t.is(await newController.stop('SIGTERM'), 0, newController.errors());
    await rouse.leads(oldAgain);
    await worksTogether('an older controller, a newer gateway', idle2, 'given-2');
    const answers = (await Promise.all(loads.map((load) => load.stop()))).flat();
    t.deepEqual(
      answers.filter(({ status }) => status !== 200),
      [],
    );
  });
