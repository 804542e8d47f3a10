import type { Clock, FirstByte, WorkloadKey } from '../core/index.ts';
import type { PodView } from '../kube/index.ts';
import type { ColdStart } from './events.ts';

/** Moments of one wake on our own monotonic clock, as far as they have been seen. */
interface Timeline {
  readonly begunAt: number;
  answeredAt: number | undefined;
  readonly pods: Map<string, { scheduledAt: number | undefined; startedAt: number | undefined }>;
}

/** A wake without a first byte for this long was no cold start that anyone waited for. */
const longestMs = 15 * 60_000;
/** Pods looked at per wake: the first byte comes from one of the first. */
const mostPods = 64;

const isStarted = ({ containers }: PodView): boolean => containers.length > 0 && containers.every(({ state }) => state === 'running');

/**
 * Measures wakes by phase. Kubernetes' own timestamps are whole seconds, so what counts is when our watch saw a pod bound and running; the
 * gateway tells, as ages, when its request came, when its probe first succeeded and when the first byte left. A phase whose end was seen
 * late (a slow watch) ends where the next one does at the latest, so that the phases always add up to the whole.
 */
export class ColdStarts {
  readonly #clock: Clock;
  readonly #timelines = new Map<WorkloadKey, Timeline>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A wake was decided. */
  begin(key: WorkloadKey): void {
    this.#timelines.set(key, { begunAt: this.#clock.monotonic(), answeredAt: undefined, pods: new Map() });
  }

  /** `/scale` answered. */
  answered(key: WorkloadKey): void {
    const timeline = this.#timelines.get(key);
    if (timeline !== undefined) timeline.answeredAt ??= this.#clock.monotonic();
  }

  podSeen(key: WorkloadKey, pod: PodView): void {
    const timeline = this.#timelines.get(key);
    if (timeline === undefined) return;
    let seen = timeline.pods.get(pod.uid);
    if (seen === undefined) {
      if (timeline.pods.size >= mostPods) return;
      timeline.pods.set(pod.uid, (seen = { scheduledAt: undefined, startedAt: undefined }));
    }
    const now = this.#clock.monotonic();
    if (pod.scheduled || pod.nodeName !== undefined) seen.scheduledAt ??= now;
    if (isStarted(pod)) seen.startedAt ??= now;
  }

  /** The whole cold start, once per wake; undefined where no wake was under way (another gateway's message came first). */
  finish({ workload, podId, heldAgeMs, readyAgeMs }: FirstByte): ColdStart | undefined {
    const timeline = this.#timelines.get(workload);
    this.#timelines.delete(workload);
    const now = this.#clock.monotonic();
    if (timeline === undefined || now - timeline.begunAt > longestMs) return undefined;
    const pod = timeline.pods.get(podId);
    const begin = now - Math.max(0, heldAgeMs);
    // From the end backwards: each moment is at most the one after it, and at least the one before.
    const ready = Math.max(begin, now - Math.max(0, readyAgeMs));
    const start = within(begin, pod?.startedAt, ready);
    const schedule = within(begin, pod?.scheduledAt, start);
    const decide = within(begin, timeline.answeredAt, schedule);
    return {
      totalMs: now - begin,
      podId,
      phases: { decide: decide - begin, schedule: schedule - decide, start: start - schedule, ready: ready - start, forward: now - ready },
    };
  }

  forget(key: WorkloadKey): void {
    this.#timelines.delete(key);
  }
}

const within = (least: number, value: number | undefined, most: number): number => Math.max(least, Math.min(value ?? most, most));
