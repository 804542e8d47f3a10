import { label, type Metric } from './series.ts';

/** A ceiling of the budget as it is at a scrape; namespace '' is the whole cluster. */
export interface BudgetFigures {
  readonly namespace: string;
  readonly limit: number;
  readonly used: number;
  readonly wanted: number;
}

export const budgetMetrics = (ceilings: readonly BudgetFigures[]): readonly Metric[] => {
  const gauge = (name: string, help: string, figure: (ceiling: BudgetFigures) => number): Metric => ({
    name,
    help,
    type: 'gauge',
    samples: () => ceilings.map((ceiling) => ({ labels: label('namespace', ceiling.namespace), value: figure(ceiling) })),
  });
  return [
    gauge('rouse_budget_limit_pods', 'Ceiling of the budget: of a namespace, or (without one) of the cluster.', ({ limit }) => limit),
    gauge('rouse_budget_used_pods', 'Pods of workloads under that ceiling.', ({ used }) => used),
    gauge('rouse_budget_wanted_pods', 'Pods that they would have without a budget.', ({ wanted }) => wanted),
  ];
};
