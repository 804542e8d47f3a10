import { between, seconds, type Clock, type Instant, type WorkloadKey } from '../core/index.ts';
import type { Applier } from './applier.ts';
import type { BudgetLedger } from './budget-ledger.ts';
import type { ScalerEvent } from './events.ts';
import type { PodsOf } from './pods-of.ts';
import type { RefusedPods } from './refused-pods.ts';
import { diagnoseWake, isRefused, type WakeFailure } from './wake-diagnosis.ts';
import type { WakeFailures } from './wake-failures.ts';
import type { WorkloadMemory } from './workload-memory.ts';
import type { WorkloadRecord } from './workload-record.ts';
import { pauseAfterRefusal, refusalsForgotten, zeroFailure } from './zero-failure.ts';

export interface WakeWatchParts {
  readonly clock: Clock;
  readonly podsOf: PodsOf;
  readonly failures: WakeFailures;
  readonly refusedPods: RefusedPods;
  readonly budget: Pick<BudgetLedger, 'wakeFailure'>;
  /** Looks at the workload's wake again. */
  readonly checkAgain: (key: WorkloadKey) => void;
  readonly tell: (event: ScalerEvent) => void;
}

/** A failure that has been gone for this long is over; a container that crashes again and again looks ready in between. */
const settled = seconds(10);

/** A controller that has not taken its old refusal back by then has refused anew. */
const newsWithin = seconds(2);

/** Keeps `WakeFailures` right: gateways are told at once what cannot be woken, people once. */
export class WakeWatch {
  readonly #parts: WakeWatchParts;

  constructor(parts: WakeWatchParts) {
    this.#parts = parts;
  }

  /** After every look, and after every change of the workload or its pods. `live`: `spec.replicas` as it is. */
  check(record: WorkloadRecord, memory: WorkloadMemory, live: number, applier: Applier | undefined): void {
    const { clock, failures, podsOf, budget } = this.#parts;
    const { key, view } = record;
    const now = clock.now();
    const { ready } = podsOf.counts(key);
    if (ready > 0 && memory.refusedAt !== undefined) [memory.refusedWakes, memory.refusedAt] = [0, undefined];
    if (live === 0) memory.hasOldRefusal &&= isRefused(view);
    const found =
      live > 0 && view.specReplicas > 0
        ? this.#diagnose(record, memory, now)
        : (zeroFailure(record, memory, failures.get(key), now) ?? budget.wakeFailure(record));
    this.#forPeople(record, memory, live > 0 ? found : undefined, ready, now);
    const isNews = failures.set(key, found);
    if (isNews && found?.reason === 'quota' && live > 0 && applier !== undefined && record.spec.mode === 'enforce') {
      // The ReplicaSet controller backs off, and an unchanged count wakes it no more: back to zero, so that the next wake is a change.
      const inARow = memory.refusedAt !== undefined && between(memory.refusedAt, now) < refusalsForgotten;
      memory.refusedWakes = 1 + (inARow ? memory.refusedWakes : 0);
      memory.refusedAt = now;
      memory.hasOldRefusal = true;
      applier.reset(record, memory, 0);
      // From then on requests are held again.
      clock.after(pauseAfterRefusal(memory, true), () => {
        this.#parts.checkAgain(key);
      });
    }
  }

  /** Why there is nothing that could serve, in the workload's and its pods' own words, or, where those say nothing, in those of Events. */
  #diagnose(record: WorkloadRecord, memory: WorkloadMemory, now: Instant): WakeFailure | undefined {
    const { podsOf, refusedPods } = this.#parts;
    const { key, ref, view } = record;
    memory.hasOldRefusal &&= isRefused(view);
    // One that is ready makes every other failure bearable.
    const found = podsOf.counts(key).ready > 0 ? undefined : diagnoseWake(view, podsOf.get(key), now);
    const since = memory.written?.at ?? now;
    if (found?.reason === 'quota' && memory.hasOldRefusal && between(since, now) < newsWithin) return undefined;
    if (found !== undefined || ref.resource === 'deployments.apps' || memory.written === undefined || [...podsOf.get(key)].length > 0) {
      refusedPods.settled(key);
      return found;
    }
    return refusedPods.why(record, since, now);
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
