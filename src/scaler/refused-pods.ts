import { after, between, instant, isAbort, millis, seconds, type Clock, type Instant, type Logger, type Millis, type WorkloadKey } from '../core/index.ts';
import { resources, type KubeClient } from '../kube/index.ts';
import type { WakeFailure } from './wake-diagnosis.ts';
import type { WorkloadRecord } from './workload-record.ts';

export interface RefusedPodsPorts {
  readonly client: Pick<KubeClient, 'list'>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Something was found out about the workload. */
  readonly onFound: (key: WorkloadKey) => void;
}

/** Before the first request: a pod that is not refused is there by then, and nothing was asked. */
const firstAsk = millis(300);
/** Between two requests for one workload, while its pods stay away: doubles from the first to the longest. */
const firstPause = seconds(1);
const longestPause = seconds(300);
/** Events carry whole seconds of another machine's clock. */
const clockDoubt = seconds(2);

type Event = NonNullable<(typeof resources.events)['type']>;

interface Asked {
  /** When the count was set that the pods are missing of. */
  readonly since: Instant;
  nextAt: Instant;
  pause: Millis;
  isAsking: boolean;
  found: WakeFailure | undefined;
}

/**
 * Why a StatefulSet (or a further kind) that should run has no pod: a pod that the API server refuses shows only as an Event `FailedCreate` there, where
 * a Deployment has a condition (statefulset/stateful_pod_control.go, `recordPodEvent`). Events are asked for, by the workload's uid, only while pods are missing.
 */
export class RefusedPods {
  readonly #ports: RefusedPodsPorts;
  readonly #asked = new Map<WorkloadKey, Asked>();
  /** Newest Event that was taken into account, by workload, and when: it says nothing about a later wake. */
  readonly #seen = new Map<WorkloadKey, { readonly version: string; readonly at: Instant }>();
  #signal: AbortSignal | undefined;

  constructor(ports: RefusedPodsPorts) {
    this.#ports = ports;
  }

  /** Asks from now on, until `signal` aborts. */
  start(signal: AbortSignal): void {
    this.#signal = signal;
  }

  /** What is known of why the workload, whose count was set at `since`, has no pods at all; asks on where that is nothing. */
  why(record: WorkloadRecord, since: Instant, now: Instant): WakeFailure | undefined {
    const { key } = record;
    let asked = this.#asked.get(key);
    if (asked?.since !== since) {
      asked = { since, nextAt: after(since, firstAsk), pause: firstPause, isAsking: false, found: undefined };
      this.#asked.set(key, asked);
      const wait = Math.max(0, between(now, asked.nextAt));
      this.#ports.clock.after(millis(wait), () => {
        this.#ports.onFound(key);
      });
      const seen = this.#seen.get(key);
      // The controller refuses a wake until it has heard of its end: what it says by now is not about this one.
      if (seen !== undefined && between(seen.at, since) <= 2 * clockDoubt)
        this.#list(record, asked, (newest) => this.#seen.set(key, { version: versionOf(newest), at: seen.at }));
    }
    if (asked.found === undefined && !asked.isAsking && between(asked.nextAt, now) >= 0) this.#ask(record, asked, now);
    return asked.found;
  }

  /** It has pods, or needs none. */
  settled(key: WorkloadKey): void {
    this.#asked.delete(key);
  }

  forget(key: WorkloadKey): void {
    this.#asked.delete(key);
    this.#seen.delete(key);
  }

  #ask(record: WorkloadRecord, asked: Asked, now: Instant): void {
    asked.nextAt = after(now, asked.pause);
    asked.pause = millis(Math.min(longestPause, 2 * asked.pause));
    this.#list(record, asked, (newest) => this.#read(record.key, asked, newest));
  }

  /** Tells `heard` of the newest Event, unless there is none or another wake has begun. */
  #list({ key, ref, view }: WorkloadRecord, asked: Asked, heard: (newest: Event) => void): void {
    const signal = this.#signal;
    if (signal === undefined || signal.aborted) return;
    asked.isAsking = true;
    const fieldSelector = `involvedObject.uid=${view.uid},reason=FailedCreate`;
    this.#ports.client
      .list(resources.events, { namespace: ref.namespace, fieldSelector }, signal)
      .then((listed) => {
        if (!listed.ok) {
          this.#ports.logger.debug('Events could not be asked for', { workload: key, problem: listed.problem.message });
          return;
        }
        const newest = newestOf(listed.value.items);
        if (newest !== undefined && this.#asked.get(key) === asked) heard(newest);
      })
      .catch((problem: unknown) => {
        if (!isAbort(problem)) this.#ports.logger.error('asking for Events failed', { workload: key, problem });
      })
      .finally(() => {
        asked.isAsking = false;
      });
  }

  #read(key: WorkloadKey, asked: Asked, newest: Event): void {
    const version = versionOf(newest);
    if (this.#seen.get(key)?.version === version || between(instant(timeOf(newest)), asked.since) > clockDoubt) return;
    this.#seen.set(key, { version, at: this.#ports.clock.now() });
    asked.found = { reason: 'quota', message: newest.message ?? 'the API server refuses its pods' };
    this.#ports.onFound(key);
  }
}

const newestOf = (events: readonly Event[]): Event | undefined =>
  events.reduce<Event | undefined>((best, event) => (best === undefined || timeOf(event) > timeOf(best) ? event : best), undefined);

const versionOf = ({ metadata: { uid = '', resourceVersion = '' } }: Event): string => `${uid}@${resourceVersion}`;

/** When it happened last; 0 where that cannot be read. */
const timeOf = ({ lastTimestamp, eventTime, firstTimestamp, series }: Event): number => {
  const times = [lastTimestamp, series?.lastObservedTime, eventTime, firstTimestamp].map((text) => (typeof text === 'string' ? Date.parse(text) : Number.NaN));
  return Math.max(0, ...times.filter((time) => Number.isFinite(time)));
};
