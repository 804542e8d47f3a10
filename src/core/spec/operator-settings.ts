import { defaultPerWorkloadMetrics } from '../route-snapshot.ts';
import { parseCidrs } from '../cidrs.ts';
import { failed, ok } from '../result.ts';
import { budget } from './budget.ts';
import { integer, map, oneOf, type Parse, type Parsed } from './scalars.ts';

/** One key of `rouse-config` beyond the defaults of settings. */
export interface OperatorSetting<T> {
  readonly initial: string;
  readonly legal: string;
  readonly example: string;
  readonly meaning: string;
  readonly parse: Parse<T>;
}
const operatorSetting = <T>(told: OperatorSetting<T>): OperatorSetting<T> => told;

const list =
  (accepts: (item: string) => boolean): Parse<readonly string[]> =>
  (text) => {
    const items = text === '' ? [] : text.split(',').map((item) => item.trim());
    const bad = items.find((item) => !accepts(item));
    return bad === undefined ? ok(items) : failed(`has ${JSON.stringify(bad)}`);
  };

const mostSeries: Parse<number> = (text) => (text === 'true' ? ok(defaultPerWorkloadMetrics) : text === 'false' ? ok(0) : integer(0, 20_000)(text));

const isKind = (text: string): boolean => /^[a-z][a-z0-9]{0,62}\.[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])$/.test(text);

/** What only the operator can set. */
export const operatorSettings = {
  'max-scale-limit': operatorSetting({
    initial: '0',
    legal: 'a whole number from 0 (no limit)',
    example: '100',
    meaning: 'no workload may set a higher max-scale; also the ceiling of those that set none',
    parse: map(integer(0), (value): number | 'unlimited' => (value === 0 ? 'unlimited' : value)),
  }),
  'allow-kinds': operatorSetting({
    initial: 'deployments.apps,statefulsets.apps',
    legal: 'kinds as resource.group, comma separated',
    example: 'deployments.apps,statefulsets.apps',
    meaning: 'which kinds may be workloads; others than the default need an aggregated ClusterRole',
    parse: list(isKind),
  }),
  budget: operatorSetting({
    initial: '',
    legal: 'YAML {pods?, namespaces?: {NAME: {pods?, priority?}}}',
    example: '{pods: 200, namespaces: {shop: {pods: 50, priority: 10}}}',
    meaning: 'ceiling of pods over all workloads and by namespace; the higher priority goes first',
    parse: budget,
  }),
  'trusted-proxies': operatorSetting({
    initial: '',
    legal: 'at most 1000 CIDRs, comma separated',
    example: '10.0.0.0/8,fd00::/8',
    meaning: 'from where X-Forwarded-*, Forwarded and X-Real-Ip are believed on the shared ports of gateways',
    parse: parseCidrs,
  }),
  'per-workload-metrics': operatorSetting({
    initial: 'true',
    legal: 'true (5000), false (0), or a whole number to 20000',
    example: '500',
    meaning: 'the most workloads that have series of their own in /metrics, the first by name; the sums (rouse_fleet_…, rouse_gateway_fleet_…) have all',
    parse: mostSeries,
  }),
  'access-log': operatorSetting({
    initial: 'off',
    legal: 'off or json',
    example: 'json',
    meaning: 'a line for each request, of gateways without --access-log',
    parse: oneOf('off', 'json'),
  }),
} as const;

export type OperatorName = keyof typeof operatorSettings;
export type OperatorValue<Name extends OperatorName> = Parsed<(typeof operatorSettings)[Name]['parse']>;
export const operatorNames: readonly OperatorName[] = Object.keys(operatorSettings) as OperatorName[];
