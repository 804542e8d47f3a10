import { prefix } from '../annotations.ts';
import { failed, ok, type Result } from '../result.ts';
import { assemble } from './assemble.ts';
import { crossChecks } from './cross-checks.ts';
import { problemOf, type SpecProblem, type SpecWarning, type Written } from './problem.ts';
import type { ScaleSpec } from './scale-spec.ts';
import { settingNames, settings, type SettingName, type SettingValue } from './settings.ts';
import type { SettingValues, SpecOptions } from './setting-values.ts';
import { withoutEffect } from './without-effect.ts';
import { collectSettings, type SpecSources } from './written-settings.ts';

export interface ParsedSpec {
  readonly spec: ScaleSpec;
  readonly warnings: readonly SpecWarning[];
}

/** Turns everything that is written for one workload into its spec, or into the list of all problems: nothing applies by half. */
export const parseSpec = (sources: SpecSources, options: SpecOptions = {}): Result<ParsedSpec, readonly SpecProblem[]> => {
  const { found, problems, warnings } = collectSettings(sources);
  const all = [...problems];
  const values = new Map<SettingName, unknown>();
  for (const name of settingNames) {
    const { initial, legal, example, parse } = settings[name];
    const written = found.get(name);
    const text = written?.value ?? initial;
    if (text === undefined) continue;
    const parsed = parse(text);
    if (parsed.ok) values.set(name, parsed.value);
    else all.push(problemOf(written ?? defaultOf(name), legal, example, parsed.problem));
  }
  const lookup: SettingValues = {
    // The table's key type ties name and value together; a Map cannot say so.
    get: <Name extends SettingName>(name: Name) => values.get(name) as SettingValue<Name> | undefined,
    written: (name) => found.get(name) ?? defaultOf(name),
    isWritten: (name) => found.has(name),
  };
  all.push(...crossChecks(lookup, options));
  if (all.length > 0) return failed(all);
  const spec = assemble(lookup, options.maxScaleLimit ?? 'unlimited');
  return ok({ spec, warnings: [...warnings, ...withoutEffect(spec, lookup, options)] });
};

const defaultOf = (name: SettingName): Written => ({ key: `${prefix}${name}`, value: settings[name].initial ?? '', source: 'workload' });
