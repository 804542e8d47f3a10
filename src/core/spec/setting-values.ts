import type { Written } from './problem.ts';
import type { SettingName, SettingValue } from './settings.ts';

export interface SpecOptions {
  /** Says what is wrong with a formula, as the end of a sentence that begins with it ("has the unknown name \"x\""); undefined if it is right. Without it formulas are accepted unseen. */
  readonly checkFormula?: ((text: string) => string | undefined) | undefined;
  /** The operator's `max-scale-limit`: no workload may ask for more, or for no limit. */
  readonly maxScaleLimit?: number | 'unlimited' | undefined;
  /** New pods are placed; left out: nobody knows. */
  readonly places?: boolean;
}

/** Values by setting, each of the setting's own type; where nothing is written, that of the built-in default. */
export interface SettingValues {
  get<Name extends SettingName>(name: Name): SettingValue<Name> | undefined;
  /** As written, or the built-in default as if it were written on the workload. */
  written(name: SettingName): Written;
  isWritten(name: SettingName): boolean;
}
