import { problemOf, problemSaying, type SpecProblem } from './problem.ts';
import type { SettingValues, SpecOptions } from './setting-values.ts';
import { settings } from './settings.ts';
import { resolveTargets } from './targets.ts';

type Check = (values: SettingValues, options: SpecOptions) => SpecProblem | undefined;

/** What `name` would have to be, in words, for settings that are wrong only together with another. */
const saying = (values: SettingValues, name: keyof typeof settings, example: string, sentence: string): SpecProblem =>
  problemSaying(values.written(name), settings[name].legal, example, sentence);

const atMostMax =
  (name: 'min-scale' | 'activation-scale'): Check =>
  (values) => {
    const [value, max] = [values.get(name), values.get('max-scale')];
    if (value === undefined || max === undefined || max === 'unlimited' || value <= max) return undefined;
    // Where the workload writes only max-scale, that is the one to name.
    if (!values.isWritten(name)) return saying(values, 'max-scale', String(value), `${String(max)} is below ${name}, which is ${String(value)} by default.`);
    return saying(values, name, String(max), `${String(value)} is above max-scale, which is ${String(max)}; lower it or raise max-scale.`);
  };

const withinLimit: Check = (values, { maxScaleLimit = 'unlimited' }) => {
  const max = values.get('max-scale');
  if (maxScaleLimit === 'unlimited' || max === undefined || !values.isWritten('max-scale')) return undefined;
  if (max !== 'unlimited' && max <= maxScaleLimit) return undefined;
  const asked = max === 'unlimited' ? 'no limit' : String(max);
  return saying(values, 'max-scale', String(maxScaleLimit), `${asked} is above max-scale-limit, which the operator set to ${String(maxScaleLimit)}.`);
};

const minWithinLimit: Check = (values, { maxScaleLimit = 'unlimited' }) => {
  const min = values.get('min-scale');
  if (maxScaleLimit === 'unlimited' || min === undefined || min <= maxScaleLimit) return undefined;
  return saying(values, 'min-scale', String(maxScaleLimit), `${String(min)} is above max-scale-limit, which the operator set to ${String(maxScaleLimit)}.`);
};

const scheduleWithinMax: Check = (values) => {
  const [windows, max] = [values.get('schedule'), values.get('max-scale')];
  if (windows === undefined || max === undefined || max === 'unlimited') return undefined;
  const above = windows.find(({ min }) => min !== undefined && min > max);
  if (above?.min === undefined) return undefined;
  return saying(values, 'schedule', settings.schedule.example, `a min of ${String(above.min)} is above max-scale, which is ${String(max)}.`);
};

const fallbackPair: Check = (values) => {
  if (
    !values.isWritten('fallback-after') ||
    values.get('fallback-after') === undefined ||
    values.get('fallback-scale') !== undefined ||
    values.isWritten('fallback-scale')
  )
    return undefined;
  // A cluster's or namespace's default for the time alone is fine: it takes effect where a workload sets the count.
  const { source } = values.written('fallback-after');
  if (source === 'cluster' || source === 'namespace') return undefined;
  return saying(values, 'fallback-after', settings['fallback-after'].example, 'has no effect without fallback-scale; set both or neither.');
};

const targetsFitMetrics: Check = (values) => {
  const chosen = values.get('metric');
  if (chosen === undefined || (values.isWritten('target') && values.get('target') === undefined)) return undefined;
  const written = values.get('target');
  const resolved = resolveTargets(chosen, written);
  if (!resolved.ok) {
    const name = values.isWritten('target') ? 'target' : 'metric';
    return problemOf(values.written(name), settings[name].legal, settings[name].example, resolved.problem);
  }
  const surplus = written?.kind === 'each' ? [...written.texts.keys()].find((metric) => !chosen.includes(metric)) : undefined;
  const { source } = values.written('target');
  if (surplus === undefined || source === 'cluster' || source === 'namespace') return undefined;
  return saying(
    values,
    'target',
    settings.target.example,
    `names ${surplus}, which is not among the metrics (${chosen.join(', ')}); add it to rouse.dev/metric.`,
  );
};

const formulaIsSound: Check = (values, { checkFormula }) => {
  const formula = values.get('formula');
  const wrong = formula === undefined ? undefined : checkFormula?.(formula);
  return wrong === undefined ? undefined : problemOf(values.written('formula'), settings.formula.legal, settings.formula.example, wrong);
};

const poolsToDivide: Check = (values) =>
  values.isWritten('base-replicas') && !values.isWritten('base-nodes') && !values.isWritten('burst-nodes')
    ? saying(values, 'base-replicas', settings['base-replicas'].example, 'has no effect without base-nodes or burst-nodes; set one of them as well.')
    : undefined;

const checks: readonly Check[] = [
  atMostMax('min-scale'),
  atMostMax('activation-scale'),
  withinLimit,
  minWithinLimit,
  scheduleWithinMax,
  fallbackPair,
  targetsFitMetrics,
  formulaIsSound,
  poolsToDivide,
];

/** What is wrong between settings that are each legal. Settings that could not be read are left out: they are reported already. */
export const crossChecks = (values: SettingValues, options: SpecOptions): readonly SpecProblem[] =>
  checks.map((check) => check(values, options)).filter((problem) => problem !== undefined);
