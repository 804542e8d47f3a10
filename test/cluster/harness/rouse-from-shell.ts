import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { annotation } from '../../../src/core/index.ts';
import { deployment, onboarded } from '../../support/app.ts';
import { startRouse, type RouseProcess } from '../../support/rouse-process.ts';
import { until } from '../../support/until.ts';
import type { Cluster, Scope } from './cluster.ts';
import { removeRouse } from './remove-rouse.ts';

/** `rouse controller` and `rouse gateway` run from a shell against the cluster, with the rights of `deploy/` and no more. */
export interface RouseFromShell {
  /** Resolves when it is ready; the first one that starts leads, and the API server asks its webhooks. Webhooks by URL at `address`. One that is to follow another, which has ended, takes its `place`. */
  startController(address: string, place?: number): Promise<RouseProcess>;
  /** What controllers and webhooks prove themselves by: a file that is there once the first controller is. */
  readonly caFile: string;
  /** Linked to every controller started so far. */
  startGateway(address: string): Promise<RouseProcess>;
}

const base = join(import.meta.dirname, '..', '..', '..', 'deploy', 'base');
const component = join(base, '..', 'components', 'placement');
const linkPort = 9443;

/** What an admin applies for controllers and gateways that run outside: namespace, accounts and roles, not the Deployments. */
const installed = ['namespace.yaml', 'service-accounts.yaml', 'controller-roles.yaml', 'config.yaml'];

/** Besides those, for controllers that place pods and a scheduler that runs outside. */
const installedForPlacement = ['controller-roles.yaml', 'scheduler-roles.yaml'];

/** `placement`: the controllers place pods, and there are rights for the second scheduler (`second-scheduler.ts`). */
export const rouseFromShell = async (t: Scope, cluster: Cluster, { placement = false } = {}): Promise<RouseFromShell> => {
  const paths = [...installed.map((name) => join(base, name)), ...(placement ? installedForPlacement.map((name) => join(component, name)) : [])];
  const files = paths.flatMap((path) => ['-f', path]);
  await cluster.kubectl(['apply', ...files]);
  const directory = await mkdtemp(join(tmpdir(), 'rouse-shell-'));
  const file = (name: string): string => join(directory, name);
  const kubeconfig = await cluster.kubeconfig('system:serviceaccount:rouse-system:rouse-controller');
  await writeFile(file('token'), await cluster.token('system:serviceaccount:rouse-system:rouse-gateway', ['rouse-controller']));
  const processes: RouseProcess[] = [];
  const links: string[] = [];
  t.teardown(async () => {
    await Promise.all(processes.map((rouse) => rouse.stop('SIGKILL')));
    await rm(directory, { recursive: true, force: true });
    await removeRouse(cluster);
  });
  const start = async (args: readonly string[]): Promise<{ readonly rouse: RouseProcess; readonly metrics: string }> => {
    const rouse = startRouse(args);
    processes.push(rouse);
    const [, metrics = ''] = await rouse.line(/^ready: .*metrics=(\S+)/);
    return { rouse, metrics };
  };
  return {
    caFile: file('ca.pem'),
    startController: async (address, place = links.length) => {
      const port = linkPort + place;
      const own = [
        '--port',
        String(port),
        '--advertise',
        address,
        '--allow-external-gateways',
        '--write-ca',
        file('ca.pem'),
        ...(placement ? ['--placement'] : []),
      ];
      links[place] = `https://${address}:${port}`;
      const isFirst = links.length === 1;
      const { rouse, metrics } = await start(['controller', '--kubeconfig', kubeconfig, '--metrics-port', '0', ...own]);
      const isLeading = (): Promise<boolean> =>
        fetch(metrics).then(
          async (answer) => /^rouse_leader 1$/m.test(await answer.text()),
          () => false,
        );
      if (isFirst) {
        await until('the controller leads', isLeading, 30_000, () => rouse.errors());
        // It registers its webhooks after that, and the API server hears of them by a watch of its own.
        await until(
          'the API server asks the webhooks',
          () => isAsking(cluster),
          30_000,
          () => rouse.errors(),
        );
      }
      return rouse;
    },
    startGateway: async (address) => {
      const where = links.flatMap((url) => ['--controller', url]);
      const how = ['--controller-ca', file('ca.pem'), '--token-file', file('token'), '--listen', address, '--metrics-port', '9090'];
      return (await start(['gateway', ...where, ...how])).rouse;
    },
  };
};

/** Of each configuration it hears by itself: a mutating webhook has to have changed what it is shown, and a validating one to refuse what is wrong. */
const isAsking = async ({ api }: Cluster): Promise<boolean> => {
  const tried = (annotations: Readonly<Record<string, string>>): ReturnType<typeof api> =>
    api('POST', '/apis/apps/v1/namespaces/default/deployments?dryRun=All', deployment('probe', { annotations }));
  const [good, bad] = await Promise.all([tried(onboarded), tried({ ...onboarded, 'rouse.dev/target': 'many' })]);
  return good.body.metadata?.annotations?.[annotation.state] !== undefined && bad.status !== 201;
};
