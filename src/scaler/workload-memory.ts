import { annotation, instant, type DecisionReason, type Instant, type Pods, type WakeFailureReason, type WorkloadKey } from '../core/index.ts';
import { initialState, type DeciderState } from '../decider/index.ts';
import type { HandSetCount, WrittenCount } from './live-count.ts';
import type { WorkloadRecord } from './workload-record.ts';

/** What is remembered only of workloads that something unusual has happened to. */
interface Unusual {
  change: { readonly from: number; readonly reason: DecisionReason | 'restored' } | undefined;
  hand: HandSetCount | undefined;
  override: HandSetCount | undefined;
  lookAgain: number | undefined;
  refusedWakes: number;
  refusedAt: Instant | undefined;
  hasOldRefusal: boolean;
  told: { readonly reason: WakeFailureReason; readonly goneSince: Instant | undefined } | undefined;
  wouldBe: number | undefined;
  setUpAt: Instant;
  hpaLook: { readonly at: Instant; readonly adopts: boolean; readonly hand: HandSetCount | undefined } | undefined;
  offBoarding: AbortController | undefined;
}

const usual: Readonly<Unusual> = {
  change: undefined,
  hand: undefined,
  override: undefined,
  lookAgain: undefined,
  refusedWakes: 0,
  refusedAt: undefined,
  hasOldRefusal: false,
  told: undefined,
  wouldBe: undefined,
  setUpAt: instant(0),
  hpaLook: undefined,
  offBoarding: undefined,
};

const isUsual = (unusual: Unusual): boolean => {
  for (const name in usual) if (unusual[name as keyof Unusual] !== usual[name as keyof Unusual]) return false;
  return true;
};

/**
 * What the loop remembers of one workload between two looks at it. Lost with the process, and found again from the cluster and from replayed history.
 * There may be many, and most of them sleep: what is unusual has no room of its own until it comes.
 */
export class WorkloadMemory {
  readonly uid: string;
  /** `spec.replicas` when we first saw it onboarded: what handing back restores, unless it is on record already. */
  readonly replicasAtFirst: number;
  decider: DeciderState;
  /** The count that we keep while we lead; undefined where we do not, or not yet. Who changes `spec.replicas` outside `/scale` finds it put back. */
  target: number | undefined = undefined;
  /** What `/scale` answered to our last write, and when. */
  written: (WrittenCount & { readonly at: Instant }) | undefined = undefined;
  /** The count at the last look at which no write of ours was on its way. */
  seen: number | undefined = undefined;
  /** Not looked at before by this process, or not since it leads. */
  isNew = true;
  /** A pod was ready at least once. */
  wasReady: boolean;
  /** Writing `rouse.dev/state` and adopting the HPA. */
  setUp: 'needed' | 'running' | 'done' = 'needed';
  /** Regular looks until the next that it gets, while it is at rest (`rest.ts`); 0: it gets all. */
  looksToNext = 0;
  #unusual: Unusual | undefined = undefined;

  /** `isKnown`: it was onboarded before this process saw it first. */
  constructor({ view, spec }: WorkloadRecord, ready: Pods, isKnown: boolean, now: Instant) {
    this.uid = view.uid;
    this.replicasAtFirst = view.specReplicas;
    this.decider = initialState(spec, ready, now);
    this.wasReady = isKnown || ready > 0;
  }

  /** Something unusual is going on, or is not forgotten yet. */
  get isUnusual(): boolean {
    return this.#unusual !== undefined;
  }

  /** A change of the count that is on its way to `/scale`, told once it is there. */
  get change(): Unusual['change'] {
    return this.#unusual?.change;
  }
  set change(change: Unusual['change']) {
    this.#set('change', change);
  }

  /** Who else wrote `/scale` last, honoured or not. */
  get hand(): HandSetCount | undefined {
    return this.#unusual?.hand;
  }
  set hand(hand: HandSetCount | undefined) {
    this.#set('hand', hand);
  }

  get override(): HandSetCount | undefined {
    return this.#unusual?.override;
  }
  set override(override: HandSetCount | undefined) {
    this.#set('override', override);
  }

  /** Requests that a poke told of while a write was under way: look again when it has ended. */
  get lookAgain(): number | undefined {
    return this.#unusual?.lookAgain;
  }
  set lookAgain(held: number | undefined) {
    this.#set('lookAgain', held);
  }

  /** Wakes that the cluster refused in a row, and when we tried last (`refused-wake.ts`). */
  get refusedWakes(): number {
    return this.#unusual?.refusedWakes ?? 0;
  }
  set refusedWakes(count: number) {
    this.#set('refusedWakes', count);
  }
  get refusedAt(): Instant | undefined {
    return this.#unusual?.refusedAt;
  }
  set refusedAt(at: Instant | undefined) {
    this.#set('refusedAt', at);
  }

  /** The refusal of an earlier wake has not been seen to be gone from the workload's conditions: it may be old news about the next one. */
  get hasOldRefusal(): boolean {
    return this.#unusual?.hasOldRefusal ?? false;
  }
  set hasOldRefusal(has: boolean) {
    this.#set('hasOldRefusal', has);
  }

  /** The failure that people were told of last, and since when it has been gone. */
  get told(): Unusual['told'] {
    return this.#unusual?.told;
  }
  set told(told: Unusual['told']) {
    this.#set('told', told);
  }

  /** What `observe` mode would have written last. */
  get wouldBe(): number | undefined {
    return this.#unusual?.wouldBe;
  }
  set wouldBe(count: number | undefined) {
    this.#set('wouldBe', count);
  }

  /** When a set-up that failed is tried again. */
  get setUpAt(): Instant {
    return this.#unusual?.setUpAt ?? usual.setUpAt;
  }
  set setUpAt(at: Instant) {
    this.#set('setUpAt', at);
  }

  /** When an HPA is looked for next, and what was known at the last look; undefined before the first, and where there is nothing to know. */
  get hpaLook(): Unusual['hpaLook'] {
    return this.#unusual?.hpaLook;
  }
  set hpaLook(look: Unusual['hpaLook']) {
    this.#set('hpaLook', look);
  }

  /** Ends the hand-back that is under way. */
  get offBoarding(): AbortController | undefined {
    return this.#unusual?.offBoarding;
  }
  set offBoarding(controller: AbortController | undefined) {
    this.#set('offBoarding', controller);
  }

  #set<Name extends keyof Unusual>(name: Name, value: Unusual[Name]): void {
    if ((this.#unusual ?? usual)[name] === value) return;
    this.#unusual ??= { ...usual };
    this.#unusual[name] = value;
    if (value === usual[name] && isUsual(this.#unusual)) this.#unusual = undefined;
  }
}

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
    const made = new WorkloadMemory(record, ready, state !== undefined && annotation.status in view.annotations, now);
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
