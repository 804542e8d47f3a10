import { workloadKey, type Clock, type Decision, type Instant, type WorkloadKey } from '../core/index.ts';
import { nextBounds, type FormulaLookup } from '../decider/index.ts';
import { explanationOf, type Explanation } from './explain/explanation.ts';
import { printTrace } from './explain/trace.ts';
import type { Journal, JournalRecord } from './journal.ts';
import type { PodsOf } from './pods-of.ts';
import type { ScalerPorts } from './ports.ts';
import { wantedCount } from './published-status.ts';
import type { ScaledWorkload } from './scaled-workload.ts';
import type { TickRecord } from './tick-record.ts';
import type { WorkloadRecord } from './workload-record.ts';

/** `unknown`: not onboarded. `undecided`, `too-early`: the journal begins later (it begins with the process). */
export type Why =
  | { readonly kind: 'explained'; readonly explanation: Explanation }
  | { readonly kind: 'unknown' }
  | { readonly kind: 'undecided' }
  | { readonly kind: 'too-early'; readonly begins: Instant };

interface Sources extends Pick<ScalerPorts, 'registry' | 'failures'> {
  readonly clock: Clock;
  readonly journal: Journal;
  readonly podsOf: PodsOf;
  readonly formulas: FormulaLookup;
  readonly leads: () => boolean;
}

/** What the scaler has decided and why, for whoever asks: it changes nothing. */
export class Decided {
  readonly #from: Sources;

  constructor(from: Sources) {
    this.#from = from;
  }

  workloads(): readonly ScaledWorkload[] {
    return [...this.#from.registry.values()].map((record) => this.#shown(record));
  }

  /** What was decided, oldest first; undefined for what is not onboarded. */
  explain(
    namespace: string,
    name: string,
  ): { readonly workload: ScaledWorkload; readonly decisions: readonly Decision[]; readonly journal: readonly JournalRecord[] } | undefined {
    const record = this.#named(namespace, name);
    if (record === undefined) return undefined;
    const journal = this.#from.journal.of(record.key);
    return { workload: this.#shown(record), decisions: journal.map(({ decision }) => decision), journal };
  }

  /** Why it has its count, or had it `at` that time. */
  why(namespace: string, name: string, at?: Instant): Why {
    const { clock, failures, formulas, journal, leads } = this.#from;
    const record = this.#named(namespace, name);
    if (record === undefined) return { kind: 'unknown' };
    const lines = journal.of(record.key);
    const [first] = lines;
    if (first === undefined) return { kind: 'undecided' };
    const ticks = journal.ticksOf(record.key);
    const wakeFailure = failures.get(record.key);
    const explanation = explanationOf({ workload: this.#shown(record), wakeFailure, leads: leads(), lines, ticks, formulas, now: clock.now(), at });
    return explanation === undefined ? { kind: 'too-early', begins: first.since } : { kind: 'explained', explanation };
  }

  /** Every decision that changed something and the holds between, and the last ticks; both oldest first, and empty where there are none. */
  journalOf(key: WorkloadKey): { readonly lines: readonly JournalRecord[]; readonly ticks: readonly TickRecord[] } {
    const { journal } = this.#from;
    return { lines: journal.of(key), ticks: journal.ticksOf(key) };
  }

  /** The last ticks as a trace (`explain/trace.ts`); undefined for what is not onboarded. */
  trace(namespace: string, name: string): string | undefined {
    const record = this.#named(namespace, name);
    return record === undefined ? undefined : printTrace(record.key, this.#from.journal.ticksOf(record.key));
  }

  #named(namespace: string, name: string): WorkloadRecord | undefined {
    const { registry } = this.#from;
    const direct = registry.get(workloadKey({ resource: 'deployments.apps', namespace, name }));
    return direct ?? [...registry.values()].find(({ ref }) => ref.namespace === namespace && ref.name === name);
  }

  #shown({ key, ref, view, spec }: WorkloadRecord): ScaledWorkload {
    const { clock, failures, journal, podsOf } = this.#from;
    const line = journal.last(key);
    const decision = line?.decision;
    const { ready, starting } = podsOf.counts(key);
    return {
      ...ref,
      key,
      desired: decision === undefined ? view.specReplicas : wantedCount(decision),
      replicas: view.specReplicas,
      ready,
      starting,
      reason: decision?.reason ?? 'warming-up',
      mode: spec.mode,
      pause: spec.pause,
      wakeFailure: failures.get(key)?.reason,
      next: nextBounds(spec, clock.now()),
      decision,
      decidedSince: line?.since,
    };
  }
}
