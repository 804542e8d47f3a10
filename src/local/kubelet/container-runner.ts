import { randomUUID } from 'node:crypto';
import type { Container, ContainerState, Pod } from 'kubernetes-types/core/v1.d.ts';
import { isAbort, messageOf, seconds, type Clock, type Result } from '../../core/index.ts';
import { RestartBackOff } from './back-off.ts';
import { launchOf, withoutProbes, type ContainerLaunch } from './container-launch.ts';
import { backOffEvent, backOffMessage, startProblem, terminated, waiting, type ContainerRole, type ContainerView } from './container-status.ts';
import { fakeProcess } from './fake-process.ts';
import type { GuardedProcess, ProcessExit, ProcessGuard, ProcessSpec, StartOutcome } from './guard/process-guard.ts';
import type { Image } from './images.ts';
import type { ContainerStart, PodIsolation } from './isolation/isolation.ts';
import type { PodEvent } from './kubelet-api.ts';
import type { ContainerLogs } from './logs/log-store.ts';
import type { ProbeTarget } from './probes/probe.ts';
import { runToEnd } from './run-to-end.ts';
import { RunningContainer } from './running-container.ts';

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
  /** What its image stands for; undefined: nothing here. */
  readonly image: Image | undefined;
  readonly isolation: PodIsolation;
  readonly environment: () => Promise<Result<Readonly<Record<string, string>>, string>>;
  readonly port: ProbeTarget['port'];
  readonly timestamp: () => string;
  /** Restarts in earlier lives of the kubelet. */
  readonly restartsBefore: number;
  readonly onChange: () => void;
  readonly onEvent: (event: PodEvent) => void;
}

type IsolatedLaunch = ContainerLaunch & ContainerStart;

/** How long a container whose configuration is not there waits for it. */
const configurationRetry = seconds(10);
/** How often an image that is not here is looked for: kubelets back off to this. */
const pullRetry = seconds(300);
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
  #running: RunningContainer | undefined;
  #process: ContainerRunner['process'];

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
      isReady: isInitDone || (isRunning && this.#running?.isReady === true),
      isStarted: isRunning && this.#running?.isStarted === true,
      containerID: this.#containerID,
    };
  }

  /** What runs now; undefined where nothing does, or nothing real. */
  get process(): { readonly name: string; readonly pid: number; readonly since: number } | undefined {
    return this.#process;
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
    this.#running?.stopKilling();
    await this.#running?.end(graceMs);
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
    const message = backOffMessage(pod, container, wait);
    // A container that cannot be started keeps saying why: it helps more than that it is tried again.
    if (this.#state.waiting === undefined) this.#show(waiting('CrashLoopBackOff', message));
    this.#event('Warning', 'BackOff', backOffEvent(pod, container));
    await clock.sleep(wait, this.#stopped.signal);
  }

  async #runOnce(isRestart: boolean): Promise<void> {
    const launch = await this.#launch();
    if (this.#stopped.signal.aborted) return;
    if (isRestart) this.#restarts += 1;
    this.#containerID = `process://${randomUUID()}`;
    const isolated = await this.#isolated(launch);
    const log = this.#options.logs.begin();
    const starting = this.#start(isolated, (stream, chunk) => {
      log.write(stream, chunk);
    });
    // Told only now that the process is on its way: writing a status takes longer than asking the guard.
    this.#tell();
    const outcome = await starting;
    if (outcome.kind === 'failed') {
      log.end();
      this.#notStarted(startProblem(outcome, launch.argv[0] ?? '', launch.cwd));
      return;
    }
    const startedAt = this.#options.timestamp();
    const exit = await this.#attend(outcome.process, launch, startedAt);
    log.end();
    const problem = typeof isolated === 'string' ? undefined : await isolated.problem?.();
    if (problem === undefined) this.#ended(exit, startedAt, log.tail(2048));
    else this.#notStarted(startProblem(problem, launch.argv[0] ?? '', launch.cwd));
  }

  #start(launch: IsolatedLaunch | string, onOutput: ProcessSpec['onOutput']): Promise<StartOutcome> {
    if (typeof launch === 'string') return Promise.resolve({ kind: 'failed', code: 'ISOLATION', message: launch });
    if (this.#options.image?.kind === 'fake') return Promise.resolve({ kind: 'started', process: fakeProcess() });
    return this.#options.guard.start({ ...launch, onOutput });
  }

  /** The launch inside what the pod's containers share, or why that cannot be. */
  async #isolated({ argv, env, cwd }: ContainerLaunch): Promise<IsolatedLaunch | string> {
    const { container, image, isolation } = this.#options;
    try {
      return { ...(await isolation.container(container, { argv, cwd }, (image?.kind === 'program' ? image.brings : undefined) ?? {})), env };
    } catch (thrown) {
      return messageOf(thrown);
    }
  }

  /** The command with its environment. Waits as long as it cannot be known; rejects when the container is stopped meanwhile. */
  async #launch(): Promise<ContainerLaunch> {
    for (;;) {
      const launch = await launchOf(this.#options);
      if (launch.ok) return launch.value;
      const { reason, message } = launch.problem;
      this.#show(waiting(reason, message));
      this.#event('Warning', 'Failed', reason === 'ImagePullBackOff' ? `Error: ${reason}: ${message}` : `Error: ${message}`);
      await this.#options.clock.sleep(reason === 'ImagePullBackOff' ? pullRetry : configurationRetry, this.#stopped.signal);
    }
  }

  /** Looks after a process while it runs. */
  async #attend(process: GuardedProcess, { env, cwd }: ContainerLaunch, startedAt: string): Promise<ProcessExit> {
    const { clock, guard, image, isolation, pod, podIP, port } = this.#options;
    const container = image?.kind === 'fake' ? withoutProbes(this.#options.container) : this.#options.container;
    const exec: ProbeTarget['exec'] = async (argv, signal) =>
      runToEnd(guard, { ...(await isolation.beside(process.pid, container, { argv, cwd }, signal)), env }, signal);
    const running = new RunningContainer({
      process,
      container,
      target: { podIP, container, port, exec },
      clock,
      graceSeconds: pod.spec?.terminationGracePeriodSeconds ?? 30,
      onChange: () => {
        this.#tell();
      },
      onEvent: (type, reason, message) => {
        this.#event(type, reason, message);
      },
    });
    this.#running = running;
    this.#process = process.pid === 0 ? undefined : { name: container.name, pid: process.pid, since: clock.monotonic() };
    this.#show({ running: { startedAt } });
    this.#event('Normal', 'Started', `Started container ${container.name}`);
    const exit = await running.attend(this.#stopped.signal);
    this.#running = undefined;
    this.#process = undefined;
    return exit;
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
