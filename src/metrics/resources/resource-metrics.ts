import {
  isAbort,
  parseWorkloadKey,
  seconds,
  type Clock,
  type MetricReading,
  type Millis,
  type ResourceMetric,
  type Result,
  type ScaleSpec,
  type WorkloadKey,
} from '../../core/index.ts';
import type { ResourceReadings } from '../ingest/ports.ts';
import { SteadyTime } from '../ingest/steady-time.ts';
import type { MeasuredPod, PodUsage } from './pod-usage.ts';
import { WorkloadUsage } from './workload-usage.ts';

/** Why the metrics API did not answer: one word for metrics, a sentence's end for people. */
export interface UsageProblem {
  readonly kind: string;
  readonly message: string;
}

export interface ResourceMetricsOptions {
  readonly clock: Clock;
  /** What the pods of a namespace use now. Rejects only with the reason of the signal. */
  readonly read: (namespace: string, signal: AbortSignal) => Promise<Result<readonly PodUsage[], UsageProblem>>;
  readonly pods: (key: WorkloadKey) => Iterable<MeasuredPod>;
  /** Between two reads of a namespace; metrics-server has something new every 15 s. */
  readonly every?: Millis;
  /** A workload has a problem, another one, or (undefined) none any more. Must not throw. */
  readonly onProblem?: (key: WorkloadKey, problem: string | undefined) => void;
}

export interface ResourceMetrics extends ResourceReadings {
  /** Reads, while somebody asks, until `signal` aborts. */
  run(signal: AbortSignal): Promise<void>;
  /** What keeps workloads without figures, as `onProblem` told it last. */
  readonly problems: ReadonlyMap<WorkloadKey, string>;
  /** Reads by how they ended: `ok`, or the kind of problem. Only ever counts up. */
  readonly reads: ReadonlyMap<string, number>;
}

/** Whoever asks does so every 2 s. */
const unaskedAfter = 30_000;
const lookEvery = seconds(1);
const readsAtOnce = 4;

class Resources implements ResourceMetrics {
  readonly #options: ResourceMetricsOptions;
  readonly #every: number;
  readonly #time = new SteadyTime();
  readonly #workloads = new Map<WorkloadKey, WorkloadUsage>();
  /** When each namespace was read last, on the monotonic clock. */
  readonly #readAt = new Map<string, number>();
  readonly #reading = new Set<string>();
  readonly problems = new Map<WorkloadKey, string>();
  readonly reads = new Map<string, number>();

  constructor(options: ResourceMetricsOptions) {
    this.#options = options;
    this.#every = options.every ?? seconds(15);
  }

  reading(metric: ResourceMetric, key: WorkloadKey, spec: ScaleSpec): MetricReading {
    const now = this.#now();
    let workload = this.#workloads.get(key);
    if (workload === undefined) this.#workloads.set(key, (workload = new WorkloadUsage(parseWorkloadKey(key)?.namespace ?? '', now)));
    return workload.reading(metric, spec, this.#hasPods(key), now);
  }

  isWarm(metric: ResourceMetric, key: WorkloadKey, spec: ScaleSpec): boolean {
    return this.#workloads.get(key)?.isWarm(metric, spec, this.#hasPods(key)) === true;
  }

  forget(key: WorkloadKey): void {
    this.#workloads.delete(key);
    this.problems.delete(key);
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    const under = new Set<Promise<void>>();
    const readDue = (): void => {
      for (const namespace of this.#due()) {
        if (signal.aborted || under.size >= readsAtOnce) return;
        const read = this.#read(namespace, signal).finally(() => {
          under.delete(read);
          readDue();
        });
        under.add(read);
      }
    };
    const timer = clock.every(lookEvery, readDue);
    if (!signal.aborted) await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
    timer.cancel();
    await Promise.all(under);
  }

  /** Namespaces of workloads that are asked about, that have not been read for a while; who has waited the longest first. What nobody asks for goes. */
  #due(): readonly string[] {
    const [now, monotonic] = [this.#now(), this.#options.clock.monotonic()];
    const due = new Set<string>();
    const asked = new Set<string>();
    for (const [key, { askedAt, namespace }] of this.#workloads) {
      if (now - askedAt > unaskedAfter) {
        this.#tell(key, undefined);
        this.forget(key);
        continue;
      }
      asked.add(namespace);
      const readAt = this.#readAt.get(namespace);
      if (!this.#reading.has(namespace) && (readAt === undefined || monotonic - readAt >= this.#every)) due.add(namespace);
    }
    for (const namespace of this.#readAt.keys()) if (!asked.has(namespace)) this.#readAt.delete(namespace);
    return [...due].sort((a, b) => (this.#readAt.get(a) ?? Number.NEGATIVE_INFINITY) - (this.#readAt.get(b) ?? Number.NEGATIVE_INFINITY));
  }

  async #read(namespace: string, signal: AbortSignal): Promise<void> {
    const { clock, read } = this.#options;
    this.#readAt.set(namespace, clock.monotonic());
    this.#reading.add(namespace);
    try {
      const answer = await read(namespace, signal);
      const outcome = answer.ok ? 'ok' : answer.problem.kind;
      this.reads.set(outcome, (this.reads.get(outcome) ?? 0) + 1);
      this.#take(namespace, answer);
    } catch (thrown) {
      if (!isAbort(thrown) && !signal.aborted) throw thrown;
    } finally {
      this.#reading.delete(namespace);
    }
  }

  #take(namespace: string, answer: Result<readonly PodUsage[], UsageProblem>): void {
    const now = this.#now();
    const usages = answer.ok ? new Map(answer.value.map((usage) => [usage.name, usage])) : undefined;
    for (const [key, workload] of this.#workloads) {
      if (workload.namespace !== namespace) continue;
      if (usages !== undefined) workload.update([...this.#options.pods(key)], usages, now, this.#options.clock.now());
      else if (!answer.ok) workload.unread(answer.problem.message);
      this.#tell(key, workload.problem(now));
    }
  }

  #tell(key: WorkloadKey, problem: string | undefined): void {
    if (this.problems.get(key) === problem) return;
    if (problem === undefined) this.problems.delete(key);
    else this.problems.set(key, problem);
    this.#options.onProblem?.(key, problem);
  }

  #hasPods(key: WorkloadKey): boolean {
    for (const { deleting, finished } of this.#options.pods(key)) if (!deleting && !finished) return true;
    return false;
  }

  #now(): number {
    return this.#time.at(this.#options.clock.now());
  }
}

/** What pods use, read from the metrics API (`metrics.k8s.io`): one list per namespace, and only while a workload in it is asked about. */
export const createResourceMetrics = (options: ResourceMetricsOptions): ResourceMetrics => new Resources(options);
