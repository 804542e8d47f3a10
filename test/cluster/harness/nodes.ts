import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { NodeSettings } from '../node-main.ts';
import { mostNodes, shares } from './addresses.ts';
import { kubeconfigFile } from './credentials.ts';

const main = join(import.meta.dirname, '..', 'node-main.ts');
const repository = join(import.meta.dirname, '..', '..', '..');

export const nodeNames: readonly string[] = Array.from({ length: mostNodes }, (_, index) => `n${index + 1}`);

/** The command of node `name`: two zones, turn by turn, and addresses of its own. */
export const nodeCommand = async (directory: string, name: string): Promise<readonly string[]> => {
  const index = nodeNames.indexOf(name);
  const settings: NodeSettings = {
    name,
    kubeconfig: kubeconfigFile(directory, `system:node:${name}`),
    share: index,
    shares,
    labels: { 'topology.kubernetes.io/zone': index % 2 === 0 ? 'zone-a' : 'zone-b', 'topology.kubernetes.io/region': 'test' },
    podLimit: 4000,
    cwd: repository,
    path: process.env.PATH ?? '',
  };
  const file = join(directory, `node-${name}.json`);
  await writeFile(file, JSON.stringify(settings));
  return [process.execPath, main, file];
};
