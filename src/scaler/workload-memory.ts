import { annotation, type Decision, type DecisionReason, type Instant, type Pods, type WakeFailureReason, type WorkloadKey } from '../core/index.ts';
import { initialState, type DeciderState } from '../decider/index.ts';
import type { HandSetCount, WrittenCount } from './live-count.ts';
import type { WorkloadRecord } from './workload-record.ts';

/** What the loop remembers of one workload between two looks at it. Lost with the process, and found again from the cluster and from replayed history. */
export interface WorkloadMemory {
  readonly uid: string;
  /** `spec.replicas` when we first saw it onboarded: what handing back restores, unless it is on record already. */
  readonly replicasAtFirst: number;
  decider: DeciderState;
  /** The count that we keep while we lead; undefined where we do not, or not yet. Who changes `spec.replicas` outside `/scale` finds it put back. */
  target: number | undefined;
  /** A change of the count that is on its way to `/scale`, told once it is there. */
  change: { readonly from: number; readonly reason: DecisionReason | 'restored' } | undefined;
  written: WrittenCount | undefined;
  /** Who else wrote `/scale` last, honoured or not. */
  hand: HandSetCount | undefined;
  override: HandSetCount | undefined;
  /** The count at the last look at which no write of ours was on its way. */
  seen: number | undefined;
  /** Not looked at before by this process, or not since it leads. */
  isNew: boolean;
  /** A pod was ready at least once. */
  wasReady: boolean;
  last: Decision | undefined;
  /** Requests that a poke told of while a write was under way: look again when it has ended. */
  lookAgain: number | undefined;
  /** Wakes that the cluster refused in a row, and when we tried last (`refused-wake.ts`). */
  refusedWakes: number;
  refusedAt: Instant | undefined;
  /** The refusal of an earlier wake has not been seen to be gone from the workload's conditions: it may be old news about the next one. */
  hasOldRefusal: boolean;
  /** When `/scale` answered our last write. */
  writtenAt: Instant | undefined;
  /** The failure that people were told of last, and since when it has been gone. */
  told: { readonly reason: WakeFailureReason; readonly goneSince: Instant | undefined } | undefined;
  /** What `observe` mode would have written last. */
  wouldBe: number | undefined;
  /** Writing `rouse.dev/state` and adopting the HPA. */
  setUp: 'needed' | 'running' | 'done';
  /** When a set-up that failed is tried again. */
  setUpAt: Instant;
  /** When an HPA is looked for next, and what was known at the last look; undefined before the set-up is done. */
  hpaLook: { readonly at: Instant; readonly adopts: boolean; readonly hand: HandSetCount | undefined } | undefined;
  /** Ends the hand-back that is under way. */
  offBoarding: AbortController | undefined;
}

/** `isKnown`: it was onboarded before this process saw it first. */
export const newMemory = ({ view, spec }: WorkloadRecord, ready: Pods, isKnown: boolean, now: Instant): WorkloadMemory => ({
  uid: view.uid,
  replicasAtFirst: view.specReplicas,
  decider: initialState(spec, ready, now),
  target: undefined,
  change: undefined,
  written: undefined,
  hand: undefined,
  override: undefined,
  seen: undefined,
  isNew: true,
  wasReady: isKnown || ready > 0,
  last: undefined,
  lookAgain: undefined,
  refusedWakes: 0,
  refusedAt: undefined,
  hasOldRefusal: false,
  writtenAt: undefined,
  told: undefined,
  wouldBe: undefined,
  setUp: 'needed',
  setUpAt: now,
  hpaLook: undefined,
  offBoarding: undefined,
});

/** The memory of every workload; a workload that was deleted and made again under the same name starts anew. */
export class Memories {
  readonly #byKey = new Map<WorkloadKey, WorkloadMemory>();

  get(key: WorkloadKey): WorkloadMemory | undefined {
    return this.#byKey.get(key);
  }

  of(record: WorkloadRecord, ready: Pods, now: Instant): WorkloadMemory {
    const { key, view, state } = record;
    const found = this.#byKey.get(key);
    if (found?.uid === view.uid) return found;
    const made = newMemory(record, ready, state !== undefined && annotation.status in view.annotations, now);
    this.#byKey.set(key, made);
    return made;
  }

  values(): Iterable<WorkloadMemory> {
    return this.#byKey.values();
  }

  forget(key: WorkloadKey): void {
    this.#byKey.get(key)?.offBoarding?.abort();
    this.#byKey.delete(key);
  }
}
