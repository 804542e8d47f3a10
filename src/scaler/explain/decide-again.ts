import { decide, decidePoke, noFormulas, type FormulaLookup } from '../../decider/index.ts';
import type { TickRecord } from '../tick-record.ts';
import { asTraced } from './trace.ts';

/** A figure of a decision, or of the state after it, that comes out differently. */
export interface Difference {
  /** `decision.to`, `after.panicSince`, … */
  readonly field: string;
  readonly want: unknown;
  readonly got: unknown;
}

/** Everything in which `got` differs from `want`, however deep. */
const differences = (field: string, want: unknown, got: unknown): readonly Difference[] => {
  if (Object.is(want, got)) return [];
  if (typeof want !== 'object' || typeof got !== 'object' || want === null || got === null) return [{ field, want, got }];
  const [a, b] = [want as Readonly<Record<string, unknown>>, got as Readonly<Record<string, unknown>>];
  return [...new Set([...Object.keys(a), ...Object.keys(b)])].flatMap((key) => differences(`${field}.${key}`, a[key], b[key]));
};

/** Decides a recorded tick again, from the state that was there before it, and compares the decision and the state after it, bit for bit. */
export const decideAgain = (tick: TickRecord, formulas: FormulaLookup): readonly Difference[] => {
  const { poked, before, observation, spec, decision, after, formulaMissing } = tick;
  const got = (poked ? decidePoke : decide)(before, observation, spec, decision.at, formulaMissing ? noFormulas : formulas);
  return [...differences('decision', asTraced(decision), asTraced(got.decision)), ...differences('after', asTraced(after), asTraced(got.state))];
};
