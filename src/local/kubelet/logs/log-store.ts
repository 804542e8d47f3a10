import type { Clock } from '../../../core/index.ts';
import type { PodLog, PodLogRequest, PodLogSource } from '../../embedded/pod-log-source.ts';
import { ContainerLog } from './container-log.ts';
import { streamLog } from './log-stream.ts';

/** The logs of one container: of the present or latest instance, and of the one before. */
export class ContainerLogs {
  readonly #begin: () => ContainerLog;
  current: ContainerLog | undefined;
  previous: ContainerLog | undefined;

  constructor(begin: () => ContainerLog) {
    this.#begin = begin;
  }

  /** A new instance begins. */
  begin(): ContainerLog {
    this.previous = this.current;
    this.current = this.#begin();
    return this.current;
  }
}

/** What is kept of an instance's output. */
export const defaultLogBytes = 512 * 1024;

/** Logs of every pod of a kubelet, by uid; they go with the pod. */
export class LogStore implements PodLogSource {
  readonly #clock: Clock;
  readonly #limitBytes: number;
  readonly #pods = new Map<string, Map<string, ContainerLogs>>();

  constructor(clock: Clock, limitBytes: number) {
    this.#clock = clock;
    this.#limitBytes = limitBytes;
  }

  of(podUid: string, container: string): ContainerLogs {
    const containers = this.#pods.get(podUid) ?? new Map<string, ContainerLogs>();
    this.#pods.set(podUid, containers);
    const logs = containers.get(container) ?? new ContainerLogs(() => new ContainerLog(this.#clock, this.#limitBytes));
    containers.set(container, logs);
    return logs;
  }

  forget(podUid: string): void {
    for (const { current } of this.#pods.get(podUid)?.values() ?? []) current?.end();
    this.#pods.delete(podUid);
  }

  open(request: PodLogRequest): PodLog {
    const logs = this.#pods.get(request.podUid)?.get(request.container);
    if (request.previous) {
      if (logs?.previous !== undefined) return { kind: 'stream', chunks: streamLog(logs.previous, request) };
      return { kind: 'missing', message: `previous terminated container "${request.container}" in pod "${request.pod}" not found` };
    }
    if (logs?.current !== undefined) return { kind: 'stream', chunks: streamLog(logs.current, request) };
    return { kind: 'missing', message: `container "${request.container}" in pod "${request.pod}" is waiting to start: ContainerCreating` };
  }
}
