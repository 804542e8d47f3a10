import { annotation, between, seconds, type Clock, type Decision, type Instant, type Logger, type WorkloadKey, type WorkloadRef } from '../core/index.ts';
import { nextBounds, type NextBounds } from '../decider/index.ts';
import type { KubeClient } from '../kube/index.ts';
import type { ResourceOf } from './ports.ts';
import { parseStatus, printStatus, wantedCount, type PublishedStatus } from './published-status.ts';
import type { WorkloadRecord } from './workload-record.ts';

/** Between two writes for one workload. */
const pause = seconds(10);
/** Writes per second over all workloads, and how many may come at once. */
const perSecond = 20;
const burst = 40;

/** Holds that a user should see; other reasons of a hold come and go with the load. */
const telling = new Set(['paused', 'manual-override', 'no-data', 'reports-missing', 'formula-failed', 'fallback', 'observe', 'budget']);

/** What is published of a workload; since when is on the workload itself. */
type Published = Omit<PublishedStatus, 'since'>;

/** A status that is to be written, or was lately. */
interface Due {
  readonly ref: WorkloadRef;
  wanted: PublishedStatus;
  written: Published | undefined;
  writtenAt: Instant | undefined;
}

export interface StatusWriterPorts {
  readonly client: Pick<KubeClient, 'mergePatch'>;
  readonly resourceOf: ResourceOf;
  readonly clock: Clock;
  readonly logger: Logger;
}

const isSameNext = (a: NextBounds | undefined, b: NextBounds | undefined): boolean => a?.at === b?.at && a?.min === b?.min && a?.max === b?.max;
const isSame = (a: Published | undefined, b: Published): boolean => a?.desired === b.desired && a.reason === b.reason && isSameNext(a.next, b.next);

/** Distinct statuses that are shared; most workloads have one of few. */
const mostShared = 1000;

/** Publishes `rouse.dev/status` on change, at most once in 10 s per workload and 20 times a second in all; `flush` is called every tick. */
export class StatusWriter {
  readonly #ports: StatusWriterPorts;
  /** Every workload is in one of the two; those that are due longest come first. */
  readonly #published = new Map<WorkloadKey, Published>();
  readonly #due = new Map<WorkloadKey, Due>();
  readonly #shared = new Map<string, Published>();
  #tokens = burst;
  #filledAt: Instant;

  constructor(ports: StatusWriterPorts) {
    this.#ports = ports;
    this.#filledAt = ports.clock.now();
  }

  /** Notes a decision; nothing is written yet. A hold for a reason of the load changes nothing, and neither does what is published already. */
  note({ key, ref, view, spec }: Pick<WorkloadRecord, 'key' | 'ref' | 'view' | 'spec'>, decision: Decision): void {
    const next = nextBounds(spec, decision.at);
    const due = this.#due.get(key);
    const last = due?.wanted ?? this.#published.get(key) ?? this.#takeUp(key, view);
    const plainHold = decision.kind === 'hold' && !telling.has(decision.reason);
    const stays = plainHold && last?.desired === decision.to && !telling.has(last.reason);
    const [desired, reason] = stays ? [last.desired, last.reason] : [wantedCount(decision), decision.reason];
    const isOld = last?.desired === desired && last.reason === reason;
    if (isOld && isSameNext(last.next, next)) return;
    const since = isOld ? (due?.wanted.since ?? parseStatus(view.annotations[annotation.status])?.since ?? decision.at) : decision.at;
    const wanted = { desired, reason, since, next };
    if (due !== undefined) due.wanted = wanted;
    else this.#due.set(key, { ref, wanted, written: last, writtenAt: undefined });
    this.#published.delete(key);
  }

  forget(key: WorkloadKey): void {
    this.#published.delete(key);
    this.#due.delete(key);
  }

  /** Writes what has changed and may be written now. */
  flush(signal: AbortSignal): void {
    const now = this.#ports.clock.now();
    const passed = Math.max(0, between(this.#filledAt, now));
    this.#tokens = Math.min(burst, this.#tokens + (passed / 1000) * perSecond);
    this.#filledAt = now;
    for (const [key, due] of this.#due) {
      if (this.#tokens < 1) return;
      if (due.writtenAt !== undefined && between(due.writtenAt, now) < pause && between(due.writtenAt, now) >= 0) continue;
      if (isSame(due.written, due.wanted)) {
        this.#due.delete(key);
        this.#published.set(key, this.#sharedOf(due.wanted));
        continue;
      }
      this.#tokens -= 1;
      due.written = due.wanted;
      due.writtenAt = now;
      void this.#write(key, due, due.wanted, signal);
    }
  }

  /** Goes on from what another process published. */
  #takeUp(key: WorkloadKey, { annotations }: Pick<WorkloadRecord['view'], 'annotations'>): Published | undefined {
    const { desired, reason, since, next } = parseStatus(annotations[annotation.status]) ?? {};
    if (desired === undefined || reason === undefined || since === undefined) return undefined;
    const published = this.#sharedOf({ desired, reason, next });
    this.#published.set(key, published);
    return published;
  }

  #sharedOf({ desired, reason, next }: Published): Published {
    const text = JSON.stringify([desired, reason, next]);
    const known = this.#shared.get(text);
    if (known !== undefined) return known;
    const made = { desired, reason, next };
    if (this.#shared.size >= mostShared) this.#shared.clear();
    this.#shared.set(text, made);
    return made;
  }

  async #write(key: WorkloadKey, due: Due, status: PublishedStatus, signal: AbortSignal): Promise<void> {
    const resource = this.#ports.resourceOf(due.ref.resource);
    if (resource === undefined) return;
    const patch = { metadata: { annotations: { [annotation.status]: printStatus(status) } } };
    try {
      const answer = await this.#ports.client.mergePatch(resource, due.ref, patch, signal);
      // Gone is gone; anything else is tried again after the pause.
      if (!answer.ok && answer.problem.kind !== 'not-found') this.#failed(key, due);
    } catch (thrown) {
      this.#failed(key, due);
      if (!signal.aborted) this.#ports.logger.warn('publishing the status failed', { workload: key, error: thrown });
    }
  }

  #failed(key: WorkloadKey, due: Due): void {
    due.written = undefined;
    // The answer came so late that it was taken for published.
    if (this.#published.delete(key)) this.#due.set(key, due);
  }
}
