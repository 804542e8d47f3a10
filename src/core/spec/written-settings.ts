import { knativePrefix, prefix } from '../annotations.ts';
import { nearest } from './nearest.ts';
import { problemSaying, warningOf, type SpecProblem, type SpecSource, type SpecWarning, type Written } from './problem.ts';
import { isInherited, laterSettings, settingNames, settings, type SettingName } from './settings.ts';

/** Annotations or ConfigMap data, as Kubernetes gives them. */
export type Texts = Readonly<Record<string, string>>;

/** Where settings may be written; absent layers say nothing. */
export interface SpecSources {
  /** The data of ConfigMap `rouse-config` that sets defaults, without prefix (`ClusterConfig.defaults`). */
  readonly cluster?: Texts;
  /** The Namespace's annotations. */
  readonly namespace?: Texts;
  /** The pod template's annotations: only Knative's names are read there. */
  readonly podTemplate?: Texts;
  /** The workload's own annotations. */
  readonly workload: Texts;
}

/** What was written, by setting, highest precedence only; and what was written that is no setting. */
export interface WrittenSettings {
  readonly found: ReadonlyMap<SettingName, Written>;
  readonly problems: readonly SpecProblem[];
  readonly warnings: readonly SpecWarning[];
}

/** `rouse.dev/*` annotations of a workload that are no settings: the switch, and what we write ourselves. */
const otherNames = ['enabled', 'status', 'state'];

const camelCase = (name: string): string => name.replaceAll(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
const knativeNames: ReadonlyMap<string, SettingName> = new Map(
  settingNames.filter((name) => settings[name].knative).flatMap((name) => [[name, name] as const, [camelCase(name), name] as const]),
);
const isSetting = (name: string): name is SettingName => Object.hasOwn(settings, name);

/** Why `name`, which is no setting that may be written here, is refused. */
const refusal = (written: Written, name: string, shownPrefix: string, mayBe: readonly SettingName[]): SpecProblem => {
  const later = laterSettings.get(name);
  const guess = nearest(name, mayBe);
  const said =
    isSetting(name) || name === 'enabled'
      ? 'can only be set on a workload.'
      : later !== undefined
        ? `is not available in this version (${later}).`
        : guess === undefined
          ? 'is no setting of Rouse; docs/reference/annotations.md lists them.'
          : `is no setting of Rouse; did you mean ${shownPrefix}${guess}?`;
  const example = guess === undefined ? `${shownPrefix}min-scale` : `${shownPrefix}${guess}`;
  return problemSaying(written, 'a known name', example, said);
};

const inherited = settingNames.filter(isInherited);

/** Sorts what is written in all layers. Layers are read from the lowest to the highest, so that the last one found stands. */
export const collectSettings = (sources: SpecSources): WrittenSettings => {
  const found = new Map<SettingName, Written>();
  const problems: SpecProblem[] = [];
  const warnings: SpecWarning[] = [];
  const put = (name: SettingName, key: string, value: string, source: SpecSource): void => {
    found.set(name, { key, value: value.trim(), source });
  };

  const own = (texts: Texts, source: SpecSource, keyPrefix: string, mayBe: readonly SettingName[], others: readonly string[]): void => {
    for (const [key, value] of Object.entries(texts)) {
      if (!key.startsWith(keyPrefix)) continue;
      const name = key.slice(keyPrefix.length);
      if (isSetting(name) && mayBe.includes(name)) put(name, key, value, source);
      else if (!others.includes(name)) problems.push(refusal({ key, value, source }, name, keyPrefix, mayBe));
    }
  };
  const knative = (texts: Texts, source: SpecSource): void => {
    // camelCase first: where both are written the kebab-case name stands, as in Knative.
    const keys = Object.entries(texts).filter(([key]) => key.startsWith(knativePrefix));
    keys.sort(([a], [b]) => Number(a.includes('-')) - Number(b.includes('-')));
    for (const [key, value] of keys) {
      const name = knativeNames.get(key.slice(knativePrefix.length));
      if (name === undefined) warnings.push(warningOf({ key, value, source }, 'has no meaning for Rouse and is ignored.'));
      else put(name, key, value, source);
    }
  };

  own(sources.cluster ?? {}, 'cluster', '', inherited, []);
  own(sources.namespace ?? {}, 'namespace', prefix, inherited, []);
  for (const [key, value] of Object.entries(sources.podTemplate ?? {}))
    if (key.startsWith(prefix)) warnings.push(warningOf({ key, value, source: 'pod-template' }, 'has no effect there; put it on the workload itself.'));
  knative(sources.podTemplate ?? {}, 'pod-template');
  knative(sources.workload, 'workload');
  own(sources.workload, 'workload', prefix, settingNames, otherNames);
  return { found, problems, warnings };
};
