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

interface Entry {
  readonly ref: WorkloadRef;
  wanted: PublishedStatus;
  written: PublishedStatus | undefined;
  writtenAt: Instant | undefined;
}

export interface StatusWriterPorts {
  readonly client: Pick<KubeClient, 'mergePatch'>;
  readonly resourceOf: ResourceOf;
  readonly clock: Clock;
  readonly logger: Logger;
}

const isSameNext = (a: NextBounds | undefined, b: NextBounds | undefined): boolean => a?.at === b?.at && a?.min === b?.min && a?.max === b?.max;
const isSame = (a: PublishedStatus | undefined, b: PublishedStatus): boolean => a?.desired === b.desired && a.reason === b.reason && isSameNext(a.next, b.next);

const publishedOf = (decision: Decision, next: NextBounds | undefined): PublishedStatus => ({
  desired: wantedCount(decision),
  reason: decision.reason,
  since: decision.at,
  next,
});

/** Goes on from what another process published. */
const takenUp = (ref: WorkloadRef, status: string | undefined): Entry | undefined => {
  const { desired, reason, since, next } = parseStatus(status) ?? {};
  if (desired === undefined || reason === undefined || since === undefined) return undefined;
  const published = { desired, reason, since, next };
  return { ref, wanted: published, written: published, writtenAt: undefined };
};

/** Publishes `rouse.dev/status` on change, at most once in 10 s per workload and 20 times a second in all; `flush` is called every tick. */
export class StatusWriter {
  readonly #ports: StatusWriterPorts;
  readonly #entries = new Map<WorkloadKey, Entry>();
  /** Those that may not be published as they are wanted, longest first. */
  readonly #due = new Set<WorkloadKey>();
  #tokens = burst;
  #filledAt: Instant;

  constructor(ports: StatusWriterPorts) {
    this.#ports = ports;
    this.#filledAt = ports.clock.now();
  }

  /** Notes a decision; nothing is written yet. A hold for a reason of the load changes nothing, and neither does what is published already. */
  note({ key, ref, view, spec }: Pick<WorkloadRecord, 'key' | 'ref' | 'view' | 'spec'>, decision: Decision): void {
    const next = nextBounds(spec, decision.at);
    const known = this.#entries.get(key);
    const entry = known ??
      takenUp(ref, view.annotations[annotation.status]) ?? { ref, wanted: publishedOf(decision, next), written: undefined, writtenAt: undefined };
    if (known === undefined) {
      this.#entries.set(key, entry);
      this.#due.add(key);
    }
    if (!isSameNext(entry.wanted.next, next)) this.#want(key, entry, { ...entry.wanted, next });
    const plainHold = decision.kind === 'hold' && !telling.has(decision.reason);
    const calmed = plainHold && telling.has(entry.wanted.reason);
    if (plainHold && !calmed && entry.wanted.desired === decision.to) return;
    const wanted = publishedOf(decision, next);
    if (!isSame(entry.wanted, wanted)) this.#want(key, entry, wanted);
  }

  forget(key: WorkloadKey): void {
    this.#entries.delete(key);
    this.#due.delete(key);
  }

  /** Writes what has changed and may be written now. */
  flush(signal: AbortSignal): void {
    const now = this.#ports.clock.now();
    const passed = Math.max(0, between(this.#filledAt, now));
    this.#tokens = Math.min(burst, this.#tokens + (passed / 1000) * perSecond);
    this.#filledAt = now;
    for (const key of this.#due) {
      if (this.#tokens < 1) return;
      const entry = this.#entries.get(key);
      if (entry === undefined || isSame(entry.written, entry.wanted)) {
        this.#due.delete(key);
        continue;
      }
      if (entry.writtenAt !== undefined && between(entry.writtenAt, now) < pause && between(entry.writtenAt, now) >= 0) continue;
      this.#tokens -= 1;
      entry.written = entry.wanted;
      entry.writtenAt = now;
      void this.#write(key, entry, signal);
    }
  }

  #want(key: WorkloadKey, entry: Entry, wanted: PublishedStatus): void {
    entry.wanted = wanted;
    this.#due.add(key);
  }

  async #write(key: WorkloadKey, entry: Entry, signal: AbortSignal): Promise<void> {
    const resource = this.#ports.resourceOf(entry.ref.resource);
    if (resource === undefined || entry.written === undefined) return;
    const patch = { metadata: { annotations: { [annotation.status]: printStatus(entry.written) } } };
    try {
      const answer = await this.#ports.client.mergePatch(resource, entry.ref, patch, signal);
      // Gone is gone; anything else is tried again after the pause.
      if (!answer.ok && answer.problem.kind !== 'not-found') this.#failed(key, entry);
    } catch (thrown) {
      this.#failed(key, entry);
      if (!signal.aborted) this.#ports.logger.warn('publishing the status failed', { workload: key, error: thrown });
    }
  }

  #failed(key: WorkloadKey, entry: Entry): void {
    entry.written = undefined;
    if (this.#entries.get(key) === entry) this.#due.add(key);
  }
}
