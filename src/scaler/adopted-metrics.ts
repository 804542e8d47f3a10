import { knativePrefix, parseQuantity, prefix, type SpecWarning } from '../core/index.ts';
import type { Texts } from '../core/spec/index.ts';
import type { AskedView, TemplateRequestsView } from '../kube/index.ts';
import { at, fieldsOf, wordOf } from './hpa-fields.ts';

/** What an adopted HorizontalPodAutoscaler measures, in the words of annotations, and what of it Rouse cannot. */
export interface AdoptedMetrics {
  readonly texts: Texts;
  readonly leftOut: readonly string[];
}

type Resource = keyof TemplateRequestsView;

/** In Rouse's own units: of cpu per cent of the request, of memory bytes. Undefined where it takes a request that is not there. */
const amountOf = (name: Resource, target: unknown, asked: AskedView): number | undefined => {
  const share = at(target, 'averageUtilization');
  if (name === 'cpu' && typeof share === 'number') return share;
  const amount = share === undefined ? parseQuantity(wordOf(at(target, 'averageValue'))) : undefined;
  if (name === 'memory' && amount !== undefined) return amount;
  if (typeof asked !== 'number') return undefined;
  if (name === 'cpu') return amount === undefined ? undefined : (100 * amount) / asked;
  return typeof share === 'number' ? (share / 100) * asked : undefined;
};

/** `cpu=80%`, `memory=536870912`; undefined for a target of another kind, or one of nothing. */
const targetOf = (name: Resource, target: unknown, requests: TemplateRequestsView): string | undefined => {
  const amount = amountOf(name, target, requests[name]) ?? 0;
  if (amount > Number.MAX_SAFE_INTEGER) return undefined;
  if (name === 'memory') return amount >= 1 ? `memory=${String(Math.round(amount))}` : undefined;
  return amount >= 0.01 ? `cpu=${String(Math.round(amount * 100) / 100)}%` : undefined;
};

const resourceOf = (metric: unknown): Resource | undefined => {
  const name = at(metric, 'type') === 'Resource' ? at(metric, 'resource', 'name') : undefined;
  return name === 'cpu' || name === 'memory' ? name : undefined;
};

/** The request without which the metric cannot be turned into ours. */
const lackOf = (metric: unknown, requests: TemplateRequestsView): string => {
  const name = resourceOf(metric);
  const asked = name === undefined ? 0 : requests[name];
  const isTurned = at(metric, 'resource', 'target', name === 'cpu' ? 'averageValue' : 'averageUtilization') !== undefined;
  if (typeof asked === 'number' || !isTurned) return '';
  return `: ${asked.without === '' ? 'the pod template' : `container ${asked.without} of the pod template`} has no ${String(name)} request`;
};

/** How people find the metric in their manifest. */
const described = (metric: unknown, requests: TemplateRequestsView): string => {
  const type = wordOf(at(metric, 'type'));
  const field = `${type.charAt(0).toLowerCase()}${type.slice(1)}`;
  const body = at(metric, field);
  const name = wordOf(at(body, 'name') ?? at(body, 'metric', 'name'));
  const target = fieldsOf(at(body, 'target'));
  const amount = target['averageUtilization'] === undefined ? wordOf(target['averageValue'] ?? target['value']) : `${wordOf(target['averageUtilization'])}%`;
  const container = field === 'containerResource' ? ` of container ${wordOf(at(body, 'container'))}` : '';
  return `${type} ${name}${container} (${amount}${lackOf(metric, requests)})`;
};

/** `requests` are those of the workload's pod template: shares of memory and amounts of CPU are turned into one another by them. */
export const adoptedMetrics = (hpa: unknown, requests: TemplateRequestsView): AdoptedMetrics => {
  const targets: string[] = [];
  const leftOut: string[] = [];
  const metrics: unknown = at(hpa, 'spec', 'metrics');
  for (const metric of Array.isArray(metrics) ? (metrics as readonly unknown[]) : []) {
    const name = resourceOf(metric);
    const found = name === undefined ? undefined : targetOf(name, at(metric, 'resource', 'target'), requests);
    const isTwice = found !== undefined && targets.some((each) => each.split('=')[0] === found.split('=')[0]);
    if (found === undefined || isTwice) leftOut.push(described(metric, requests));
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
  `of the HorizontalPodAutoscaler these are not taken over: ${leftOut.join(', ')}; cpu and memory of whole pods (type Resource) are.`;

export const leftOutWarnings = (leftOut: readonly string[]): readonly SpecWarning[] =>
  leftOut.length === 0 ? [] : [{ key: `${prefix}adopt-hpa`, source: 'workload', message: `${prefix}adopt-hpa: ${leftOutSentence(leftOut)}` }];
