/**
 * What users write, and how it is read: annotations in layers become a `ScaleSpec`, ConfigMap `rouse-config` becomes a `ClusterConfig`,
 * or all problems come back at once. Apart from `core/index.ts` because it loads the YAML library, which the gateway has no use for.
 * It never reads anything from the cluster. Start with `settings.ts` (the table of settings), then `parse-spec.ts`.
 */
export type { Budget } from './budget.ts';
export { parseConfig, type ClusterConfig } from './parse-config.ts';
export { parseSpec, type ParsedSpec } from './parse-spec.ts';
export type { SpecOptions } from './setting-values.ts';
export { settingNames, settings, type SettingName } from './settings.ts';
export type { Texts } from './written-settings.ts';
