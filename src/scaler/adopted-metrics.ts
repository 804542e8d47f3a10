import { knativePrefix, parseQuantity, prefix, type SpecWarning } from '../core/index.ts';
import type { Texts } from '../core/spec/index.ts';
import { at, fieldsOf, wordOf } from './hpa-fields.ts';

/** What an adopted HorizontalPodAutoscaler measures, in the words of annotations, and what of it Rouse cannot. */
export interface AdoptedMetrics {
  readonly texts: Texts;
  readonly leftOut: readonly string[];
}

/** `cpu=80%`, `memory=536870912`; undefined for a target of another kind. */
const targetOf = (name: unknown, target: unknown): string | undefined => {
  const [share, amount] = [at(target, 'averageUtilization'), at(target, 'averageValue')];
  if (name === 'cpu') return typeof share === 'number' && share > 0 ? `cpu=${String(share)}%` : undefined;
  if (name !== 'memory' || share !== undefined) return undefined;
  const bytes = parseQuantity(wordOf(amount)) ?? 0;
  return bytes >= 1 ? `memory=${String(Math.round(bytes))}` : undefined;
};

/** How people find the metric in their manifest. */
const described = (metric: unknown): string => {
  const type = wordOf(at(metric, 'type'));
  const field = `${type.charAt(0).toLowerCase()}${type.slice(1)}`;
  const body = at(metric, field);
  const name = wordOf(at(body, 'name') ?? at(body, 'metric', 'name'));
  const target = fieldsOf(at(body, 'target'));
  const amount = target['averageUtilization'] === undefined ? wordOf(target['averageValue'] ?? target['value']) : `${wordOf(target['averageUtilization'])}%`;
  const container = field === 'containerResource' ? ` of container ${wordOf(at(body, 'container'))}` : '';
  return `${type} ${name}${container} (${amount})`;
};

export const adoptedMetrics = (hpa: unknown): AdoptedMetrics => {
  const targets: string[] = [];
  const leftOut: string[] = [];
  const metrics: unknown = at(hpa, 'spec', 'metrics');
  for (const metric of Array.isArray(metrics) ? (metrics as readonly unknown[]) : []) {
    const found = at(metric, 'type') === 'Resource' ? targetOf(at(metric, 'resource', 'name'), at(metric, 'resource', 'target')) : undefined;
    const isTwice = found !== undefined && targets.some((each) => each.split('=')[0] === found.split('=')[0]);
    if (found === undefined || isTwice) leftOut.push(described(metric));
    else targets.push(found);
  }
  if (targets.length === 0) return { texts: {}, leftOut };
  const names = targets.map((target) => target.split('=')[0]).join(',');
  return { texts: { [`${knativePrefix}metric`]: names, [`${knativePrefix}target`]: targets.join(',') }, leftOut };
};

const own = ['metric', 'target'].flatMap((name) => [`${prefix}${name}`, `${knativePrefix}${name}`]);

/** Whoever says by what to scale says all of it: what the HorizontalPodAutoscaler said is for where nobody does. */
export const saysMetrics = (...layers: readonly Texts[]): boolean => layers.some((texts) => own.some((key) => key in texts));

/** One sentence about what is not taken over. */
export const leftOutSentence = (leftOut: readonly string[]): string =>
  `of the HorizontalPodAutoscaler these are not taken over: ${leftOut.join(', ')}; cpu with averageUtilization and memory with averageValue are.`;

export const leftOutWarnings = (leftOut: readonly string[]): readonly SpecWarning[] =>
  leftOut.length === 0 ? [] : [{ key: `${prefix}adopt-hpa`, source: 'workload', message: `${prefix}adopt-hpa: ${leftOutSentence(leftOut)}` }];
