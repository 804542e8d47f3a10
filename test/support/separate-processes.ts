import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startLocalCluster, type LocalCluster } from '../../src/cli/local/local-cluster.ts';
import { linkAudience } from '../../src/cli/controller/gateway-identity.ts';
import { silentLogger, systemClock, systemRandom } from '../../src/core/index.ts';
import { apiClient, type ApiClient } from './api-client.ts';
import { freePort } from './free-port.ts';
import { ownLoopback } from './own-loopback.ts';
import { startRouse, type RouseProcess } from './rouse-process.ts';
import { until } from './until.ts';

/** The embedded cluster in this process; controllers and gateways as processes of their own, as an operator runs them; of another build where `main` is given. */
export interface SeparateProcesses {
  readonly cluster: LocalCluster;
  readonly api: ApiClient;
  /** Of somebody who may do everything. */
  readonly adminKubeconfig: string;
  /** Starts `rouse controller` at its place, the first or the second: always on the same port there, so that gateways find the next one. */
  startController(place?: 0 | 1, main?: string): Promise<RouseProcess>;
  /** Resolves when that controller leads. */
  leads(controller: RouseProcess): Promise<void>;
  /** What the standby waits 15 s for after a leader that was killed: its Lease has run out. */
  leaseRunsOut(): Promise<void>;
  /** Where the gateway of that number listens: no other one on this machine does. */
  gatewayAddress(number: number): string;
  /** Starts `rouse gateway` at its address, linked to both places. */
  startGateway(number: number, main?: string, flags?: readonly string[]): Promise<RouseProcess>;
  /** The count of the Deployment's only ReplicaSet, and how often it was changed: a Deployment's own generation counts its annotations too. */
  countOf(name: string): Promise<{ readonly replicas: number; readonly changes: number }>;
  close(): Promise<void>;
}

interface ReplicaSets {
  readonly items?: readonly { readonly metadata: { readonly generation: number }; readonly spec: { readonly replicas: number } }[];
}

const metricsUrl = async (rouse: RouseProcess): Promise<string> => (await rouse.line(/^ready: .*metrics=(\S+)/))[1] ?? '';

/** `env`: more variables for each of them. */
export const startSeparateProcesses = async (env: Readonly<Record<string, string>> = {}): Promise<SeparateProcesses> => {
  const directory = await mkdtemp(join(tmpdir(), 'rouse-processes-'));
  const file = (name: string): string => join(directory, name);
  const cluster = await startLocalCluster({
    clock: systemClock,
    random: systemRandom,
    logger: silentLogger,
    apiPort: 0,
    environment: { PATH: process.env.PATH ?? '' },
    cwd: process.cwd(),
  });
  const api = apiClient({ url: cluster.api.url, caPem: cluster.api.caPem, token: cluster.api.adminToken });
  await writeFile(file('admin'), cluster.api.kubeconfig(cluster.api.adminToken));
  await writeFile(file('kubeconfig'), cluster.api.kubeconfig(cluster.token('rouse-controller')));
  await writeFile(file('token'), cluster.token('rouse-gateway', [linkAudience]));
  const ports = [await freePort(), await freePort()] as const;
  const loopback = await ownLoopback();
  const processes: RouseProcess[] = [];
  const start = (main: string | undefined, ...args: readonly string[]): RouseProcess => {
    const rouse = startRouse([...args, '--metrics-port', '0'], env, main);
    processes.push(rouse);
    return rouse;
  };
  return {
    cluster,
    api,
    adminKubeconfig: file('admin'),
    startController: async (place = 0, main) => {
      const own = ['--port', String(ports[place]), '--advertise', '127.0.0.1', '--allow-external-gateways', '--write-ca', file('ca.pem')];
      const rouse = start(main, 'controller', '--kubeconfig', file('kubeconfig'), ...own);
      await metricsUrl(rouse);
      return rouse;
    },
    leads: async (controller) => {
      const url = await metricsUrl(controller);
      await until(
        'the controller leads',
        async () => /^rouse_leader 1$/m.test(await (await fetch(url)).text()),
        30_000,
        () => controller.errors(),
      );
    },
    leaseRunsOut: async () => {
      const { status, body } = await api.patch('/apis/coordination.k8s.io/v1/namespaces/rouse-system/leases/rouse-controller', {
        spec: { holderIdentity: null },
      });
      if (status !== 200) throw new Error(JSON.stringify(body));
    },
    gatewayAddress: (number) => loopback.address(number),
    startGateway: async (number, main, flags = []) => {
      const links = ports.flatMap((port) => ['--controller', `https://127.0.0.1:${port}`]);
      const rouse = start(
        main,
        'gateway',
        ...links,
        '--controller-ca',
        file('ca.pem'),
        '--token-file',
        file('token'),
        '--listen',
        loopback.address(number),
        ...flags,
      );
      await metricsUrl(rouse);
      return rouse;
    },
    countOf: async (name) => {
      const { items = [] } = (await api('GET', `/apis/apps/v1/namespaces/default/replicasets?labelSelector=app%3D${name}`)).body as ReplicaSets;
      const [only] = items;
      return { replicas: only?.spec.replicas ?? 0, changes: only?.metadata.generation ?? 0 };
    },
    close: async () => {
      await Promise.all(processes.map((rouse) => rouse.stop('SIGKILL')));
      await api.close();
      await cluster.close();
      await loopback.release();
      await rm(directory, { recursive: true });
    },
  };
};
