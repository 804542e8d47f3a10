import { messageOf, millis, type Clock, type Logger, type WorkloadKey, type WorkloadRef } from '../core/index.ts';
import type { KubeClient, Refusal, ScaleState } from '../kube/index.ts';
import type { ResourceOf } from './ports.ts';

/** A count to be written. */
export interface WantedCount {
  readonly key: WorkloadKey;
  readonly ref: WorkloadRef;
  readonly replicas: number;
  /** A request waits: goes ahead of everything else, and is tried again at once where that can help. */
  readonly urgent: boolean;
  /** Only if the object is unchanged since: for counts that take pods away. */
  readonly resourceVersion?: string | undefined;
  /** Done before the write, e.g. marking which pods should go first; never rejects. False: the count is not wanted any more. */
  readonly before?: () => Promise<boolean>;
}

export interface WriteListener {
  written(key: WorkloadKey, scale: ScaleState): void;
  refused(key: WorkloadKey, refusal: Refusal): void;
  /** `before` took it back. */
  abandoned(key: WorkloadKey): void;
}

export interface ReplicaWriterPorts {
  readonly client: Pick<KubeClient, 'writeScale'>;
  readonly resourceOf: ResourceOf;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Writes in flight at once, apart from urgent ones. */
const mostConcurrent = 32;
/** Pauses before an urgent write is tried again; after that the next tick does it. */
const urgentPauses = [20, 100, 400] as const;
const longestPause = 1000;

const helpsToRepeat = ({ kind }: Refusal): boolean => kind === 'conflict' || kind === 'too-many-requests' || kind === 'unavailable';

/**
 * Writes counts to `/scale`, at most one write per workload at a time: while one is under way only the newest wish for the workload is kept.
 * A refusal is told and forgotten; the next tick wants again what is still wanted.
 */
export class ReplicaWriter {
  readonly #ports: ReplicaWriterPorts;
  readonly #listener: WriteListener;
  readonly #signal: AbortSignal;
  readonly #busy = new Map<WorkloadKey, { current: WantedCount; next: WantedCount | undefined }>();
  readonly #queue = new Map<WorkloadKey, WantedCount>();
  readonly #runs = new Set<Promise<void>>();

  constructor(ports: ReplicaWriterPorts, listener: WriteListener, signal: AbortSignal) {
    this.#ports = ports;
    this.#listener = listener;
    this.#signal = signal;
  }

  /** True while a write for the workload is under way or waiting. */
  isBusy(key: WorkloadKey): boolean {
    return this.#busy.has(key) || this.#queue.has(key);
  }

  want(wanted: WantedCount): void {
    const { key } = wanted;
    const busy = this.#busy.get(key);
    // The same count is on its way already: a second write would say nothing new.
    if (busy !== undefined) busy.next = busy.current.replicas === wanted.replicas ? undefined : wanted;
    else if (wanted.urgent || this.#runs.size < mostConcurrent) {
      this.#queue.delete(key);
      this.#start(wanted);
    } else this.#queue.set(key, wanted);
  }

  /** Resolves when nothing is on its way any more; after the signal has aborted, that is soon. */
  async settled(): Promise<void> {
    await Promise.all(this.#runs);
  }

  /** Takes back what has not been sent yet. */
  drop(key: WorkloadKey): void {
    this.#queue.delete(key);
    const busy = this.#busy.get(key);
    if (busy !== undefined) busy.next = undefined;
  }

  #start(wanted: WantedCount): void {
    const run = this.#run(wanted).finally(() => {
      this.#runs.delete(run);
      const [next] = this.#queue.values();
      if (next === undefined || this.#runs.size >= mostConcurrent || this.#signal.aborted) return;
      this.#queue.delete(next.key);
      this.#start(next);
    });
    this.#runs.add(run);
  }

  async #run(first: WantedCount): Promise<void> {
    const busy: { current: WantedCount; next: WantedCount | undefined } = { current: first, next: undefined };
    this.#busy.set(first.key, busy);
    for (let wanted: WantedCount | undefined = first; wanted !== undefined && !this.#signal.aborted; wanted = busy.next) {
      busy.current = wanted;
      busy.next = undefined;
      await this.#write(wanted, busy);
    }
    this.#busy.delete(first.key);
  }

  async #write(wanted: WantedCount, busy: { readonly next: WantedCount | undefined }): Promise<void> {
    const { key, ref, replicas, resourceVersion } = wanted;
    const resource = this.#ports.resourceOf(ref.resource);
    try {
      if (resource === undefined) throw new Error(`the kind ${ref.resource} is not known`);
      if (wanted.before !== undefined && !(await wanted.before())) {
        this.#listener.abandoned(key);
        return;
      }
      for (let attempt = 0; ; attempt++) {
        const answer = await this.#ports.client.writeScale(resource, ref, replicas, resourceVersion, this.#signal);
        if (answer.ok) {
          this.#listener.written(key, answer.value);
          return;
        }
        const pause = wanted.urgent && helpsToRepeat(answer.problem) ? urgentPauses[attempt] : undefined;
        if (pause === undefined || busy.next !== undefined) {
          this.#listener.refused(key, answer.problem);
          return;
        }
        await this.#ports.clock.sleep(millis(Math.min(longestPause, Math.max(pause, answer.problem.retryAfterMs ?? 0))), this.#signal);
      }
    } catch (thrown) {
      if (this.#signal.aborted) return;
      this.#ports.logger.error('writing a replica count failed', { workload: key, replicas, error: thrown });
      this.#listener.refused(key, { kind: 'other', message: messageOf(thrown), status: undefined, retryAfterMs: undefined });
    }
  }
}
