import type { Container, ContainerState, ContainerStateTerminated, ContainerStatus, Pod } from 'kubernetes-types/core/v1.d.ts';
import type { ProcessExit } from './guard/process-guard.ts';

/** What a container is to its pod. `sidecar`: an init container with `restartPolicy: Always`. */
export type ContainerRole = 'init' | 'sidecar' | 'main';

/** A container as its runner sees it now. */
export interface ContainerView {
  readonly container: Container;
  readonly role: ContainerRole;
  readonly state: ContainerState;
  readonly lastState: ContainerState;
  readonly restartCount: number;
  readonly isReady: boolean;
  readonly isStarted: boolean;
  readonly containerID: string | undefined;
}

export const waiting = (reason: string, message?: string): ContainerState => ({ waiting: { reason, ...(message === undefined ? {} : { message }) } });

/** A container that this kubelet has done nothing for yet: it is as an earlier one left it, `before`, and waits. */
export const unstarted = (container: Container, role: ContainerRole, reason: string, before: ContainerStatus | undefined): ContainerView => ({
  container,
  role,
  state: waiting(reason),
  lastState: before?.lastState ?? {},
  restartCount: before?.restartCount ?? 0,
  isReady: false,
  isStarted: false,
  containerID: before?.containerID,
});

export const terminated = (exit: ProcessExit, startedAt: string, finishedAt: string, containerID: string, message?: string): ContainerStateTerminated => ({
  exitCode: exit.exitCode,
  reason: exit.isLost ? 'ContainerStatusUnknown' : exit.exitCode === 0 ? 'Completed' : 'Error',
  ...(message === undefined || message === '' ? {} : { message }),
  startedAt,
  finishedAt,
  containerID,
});

export const containerStatus = (view: ContainerView): ContainerStatus => ({
  name: view.container.name,
  state: view.state,
  lastState: view.lastState,
  ready: view.isReady,
  restartCount: view.restartCount,
  image: view.container.image ?? '',
  imageID: '',
  started: view.isStarted,
  ...(view.containerID === undefined ? {} : { containerID: view.containerID }),
});

/** `10s`, `2m40s`. */
const formatDelay = (wait: number): string => {
  const whole = Math.round(wait / 1000);
  const minutes = Math.floor(whole / 60);
  return minutes === 0 ? `${whole}s` : `${minutes}m${whole % 60}s`;
};

const fullName = ({ metadata }: Pod): string => `${metadata?.name ?? ''}_${metadata?.namespace ?? ''}(${metadata?.uid ?? ''})`;

/** What a container says while it waits to be started again. */
export const backOffMessage = (pod: Pod, container: Container, waitMs: number): string =>
  `back-off ${formatDelay(waitMs)} restarting failed container=${container.name} pod=${fullName(pod)}`;

/** The same as an Event: without the wait, so that its repetitions are counted together (kuberuntime_manager.go, `doBackOff`). */
export const backOffEvent = (pod: Pod, container: Container): string => `Back-off restarting failed container ${container.name} in pod ${fullName(pod)}`;

/** Why a process could not be started, naming what the user wrote. */
export const startProblem = (outcome: { readonly code: string; readonly message: string }, command: string, cwd: string): string => {
  if (outcome.code === 'ENOCWD') return `cannot start command "${command}": working directory "${cwd}" does not exist`;
  if (outcome.code === 'ENOENT') return `cannot start command "${command}": executable file not found in $PATH`;
  if (outcome.code === 'EACCES') return `cannot start command "${command}": permission denied`;
  return `cannot start command "${command}": ${outcome.message}`;
};
