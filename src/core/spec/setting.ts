import type { Parse } from './scalars.ts';

export const sections = ['Onboarding', 'Scaling', 'Traffic', 'Placement'] as const;
export type Section = (typeof sections)[number];

/** One setting as users see it, and how it is read. The parser, the check of `rouse-config` and the reference page all come from this table. */
export interface Setting<T> {
  readonly section: Section;
  /** What is read where nothing is written; undefined: the setting is then absent. */
  readonly initial: string | undefined;
  /** The default in words, where it is not `initial` itself. */
  readonly defaultMeans?: string;
  /** What may be written, as the end of "it takes …". */
  readonly legal: string;
  readonly example: string;
  readonly meaning: string;
  /** Also read as `autoscaling.knative.dev/<name>` and its camelCase alias: Knative has the setting. */
  readonly knative: boolean;
  readonly parse: Parse<T>;
}

/** A setting without what its section's table says for all of its rows. */
export type SettingRow<T> = Omit<Setting<T>, 'section' | 'knative'>;
export const wholePods = 'a whole number from 0';

/** For numbers whose 0 is a word: "off", "no limit". */
export const zeroMeans =
  <Word extends string>(word: Word) =>
  <T extends number>(value: T): T | Word =>
    value === 0 ? word : value;
