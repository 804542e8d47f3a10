/**
 * Runs tests, or any command, in a real Kubernetes cluster of their own:
 *   node test/cluster/main.ts [--short-patience] [--nodes N] [--keep] -- COMMAND…
 * Builds the control plane, makes a network namespace, starts the cluster in it, runs the command there, and takes everything away again.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { controlPlaneBinary } from './harness/binary.ts';
import { clusterVariable } from './harness/cluster-state.ts';
import { shortPatience, upstreamPatience } from './harness/control-plane.ts';
import { claimPlace, removePlace, sweep, type Place } from './harness/place.ts';
import type { SupervisorSettings } from './harness/supervisor.ts';

const say = (line: string): void => {
  process.stderr.write(`cluster: ${line}\n`);
};

const startSupervisor = async ({ namespace }: Place, settings: SupervisorSettings): Promise<ChildProcess> => {
  const main = join(import.meta.dirname, 'harness', 'supervisor.ts');
  const child = spawn('ip', ['netns', 'exec', namespace, process.execPath, main, JSON.stringify(settings)], { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = once(child, 'close').then(() => false);
  const ready = once(createInterface({ input: child.stdout }), 'line').then(() => true);
  if (!(await Promise.race([ready, ended]))) throw new Error(`the cluster did not start: see ${settings.directory}/logs`);
  return child;
};

const runInside = async ({ namespace, directory }: Place, command: readonly string[]): Promise<number> => {
  const child = spawn('ip', ['netns', 'exec', namespace, ...command], { stdio: 'inherit', env: { ...process.env, [clusterVariable]: directory } });
  const [code] = (await once(child, 'close')) as [number | null];
  return code ?? 1;
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { 'short-patience': { type: 'boolean', default: false }, nodes: { type: 'string', default: '2' }, keep: { type: 'boolean', default: false } },
});

const binary = await controlPlaneBinary(say);
await sweep(say);
const place = await claimPlace();
// A Ctrl-C reaches the command too, and ends us after it.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);
try {
  const patience = values['short-patience'] ? shortPatience : upstreamPatience;
  const since = performance.now();
  const supervisor = await startSupervisor(place, { binary, directory: place.directory, nodes: Number(values.nodes), patience });
  say(`ready after ${((performance.now() - since) / 1000).toFixed(1)} s in namespace ${place.namespace}, ${place.directory}`);
  process.exitCode = await runInside(place, positionals);
  supervisor.stdin?.end();
  await Promise.race([once(supervisor, 'close'), new Promise((resolve) => setTimeout(resolve, 5000))]);
} finally {
  await removePlace(place, values.keep);
}
