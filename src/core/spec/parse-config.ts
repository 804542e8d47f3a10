import { failed, ok, type Result } from '../result.ts';
import type { Budget } from './budget.ts';
import { nearest } from './nearest.ts';
import { operatorNames, operatorSettings, type OperatorName, type OperatorValue } from './operator-settings.ts';
import { parseSpec } from './parse-spec.ts';
import { problemOf, problemSaying, type SpecProblem, type SpecWarning, type Written } from './problem.ts';
import type { SpecOptions } from './setting-values.ts';
import { isInherited, laterSettings, settingNames } from './settings.ts';
import type { Texts } from './written-settings.ts';

/** What ConfigMap `rouse-config` says. */
export interface ClusterConfig {
  /** Defaults of settings, as written and known to be legal: the `cluster` layer of `parseSpec`. */
  readonly defaults: Texts;
  readonly maxScaleLimit: number | 'unlimited';
  /** Resource and group of the kinds that may be workloads. */
  readonly allowKinds: readonly string[];
  readonly budget: Budget | undefined;
  /** CIDRs from which `X-Forwarded-*` is believed on the shared port. */
  readonly trustedProxies: readonly string[];
  /** The most workloads that have series of their own. */
  readonly perWorkloadMetrics: number;
  readonly accessLog: 'off' | 'json';
}

export interface ParsedConfig {
  readonly config: ClusterConfig;
  readonly warnings: readonly SpecWarning[];
}

const inheritedNames: readonly string[] = settingNames.filter(isInherited);

/** Reads the data of ConfigMap `rouse-config`; an empty one is the built-in configuration. Unknown keys are problems: a typo must not pass for a limit. */
export const parseConfig = (data: Texts, options: Pick<SpecOptions, 'checkFormula'> = {}): Result<ParsedConfig, readonly SpecProblem[]> => {
  const problems: SpecProblem[] = [];
  const defaults: Record<string, string> = {};
  for (const [key, value] of Object.entries(data)) {
    if (inheritedNames.includes(key)) defaults[key] = value;
    else if (!Object.hasOwn(operatorSettings, key)) problems.push(unknownKey({ key, value, source: 'cluster' }));
  }
  const read = <Name extends OperatorName>(name: Name): OperatorValue<Name> | undefined => {
    const { initial, legal, example, parse } = operatorSettings[name];
    const value = (data[name] ?? initial).trim();
    const parsed = parse(value);
    if (!parsed.ok) {
      problems.push(problemOf({ key: name, value, source: 'cluster' }, legal, example, parsed.problem));
      return undefined;
    }
    // The table ties name and value together; the compiler loses that in the union of parsers.
    return parsed.value as OperatorValue<Name>;
  };
  const config = {
    maxScaleLimit: read('max-scale-limit') ?? 'unlimited',
    allowKinds: read('allow-kinds') ?? [],
    budget: read('budget'),
    trustedProxies: read('trusted-proxies') ?? [],
    perWorkloadMetrics: read('per-workload-metrics') ?? 0,
    accessLog: read('access-log') ?? 'off',
  };
  // A workload that says nothing must come out right with these defaults.
  const probe = parseSpec({ cluster: defaults, workload: {} }, { ...options, maxScaleLimit: config.maxScaleLimit });
  if (!probe.ok) problems.push(...probe.problem);
  return problems.length > 0 || !probe.ok ? failed(problems) : ok({ config: { defaults, ...config }, warnings: probe.value.warnings });
};

const unknownKey = (written: Written): SpecProblem => {
  const only = settingNames.some((name) => name === written.key) || written.key === 'enabled';
  const guess = nearest(written.key, [...operatorNames, ...inheritedNames]);
  const later = laterSettings.get(written.key);
  const said = only
    ? 'can only be set on a workload.'
    : later !== undefined
      ? `is not available in this version (${later}).`
      : `is no key of rouse-config${guess === undefined ? '' : `; did you mean ${guess}?`}`;
  return problemSaying(written, 'a known key', guess ?? 'min-scale', said);
};
