import { instant, type Clock, type Instant } from '../core/index.ts';
import type { ObjectName } from './client.ts';

/** The object that an event is about. */
export interface EventSubject {
  readonly apiVersion: string;
  readonly kind: string;
  /** Absent for cluster-scoped objects; their events go to `default`. */
  readonly namespace?: string | undefined;
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion?: string | undefined;
}

export interface RecordedEvent {
  readonly type: 'Normal' | 'Warning';
  /** CamelCase, of a closed list. */
  readonly reason: string;
  readonly message: string;
}

/** The defaults are those of client-go's EventCorrelator (tools/record/events_cache.go). */
export interface EventLimits {
  /** Distinct messages of one object, type and reason within `windowSeconds` before they become one combined event; default 10. */
  readonly similar: number;
  /** Default 600. */
  readonly windowSeconds: number;
  /** Events of one object that may come at once; default 25. */
  readonly burst: number;
  /** After that, one more each so many seconds; default 300. */
  readonly refillSeconds: number;
  /** Series, and objects, that are remembered; default 4096 of each. The least recently used goes first. */
  readonly remembered: number;
}

const defaults: EventLimits = { similar: 10, windowSeconds: 600, burst: 25, refillSeconds: 300, remembered: 4096 };

/** The memory of one series of equal events. */
export interface EventSlot {
  count: number;
  firstAt: Instant;
  /** The Event object that counts the series. */
  writtenAs: ObjectName | undefined;
}

/** An event as it should be written: a new one, or a higher count of an earlier one. */
export interface PlannedEvent extends RecordedEvent {
  readonly subject: EventSubject;
  readonly slot: EventSlot;
  readonly count: number;
  readonly firstAt: Instant;
  readonly lastAt: Instant;
}

/** Longer messages are cut, as the API refuses them in its newer form of events. */
const longestMessage = 1024;

/** Decides what becomes of an event: counted onto an earlier one, combined with similar ones, or dropped because its object says too much. */
export class EventCorrelator {
  readonly #clock: Pick<Clock, 'now' | 'monotonic'>;
  readonly #limits: EventLimits;
  readonly #slots: Recent<EventSlot>;
  readonly #groups: Recent<{ readonly messages: Set<string>; lastAt: number }>;
  readonly #buckets: Recent<{ tokens: number; at: number }>;

  constructor(clock: Pick<Clock, 'now' | 'monotonic'>, limits: Partial<EventLimits> = {}) {
    this.#clock = clock;
    this.#limits = { ...defaults, ...limits };
    this.#slots = new Recent(this.#limits.remembered);
    this.#groups = new Recent(this.#limits.remembered);
    this.#buckets = new Recent(this.#limits.remembered);
  }

  /** Undefined: drop it. */
  plan(subject: EventSubject, event: RecordedEvent): PlannedEvent | undefined {
    const about = `${subject.kind}/${subject.namespace ?? ''}/${subject.name}/${subject.uid}`;
    const group = `${about}/${event.type}/${event.reason}`;
    const cut = event.message.length > longestMessage ? `${event.message.slice(0, longestMessage - 1)}…` : event.message;
    const combined = this.#isTooVaried(group, cut);
    const message = combined ? `(combined from similar events): ${cut}`.slice(0, longestMessage) : cut;
    if (!this.#maySpeak(about)) return undefined;
    const now = this.#clock.now();
    const slot = this.#slots.take(combined ? group : `${group}/${cut}`, () => ({ count: 0, firstAt: now, writtenAs: undefined }));
    slot.count++;
    return { ...event, message, subject, slot, count: slot.count, firstAt: slot.firstAt, lastAt: instant(now) };
  }

  #isTooVaried(group: string, message: string): boolean {
    const now = this.#clock.monotonic();
    const seen = this.#groups.take(group, () => ({ messages: new Set<string>(), lastAt: now }));
    if (now - seen.lastAt > this.#limits.windowSeconds * 1000) seen.messages.clear();
    seen.lastAt = now;
    // The set need not grow past the point at which it is full.
    if (seen.messages.size < this.#limits.similar) seen.messages.add(message);
    return seen.messages.size >= this.#limits.similar;
  }

  #maySpeak(about: string): boolean {
    const now = this.#clock.monotonic();
    const { burst, refillSeconds } = this.#limits;
    const bucket = this.#buckets.take(about, () => ({ tokens: burst, at: now }));
    bucket.tokens = Math.min(burst, bucket.tokens + (now - bucket.at) / 1000 / refillSeconds);
    bucket.at = now;
    if (bucket.tokens < 1) return false;
    bucket.tokens--;
    return true;
  }
}

/** A map of bounded size that forgets what was not used for longest. */
class Recent<T> {
  readonly #most: number;
  readonly #entries = new Map<string, T>();

  constructor(most: number) {
    this.#most = most;
  }

  take(key: string, create: () => T): T {
    const value = this.#entries.get(key) ?? create();
    this.#entries.delete(key);
    this.#entries.set(key, value);
    const oldest = this.#entries.keys().next();
    if (this.#entries.size > this.#most && oldest.done !== true) this.#entries.delete(oldest.value);
    return value;
  }
}
