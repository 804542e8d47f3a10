import { duration, map, names, oneOf } from './scalars.ts';
import type { Setting, SettingRow } from './setting.ts';

const hour = 3_600_000;
const onboarding = <T>(row: SettingRow<T>): Setting<T> => ({ ...row, section: 'Onboarding', knative: false });

/** Whether and how Rouse takes charge; on workloads only. */
export const onboardingSettings = {
  mode: onboarding({
    initial: 'enforce',
    legal: 'enforce or observe',
    example: 'observe',
    meaning: 'observe: traffic is pointed and metered as path says, decisions are made and published, replicas are never written (dry run)',
    parse: oneOf('enforce', 'observe'),
  }),
  path: onboarding({
    initial: undefined,
    defaultMeans: 'gateway if a Service selects the pods, else none',
    legal: 'gateway, direct or none',
    example: 'gateway',
    meaning: 'how traffic reaches the pods',
    parse: oneOf('gateway', 'direct', 'none'),
  }),
  services: onboarding({
    initial: undefined,
    defaultMeans: 'every Service that selects the pods and is not headless',
    legal: 'names of Services in the same namespace, comma separated',
    example: 'web,web-admin',
    meaning: 'which Services belong to the workload',
    parse: names,
  }),
  pause: onboarding({
    initial: undefined,
    legal: 'true, up or down',
    example: 'true',
    meaning: 'freezes the count, or forbids one direction; a wake under true or up fails held requests early and says so',
    parse: oneOf('true', 'up', 'down'),
  }),
  'adopt-hpa': onboarding({
    initial: undefined,
    legal: 'true',
    example: 'true',
    meaning:
      'takes over the HorizontalPodAutoscaler on this target, with its bounds, its targets of cpu and memory and its wait before a fall: removes it, and gives it back on off-boarding',
    parse: map(oneOf('true'), () => true),
  }),
  'manual-override': onboarding({
    initial: '10m',
    legal: 'a duration from 0s to 24h',
    example: '30m',
    meaning: 'how long a count set by kubectl scale is honoured',
    parse: duration(0, 24 * hour),
  }),
  policy: onboarding({
    initial: 'rouse',
    legal: 'rouse or kpa',
    example: 'kpa',
    meaning: "kpa: Knative's algorithm to the number; rouse: the same with its known defects mended",
    parse: oneOf('rouse', 'kpa'),
  }),
} as const;
