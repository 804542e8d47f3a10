import { messageOf, millis, type Clock, type Logger, type Random, type Timer } from '../../../core/index.ts';
import { resources } from '../../../kube/index.ts';
import { ApiError } from '../api-error.ts';
import type { InProcessApi, StoredObject } from '../in-process-api.ts';
import { timestamp } from './time.ts';

/** What `kubectl describe` shows under Events. */
export interface EventNote {
  readonly about: StoredObject;
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
  /** e.g. `replicaset-controller`, `kubelet`. */
  readonly component: string;
  readonly host?: string;
  /** e.g. `spec.containers{web}`. */
  readonly fieldPath?: string;
}

export type RecordEvent = (note: EventNote) => void;

const mostWaiting = 1000;
const mostRemembered = 4096;

/**
 * Writes Events, repeated ones as one with a count. They wait for a moment in which nothing else is under way: no pod starts later because
 * somebody wrote down that it starts. At most 1000 wait; more are dropped, as real recorders do.
 */
export class EventRecorder {
  readonly #api: InProcessApi;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #logger: Logger;
  readonly #waiting: { readonly note: EventNote; readonly at: string }[] = [];
  /** What was written, by what it says → the name of the Event. */
  readonly #written = new Map<string, string>();
  #timer: Timer | undefined;
  #closed = false;

  constructor(api: InProcessApi, clock: Clock, random: Random, logger: Logger) {
    this.#api = api;
    this.#clock = clock;
    this.#random = random;
    this.#logger = logger;
  }

  readonly record: RecordEvent = (note) => {
    if (this.#closed || this.#waiting.length >= mostWaiting) return;
    this.#waiting.push({ note, at: timestamp(this.#clock) });
    this.#timer ??= this.#clock.after(millis(20), () => {
      void this.#flush();
    });
  };

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
    this.#waiting.length = 0;
  }

  async #flush(): Promise<void> {
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      try {
        await this.#write(next.note, next.at);
      } catch (thrown) {
        // A namespace that is being deleted takes no Events; nothing hangs on one.
        if (!(thrown instanceof ApiError)) this.#logger.error('an Event could not be written', { error: messageOf(thrown) });
      }
    }
    this.#timer = undefined;
  }

  async #write(note: EventNote, at: string): Promise<void> {
    const { about } = note;
    const namespace = about.metadata.namespace ?? 'default';
    const says = JSON.stringify([about.metadata.uid, note.type, note.reason, note.message, note.component, note.fieldPath]);
    const known = this.#written.get(says);
    const before = known === undefined ? undefined : this.#api.get(resources.events, namespace, known);
    if (before !== undefined) {
      await this.#api.update(resources.events, { ...before, count: (before.count ?? 1) + 1, lastTimestamp: at }, note.component);
      return;
    }
    const name = `${about.metadata.name}.${this.#suffix()}`;
    this.#remember(says, name);
    await this.#api.create(
      resources.events,
      {
        metadata: { name, namespace },
        involvedObject: {
          apiVersion: about.apiVersion,
          kind: about.kind,
          ...(about.metadata.namespace === undefined ? {} : { namespace }),
          name: about.metadata.name,
          uid: about.metadata.uid,
          resourceVersion: about.metadata.resourceVersion,
          ...(note.fieldPath === undefined ? {} : { fieldPath: note.fieldPath }),
        },
        reason: note.reason,
        message: note.message,
        source: { component: note.component, ...(note.host === undefined ? {} : { host: note.host }) },
        firstTimestamp: at,
        lastTimestamp: at,
        count: 1,
        type: note.type,
        reportingComponent: note.component,
        reportingInstance: note.host ?? '',
      },
      note.component,
    );
  }

  /** Hexadecimal, as the real recorder's nanoseconds are. */
  #suffix(): string {
    const part = (): string =>
      Math.floor(this.#random() * 0x100000000)
        .toString(16)
        .padStart(8, '0');
    return part() + part();
  }

  #remember(says: string, name: string): void {
    this.#written.set(says, name);
    const oldest = this.#written.size > mostRemembered ? this.#written.keys().next().value : undefined;
    if (oldest !== undefined) this.#written.delete(oldest);
  }
}
