import { randomUUID } from 'node:crypto';
import type { Container, ContainerState, Pod } from 'kubernetes-types/core/v1.d.ts';
import { isAbort, millis, seconds, type Clock, type Result } from '../../core/index.ts';
import { RestartBackOff } from './back-off.ts';
import { terminated, waiting, type ContainerRole, type ContainerView } from './container-status.ts';
import { expand } from './expansion.ts';
import type { GuardedProcess, ProcessExit, ProcessGuard } from './guard/process-guard.ts';
import { runHook } from './hook.ts';
import type { PodEvent } from './kubelet-api.ts';
import type { ContainerLogs } from './logs/log-store.ts';
import { ContainerProbes } from './probes/container-probes.ts';
import type { ProbeTarget } from './probes/probe.ts';
import { runToEnd } from './run-to-end.ts';

export interface ContainerRunnerOptions {
  readonly pod: Pod;
  readonly container: Container;
  readonly role: ContainerRole;
  readonly guard: ProcessGuard;
  readonly clock: Clock;
  readonly logs: ContainerLogs;
  readonly podIP: string;
  /** Directory of containers that name none. */
  readonly cwd: string;
  readonly environment: () => Promise<Result<Readonly<Record<string, string>>, string>>;
  readonly port: ProbeTarget['port'];
  readonly timestamp: () => string;
  /** Restarts in earlier lives of the kubelet. */
  readonly restartsBefore: number;
  readonly onChange: () => void;
  readonly onEvent: (event: PodEvent) => void;
}

interface Instance {
  readonly process: GuardedProcess;
  readonly probes: ContainerProbes;
  readonly target: ProbeTarget;
  /** `clock.monotonic()` after which nothing of it lives; undefined while nobody stops it. */
  deadline: number | undefined;
}

/** How long a container whose configuration is not there waits for it. */
const configurationRetry = seconds(10);
/** Even if preStop took all of the grace period a process gets this long to end (kubernetes `pkg/kubelet/kuberuntime`). */
const leastGrace = 2000;

/** Runs one container of a pod, again and again as its restart policy says, until it is stopped or done. */
export class ContainerRunner {
  readonly #options: ContainerRunnerOptions;
  readonly #backOff: RestartBackOff;
  readonly #stopped = new AbortController();
  #state: ContainerState = waiting('ContainerCreating');
  #lastState: ContainerState = {};
  #restarts: number;
  #containerID: string | undefined;
  readonly #waiting: (() => void)[] = [];
  #instance: Instance | undefined;

  constructor(options: ContainerRunnerOptions) {
    this.#options = options;
    this.#backOff = new RestartBackOff(options.clock);
    this.#restarts = options.restartsBefore;
    if (options.role !== 'main') this.#state = waiting('PodInitializing');
  }

  get view(): ContainerView {
    const { container, role } = this.#options;
    const isRunning = this.#state.running !== undefined;
    const isInitDone = role === 'init' && this.#state.terminated?.exitCode === 0;
    return {
      container,
      role,
      state: this.#state,
      lastState: this.#lastState,
      restartCount: this.#restarts,
      isReady: isInitDone || (isRunning && this.#instance?.probes.isReady === true),
      isStarted: isRunning && this.#instance?.probes.isStarted === true,
      containerID: this.#containerID,
    };
  }

  /** Resolves when the container has ended and is not started again: true if it ended well. */
  async run(): Promise<boolean> {
    try {
      for (let attempt = 0; ; attempt += 1) {
        if (attempt > 0) await this.#waitForRestart();
        await this.#runOnce(attempt > 0);
        const exitCode = (this.#state.terminated ?? this.#lastState.terminated)?.exitCode ?? 0;
        if (this.#stopped.signal.aborted || !this.#restartsAfter(exitCode)) return exitCode === 0;
      }
    } catch (thrown) {
      if (!isAbort(thrown) && !this.#stopped.signal.aborted) throw thrown;
      return false;
    }
  }

  /** Resolves when the container has started (its startup probe, if any, has succeeded) or is stopped. */
  async started(signal: AbortSignal): Promise<void> {
    while (!this.view.isStarted && !signal.aborted && !this.#stopped.signal.aborted) await this.#changed(signal);
  }

  /** The pod waits with its main containers until the init containers are done. */
  showWaiting(reason: string): void {
    if (this.#state.running === undefined) this.#state = waiting(reason);
  }

  /** Ends the container for good: preStop, SIGTERM, and SIGKILL when `graceMs` are over. A second call may only shorten the time. Resolves when it is gone. */
  async stop(graceMs: number): Promise<void> {
    this.#stopped.abort();
    const instance = this.#instance;
    if (instance === undefined) return;
    instance.probes.stopKilling();
    await this.#end(instance, graceMs);
  }

  #restartsAfter(exitCode: number): boolean {
    const { pod, role } = this.#options;
    if (role === 'sidecar') return true;
    const policy = pod.spec?.restartPolicy ?? 'Always';
    // An init container that is done is done; one that fails is tried again unless nothing ever is.
    if (role === 'init') return exitCode !== 0 && policy !== 'Never';
    return policy === 'Always' || (policy === 'OnFailure' && exitCode !== 0);
  }

  async #waitForRestart(): Promise<void> {
    const wait = this.#backOff.next();
    if (wait === 0) return;
    const { pod, container, clock } = this.#options;
    const name = `${container.name} pod=${pod.metadata?.name ?? ''}_${pod.metadata?.namespace ?? ''}(${pod.metadata?.uid ?? ''})`;
    const message = `back-off ${formatDelay(wait)} restarting failed container=${name}`;
    // A container that cannot be started keeps saying why: it helps more than that it is tried again.
    if (this.#state.waiting === undefined) this.#show(waiting('CrashLoopBackOff', message));
    this.#event('Warning', 'BackOff', `Back-off restarting failed container ${name}`);
    await clock.sleep(wait, this.#stopped.signal);
  }

  async #runOnce(isRestart: boolean): Promise<void> {
    const argv = await this.#command();
    if (this.#stopped.signal.aborted) return;
    if (isRestart) this.#restarts += 1;
    this.#containerID = `process://${randomUUID()}`;
    const log = this.#options.logs.begin();
    const cwd = this.#options.container.workingDir ?? this.#options.cwd;
    const starting = this.#options.guard.start({
      ...argv,
      cwd,
      onOutput: (stream, chunk) => {
        log.write(stream, chunk);
      },
    });
    // Told only now that the process is on its way: writing a status takes longer than asking the guard.
    this.#tell();
    const outcome = await starting;
    if (outcome.kind === 'failed') {
      log.end();
      this.#notStarted(startProblem(outcome, argv.argv[0] ?? '', cwd));
      return;
    }
    const startedAt = this.#options.timestamp();
    const exit = await this.#attend(outcome.process, argv.env, cwd, startedAt);
    log.end();
    this.#ended(exit, startedAt, log.tail(2048));
  }

  /** The command with its environment. Waits as long as it cannot be known; rejects when the container is stopped meanwhile. */
  async #command(): Promise<{ readonly argv: readonly string[]; readonly env: Readonly<Record<string, string>> }> {
    const { container, clock, environment } = this.#options;
    if (container.command === undefined || container.command.length === 0) return this.#noCommand();
    for (;;) {
      const env = await environment();
      if (env.ok) return { argv: [...container.command, ...(container.args ?? [])].map((part) => expand(part, env.value)), env: env.value };
      this.#show(waiting('CreateContainerConfigError', env.problem));
      this.#event('Warning', 'Failed', `Error: ${env.problem}`);
      await clock.sleep(configurationRetry, this.#stopped.signal);
    }
  }

  #noCommand(): Promise<never> {
    const { container } = this.#options;
    const message = `local mode runs a container's command, image "${container.image ?? ''}" is not pulled: give container "${container.name}" a command`;
    this.#show(waiting('ImagePullBackOff', message));
    this.#event('Warning', 'Failed', `Error: ImagePullBackOff: ${message}`);
    const { signal } = this.#stopped;
    return new Promise((_resolve, reject) => {
      signal.addEventListener(
        'abort',
        () => {
          reject(signal.reason as Error);
        },
        { once: true },
      );
    });
  }

  /** Looks after a process while it runs. */
  async #attend(process: GuardedProcess, env: Readonly<Record<string, string>>, cwd: string, startedAt: string): Promise<ProcessExit> {
    const { container, clock, guard, podIP, port } = this.#options;
    const target: ProbeTarget = { podIP, container, port, exec: (command, signal) => runToEnd(guard, { argv: command, env, cwd }, signal) };
    const begin = (): ContainerProbes =>
      new ContainerProbes({
        clock,
        target,
        onChange: () => {
          this.#tell();
        },
        onEvent: this.#options.onEvent,
        onUnhealthy: (probe, kind) => {
          const grace = probe.terminationGracePeriodSeconds ?? this.#options.pod.spec?.terminationGracePeriodSeconds ?? 30;
          this.#event('Normal', 'Killing', `Container ${container.name} failed ${kind.toLowerCase()} probe, will be restarted`);
          if (this.#instance !== undefined) void this.#end(this.#instance, grace * 1000);
        },
      });
    const instance: Instance = { process, probes: begin(), target, deadline: undefined };
    this.#instance = instance;
    this.#show({ running: { startedAt } });
    this.#event('Normal', 'Started', `Started container ${container.name}`);
    if (this.#stopped.signal.aborted) process.signal('SIGKILL');
    await this.#postStart(instance);
    const exit = await process.exited;
    instance.probes.stop();
    this.#instance = undefined;
    return exit;
  }

  async #postStart(instance: Instance): Promise<void> {
    const hook = this.#options.container.lifecycle?.postStart;
    if (hook === undefined) return;
    const problem = await Promise.race([
      runHook(hook, instance.target, this.#options.clock, this.#stopped.signal),
      instance.process.exited.then(() => undefined),
    ]);
    if (problem === undefined || this.#stopped.signal.aborted) return;
    this.#event('Warning', 'FailedPostStartHook', problem);
    await this.#end(instance, (this.#options.pod.spec?.terminationGracePeriodSeconds ?? 30) * 1000);
  }

  async #end(instance: Instance, graceMs: number): Promise<void> {
    const { clock } = this.#options;
    const deadline = clock.monotonic() + graceMs;
    const isFirst = instance.deadline === undefined;
    if (instance.deadline !== undefined && instance.deadline <= deadline) {
      await instance.process.exited;
      return;
    }
    instance.deadline = deadline;
    const kill = clock.after(millis(graceMs), () => {
      instance.process.signal('SIGKILL');
    });
    try {
      if (isFirst) await this.#preStopAndTerm(instance, graceMs);
      await instance.process.exited;
    } finally {
      kill.cancel();
    }
  }

  async #preStopAndTerm(instance: Instance, graceMs: number): Promise<void> {
    const hook = this.#options.container.lifecycle?.preStop;
    if (hook !== undefined && graceMs > 0) {
      const over = new AbortController();
      void instance.process.exited.then(() => {
        over.abort();
      });
      const timer = this.#options.clock.after(millis(Math.max(0, graceMs - leastGrace)), () => {
        over.abort();
      });
      const problem = await runHook(hook, instance.target, this.#options.clock, over.signal);
      timer.cancel();
      if (problem !== undefined) this.#event('Warning', 'FailedPreStopHook', problem);
    }
    instance.process.signal('SIGTERM');
  }

  #ended(exit: ProcessExit, startedAt: string, tail: string): void {
    const { container, timestamp } = this.#options;
    const message = container.terminationMessagePolicy === 'FallbackToLogsOnError' && exit.exitCode !== 0 ? tail : undefined;
    const ended = terminated(exit, startedAt, timestamp(), this.#containerID ?? '', message);
    this.#lastState = { terminated: ended };
    this.#show({ terminated: ended });
  }

  #notStarted(message: string): void {
    const now = this.#options.timestamp();
    this.#lastState = {
      terminated: { exitCode: 128, reason: 'StartError', message, startedAt: now, finishedAt: now, containerID: this.#containerID ?? '' },
    };
    this.#show(waiting('RunContainerError', message));
    this.#event('Warning', 'Failed', `Error: ${message}`);
  }

  #show(state: ContainerState): void {
    this.#state = state;
    this.#tell();
  }

  #tell(): void {
    for (const wake of this.#waiting.splice(0)) wake();
    this.#options.onChange();
  }

  #changed(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      for (const one of [signal, this.#stopped.signal])
        one.addEventListener(
          'abort',
          () => {
            resolve();
          },
          { once: true },
        );
    });
  }

  #event(type: PodEvent['type'], reason: string, message: string): void {
    const { container, role, onEvent } = this.#options;
    onEvent({ type, reason, message, fieldPath: `spec.${role === 'main' ? 'containers' : 'initContainers'}{${container.name}}` });
  }
}

/** `10s`, `2m40s`. */
const formatDelay = (wait: number): string => {
  const whole = Math.round(wait / 1000);
  const minutes = Math.floor(whole / 60);
  return minutes === 0 ? `${whole}s` : `${minutes}m${whole % 60}s`;
};

const startProblem = (outcome: { readonly code: string; readonly message: string }, command: string, cwd: string): string => {
  if (outcome.code === 'ENOCWD') return `cannot start command "${command}": working directory "${cwd}" does not exist`;
  if (outcome.code === 'ENOENT') return `cannot start command "${command}": executable file not found in $PATH`;
  if (outcome.code === 'EACCES') return `cannot start command "${command}": permission denied`;
  return `cannot start command "${command}": ${outcome.message}`;
};
