/**
 * Runs tests, or any command, in a real Kubernetes cluster of their own (`usage` says how): builds the control plane,
 * makes a network namespace, starts the cluster in it, runs the command there, and takes everything away again.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { mostNodes } from './harness/addresses.ts';
import { controlPlaneBinary } from './harness/binary.ts';
import { shortPatience, upstreamPatience, type Patience } from './harness/control-plane.ts';
import { isDualStack } from './harness/network-namespace.ts';
import { claimPlace, keptAs, removePlace, sweep, type Kept, type Place } from './harness/place.ts';
import { helmBinary, kubectlBinary } from '../support/real-kubectl.ts';
import type { SupervisorSettings } from './harness/supervisor.ts';

const say = (line: string): void => {
  process.stderr.write(`cluster: ${line}\n`);
};

/** In a process namespace whose first process reaps what is orphaned, as a container's does: when that one ends, nothing of the cluster is left. */
const runCluster = async (namespace: string, settings: SupervisorSettings): Promise<number> => {
  const supervisor = [process.execPath, join(import.meta.dirname, 'harness', 'supervisor.ts'), JSON.stringify(settings)];
  const first = ['unshare', '--pid', '--fork', '--mount-proc', '--kill-child', 'sh', '-c', '"$@"; exit $?', 'cluster'];
  const child = spawn('ip', ['netns', 'exec', namespace, ...first, ...supervisor], { stdio: ['inherit', 'inherit', 'inherit', 'pipe'] });
  // A Ctrl-C reaches the command too, and ends us after it. The others come to us alone: the supervisor ends when it loses us.
  process.on('SIGINT', () => undefined);
  for (const signal of ['SIGTERM', 'SIGHUP'] as const)
    process.once(signal, () => {
      say(`${signal}: the cluster is taken away`);
      child.stdio[3]?.destroy();
    });
  const [code] = (await once(child, 'close')) as [number | null];
  return code ?? 1;
};

const usage = `Usage: node test/cluster/main.ts [--nodes N] [--short-patience] [--keep] -- COMMAND…

Runs COMMAND in a real Kubernetes cluster made for it: inside its network, with $ROUSE_TEST_CLUSTER naming its directory
(kubeconfigs/, logs/, audit.log). Its exit code is ours; where it is not 0, logs/ is kept, in /tmp/kept-rouse-PID.

  --nodes N         0 to ${mostNodes} (default 2); a test may add more
  --short-patience  a silent node is given up after ${shortPatience.nodeSeconds} s and emptied after ${shortPatience.evictionSeconds} s more, not ${upstreamPatience.nodeSeconds} and ${upstreamPatience.evictionSeconds}
  --keep            keep the whole directory, as /tmp/kept-rouse-PID`;

/** What the command line asks for; ends the process with what is wrong with it. */
const asked = (): { readonly nodes: number; readonly patience: Patience; readonly keep: boolean; readonly command: readonly string[] } => {
  const options = { nodes: { type: 'string', default: '2' }, 'short-patience': { type: 'boolean' }, keep: { type: 'boolean' } } as const;
  try {
    const { values, positionals } = parseArgs({ allowPositionals: true, options });
    const nodes = Number(values.nodes);
    if (!Number.isInteger(nodes) || nodes < 0 || nodes > mostNodes) throw new Error(`--nodes ${values.nodes}: want a number from 0 to ${mostNodes}`);
    if (positionals.length === 0) throw new Error('there is no command to run');
    return { nodes, patience: values['short-patience'] ? shortPatience : upstreamPatience, keep: values.keep ?? false, command: positionals };
  } catch (failure) {
    process.stderr.write(`${failure instanceof Error ? failure.message : String(failure)}\n\n${usage}\n`);
    process.exit(2);
  }
};

const { keep, ...wanted } = asked();
/** What has to be fetched is fetched here: inside the cluster's network nothing else can be reached. */
const prepare = async (): Promise<{ readonly binary: string; readonly place: Place }> => {
  // Before anything that takes long.
  if (process.getuid?.() !== 0) throw new Error('a network namespace can only be made by root: run the cluster tests as root');
  await kubectlBinary();
  await helmBinary();
  const binary = await controlPlaneBinary(say);
  await sweep(say);
  return { binary, place: await claimPlace() };
};
const { binary, place } = await prepare().catch((failure: unknown) => {
  say(failure instanceof Error ? failure.message : String(failure));
  process.exit(1);
});
let kept: Kept = keep ? 'all' : 'logs';
try {
  const code = await runCluster(place.namespace, { ...wanted, binary, directory: place.directory, isDualStack });
  if (code === 0 && !keep) kept = 'nothing';
  process.exitCode = code;
} finally {
  await removePlace(place, kept);
  if (kept !== 'nothing') say(`the logs are in ${keptAs(place)}/logs`);
}
