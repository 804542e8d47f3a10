import type { MetricReading, Observation } from '../core/index.ts';
import type { FormulaLookup } from './formula.ts';

/** Pods that a formula asks for over each window, rounded up, and the metrics that it reads; `failed` where it gives no finite number, `no-data` where one of them has no value. */
export type FormulaDemand = { readonly stable: number; readonly panic: number; readonly readings: readonly MetricReading[] } | 'failed' | 'no-data';

const scopeOf = (observation: Observation, window: (reading: MetricReading & { readonly kind: 'value' }) => number): ReadonlyMap<string, number> => {
  const values = new Map<string, number>([
    ['held', observation.held],
    ['ready', observation.ready],
    ['starting', observation.starting],
  ]);
  for (const reading of observation.metrics) {
    if (reading.kind === 'value') values.set(reading.metric, window(reading));
    // A latency of no requests: else an idle workload could not go to zero.
    else if (reading.nothing === true) values.set(reading.metric, 0);
  }
  return values;
};

/** Up to the next pod; a surplus in the ninth decimal is noise of the arithmetic. */
const roundUp = (count: number): number => Math.max(0, Math.ceil(Math.round(count * 1e9) / 1e9));

/** Evaluates the formula once with the stable and once with the panic values of the metrics. */
export const formulaDemand = (text: string, lookup: FormulaLookup, observation: Observation): FormulaDemand => {
  const formula = lookup(text);
  if (formula === undefined) return 'failed';
  const stableValues = scopeOf(observation, (reading) => reading.stable);
  if (formula.names.some((name) => !stableValues.has(name))) return 'no-data';
  const stable = formula.evaluate(stableValues);
  const panic = formula.evaluate(scopeOf(observation, (reading) => reading.panic));
  if (stable === undefined || panic === undefined) return 'failed';
  return { stable: roundUp(stable), panic: roundUp(panic), readings: observation.metrics.filter(({ metric }) => formula.names.includes(metric)) };
};
