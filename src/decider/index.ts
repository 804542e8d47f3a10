/**
 * How many pods a workload should have, and why: pure functions of state, observation, spec and time, which never read a clock, write a log
 * or call anything. Two policies: `kpa` gives Knative's numbers, `rouse` is the same skeleton with its defects mended. Start with
 * `decide.ts`, which lists every step in order, then `policy.ts`.
 */
export { nextBounds, type NextBounds } from './bounds.ts';
export { shareBudget, type BudgetCeilings, type BudgetClaim } from './budget.ts';
export { decide, decidePoke, type Decided } from './decide.ts';
export {
  placementWeights,
  placementScorer,
  score,
  type Amount,
  type Leaving,
  type PlacementHistory,
  type PlacementNode,
  type PlacementPod,
  type PlacementReasons,
  type PlacementScorer,
  type Pool,
} from './placement.ts';
export { loadFormulas, noFormulas, type FormulaLookup, type Formulas } from './formula.ts';
export { scheduleAt } from './schedule.ts';
export { initialState, remembersNothing, type DeciderState } from './state.ts';
