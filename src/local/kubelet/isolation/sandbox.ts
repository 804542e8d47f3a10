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
    // A machine may switch it off in every namespace that is made.
    ...(podIP6 === undefined ? [] : ['for device in all default lo; do echo 0 > /proc/sys/net/ipv6/conf/$device/disable_ipv6; done']),
    'ip -batch - <<END',
    'link set lo up',
    `link add eth0 type veth peer name ${wire} netns ${kubeletPid}`,
    `addr add ${podIP}/32 dev eth0`,
    ...(podIP6 === undefined ? [] : [`addr add ${podIP6}/128 dev eth0 nodad`]),
    'link set eth0 up',
    'END',
    `nsenter -t ${kubeletPid} -n ip -batch - <<END`,
    `link set ${wire} up`,
    // In the place of the route of an earlier sandbox, which goes a moment after it.
    `route replace ${podIP}/32 dev ${wire} src ${hostIP} table local`,
    ...(podIP6 === undefined ? [] : [`addr add fe80::1/64 dev ${wire} nodad`, `route replace ${podIP6}/128 dev ${wire} table local`]),
    'END',
    'ip route add default dev eth0',
    ...(podIP6 === undefined ? [] : ['ip -6 route add default via fe80::1 dev eth0']),
    'echo ready',
    'exec sleep infinity',
  ].join('\n');

/** Resolves with the process that holds the network, when it is wired; rejects with what went wrong. */
const startSandbox = async (options: SandboxOptions): Promise<GuardedProcess> => {
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

/** The network of one pod for as long as the pod lives: where its process has ended, with the guard, it is made again with the same addresses. */
export class Sandbox {
  readonly #options: SandboxOptions;
  #process: Promise<GuardedProcess>;
  #hasEnded = false;

  private constructor(options: SandboxOptions) {
    this.#options = options;
    this.#process = this.#begin();
  }

  /** Rejects with what went wrong. */
  static async start(options: SandboxOptions): Promise<Sandbox> {
    const sandbox = new Sandbox(options);
    await sandbox.#process;
    return sandbox;
  }

  /** Of the process that holds it now. Rejects where it had to be made again and could not be. */
  async pid(): Promise<number> {
    if (this.#hasEnded) this.#process = this.#begin();
    return (await this.#process).pid;
  }

  end(): void {
    this.#process.then(
      (process) => {
        process.signal('SIGKILL');
      },
      () => undefined,
    );
  }

  #begin(): Promise<GuardedProcess> {
    this.#hasEnded = false;
    const ended = (): void => {
      this.#hasEnded = true;
    };
    const starting = startSandbox(this.#options);
    starting.then(({ exited }) => exited).then(ended, ended);
    return starting;
  }
}
