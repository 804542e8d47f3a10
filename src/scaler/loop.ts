import type { Decision, DecisionReason, ScaleSpec } from '../core/index.ts';
import { type Clock, type Poke, type WorkloadKey } from '../core/index.ts';
import { decide, decidePoke, type FormulaLookup } from '../decider/index.ts';
import type { PodView } from '../kube/index.ts';
import type { Applier } from './applier.ts';
import type { BudgetLedger } from './budget-ledger.ts';
import type { ScalerEvent } from './events.ts';
import type { Journal } from './journal.ts';
import { liveCount } from './live-count.ts';
import { observe } from './observe.ts';
import type { PodsOf } from './pods-of.ts';
import type { PathState, WorkloadMetrics } from './ports.ts';
import type { WorkloadRegistry } from './registry.ts';
import { Rests } from './rest.ts';
import { SharedHolds } from './shared-holds.ts';
import type { WakeWatch } from './wake-watch.ts';
import type { Memories, WorkloadMemory } from './workload-memory.ts';
import type { WorkloadRecord } from './workload-record.ts';

export interface LoopParts {
  readonly clock: Clock;
  readonly registry: WorkloadRegistry;
  readonly memories: Memories;
  readonly podsOf: PodsOf;
  readonly metrics: WorkloadMetrics;
  readonly path: PathState;
  readonly formulas: FormulaLookup;
  readonly journal: Journal;
  readonly decided?: ((record: WorkloadRecord, decision: Decision) => void) | undefined;
  readonly wakes: WakeWatch;
  readonly budget: BudgetLedger;
  readonly tell: (event: ScalerEvent) => void;
  /** Hands a workload back; called at every look until nothing is left to do. */
  readonly offBoard: (record: WorkloadRecord, memory: WorkloadMemory) => void;
}

const reasonsOfLastPod: ReadonlySet<DecisionReason> = new Set(['idle-grace', 'idle-retention', 'work-in-flight']);

/**
 * Whether all that keeps the last pod is, or was, that nobody would hold the next request, or that one is under way; it stays true until a pod is
 * wanted again, so that the gateways do not come and go with each request.
 */
const wantsPath = ({ to, reason }: Decision, { mode, pause }: ScaleSpec): boolean => {
  const mayGo = mode === 'enforce' && pause !== 'both' && pause !== 'down';
  return to === 0 || (mayGo && reasonsOfLastPod.has(reason));
};

/**
 * Observe → decide → apply. One look at a workload ends in one of three ways: it is being handed back and `offBoard` goes on with that; or a
 * decision is made and, while we lead, applied; or (standby) the decision is only kept. A tick looks at every workload (`tick.ts`), a poke at one, at once.
 */
export class Loop {
  readonly #parts: LoopParts;
  readonly #holds = new SharedHolds();
  readonly #rests = new Rests();
  readonly #podsOf = (key: WorkloadKey): Iterable<PodView> => this.#parts.podsOf.get(key);
  /** Present while we lead. */
  #applier: Applier | undefined;

  constructor(parts: LoopParts) {
    this.#parts = parts;
  }

  /** From now on decisions are applied, or (undefined) no longer. The counts that we kept are nobody's any more then. */
  lead(applier: Applier | undefined): void {
    this.#applier = applier;
    for (const memory of this.#parts.memories.values()) {
      [memory.target, memory.change, memory.setUp] = [undefined, undefined, 'needed'];
      // Whose the count is, whoever leads can tell better than we could.
      [memory.hand, memory.isNew, memory.looksToNext] = [undefined, true, 0];
    }
  }

  /** The regular look at one workload. */
  look(key: WorkloadKey): void {
    const { registry, memories, metrics } = this.#parts;
    const record = registry.get(key);
    if (record !== undefined && !this.#rests.spares(key, memories.get(key), metrics)) this.#look(record, undefined);
  }

  /** "A request waits and nothing can take it." While a write is under way the next look comes when it has ended. */
  poke({ workload, held }: Poke): void {
    const record = this.#parts.registry.get(workload);
    if (record === undefined) return;
    const memory = this.#memory(record);
    // A poke says that somebody waits, whatever number it comes with.
    const waiting = Number.isFinite(held) ? Math.max(1, held) : 1;
    if (this.#applier?.isWriting(workload) === true) memory.lookAgain = waiting;
    else this.#look(record, waiting);
  }

  /** After a write that a poke overtook. */
  lookAgain(key: WorkloadKey, held: number): void {
    const record = this.#parts.registry.get(key);
    if (record !== undefined) this.#look(record, held);
  }

  /** After a change of the workload or its pods: nothing is decided, but a failed wake is told at once. */
  changed(key: WorkloadKey): void {
    const record = this.#parts.registry.get(key);
    const memory = this.#parts.memories.get(key);
    if (memory !== undefined) memory.looksToNext = 0;
    if (record !== undefined && memory !== undefined) this.#parts.wakes.check(record, memory, liveCount(record.view, memory.written), this.#applier);
  }

  /** `heldByPoke`: requests that wait, where a poke is the cause. */
  #look(record: WorkloadRecord, heldByPoke: number | undefined): void {
    const { clock, memories, metrics, path, podsOf, journal, decided, formulas, wakes, budget, offBoard } = this.#parts;
    const { key, spec } = record;
    const poked = heldByPoke !== undefined;
    const memory = this.#memory(record);
    if (record.phase === 'off-boarding') {
      if (this.#applier !== undefined) offBoard(record, memory);
      return;
    }
    memory.offBoarding?.abort();
    const now = clock.now();
    const load = metrics.observe(key, spec, now);
    const overridden = memory.override;
    const ours = { leads: this.#applier !== undefined, isWriting: this.#applier?.isWriting(key) === true };
    const observed = observe(record, memory, podsOf.counts(key), load, path.holdReady(key), heldByPoke ?? 0, ours, now);
    const room = budget.roomFor(record, memory);
    const observation = room === undefined ? observed.observation : { ...observed.observation, budget: room };
    const before = memory.decider;
    const { decision: own, state } = (poked ? decidePoke : decide)(before, observation, spec, now, formulas);
    const decision = this.#holds.of(own);
    budget.take(record, decision, poked);
    memory.decider = state;
    const formulaMissing = spec.scaling.formula !== undefined && formulas(spec.scaling.formula) === undefined;
    journal.add(key, { poked, before, observation, spec, decision, after: state, formulaMissing });
    decided?.(record, decision);
    path.hold(key, wantsPath(decision, spec));
    wakes.check(record, memory, observed.live, this.#applier);
    const isSetUp = this.#applier === undefined || memory.setUp === 'done';
    this.#rests.after({ record, memory, decision, state, live: observed.live, hasBudget: room !== undefined, isSetUp });
    if (this.#applier === undefined || memories.get(key) !== memory) return;
    this.#tellOverride(record, memory, overridden);
    this.#applier.apply({ record, memory, decision, live: observed.live, load, podsOf: this.#podsOf, poked });
  }

  #tellOverride({ key }: WorkloadRecord, { override }: WorkloadMemory, before: WorkloadMemory['override']): void {
    if (override !== undefined && override.at !== before?.at)
      this.#parts.tell({ type: 'overridden', workload: key, replicas: override.replicas, manager: override.manager });
    if (override === undefined && before !== undefined) this.#parts.tell({ type: 'override-ended', workload: key, replicas: before.replicas });
  }

  #memory(record: WorkloadRecord): WorkloadMemory {
    const { memories, podsOf, clock } = this.#parts;
    const found = memories.get(record.key);
    if (found?.uid === record.view.uid) return found;
    podsOf.follow(record.view);
    return memories.of(record, podsOf.counts(record.key).ready, clock.now());
  }
}
