/**
 * Runs tests, or any command, in a real Kubernetes cluster of their own:
 *   node test/cluster/main.ts [--short-patience] [--nodes N] [--keep] -- COMMAND…
 * Builds the control plane, makes a network namespace, starts the cluster in it, runs the command there, and takes everything away again.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { controlPlaneBinary } from './harness/binary.ts';
import { shortPatience, upstreamPatience } from './harness/control-plane.ts';
import { isDualStack } from './harness/network-namespace.ts';
import { claimPlace, removePlace, sweep } from './harness/place.ts';
import type { SupervisorSettings } from './harness/supervisor.ts';

const say = (line: string): void => {
  process.stderr.write(`cluster: ${line}\n`);
};

/** In a process namespace whose first process reaps what is orphaned, as a container's does: when that one ends, nothing of the cluster is left. */
const runCluster = async (namespace: string, settings: SupervisorSettings): Promise<number> => {
  const supervisor = [process.execPath, join(import.meta.dirname, 'harness', 'supervisor.ts'), JSON.stringify(settings)];
  const first = ['unshare', '--pid', '--fork', '--mount-proc', '--kill-child', 'sh', '-c', '"$@"; exit $?', 'cluster'];
  const child = spawn('ip', ['netns', 'exec', namespace, ...first, ...supervisor], { stdio: ['inherit', 'inherit', 'inherit', 'pipe'] });
  const [code] = (await once(child, 'close')) as [number | null];
  return code ?? 1;
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { 'short-patience': { type: 'boolean', default: false }, nodes: { type: 'string', default: '2' }, keep: { type: 'boolean', default: false } },
});

const binary = await controlPlaneBinary(say);
await sweep(say);
const { namespace, directory } = await claimPlace();
// A Ctrl-C reaches the command too, and ends us after it.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);
try {
  const patience = values['short-patience'] ? shortPatience : upstreamPatience;
  process.exitCode = await runCluster(namespace, { binary, directory, nodes: Number(values.nodes), isDualStack, patience, command: positionals });
} finally {
  await removePlace({ namespace, directory }, values.keep);
}
