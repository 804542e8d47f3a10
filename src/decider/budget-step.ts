import type { Evidence, Observation, ScaleSpec } from '../core/index.ts';
import type { Trail } from './trail.ts';

/** Lowers the trail to what the budget leaves. Pods that run are not taken away faster than max-scale-down-rate would. */
export const applyBudget = (trail: Trail, { budget, replicas }: Observation, spec: ScaleSpec): Evidence['budget'] => {
  if (budget === undefined) return undefined;
  const wanted = trail.count;
  const gentle = Math.floor(replicas / spec.scaling.maxScaleDownRate);
  trail.move('budget', Math.min(wanted, Math.max(budget.limit, gentle)), 'budget', budget.limit);
  return { ...budget, wanted };
};
