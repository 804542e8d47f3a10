import { byLabel, type FewSeries } from './few-series.ts';

/** A ceiling of the budget as it is at a scrape; namespace '' is the whole cluster. */
export interface BudgetFigures {
  readonly namespace: string;
  readonly limit: number;
  readonly used: number;
  readonly wanted: number;
}

export const budgetMetrics = (ceilings: readonly BudgetFigures[]): readonly FewSeries[] => {
  const gauge = (name: string, help: string, figure: (ceiling: BudgetFigures) => number): FewSeries => ({
    name,
    help,
    type: 'gauge',
    labels: ['namespace'],
    samples: () =>
      byLabel(
        'namespace',
        ceilings.map((ceiling) => [ceiling.namespace, figure(ceiling)]),
      ),
  });
  return [
    gauge('rouse_budget_limit_pods', 'Ceiling of the budget: of a namespace, or (without one) of the cluster.', ({ limit }) => limit),
    gauge('rouse_budget_used_pods', 'Pods of workloads under that ceiling.', ({ used }) => used),
    gauge('rouse_budget_wanted_pods', 'Pods that they would have without a budget.', ({ wanted }) => wanted),
  ];
};
