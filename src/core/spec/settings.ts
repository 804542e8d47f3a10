import { onboardingSettings } from './onboarding-settings.ts';
import { placementSettings } from './placement-settings.ts';
import type { Parsed } from './scalars.ts';
import { scalingSettings } from './scaling-settings.ts';
import type { Setting } from './setting.ts';
import { trafficSettings } from './traffic-settings.ts';

/** Every setting of this version, in the order of the reference page. */
export const settings = { ...onboardingSettings, ...scalingSettings, ...trafficSettings, ...placementSettings } as const satisfies Readonly<
  Record<string, Setting<unknown>>
>;

export type SettingName = keyof typeof settings;
export type SettingValue<Name extends SettingName> = Parsed<(typeof settings)[Name]['parse']>;
export const settingNames: readonly SettingName[] = Object.keys(settings) as SettingName[];

/** Names that later versions will read: refused instead of ignored, so that nobody relies on what is not there. */
export const laterSettings: ReadonlyMap<string, string> = new Map([
  ['triggers', 'queues and other sources that drive the count'],
  ['traffic', 'shares of traffic by revision'],
  ['tags', 'names for revisions'],
  ['rollout-duration', 'gradual shift of traffic to a new revision'],
  ['revision-history-limit', 'how many revisions are kept'],
]);

/** True if the cluster (`rouse-config`) and a Namespace may set it as a default for their workloads. */
export const isInherited = (name: SettingName): boolean => settings[name].section === 'Scaling' || settings[name].section === 'Traffic';
