import { warningOf, type SpecWarning } from './problem.ts';
import type { SettingValues } from './setting-values.ts';
import type { MetricName, ScaleSpec } from './scale-spec.ts';
import type { SettingName } from './settings.ts';

/** Metrics that this version reads from nowhere: they count as missing. */
const unmeasured: ReadonlySet<MetricName> = new Set(['latency', 'cpu', 'memory']);
const unplaced: readonly SettingName[] = ['placement', 'base-replicas', 'base-nodes', 'burst-nodes'];

/** Settings that are read and that this version does not act on: said at once instead of found out later. */
export const withoutEffect = (spec: ScaleSpec, values: SettingValues): readonly SpecWarning[] => {
  const missing = spec.scaling.metrics.map(({ metric }) => metric).filter((metric) => unmeasured.has(metric));
  const grace = 'scale-to-zero-grace-period';
  const waiting = values.isWritten(grace)
    ? [warningOf(values.written(grace), 'has no effect: the last pod waits until requests would be held, however long that takes.')]
    : [];
  const unplacedWarnings = unplaced
    .filter((name) => values.isWritten(name))
    .map((name) => warningOf(values.written(name), 'is read but has no effect in this version: pods are placed by the cluster as always.'));
  const warnings = [...waiting, ...unplacedWarnings];
  if (missing.length === 0) return warnings;
  const only = missing.length === spec.scaling.metrics.length ? ', so nothing drives the count but min-scale, schedules and waiting requests' : '';
  return [
    ...warnings,
    warningOf(
      values.written('metric'),
      `${missing.join(' and ')} cannot be measured in this version and count${missing.length === 1 ? 's' : ''} as missing${only}.`,
    ),
  ];
};
