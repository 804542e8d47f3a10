import type { Container, Probe } from 'kubernetes-types/core/v1.d.ts';
import { millis, type Clock } from '../../core/index.ts';
import type { GuardedProcess, ProcessExit } from './guard/process-guard.ts';
import { runHook } from './hook.ts';
import type { PodEvent } from './kubelet-api.ts';
import { ContainerProbes } from './probes/container-probes.ts';
import type { ProbeTarget } from './probes/probe.ts';

export interface RunningContainerOptions {
  readonly process: GuardedProcess;
  readonly container: Container;
  readonly target: ProbeTarget;
  readonly clock: Clock;
  /** `terminationGracePeriodSeconds` of the pod. */
  readonly graceSeconds: number;
  readonly onChange: () => void;
  readonly onEvent: (type: PodEvent['type'], reason: string, message: string) => void;
}

/** Even if preStop took all of the grace period a process gets this long to end (kubernetes `pkg/kubelet/kuberuntime`). */
const leastGrace = 2000;

/** One running instance of a container: its probes, its hooks and its end. */
export class RunningContainer {
  readonly #options: RunningContainerOptions;
  readonly #probes: ContainerProbes;
  /** `clock.monotonic()` after which nothing of it lives; undefined while nobody ends it. */
  #deadline: number | undefined;

  constructor(options: RunningContainerOptions) {
    this.#options = options;
    this.#probes = new ContainerProbes({
      clock: options.clock,
      target: options.target,
      onChange: options.onChange,
      onEvent: ({ type, reason, message }) => {
        options.onEvent(type, reason, message);
      },
      onUnhealthy: (probe, kind) => {
        this.#restart(probe, kind);
      },
    });
  }

  get isReady(): boolean {
    return this.#probes.isReady;
  }

  get isStarted(): boolean {
    return this.#probes.isStarted;
  }

  /** Runs postStart, then waits for the end. */
  async attend(stopped: AbortSignal): Promise<ProcessExit> {
    const { process } = this.#options;
    if (stopped.aborted) process.signal('SIGKILL');
    await this.#postStart(stopped);
    const exit = await process.exited;
    this.#probes.stop();
    return exit;
  }

  /** The pod is being deleted: no probe restarts the container any more, readiness is still told. */
  stopKilling(): void {
    this.#probes.stopKilling();
  }

  /** preStop, SIGTERM, and SIGKILL when `graceMs` are over; a second call may only shorten the time. Resolves when it is gone. */
  async end(graceMs: number): Promise<void> {
    const { clock, process } = this.#options;
    const deadline = clock.monotonic() + graceMs;
    const before = this.#deadline;
    if (before !== undefined && before <= deadline) {
      await process.exited;
      return;
    }
    this.#deadline = deadline;
    const kill = clock.after(millis(graceMs), () => {
      process.signal('SIGKILL');
    });
    try {
      if (before === undefined) await this.#preStopAndTerm(graceMs);
      await process.exited;
    } finally {
      kill.cancel();
    }
  }

  #restart(probe: Probe, kind: 'Startup' | 'Liveness'): void {
    const { container, graceSeconds, onEvent } = this.#options;
    onEvent('Normal', 'Killing', `Container ${container.name} failed ${kind.toLowerCase()} probe, will be restarted`);
    void this.end((probe.terminationGracePeriodSeconds ?? graceSeconds) * 1000);
  }

  async #postStart(stopped: AbortSignal): Promise<void> {
    const { container, process, target, clock, graceSeconds, onEvent } = this.#options;
    const hook = container.lifecycle?.postStart;
    if (hook === undefined) return;
    const problem = await Promise.race([runHook(hook, target, clock, stopped), process.exited.then(() => undefined)]);
    if (problem === undefined || stopped.aborted) return;
    onEvent('Warning', 'FailedPostStartHook', problem);
    await this.end(graceSeconds * 1000);
  }

  async #preStopAndTerm(graceMs: number): Promise<void> {
    const { container, process, target, clock, onEvent } = this.#options;
    const hook = container.lifecycle?.preStop;
    if (hook !== undefined && graceMs > 0) {
      const over = new AbortController();
      void process.exited.then(() => {
        over.abort();
      });
      const timer = clock.after(millis(Math.max(0, graceMs - leastGrace)), () => {
        over.abort();
      });
      const problem = await runHook(hook, target, clock, over.signal);
      timer.cancel();
      if (problem !== undefined) onEvent('Warning', 'FailedPreStopHook', problem);
    }
    process.signal('SIGTERM');
  }
}
