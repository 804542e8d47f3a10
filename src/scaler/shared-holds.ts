import type { Decision, Evidence } from '../core/index.ts';

/** Decisions of which another one may be a copy; those of workloads with the same target meet in the same place. */
const places = 64;

type Plain = Readonly<Record<string, unknown>>;

/** Plain objects with the same values, fields of `except` apart. */
const isSame = (a: object, b: object, except?: string): boolean => {
  for (const name in a) if (name !== except && (a as Plain)[name] !== (b as Plain)[name]) return false;
  for (const name in b) if (!(name in a)) return false;
  return true;
};

const isSameDemand = (a: Evidence['demands'][number] | undefined, b: Evidence['demands'][number] | undefined): boolean =>
  a !== undefined && b !== undefined && isSame(a, b, 'reading') && isSame(a.reading, b.reading);

const isSameEvidence = (a: Evidence, b: Evidence): boolean =>
  isSame(a, b, 'demands') && a.demands.length === b.demands.length && a.demands.every((demand, index) => isSameDemand(demand, b.demands[index]));

/**
 * Thousands of workloads that sleep are decided alike, down to the moment: one decision serves them all. What is not found to be the same is
 * simply kept as it is.
 */
export class SharedHolds {
  readonly #recent: (Decision | undefined)[] = Array.from({ length: places }, () => undefined);

  /** An equal decision, if there was one lately; else this one. */
  of(decision: Decision): Decision {
    if (decision.kind !== 'hold' || decision.to !== 0) return decision;
    const place = Math.trunc(decision.evidence.demands[0]?.target ?? 0) % places;
    const recent = this.#recent[place];
    if (recent !== undefined && isSame(recent, decision, 'evidence') && isSameEvidence(recent.evidence, decision.evidence)) return recent;
    this.#recent[place] = decision;
    return decision;
  }
}
