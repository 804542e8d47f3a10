import type { Container, Pod } from 'kubernetes-types/core/v1.d.ts';
import type { Allotment } from '../addressing/addressing.ts';
import type { PodRef } from '../kubelet-api.ts';

/** How the processes of a pod are kept apart from the machine and from other pods. */
export interface Isolation {
  /** Makes what the containers of a pod share: volumes, network. Rejects with a sentence for an Event where that cannot be had now. */
  open(ref: PodRef, pod: Pod, allotment: Allotment): Promise<PodIsolation>;
}

/** A command line and the directory to start it in. */
export interface Launch {
  readonly argv: readonly string[];
  readonly cwd: string;
}

export interface ContainerStart extends Launch {
  /** Why the command was never run, if it was not: to be asked when the process has ended. */
  readonly problem?: () => Promise<StartProblem | undefined>;
}

export interface StartProblem {
  /** As of a process that could not be started. */
  readonly code: string;
  readonly message: string;
}

export interface PodIsolation {
  /** How to start a container's first process. `brings`: what its image puts where, path in the container → directory of this machine. */
  container(container: Container, launch: Launch, brings: Readonly<Record<string, string>>): Promise<ContainerStart>;
  /** How to start a process beside the running `pid` of a container, once that is in its place: probes and hooks. Rejects when `signal` aborts. */
  beside(pid: number, container: Container, launch: Launch, signal: AbortSignal): Promise<Launch>;
  /** Resolves when nothing of it is left; a second call is for the same. Never rejects. */
  close(): Promise<void>;
}

/** A pod whose containers are plain processes of this machine. */
export const unshared: PodIsolation = {
  container: (_container, launch) => Promise.resolve(launch),
  beside: (_pid, _container, launch) => Promise.resolve(launch),
  close: () => Promise.resolve(),
};

/** None: containers are plain processes of this machine, and see its files and its network. Volumes are not mounted. */
export const noIsolation: Isolation = { open: () => Promise.resolve(unshared) };
