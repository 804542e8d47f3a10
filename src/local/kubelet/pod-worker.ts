import type { Container, ContainerStatus, Pod, PodStatus } from 'kubernetes-types/core/v1.d.ts';
import { annotation, isAbort, millis, printLocalPorts, type Clock, type Logger } from '../../core/index.ts';
import type { Addressing } from './addressing/addressing.ts';
import { ContainerRunner } from './container-runner.ts';
import { unstarted, type ContainerRole, type ContainerView } from './container-status.ts';
import { containerEnvironment } from './environment.ts';
import { imageOf, type ImageMap } from './images.ts';
import type { ProcessGuard } from './guard/process-guard.ts';
import { noIsolation, type Isolation } from './isolation/isolation.ts';
import type { KubeletApi, PodEvent, PodRef } from './kubelet-api.ts';
import type { LogStore } from './logs/log-store.ts';
import { PodPlace } from './pod-place.ts';
import { podStatus } from './pod-status.ts';
import { resolveContainerPort } from './container-port.ts';
import { StatusWriter } from './status-writer.ts';

export interface PodWorkerOptions {
  readonly api: KubeletApi;
  readonly guard: ProcessGuard;
  readonly addressing: Addressing;
  readonly isolation: Isolation;
  readonly images: ImageMap;
  readonly logs: LogStore;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly baseEnvironment: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly nodeCpus: number;
  readonly nodeMemoryBytes: number;
}

/**
 * From the deletion to the first signal. On a node this goes over a watch, a sync loop and the container runtime, so that whoever watches pods to send them
 * requests has heard of it by then; here it would come within the same turn of the event loop, before anyone could.
 */
const notice = millis(100);

/** `2026-01-31T12:00:00Z`. */
const timestampOf = (clock: Clock): string => `${new Date(clock.now()).toISOString().slice(0, 19)}Z`;

const initRole = ({ restartPolicy }: Container): ContainerRole => (restartPolicy === 'Always' ? 'sidecar' : 'init');

/**
 * Its containers are ready and it is not: so upstream's node lifecycle controller has it for every pod of a node that is silent (`MarkPodsNotReady`), and leaves
 * it to the kubelet to say when that is over.
 */
const isCalledUnready = ({ status }: Pod): boolean => {
  const statusOf = (wanted: string): string | undefined => status?.conditions?.find(({ type }) => type === wanted)?.status;
  return statusOf('Ready') === 'False' && statusOf('ContainersReady') === 'True';
};

/** The life of one pod on this node, from its binding to the end of its deletion. */
export class PodWorker {
  readonly #options: PodWorkerOptions;
  readonly #ref: PodRef;
  readonly #startTime: string;
  /** As an earlier kubelet left them. */
  readonly #before: readonly ContainerStatus[];
  readonly #stopped = new AbortController();
  readonly #status: StatusWriter;
  #pod: Pod;
  readonly #place: PodPlace;
  #init: readonly ContainerRunner[] = [];
  #main: readonly ContainerRunner[] = [];
  #life: Promise<void>;
  #isOver = false;
  /** That its end was last asked for with; undefined until then. */
  #graceMs: number | undefined;

  constructor(options: PodWorkerOptions, pod: Pod, ref: PodRef) {
    this.#options = options;
    this.#pod = pod;
    this.#ref = ref;
    this.#startTime = pod.status?.startTime ?? timestampOf(options.clock);
    this.#before = [...(pod.status?.containerStatuses ?? []), ...(pod.status?.initContainerStatuses ?? [])];
    this.#status = new StatusWriter({
      api: options.api,
      clock: options.clock,
      logger: options.logger,
      pod: ref,
      compose: () => this.#compose(),
      annotations: () => (this.#place.allotment?.ports === undefined ? {} : { [annotation.localPorts]: printLocalPorts(this.#place.allotment.ports) }),
    });
    this.#place = new PodPlace({
      pod: () => this.#pod,
      ref,
      addressing: options.addressing,
      isolation: this.#isolationOf(),
      clock: options.clock,
      onWaiting: () => {
        this.#status.request();
      },
      onEvent: (event) => {
        this.#event(event);
      },
    });
    this.#life = this.#live().catch((thrown: unknown) => {
      if (isAbort(thrown) || this.#stopped.signal.aborted) return;
      options.logger.error('a pod could not be run', { namespace: ref.namespace, pod: ref.name, thrown });
    });
  }

  /** `namespace/name`. */
  get name(): string {
    return `${this.#ref.namespace}/${this.#ref.name}`;
  }

  /** What runs of it, but for what runs once and ends. */
  get processes(): readonly NonNullable<ContainerRunner['process']>[] {
    return [...this.#init, ...this.#main].flatMap((runner) => (runner.view.role === 'init' ? [] : (runner.process ?? [])));
  }

  /** The pod as the API has it now. */
  update(pod: Pod): void {
    const before = this.#pod;
    this.#pod = pod;
    if (pod.metadata?.deletionTimestamp !== undefined) this.#delete(pod);
    else if (isCalledUnready(pod)) this.#status.request();
    else if ((pod.spec?.readinessGates ?? []).length > 0 && pod.status?.conditions !== before.status?.conditions) this.#status.request();
  }

  /** Ends what runs without telling the API: the pod is gone there, or the kubelet ends. */
  async kill(graceMs: number): Promise<void> {
    this.#stopped.abort();
    this.#status.close();
    await this.#stopContainers(graceMs);
    await this.#life;
    await this.#place.free();
  }

  async #live(): Promise<void> {
    await this.#place.settle(this.#stopped.signal);
    if (this.#hasStopped()) {
      void this.#place.free();
      return;
    }
    this.#init = (this.#pod.spec?.initContainers ?? []).map((container, index) => this.#runner(container, initRole(container), index));
    this.#main = (this.#pod.spec?.containers ?? []).map((container, index) => this.#runner(container, 'main', index));
    for (const runner of this.#main) runner.showWaiting(this.#init.length > 0 ? 'PodInitializing' : 'ContainerCreating');
    if (await this.#initialize()) await Promise.all(this.#main.map((runner) => runner.run()));
    if (!this.#hasStopped()) await this.#finishLife();
  }

  #hasStopped(): boolean {
    return this.#stopped.signal.aborted;
  }

  /** All containers are done: sidecars end, and the phase is final. */
  async #finishLife(): Promise<void> {
    await this.#stopContainers((this.#pod.spec?.terminationGracePeriodSeconds ?? 30) * 1000);
    this.#isOver = true;
    void this.#place.free();
    this.#status.request();
  }

  /** A pod of which nothing runs needs nothing. */
  #isolationOf(): Isolation {
    const { images, isolation } = this.#options;
    const isFake = (this.#pod.spec?.containers ?? []).every(({ image = '' }) => imageOf(images, image)?.kind === 'fake');
    return isFake ? noIsolation : isolation;
  }

  /** Init containers one after the other; a sidecar counts as done when it has started. */
  async #initialize(): Promise<boolean> {
    for (const runner of this.#init) {
      if (this.#hasStopped()) return false;
      if (runner.view.role === 'init') {
        if (!(await runner.run())) return false;
        continue;
      }
      void runner.run();
      await runner.started(this.#stopped.signal);
    }
    for (const runner of this.#main) runner.showWaiting('ContainerCreating');
    return !this.#hasStopped();
  }

  #delete(pod: Pod): void {
    const graceMs = (pod.metadata?.deletionGracePeriodSeconds ?? pod.spec?.terminationGracePeriodSeconds ?? 30) * 1000;
    const before = this.#graceMs;
    // A second delete may only shorten the time; any other change of the pod tells nothing new of its end.
    if (before !== undefined && graceMs >= before) return;
    this.#graceMs = graceMs;
    if (before !== undefined) {
      void this.#stopContainers(graceMs);
      return;
    }
    this.#stopped.abort();
    for (const { container } of this.#main.map((runner) => runner.view))
      this.#event({ type: 'Normal', reason: 'Killing', message: `Stopping container ${container.name}`, fieldPath: `spec.containers{${container.name}}` });
    void this.#terminate(graceMs);
  }

  async #terminate(graceMs: number): Promise<void> {
    if (graceMs > notice) await this.#options.clock.sleep(notice, new AbortController().signal);
    await this.#stopContainers(graceMs > notice ? graceMs - notice : graceMs);
    await this.#life;
    this.#isOver = true;
    void this.#place.free();
    this.#status.request();
    await this.#status.settled();
    await this.#status.finish();
  }

  /** Main containers together, then sidecars in reverse order, in what is left of the time. */
  async #stopContainers(graceMs: number): Promise<void> {
    const until = this.#options.clock.monotonic() + graceMs;
    await Promise.all(this.#main.map((runner) => runner.stop(graceMs)));
    for (const runner of this.#init.toReversed()) await runner.stop(Math.max(0, until - this.#options.clock.monotonic()));
  }

  #runner(container: Container, role: ContainerRole, index: number): ContainerRunner {
    const { guard, clock, logs, cwd, addressing, baseEnvironment, images, nodeCpus, nodeMemoryBytes, api } = this.#options;
    const image = imageOf(images, container.image ?? '');
    const allotment = this.#place.allotment;
    const podIP = allotment?.podIP ?? addressing.hostIP;
    const before = this.#beforeOf(container);
    return new ContainerRunner({
      pod: this.#pod,
      container,
      role,
      guard,
      clock,
      cwd,
      podIP,
      image,
      isolation: this.#place.isolation,
      logs: logs.of(this.#ref.uid, container.name),
      // An earlier kubelet ran it: its process is gone, so this is a restart.
      restartsBefore: before?.containerID === undefined ? 0 : before.restartCount + 1,
      environment: () =>
        containerEnvironment(
          {
            pod: this.#pod,
            container,
            base: image?.kind === 'program' ? { ...baseEnvironment, ...image.env } : baseEnvironment,
            network: allotment === undefined ? {} : allotment.environment(role === 'main' ? index : -1),
            ports: allotment?.ports,
            podIP,
            hostIP: addressing.hostIP,
            nodeCpus,
            nodeMemoryBytes,
          },
          api,
        ),
      port: (port) => resolveContainerPort(this.#pod, container, allotment?.ports, port),
      timestamp: () => timestampOf(clock),
      onChange: () => {
        this.#status.request();
      },
      onEvent: (event) => {
        this.#event(event);
      },
    });
  }

  #compose(): PodStatus {
    const { addressing, clock } = this.#options;
    return podStatus({
      pod: this.#pod,
      ...this.#views(),
      hostIP: addressing.hostIP,
      podIP: this.#place.allotment?.podIP,
      podIP6: this.#place.allotment?.podIP6,
      startTime: this.#startTime,
      now: timestampOf(clock),
      isOver: this.#isOver,
    });
  }

  /** Until the pod has what it needs, nothing runs its containers. */
  #views(): { readonly initContainers: readonly ContainerView[]; readonly containers: readonly ContainerView[] } {
    if (this.#main.length > 0) return { initContainers: this.#init.map(({ view }) => view), containers: this.#main.map(({ view }) => view) };
    const { containers = [], initContainers = [] } = this.#pod.spec ?? {};
    const reason = initContainers.length > 0 ? 'PodInitializing' : 'ContainerCreating';
    return {
      initContainers: initContainers.map((container) => unstarted(container, initRole(container), 'PodInitializing', this.#beforeOf(container))),
      containers: containers.map((container) => unstarted(container, 'main', reason, this.#beforeOf(container))),
    };
  }

  #beforeOf({ name }: Container): ContainerStatus | undefined {
    return this.#before.find((status) => status.name === name);
  }

  #event(event: PodEvent): void {
    this.#options.api.recordEvent(this.#pod, event);
  }
}
