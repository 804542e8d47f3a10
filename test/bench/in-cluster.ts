import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { clusterVariable } from '../cluster/harness/cluster-state.ts';
import { clusterOf, type Cluster, type Scope } from '../cluster/harness/cluster.ts';

/** Runs `measure` in a real cluster of its own: `npm run bench -- NAME` is started again inside one first. */
export const inCluster = async (name: string, measure: (cluster: Cluster, scope: Scope) => Promise<void>, { nodes = 2 } = {}): Promise<void> => {
  if (process.env[clusterVariable] === undefined) {
    const main = join(import.meta.dirname, '..', 'cluster', 'main.ts');
    const child = spawn(process.execPath, [main, '--nodes', String(nodes), '--', process.execPath, join(import.meta.dirname, 'main.ts'), name], {
      stdio: 'inherit',
    });
    [process.exitCode] = (await once(child, 'close')) as [number | null];
    return;
  }
  const closing: (() => unknown)[] = [];
  const scope: Scope = { title: name, teardown: (fn) => void closing.push(fn) };
  try {
    await measure(await clusterOf(scope), scope);
  } finally {
    for (const close of closing.reverse()) await close();
  }
};
