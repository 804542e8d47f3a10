import { between, seconds, type Clock, type Instant } from '../core/index.ts';
import type { Applier } from './applier.ts';
import type { ScalerEvent } from './events.ts';
import { countPods } from './pod-counts.ts';
import type { PodsOf } from './pods-of.ts';
import { diagnoseWake, type WakeFailure } from './wake-diagnosis.ts';
import type { WakeFailures } from './wake-failures.ts';
import type { WorkloadMemory } from './workload-memory.ts';
import type { WorkloadRecord } from './workload-record.ts';
import { zeroFailure } from './zero-failure.ts';

export interface WakeWatchParts {
  readonly clock: Clock;
  readonly podsOf: PodsOf;
  readonly failures: WakeFailures;
  readonly tell: (event: ScalerEvent) => void;
}

/** A failure that has been gone for this long is over; a container that crashes again and again looks ready in between. */
const settled = seconds(10);

/** Keeps `WakeFailures` right: gateways are told at once what cannot be woken, people once. */
export class WakeWatch {
  readonly #parts: WakeWatchParts;

  constructor(parts: WakeWatchParts) {
    this.#parts = parts;
  }

  /** After every look, and after every change of the workload or its pods. `live`: `spec.replicas` as it is. */
  check(record: WorkloadRecord, memory: WorkloadMemory, live: number, applier: Applier | undefined): void {
    const { clock, failures, podsOf } = this.#parts;
    const { key, view } = record;
    const now = clock.now();
    const { ready } = countPods(podsOf.get(key));
    if (ready > 0) [memory.refusedWakes, memory.refusedAt] = [0, undefined];
    const found = live > 0 && view.specReplicas > 0 ? diagnoseWake(view, podsOf.get(key), now) : zeroFailure(record, memory, failures.get(key), now);
    this.#forPeople(record, memory, live > 0 ? found : undefined, ready, now);
    const isNews = failures.set(key, found);
    if (isNews && found?.reason === 'quota' && live > 0 && applier !== undefined && record.spec.mode === 'enforce') {
      // The ReplicaSet controller backs off, and an unchanged count wakes it no more: back to zero, so that the next wake is a change.
      memory.refusedWakes += 1;
      memory.refusedAt = now;
      applier.reset(record, memory, 0);
    }
  }

  #forPeople({ key }: WorkloadRecord, memory: WorkloadMemory, found: WakeFailure | undefined, ready: number, now: Instant): void {
    const { told } = memory;
    if (found !== undefined) {
      memory.told = { reason: found.reason, goneSince: undefined };
      if (told?.reason !== found.reason) this.#parts.tell({ type: 'wake-failed', workload: key, ...found });
    } else if (told !== undefined && told.goneSince === undefined) memory.told = { ...told, goneSince: now };
    else if (told?.goneSince !== undefined && between(told.goneSince, now) >= settled) {
      memory.told = undefined;
      if (ready > 0) this.#parts.tell({ type: 'wake-recovered', workload: key });
    }
  }
}
