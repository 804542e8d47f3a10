import { randomBytes } from 'node:crypto';
import type { GuardedProcess, ProcessGuard } from '../guard/process-guard.ts';
import { KubeletError } from '../errors.ts';
import { quoted } from './shell.ts';

export interface SandboxOptions {
  readonly guard: ProcessGuard;
  readonly hostname: string;
  readonly podIP: string;
  readonly podIP6: string | undefined;
  readonly hostIP: string;
  /** The kubelet, whose network the pod is wired to. */
  readonly kubeletPid: number;
}

/**
 * The network of a pod, held by a process that does nothing else, as a pause container does: an interface with the pod's address, wired to the kubelet's
 * network. There a host route leads to it, in the table that is asked first: all of the pods' network is local to that network otherwise.
 */
const pauseScript = ({ hostname, podIP, podIP6, hostIP, kubeletPid }: SandboxOptions, wire: string): string =>
  [
    'set -e',
    `hostname ${quoted(hostname)}`,
    // As container runtimes have it: no port needs a right.
    'echo 0 > /proc/sys/net/ipv4/ip_unprivileged_port_start',
    'ip -batch - <<END',
    'link set lo up',
    `link add eth0 type veth peer name ${wire} netns ${kubeletPid}`,
    `addr add ${podIP}/32 dev eth0`,
    ...(podIP6 === undefined ? [] : [`addr add ${podIP6}/128 dev eth0 nodad`]),
    'link set eth0 up',
    'END',
    `nsenter -t ${kubeletPid} -n ip -batch - <<END`,
    `link set ${wire} up`,
    `route add ${podIP}/32 dev ${wire} src ${hostIP} table local`,
    ...(podIP6 === undefined ? [] : [`addr add fe80::1/64 dev ${wire} nodad`, `route add ${podIP6}/128 dev ${wire} table local`]),
    'END',
    'ip route add default dev eth0',
    ...(podIP6 === undefined ? [] : ['ip -6 route add default via fe80::1 dev eth0']),
    'echo ready',
    'exec sleep infinity',
  ].join('\n');

/** Resolves with the process that holds the network, when it is wired; rejects with what went wrong. */
export const startSandbox = async (options: SandboxOptions): Promise<GuardedProcess> => {
  const wire = `pod${randomBytes(5).toString('hex')}`;
  const { promise: ready, resolve } = Promise.withResolvers<boolean>();
  let output = '';
  const outcome = await options.guard.start({
    argv: ['unshare', '--net', '--uts', 'sh', '-c', pauseScript(options, wire)],
    env: { PATH: process.env['PATH'] ?? '' },
    cwd: '/',
    onOutput: (_stream, chunk) => {
      output = (output + chunk.toString()).slice(-2048);
      if (output.includes('ready\n')) resolve(true);
    },
  });
  if (outcome.kind === 'failed') throw new KubeletError('no-sandbox', outcome.message, { retryable: true });
  void outcome.process.exited.then(() => {
    resolve(false);
  });
  if (!(await ready)) throw new KubeletError('no-sandbox', `the pod's network could not be made: ${output.trim()}`, { retryable: true });
  return outcome.process;
};
