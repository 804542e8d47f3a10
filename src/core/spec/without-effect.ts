import { isResourceMetric } from './asked-metrics.ts';
import { warningOf, type SpecWarning } from './problem.ts';
import type { SettingValues, SpecOptions } from './setting-values.ts';
import type { ScaleSpec } from './scale-spec.ts';
import type { SettingName } from './settings.ts';

const unplaced: readonly SettingName[] = ['placement', 'base-replicas', 'base-nodes', 'burst-nodes'];

/** What drives the count, and will not in the way that its writer may think. */
const metricWarnings = ({ path, scaling: { metrics, min, formula } }: ScaleSpec, values: SettingValues): readonly SpecWarning[] => {
  if (!values.isWritten('metric') || formula !== undefined) return [];
  const names = metrics.map(({ metric }) => metric);
  const ofTraffic = names.filter((metric) => !isResourceMetric(metric));
  const say = (sentence: string): SpecWarning => warningOf(values.written('metric'), sentence);
  if (ofTraffic.length > 0 && (path === 'direct' || path === 'none'))
    return [say(`with path ${path} the gateways do not see the requests, so ${ofTraffic.join(' and ')} ${ofTraffic.length === 1 ? 'is' : 'are'} missing.`)];
  if (ofTraffic.length > 0 || min > 0) return [];
  return [
    say(
      `${names.join(' and ')} alone never ${names.length === 1 ? 'lets' : 'let'} the last pod go, as idle pods use something too; name a metric of traffic as well to sleep, for example "concurrency,${names.join(',')}".`,
    ),
  ];
};

/** Settings that are not acted on, or not as it seems: said at once instead of found out later. */
export const withoutEffect = (spec: ScaleSpec, values: SettingValues, { places = false }: SpecOptions): readonly SpecWarning[] => {
  const grace = 'scale-to-zero-grace-period';
  const waiting = values.isWritten(grace)
    ? [warningOf(values.written(grace), 'has no effect: the last pod waits until requests would be held, however long that takes.')]
    : [];
  const unplacedWarnings = (places ? [] : unplaced)
    .filter((name) => values.isWritten(name))
    .map((name) => warningOf(values.written(name), 'has an effect only where Rouse places pods (controller flag --placement, docs/placement.md); else the cluster places them as always.'));
  return [...waiting, ...unplacedWarnings, ...metricWarnings(spec, values)];
};
