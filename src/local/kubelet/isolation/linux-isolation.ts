import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join, posix } from 'node:path';
import type { Container, Pod, VolumeMount } from 'kubernetes-types/core/v1.d.ts';
import { messageOf, millis, type Clock, type Logger, type Timer } from '../../../core/index.ts';
import type { Allotment } from '../addressing/addressing.ts';
import type { ProcessGuard } from '../guard/process-guard.ts';
import type { PodRef } from '../kubelet-api.ts';
import { PodVolumes } from '../volumes/pod-volumes.ts';
import type { VolumeSources } from '../volumes/volume-sources.ts';
import { containerScript, privilegesOf, startProblems, type Mount } from './container-script.ts';
import type { ContainerStart, Isolation, Launch, PodIsolation, StartProblem } from './isolation.ts';
import { machineMounts, resolvedInside } from './machine-mounts.ts';
import { machinePrograms, type Programs } from './programs.ts';
import { Sandbox } from './sandbox.ts';

export interface LinuxIsolationOptions {
  readonly guard: ProcessGuard;
  readonly sources: VolumeSources;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Holds a directory for each pod. */
  readonly directory: string;
  readonly hostIP: string;
  /** Address of the cluster's DNS. */
  readonly dns: string;
}

/** How often volumes are looked at again: kubelets do about once a minute. */
const refreshPeriod = millis(60_000);

/** How often it is looked whether a container's process is in its place by now. */
const entryLook = millis(5);

/** Each pod in a network of its own, each container with files of its own, users and rights as the pod says: needs root and util-linux. The machine's programs are what every image holds. */
export class LinuxIsolation implements Isolation {
  readonly #options: LinuxIsolationOptions;
  readonly #mounts = machineMounts();
  readonly #programs = machinePrograms();

  constructor(options: LinuxIsolationOptions) {
    this.#options = options;
  }

  async open(ref: PodRef, pod: Pod, allotment: Allotment): Promise<PodIsolation> {
    const home = join(this.#options.directory, ref.uid);
    try {
      return await this.#open(ref, pod, allotment, home);
    } catch (thrown) {
      await removed(home, this.#options.logger);
      throw thrown;
    }
  }

  async #open(ref: PodRef, pod: Pod, { podIP, podIP6 }: Allotment, home: string): Promise<PodIsolation> {
    const { clock, dns, guard, hostIP, logger, sources } = this.#options;
    const volumes = new PodVolumes(pod, ref, join(home, 'volumes'), sources, clock);
    await mkdir(join(home, 'volumes'), { recursive: true });
    await volumes.fill();
    const hostname = pod.spec?.hostname ?? ref.name.slice(0, 63);
    await writeFile(join(home, 'hosts'), `127.0.0.1\tlocalhost\n::1\tlocalhost\n${podIP}\t${hostname}\n`);
    await writeFile(join(home, 'resolv.conf'), resolver(ref.namespace, dns));
    const mounts = await this.#mounts;
    const isOnHost = pod.spec?.hostNetwork === true;
    const sandbox = isOnHost ? undefined : await Sandbox.start({ guard, hostname, podIP, podIP6, hostIP, kubeletPid: process.pid });
    const refresh = clock.every(refreshPeriod, () => {
      void volumes.fill().catch((thrown: unknown) => {
        logger.warn('the volumes of a pod could not be brought up to date', { namespace: ref.namespace, pod: ref.name, error: messageOf(thrown) });
      });
    });
    return new LinuxPod({ pod, home, volumes, sandbox, refresh, clock, logger, machineMounts: mounts, programs: this.#programs });
  }
}

/** Takes a pod's directory away. What is mounted there went with the processes. */
const removed = async (home: string, logger: Logger): Promise<void> => {
  try {
    await rm(home, { recursive: true, force: true, maxRetries: 3 });
  } catch (thrown) {
    logger.warn('the files of a pod could not be removed', { directory: home, error: messageOf(thrown) });
  }
};

/** In a pod of that namespace (kubernetes `pkg/kubelet/network/dns`). */
const resolver = (namespace: string, dns: string): string =>
  `search ${namespace}.svc.cluster.local svc.cluster.local cluster.local\nnameserver ${dns}\noptions ndots:5 timeout:1\n`;

interface LinuxPodParts {
  readonly pod: Pod;
  readonly home: string;
  readonly volumes: PodVolumes;
  /** Undefined: the pod is in the machine's network. */
  readonly sandbox: Sandbox | undefined;
  readonly refresh: Timer;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly machineMounts: readonly string[];
  readonly programs: Programs;
}

class LinuxPod implements PodIsolation {
  readonly #parts: LinuxPodParts;
  #instances = 0;
  #closing: Promise<void> | undefined;

  constructor(parts: LinuxPodParts) {
    this.#parts = parts;
  }

  async container(container: Container, { argv, cwd }: Launch, brings: Readonly<Record<string, string>>): Promise<ContainerStart> {
    const { home, pod, programs } = this.#parts;
    const network = await this.#network();
    this.#instances += 1;
    const layer = join(home, 'layers', `${container.name}-${this.#instances}`);
    const problemFile = `${layer}.problem`;
    await mkdir(layer, { recursive: true });
    const mounts = await Promise.all((container.volumeMounts ?? []).map((mount) => this.#mount(mount)));
    const brought = Object.entries(brings).map(([target, source]) => ({ source, target, isReadOnly: true, isFile: false }));
    const script = containerScript({
      path: programs.path,
      problemFile,
      layer,
      machineMounts: this.#parts.machineMounts,
      // Outer ones first.
      mounts: [...brought, ...mounts.flat()].sort((one, other) => one.target.length - other.target.length),
      files: { '/etc/hosts': join(home, 'hosts'), '/etc/resolv.conf': join(home, 'resolv.conf') },
      isRootReadOnly: container.securityContext?.readOnlyRootFilesystem === true,
      privileges: privilegesOf(pod, container, programs.setpriv),
      cwd,
    });
    return {
      argv: [...network, programs.unshare, '--mount', '--propagation', 'private', '/bin/sh', '-c', script, 'container', ...argv],
      cwd: '/',
      problem: () => problemIn(problemFile),
    };
  }

  async beside(pid: number, container: Container, { argv, cwd }: Launch, signal: AbortSignal): Promise<Launch> {
    const { clock, pod, programs } = this.#parts;
    while (await isOutside(pid)) await clock.sleep(entryLook, signal);
    const inside = [programs.nsenter, '-t', String(pid), '--mount', '--net', '--uts', '--root', '--wd'];
    return { argv: [...inside, '/bin/sh', '-c', 'cd "$0" && exec "$@"', cwd, ...privilegesOf(pod, container, programs.setpriv), ...argv], cwd: '/' };
  }

  close(): Promise<void> {
    this.#closing ??= this.#end();
    return this.#closing;
  }

  async #end(): Promise<void> {
    const { home, logger, refresh, sandbox, volumes } = this.#parts;
    refresh.cancel();
    sandbox?.end();
    await volumes.close();
    await removed(home, logger);
  }

  async #network(): Promise<readonly string[]> {
    const { programs, sandbox } = this.#parts;
    return sandbox === undefined ? [] : [programs.nsenter, '-t', String(await sandbox.pid()), '--net', '--uts'];
  }

  async #mount({ name, mountPath, readOnly, subPath = '' }: VolumeMount): Promise<readonly Mount[]> {
    const volume = this.#parts.volumes.pathOf(name);
    if (volume === undefined) return [];
    const source = join(volume, subPath);
    if (subPath !== '') await mkdir(source, { recursive: true }).catch(() => undefined);
    const isFile = (await stat(source)).isFile();
    return [{ source, target: await resolvedInside(posix.normalize(mountPath).replace(/(?<=.)\/$/, '')), isReadOnly: readOnly === true, isFile }];
  }
}

const problemIn = async (file: string): Promise<StartProblem | undefined> => {
  const code = (await readFile(file, 'utf8').catch(() => '')).trim();
  return code === '' ? undefined : { code, message: startProblems[code] ?? code };
};

/** Whether a container's process still has the machine's files, not its own: what is started beside it would have them too. One that has ended is nowhere. */
const isOutside = async (pid: number): Promise<boolean> => {
  const [machine, root] = await Promise.all(['/', `/proc/${pid}/root/`].map((path) => stat(path).catch(() => undefined)));
  return root !== undefined && root.dev === machine?.dev && root.ino === machine.ino;
};
