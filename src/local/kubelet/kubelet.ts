import { availableParallelism, totalmem } from 'node:os';
import type { Pod } from 'kubernetes-types/core/v1.d.ts';
import { messageOf, seconds, type Clock, type Logger, type Timer } from '../../core/index.ts';
import type { PodLogSource } from '../embedded/pod-log-source.ts';
import type { PodUsageSource } from '../embedded/pod-usage-source.ts';
import type { Addressing } from './addressing/addressing.ts';
import type { ImageMap } from './images.ts';
import { noIsolation, type Isolation } from './isolation/isolation.ts';
import { ProcessGuard } from './guard/process-guard.ts';
import type { KubeletApi, PodChange, PodRef } from './kubelet-api.ts';
import { defaultLogBytes, LogStore } from './logs/log-store.ts';
import { nodeObject, type NodeDescription } from './node-status.ts';
import { PodWorker } from './pod-worker.ts';
import { StatusWriter } from './status-writer.ts';
import { NodeUsage, type MeasuredContainer } from './usage/node-usage.ts';
import { processTable } from './usage/process-table.ts';

export interface KubeletOptions {
  readonly api: KubeletApi;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly addressing: Addressing;
  /** Default: none. */
  readonly isolation?: (guard: ProcessGuard) => Isolation;
  /** Default: no image is known, so every container must say its command. */
  readonly images?: ImageMap;
  readonly nodeName: string;
  /** Under the environment of every container: PATH and what else programs need of the host. Never secrets. */
  readonly baseEnvironment: Readonly<Record<string, string>>;
  /** Directory of containers without `workingDir`. */
  readonly cwd: string;
  readonly labels?: Readonly<Record<string, string>>;
  /** Most pods at a time. Default 250. */
  readonly podLimit?: number;
  /** What is kept of each container instance's output. Default 512 KiB. */
  readonly logBytes?: number;
  /** How long the node's Lease lasts; renewed four times in that time. Default 40 s. */
  readonly leaseSeconds?: number;
  /** Port of the server behind `kubectl logs` on a real API server, if there is one. */
  readonly port?: number;
}

export interface Kubelet {
  readonly logs: PodLogSource;
  readonly usage: PodUsageSource;
  /** The uid of the pod `namespace/name` of this node. */
  readonly uidOf: (pod: string) => string | undefined;
  /** Ends every pod's processes (SIGTERM, then SIGKILL after `graceMs`, default 2000) and the guard, without telling the API. */
  close(graceMs?: number): Promise<void>;
}

const defaultLeaseSeconds = 40;
const statusRenewal = seconds(300);

const timestampOf = (clock: Clock): string => `${new Date(clock.now()).toISOString().slice(0, 19)}Z`;

class PodWorkers {
  readonly #options: KubeletOptions;
  readonly #guard: ProcessGuard;
  readonly #isolation: Isolation;
  readonly #workers = new Map<string, PodWorker>();
  /** Pods of earlier kubelets that are over and are being taken out of the API, by uid. */
  readonly #ended = new Map<string, StatusWriter>();
  readonly logs: LogStore;

  constructor(options: KubeletOptions, guard: ProcessGuard) {
    this.#options = options;
    this.#guard = guard;
    this.#isolation = options.isolation?.(guard) ?? noIsolation;
    this.logs = new LogStore(options.clock, options.logBytes ?? defaultLogBytes);
  }

  /** Of namesakes the one that came last. */
  readonly uidOf = (pod: string): string | undefined => [...this.#workers].findLast(([, worker]) => worker.name === pod)?.[0];

  *processes(): Iterable<MeasuredContainer> {
    for (const [podUid, worker] of this.#workers) for (const process of worker.processes) yield { podUid, ...process };
  }

  readonly change = (change: PodChange): void => {
    if (change.type === 'gone') this.#gone(change.uid);
    else this.#set(change.pod);
  };

  async killAll(graceMs: number): Promise<void> {
    for (const writer of this.#ended.values()) writer.close();
    await Promise.all([...this.#workers.values()].map((worker) => worker.kill(graceMs)));
  }

  #set(pod: Pod): void {
    const { uid, name, namespace } = pod.metadata ?? {};
    if (uid === undefined || name === undefined || namespace === undefined) return;
    const known = this.#workers.get(uid);
    if (known !== undefined) {
      known.update(pod);
      return;
    }
    if (pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed') {
      if (pod.metadata?.deletionTimestamp !== undefined) this.#finish(pod, { namespace, name, uid });
      return;
    }
    const { addressing, api, baseEnvironment, clock, cwd, images = {}, logger } = this.#options;
    const worker = new PodWorker(
      {
        api,
        guard: this.#guard,
        addressing,
        isolation: this.#isolation,
        images,
        logs: this.logs,
        clock,
        logger,
        baseEnvironment,
        cwd,
        nodeCpus: availableParallelism(),
        nodeMemoryBytes: totalmem(),
      },
      pod,
      { namespace, name, uid },
    );
    this.#workers.set(uid, worker);
    if (pod.metadata?.deletionTimestamp !== undefined) worker.update(pod);
  }

  /** A pod that an earlier kubelet has ended, and could not take out of the API any more. */
  #finish(pod: Pod, ref: PodRef): void {
    if (this.#ended.has(ref.uid)) return;
    const { api, clock, logger } = this.#options;
    const writer = new StatusWriter({ api, clock, logger, pod: ref, compose: () => pod.status ?? {}, annotations: () => ({}) });
    this.#ended.set(ref.uid, writer);
    void writer.finish();
  }

  #gone(uid: string): void {
    this.#ended.get(uid)?.close();
    this.#ended.delete(uid);
    const worker = this.#workers.get(uid);
    this.#workers.delete(uid);
    this.logs.forget(uid);
    void worker?.kill(0);
  }
}

/** Keeps the Node object and its Lease fresh. */
class NodeHeartbeat {
  readonly #options: KubeletOptions;
  readonly #description: NodeDescription;
  readonly #since: string;
  readonly #leaseSeconds: number;
  readonly #timers: Timer[];

  constructor(options: KubeletOptions) {
    this.#options = options;
    this.#leaseSeconds = options.leaseSeconds ?? defaultLeaseSeconds;
    this.#since = timestampOf(options.clock);
    this.#description = {
      name: options.nodeName,
      address: options.addressing.hostIP,
      podLimit: options.podLimit ?? 250,
      labels: options.labels ?? {},
      port: options.port,
    };
    this.#timers = [
      options.clock.every(seconds(this.#leaseSeconds / 4), () => {
        void this.#attempt(() => this.#renew());
        // What others have made of our Node meanwhile is put right: by default as often as by the kubelet's `nodeStatusUpdateFrequency`.
        void this.#attempt(async () => {
          if (!(await options.api.isNodeReady(options.nodeName))) await this.register();
        });
      }),
      options.clock.every(statusRenewal, () => {
        void this.#attempt(() => this.register());
      }),
    ];
  }

  async register(): Promise<void> {
    await this.#options.api.writeNode(nodeObject(this.#description, this.#since, timestampOf(this.#options.clock)));
    await this.#renew();
  }

  #renew(): Promise<void> {
    return this.#options.api.renewLease(this.#options.nodeName, this.#leaseSeconds);
  }

  close(): void {
    for (const timer of this.#timers) timer.cancel();
  }

  async #attempt(write: () => Promise<void>): Promise<void> {
    try {
      await write();
    } catch (thrown) {
      this.#options.logger.warn('the node could not tell the API that it lives', { node: this.#options.nodeName, error: messageOf(thrown) });
    }
  }
}

/**
 * Starts a node that runs pods as child processes of this machine. Resolves when the node is registered and takes pods; throws
 * `guard-lost` if no process can be started here.
 */
export const startKubelet = async (options: KubeletOptions): Promise<Kubelet> => {
  const guard = await ProcessGuard.start(options.clock, options.logger);
  const heartbeat = new NodeHeartbeat(options);
  const workers = new PodWorkers(options, guard);
  try {
    await heartbeat.register();
  } catch (thrown) {
    heartbeat.close();
    await guard.close();
    throw thrown;
  }
  const stopWatching = options.api.watchPods(options.nodeName, workers.change);
  return {
    logs: workers.logs,
    usage: new NodeUsage(options.clock, processTable(process.platform), () => workers.processes()),
    uidOf: workers.uidOf,
    close: async (graceMs = 2000) => {
      stopWatching();
      heartbeat.close();
      await workers.killAll(graceMs);
      await guard.close();
      options.addressing.close();
    },
  };
};
