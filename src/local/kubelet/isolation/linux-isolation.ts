import { mkdir, rm, stat, writeFile } from 'node:fs/promises';
import { join, posix } from 'node:path';
import type { Container, Pod, VolumeMount } from 'kubernetes-types/core/v1.d.ts';
import { messageOf, millis, type Clock, type Logger } from '../../../core/index.ts';
import type { Allotment } from '../addressing/addressing.ts';
import type { GuardedProcess, ProcessGuard } from '../guard/process-guard.ts';
import type { PodRef } from '../kubelet-api.ts';
import { PodVolumes } from '../volumes/pod-volumes.ts';
import type { VolumeSources } from '../volumes/volume-sources.ts';
import { containerScript, privilegesOf, type Mount } from './container-script.ts';
import type { Isolation, Launch, PodIsolation } from './isolation.ts';
import { machineMounts, resolvedInside } from './machine-mounts.ts';
import { startSandbox } from './sandbox.ts';

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

/** Each pod in a network of its own, each container with files of its own, users and rights as the pod says: needs root and util-linux. The machine's programs are what every image holds. */
export class LinuxIsolation implements Isolation {
  readonly #options: LinuxIsolationOptions;
  readonly #mounts = machineMounts();

  constructor(options: LinuxIsolationOptions) {
    this.#options = options;
  }

  async open(ref: PodRef, pod: Pod, allotment: Allotment): Promise<PodIsolation> {
    const { clock, directory, dns, guard, hostIP, logger, sources } = this.#options;
    const home = join(directory, ref.uid);
    const volumes = new PodVolumes(pod, ref, join(home, 'volumes'), sources, clock);
    await mkdir(join(home, 'volumes'), { recursive: true });
    await volumes.fill();
    const { podIP, podIP6 } = allotment;
    const hostname = pod.spec?.hostname ?? ref.name.slice(0, 63);
    await writeFile(join(home, 'hosts'), `127.0.0.1\tlocalhost\n::1\tlocalhost\n${podIP}\t${hostname}\n`);
    await writeFile(join(home, 'resolv.conf'), resolver(ref.namespace, dns));
    const isOnHost = pod.spec?.hostNetwork === true;
    const sandbox = isOnHost ? undefined : await startSandbox({ guard, hostname, podIP, podIP6, hostIP, kubeletPid: process.pid });
    const refresh = clock.every(refreshPeriod, () => {
      void volumes.fill().catch((thrown: unknown) => {
        logger.warn('the volumes of a pod could not be brought up to date', { namespace: ref.namespace, pod: ref.name, error: messageOf(thrown) });
      });
    });
    return new LinuxPod(pod, home, volumes, sandbox, await this.#mounts, () => {
      refresh.cancel();
    });
  }
}

/** In a pod of that namespace (kubernetes `pkg/kubelet/network/dns`). */
const resolver = (namespace: string, dns: string): string =>
  `search ${namespace}.svc.cluster.local svc.cluster.local cluster.local\nnameserver ${dns}\noptions ndots:5 timeout:1\n`;

class LinuxPod implements PodIsolation {
  readonly #pod: Pod;
  readonly #home: string;
  readonly #volumes: PodVolumes;
  readonly #sandbox: GuardedProcess | undefined;
  readonly #machineMounts: readonly string[];
  readonly #onClose: () => void;
  #instances = 0;

  constructor(pod: Pod, home: string, volumes: PodVolumes, sandbox: GuardedProcess | undefined, mounts: readonly string[], onClose: () => void) {
    this.#pod = pod;
    this.#home = home;
    this.#volumes = volumes;
    this.#sandbox = sandbox;
    this.#machineMounts = mounts;
    this.#onClose = onClose;
  }

  async container(container: Container, { argv, cwd }: Launch, brings: Readonly<Record<string, string>>): Promise<Launch> {
    this.#instances += 1;
    const layer = join(this.#home, 'layers', `${container.name}-${this.#instances}`);
    await mkdir(layer, { recursive: true });
    const mounts = await Promise.all((container.volumeMounts ?? []).map((mount) => this.#mount(mount)));
    const brought = Object.entries(brings).map(([target, source]) => ({ source, target, isReadOnly: true, isFile: false }));
    const script = containerScript({
      layer,
      machineMounts: this.#machineMounts,
      // Outer ones first.
      mounts: [...brought, ...mounts.flat()].sort((one, other) => one.target.length - other.target.length),
      files: { '/etc/hosts': join(this.#home, 'hosts'), '/etc/resolv.conf': join(this.#home, 'resolv.conf') },
      isRootReadOnly: container.securityContext?.readOnlyRootFilesystem === true,
      privileges: privilegesOf(this.#pod, container),
      cwd,
    });
    return { argv: [...this.#network(), 'unshare', '--mount', '--propagation', 'private', 'sh', '-c', script, 'container', ...argv], cwd: '/' };
  }

  beside(pid: number, container: Container, { argv, cwd }: Launch): Launch {
    const inside = ['nsenter', '-t', String(pid), '--mount', '--net', '--uts', '--root', '--wd'];
    return { argv: [...inside, 'sh', '-c', 'cd "$0" && exec "$@"', cwd, ...privilegesOf(this.#pod, container), ...argv], cwd: '/' };
  }

  close(): void {
    this.#onClose();
    this.#sandbox?.signal('SIGKILL');
    // What is mounted there went with the processes.
    void rm(this.#home, { recursive: true, force: true }).catch(() => undefined);
  }

  #network(): readonly string[] {
    return this.#sandbox === undefined ? [] : ['nsenter', '-t', String(this.#sandbox.pid), '--net', '--uts'];
  }

  async #mount({ name, mountPath, readOnly, subPath = '' }: VolumeMount): Promise<readonly Mount[]> {
    const volume = this.#volumes.pathOf(name);
    if (volume === undefined) return [];
    const source = join(volume, subPath);
    if (subPath !== '') await mkdir(source, { recursive: true }).catch(() => undefined);
    const isFile = (await stat(source)).isFile();
    return [{ source, target: await resolvedInside(posix.normalize(mountPath).replace(/(?<=.)\/$/, '')), isReadOnly: readOnly === true, isFile }];
  }
}
