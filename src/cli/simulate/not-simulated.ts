import type { MetricName, ScalingSpec } from '../../core/index.ts';
import type { Formulas } from '../../decider/index.ts';

/** What the virtual pods do not have: nobody measures how long they take, and they use nothing. */
const absent: ReadonlySet<string> = new Set<MetricName>(['latency', 'cpu', 'memory']);

/** Metrics that the formula reads, or without one the spec asks for, and that are missing in a simulation. */
export const notSimulated = ({ formula, metrics }: ScalingSpec, formulas: Formulas | undefined): readonly string[] => {
  const names = formula === undefined ? metrics.map(({ metric }) => metric) : (formulas?.lookup(formula)?.names ?? []);
  return names.filter((name) => absent.has(name));
};
