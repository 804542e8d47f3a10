import { parseQuantity } from '../quantity.ts';
import { failed, ok, type Result } from '../result.ts';
import { parseDuration } from './duration.ts';
import { decimal, type Parse } from './scalars.ts';
import { metricNames, type MetricName, type MetricTarget } from './scale-spec.ts';

const leastTarget = 0.01;
/** Knative's defaults; the other metrics have no number that would suit most programs. */
const defaultTargets: Partial<Record<MetricName, number>> = { concurrency: 100, rps: 200 };
const examples: Readonly<Record<MetricName, string>> = { concurrency: '50', rps: '200', held: '1', latency: '250ms', cpu: '80%', memory: '512Mi' };

const isMetric = (text: string): text is MetricName => metricNames.some((name) => name === text);

export const metrics: Parse<readonly MetricName[]> = (text) => {
  const found = text.split(',').map((name) => name.trim());
  const unknown = found.find((name) => !isMetric(name));
  if (unknown !== undefined) return failed(`names the unknown metric ${JSON.stringify(unknown)}`);
  if (new Set(found).size !== found.length) return failed('names a metric twice');
  return ok(found.filter(isMetric));
};

/** A target as written: one number for the only metric, or a number for each. */
export type WrittenTarget = { readonly kind: 'one'; readonly text: string } | { readonly kind: 'each'; readonly texts: ReadonlyMap<MetricName, string> };

const number = decimal((value) => value >= leastTarget);

const bytes = (text: string): number | undefined => {
  const found = parseQuantity(text);
  return found !== undefined && found >= 1 && Number.isFinite(found) ? found : undefined;
};

/** The target in the metric's own unit (`MetricTarget`); undefined if `text` is none for this metric. */
const targetFor = (metric: MetricName, text: string): number | undefined => {
  switch (metric) {
    case 'latency': {
      const value = parseDuration(text);
      return value !== undefined && value > 0 ? value : undefined;
    }
    case 'memory':
      return bytes(text);
    case 'cpu': {
      const value = number(text.endsWith('%') ? text.slice(0, -1) : text);
      return value.ok ? value.value : undefined;
    }
    case 'concurrency':
    case 'rps':
    case 'held': {
      const value = number(text);
      return value.ok ? value.value : undefined;
    }
  }
};

/** Checks form only: which metric a bare number belongs to is known when all layers are (`resolveTargets`). */
export const target: Parse<WrittenTarget> = (text) => {
  if (!text.includes('=')) {
    const fits = metricNames.some((metric) => targetFor(metric, text) !== undefined);
    return fits ? ok({ kind: 'one', text }) : failed(undefined);
  }
  const texts = new Map<MetricName, string>();
  for (const part of text.split(',')) {
    const [name = '', value = '', ...more] = part.split('=').map((side) => side.trim());
    if (more.length > 0 || !isMetric(name)) return failed(`names the unknown metric ${JSON.stringify(name)}`);
    if (texts.has(name)) return failed(`names ${name} twice`);
    if (targetFor(name, value) === undefined)
      return failed(`has ${JSON.stringify(value)}, which is no target for ${name} (want for example ${examples[name]})`);
    texts.set(name, value);
  }
  return ok({ kind: 'each', texts });
};

/** Joins what drives the workload with what it is measured against. The problem ends a sentence that begins with the target's value. */
export const resolveTargets = (chosen: readonly MetricName[], written: WrittenTarget | undefined): Result<readonly MetricTarget[], string> => {
  const resolved: MetricTarget[] = [];
  if (written?.kind === 'one' && chosen.length > 1)
    return failed(`does not say which metric it is for (want for example ${chosen.map((metric) => `${metric}=${examples[metric]}`).join(',')})`);
  for (const metric of chosen) {
    const text = written?.kind === 'one' ? written.text : written?.texts.get(metric);
    const value = text === undefined ? defaultTargets[metric] : targetFor(metric, text);
    if (value === undefined)
      return failed(
        text === undefined
          ? `has no target for ${metric} (want for example ${metric}=${examples[metric]})`
          : `is no target for ${metric} (want for example ${examples[metric]})`,
      );
    resolved.push({ metric, target: value });
  }
  return ok(resolved);
};
