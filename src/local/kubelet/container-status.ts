import type { Container, ContainerState, ContainerStateTerminated, ContainerStatus } from 'kubernetes-types/core/v1.d.ts';
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
