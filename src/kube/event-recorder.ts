import type { Event } from 'kubernetes-types/core/v1.d.ts';
import { millis, type Clock, type Logger, type Random, type Timer } from '../core/index.ts';
import type { KubeClient } from './client.ts';
import { EventCorrelator, type EventLimits, type EventSubject, type PlannedEvent, type RecordedEvent } from './event-correlator.ts';
import { resources } from './resource.ts';

/** Writes Kubernetes Events (core/v1), as `kubectl describe` shows them. Best effort: recording never waits and never fails. */
export interface EventRecorder {
  record(subject: EventSubject, event: RecordedEvent): void;
  /** Writes what is recorded until `signal` aborts, then what is left, within 2 s. */
  run(signal: AbortSignal): Promise<void>;
  /** Events that were not written: queue full, over the rate of their object, or refused. */
  dropped(): number;
}

export interface EventRecorderOptions {
  readonly client: Pick<KubeClient, 'create' | 'mergePatch'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Who speaks; default `rouse`. */
  readonly component?: string;
  /** Which of several, e.g. the pod's name. */
  readonly instance: string;
  readonly limits?: Partial<EventLimits>;
}

/** Events that wait to be written; past that the newest are dropped. */
const queueLimit = 1000;
/**
 * An event that comes after silence waits this long: what caused it (a wake, most often) is still under way and has more use for the API server
 * and for our processor, and what follows of the same series is counted into it.
 */
const gatherMs = millis(200);
/** Tries of one event while the API server cannot be reached. */
const tries = 3;

export const createEventRecorder = (options: EventRecorderOptions): EventRecorder => {
  const { client, clock, random, logger, component = 'rouse', instance } = options;
  const correlator = new EventCorrelator(clock, options.limits);
  const queue: PlannedEvent[] = [];
  let dropped = 0;
  let gathering: Timer | undefined;
  let wake: () => void = () => undefined;

  const write = async (planned: PlannedEvent, signal: AbortSignal): Promise<void> => {
    const written = planned.slot.writtenAs;
    if (written !== undefined) {
      const patch = { count: planned.count, lastTimestamp: toTime(planned.lastAt), message: planned.message };
      const patched = await client.mergePatch(resources.events, written, patch, signal);
      if (patched.ok) return;
      // Events live for an hour; the series goes on under a new name.
      if (patched.problem.kind !== 'not-found')
        throw new Refused(patched.problem.kind === 'unavailable' || patched.problem.kind === 'too-many-requests', patched.problem.message);
    }
    const created = await client.create(resources.events, toEvent(planned, component, instance, random), signal);
    if (!created.ok) throw new Refused(created.problem.kind === 'unavailable' || created.problem.kind === 'too-many-requests', created.problem.message);
    planned.slot.writtenAs = { namespace: created.value.metadata.namespace, name: created.value.metadata.name ?? '' };
  };

  const writeOrDrop = async (planned: PlannedEvent, signal: AbortSignal): Promise<void> => {
    for (let attempt = 1; ; attempt++) {
      try {
        await write(planned, signal);
        return;
      } catch (problem) {
        signal.throwIfAborted();
        if (attempt < tries && problem instanceof Refused && problem.again) {
          await clock.sleep(millis(1000 * attempt * (0.5 + random())), signal);
          continue;
        }
        dropped++;
        logger.debug('an event was not written', { reason: planned.reason, problem });
        return;
      }
    }
  };

  return {
    record: (subject, event) => {
      const planned = correlator.plan(subject, event);
      if (planned === undefined || queue.length >= queueLimit) {
        dropped++;
        return;
      }
      // A count that is not written yet is overtaken by a newer one of the same series.
      const waiting = queue.findIndex(({ slot }) => slot === planned.slot);
      if (waiting === -1) queue.push(planned);
      else queue[waiting] = planned;
      gathering ??= clock.after(gatherMs, () => {
        gathering = undefined;
        wake();
      });
    },
    run: async (signal) => {
      while (!signal.aborted) {
        const next = queue.shift();
        if (next === undefined) await wokenOr(signal, (resolve) => (wake = resolve));
        else await writeOrDrop(next, signal).catch(() => queue.unshift(next));
      }
      const last = new AbortController();
      const timer = clock.after(millis(2000), () => {
        last.abort();
      });
      for (let next = queue.shift(); next !== undefined && !last.signal.aborted; next = queue.shift())
        await writeOrDrop(next, last.signal).catch(() => dropped++);
      timer.cancel();
    },
    dropped: () => dropped,
  };
};

class Refused extends Error {
  readonly again: boolean;

  constructor(again: boolean, message: string) {
    super(message);
    this.again = again;
  }
}

const toEvent = (planned: PlannedEvent, component: string, instance: string, random: Random): Event => {
  const { subject } = planned;
  const suffix = `.${Math.floor(planned.lastAt).toString(16)}${Math.floor(random() * 0x1000000)
    .toString(16)
    .padStart(6, '0')}`;
  const namespace = subject.namespace ?? 'default';
  return {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { namespace, name: subject.name.slice(0, 253 - suffix.length) + suffix },
    involvedObject: {
      apiVersion: subject.apiVersion,
      kind: subject.kind,
      name: subject.name,
      uid: subject.uid,
      ...(subject.namespace === undefined ? {} : { namespace: subject.namespace }),
      ...(subject.resourceVersion === undefined ? {} : { resourceVersion: subject.resourceVersion }),
    },
    type: planned.type,
    reason: planned.reason,
    message: planned.message,
    count: planned.count,
    firstTimestamp: toTime(planned.firstAt),
    lastTimestamp: toTime(planned.lastAt),
    source: { component, host: instance },
    reportingComponent: component,
    reportingInstance: instance,
  };
};

const toTime = (at: number): string => new Date(at).toISOString().replace(/\.\d+Z$/, 'Z');

/** Resolves when woken or when `signal` aborts. */
const wokenOr = (signal: AbortSignal, offer: (resolve: () => void) => void): Promise<void> =>
  new Promise((resolve) => {
    const done = (): void => {
      signal.removeEventListener('abort', done);
      resolve();
    };
    signal.addEventListener('abort', done, { once: true });
    offer(done);
    if (signal.aborted) done();
  });
