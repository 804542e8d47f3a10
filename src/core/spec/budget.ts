import { failed, ok } from '../result.ts';
import { dnsLabel, largestInteger, type Parse } from './scalars.ts';
import { parseYaml, type Fields } from './yaml-list.ts';

/** A ceiling of pods over many workloads; where it is reached the namespace with the higher priority wins. */
export interface Budget {
  /** Of all workloads together. */
  readonly pods: number | 'unlimited';
  readonly namespaces: Readonly<Record<string, { readonly pods: number | 'unlimited'; readonly priority: number }>>;
}

const isFields = (value: unknown): value is Fields => typeof value === 'object' && value !== null && !Array.isArray(value);
const podLimit = (value: unknown): number | 'unlimited' | undefined =>
  value === undefined ? 'unlimited' : typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= largestInteger ? value : undefined;
const onlyFields = (fields: Fields, ...known: readonly string[]): boolean => Object.keys(fields).every((name) => known.includes(name));

/** Empty text is no budget. */
export const budget: Parse<Budget | undefined> = (text) => {
  if (text === '') return ok(undefined);
  const yaml = parseYaml(text);
  if (!yaml.ok) return yaml;
  if (!isFields(yaml.value) || !onlyFields(yaml.value, 'pods', 'namespaces')) return failed('is not a map of pods and namespaces');
  const pods = podLimit(yaml.value['pods']);
  if (pods === undefined) return failed('has pods that are not a whole number from 0');
  const namespaces: [string, { readonly pods: number | 'unlimited'; readonly priority: number }][] = [];
  const written = yaml.value['namespaces'] ?? {};
  if (!isFields(written)) return failed('has namespaces that are not a map');
  for (const [name, fields] of Object.entries(written)) {
    if (!dnsLabel.test(name)) return failed(`names ${JSON.stringify(name)}, which can be no namespace`);
    const own = isFields(fields) && onlyFields(fields, 'pods', 'priority') ? fields : undefined;
    const limit = own === undefined ? undefined : podLimit(own['pods']);
    const priority = own?.['priority'] ?? 0;
    if (limit === undefined || typeof priority !== 'number' || !Number.isInteger(priority))
      return failed(`has no whole numbers pods and priority for namespace ${JSON.stringify(name)}`);
    namespaces.push([name, { pods: limit, priority }]);
  }
  return ok({ pods, namespaces: Object.fromEntries(namespaces) });
};
