import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startRouse, type RouseProcess } from '../../support/rouse-process.ts';
import { until } from '../../support/until.ts';
import type { Cluster, Scope } from '../harness/cluster.ts';
import { removeRouse } from '../harness/remove-rouse.ts';

/**
 * Two controllers and two gateways as processes of the test, to be killed, cut off and started again one by one; with the accounts and rights of
 * `deploy/`. Each has its place, the first or the second: whoever is started there again is found by the others at the same address.
 */
export interface Processes {
  readonly controllers: readonly [RouseProcess, RouseProcess];
  readonly gateways: readonly [RouseProcess, RouseProcess];
  /** Starts (again) what runs at a place; what ran there must have ended. Resolves when it is ready. */
  startController(place: Place, options?: ControllerSettings): Promise<RouseProcess>;
  startGateway(place: Place, options?: GatewaySettings): Promise<RouseProcess>;
  /** The place of the controller that leads; waits for it. */
  leader(withinMs?: number): Promise<Place>;
  /** What every process said last, for messages. */
  errors(): readonly string[];
}

export type Place = 0 | 1;
export const other = (place: Place): Place => (place === 0 ? 1 : 0);

export interface ControllerSettings {
  /** Instead of that of its ServiceAccount: e.g. through a proxy. */
  readonly kubeconfig?: string;
}

export interface GatewaySettings {
  readonly env?: Readonly<Record<string, string>>;
  /** Where it looks for the controllers, instead of their own addresses. */
  readonly controllers?: readonly string[];
}

const base = join(import.meta.dirname, '..', '..', '..', 'deploy', 'base');
const installed = ['namespace.yaml', 'service-accounts.yaml', 'controller-roles.yaml', 'config.yaml'];
export const controllerAddress = '10.77.200.10';
export const controllerPort = (place: Place): number => 9443 + place;
export const gatewayAddresses = ['10.77.200.1', '10.77.200.2'] as const;
const account = 'system:serviceaccount:rouse-system:rouse-controller';

export const startProcesses = async (scope: Scope, cluster: Cluster): Promise<Processes> => {
  const files = installed.flatMap((name) => ['-f', join(base, name)]);
  await cluster.kubectl(['apply', ...files]);
  const directory = await mkdtemp(join(tmpdir(), 'rouse-faults-'));
  const file = (name: string): string => join(directory, name);
  const kubeconfig = await cluster.kubeconfig(account);
  await writeFile(file('token'), await cluster.token('system:serviceaccount:rouse-system:rouse-gateway', ['rouse-controller']));
  const all: RouseProcess[] = [];
  scope.teardown(async () => {
    await Promise.all(all.map((rouse) => rouse.stop('SIGKILL')));
    await rm(directory, { recursive: true, force: true });
    await removeRouse(cluster);
  });
  const metrics = new Map<RouseProcess, string>();
  const start = async (args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<RouseProcess> => {
    const rouse = startRouse(args, env);
    all.push(rouse);
    const [, url = ''] = await rouse.line(/^ready: .*metrics=(\S+)/);
    metrics.set(rouse, url);
    return rouse;
  };
  const startController = (place: Place, settings: ControllerSettings): Promise<RouseProcess> => {
    const own = ['--port', String(controllerPort(place)), '--advertise', controllerAddress, '--allow-external-gateways', '--write-ca', file('ca.pem')];
    return start(['controller', '--kubeconfig', settings.kubeconfig ?? kubeconfig, '--metrics-port', '0', ...own]);
  };
  const startGateway = (place: Place, settings: GatewaySettings): Promise<RouseProcess> => {
    const urls = settings.controllers ?? ([0, 1] as const).map((each) => `https://${controllerAddress}:${controllerPort(each)}`);
    const links = urls.flatMap((url) => ['--controller', url]);
    const how = ['--controller-ca', file('ca.pem'), '--token-file', file('token'), '--listen', gatewayAddresses[place], '--metrics-port', '9090'];
    return start(['gateway', ...links, ...how], settings.env);
  };
  const leads = async (rouse: RouseProcess): Promise<boolean> => {
    if (rouse.child.exitCode !== null || rouse.child.signalCode !== null) return false;
    return fetch(metrics.get(rouse) ?? '').then(
      async (answer) => /^rouse_leader 1$/m.test(await answer.text()),
      () => false,
    );
  };
  const controllers: [RouseProcess, RouseProcess] = [await startController(0, {}), await startController(1, {})];
  const gateways: [RouseProcess, RouseProcess] = await Promise.all([startGateway(0, {}), startGateway(1, {})]);
  const errors = (): readonly string[] => [...controllers, ...gateways].map((rouse) => rouse.errors().slice(-600));
  return {
    controllers,
    gateways,
    startController: async (place, settings = {}) => (controllers[place] = await startController(place, settings)),
    startGateway: async (place, settings = {}) => (gateways[place] = await startGateway(place, settings)),
    leader: (withinMs = 40_000) =>
      until(
        'a controller leads',
        async () => {
          const [first, second] = await Promise.all([leads(controllers[0]), leads(controllers[1])]);
          return first ? ({ place: 0 } as const) : second ? ({ place: 1 } as const) : undefined;
        },
        withinMs,
        errors,
      ).then(({ place }) => place),
    errors,
  };
};
