import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { NodeSettings } from '../node-main.ts';
import { dnsAddress, kubernetesServiceAddress, mostNodes, shares } from './addresses.ts';
import { kubeconfigFile } from './credentials.ts';
import { imagesOf } from './images.ts';

const main = join(import.meta.dirname, '..', 'node-main.ts');
const repository = join(import.meta.dirname, '..', '..', '..');

export const nodeNames: readonly string[] = Array.from({ length: mostNodes }, (_, index) => `n${index + 1}`);

export interface NodeOptions {
  /** Of the control plane, for what runs of it in pods. */
  readonly binary: string;
  readonly directory: string;
  readonly isDualStack: boolean;
  readonly leaseSeconds: number;
}

/** What a kubelet tells every container of the API server, and where programs are found: `node` is the one that runs the tests. */
const environment = {
  PATH: `${dirname(process.execPath)}:${process.env.PATH ?? ''}`,
  KUBERNETES_SERVICE_HOST: kubernetesServiceAddress,
  KUBERNETES_SERVICE_PORT: '443',
  KUBERNETES_SERVICE_PORT_HTTPS: '443',
};

/** The command of node `name`: two zones, turn by turn, and addresses of its own. */
export const nodeCommand = async (name: string, { binary, directory, isDualStack, leaseSeconds }: NodeOptions): Promise<readonly string[]> => {
  const index = nodeNames.indexOf(name);
  const settings: NodeSettings = {
    name,
    kubeconfig: kubeconfigFile(directory, `system:node:${name}`),
    share: index,
    shares,
    isDualStack,
    leaseSeconds,
    labels: { 'topology.kubernetes.io/zone': index % 2 === 0 ? 'zone-a' : 'zone-b', 'topology.kubernetes.io/region': 'test' },
    podLimit: 4000,
    cwd: repository,
    directory: join(directory, 'pods', name),
    dns: dnsAddress,
    images: imagesOf(binary),
    environment,
  };
  const file = join(directory, `node-${name}.json`);
  await writeFile(file, JSON.stringify(settings));
  return [process.execPath, main, file];
};
