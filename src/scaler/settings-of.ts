import { annotation, knativePrefix, ok, pods, prefix, type Result, type ScaleSpec, type SpecProblem, type WorkloadState } from '../core/index.ts';
import { parseSpec, type ClusterConfig, type ParsedSpec, type SpecOptions, type Texts } from '../core/spec/index.ts';
import type { NamespaceView, WorkloadView } from '../kube/index.ts';
import { adoptedBehavior, behaviorLeftOutWarnings } from './adopted-behavior.ts';
import { adoptedMetrics, leftOutWarnings, saysMetrics } from './adopted-metrics.ts';

export interface SettingLayers {
  readonly config: ClusterConfig;
  readonly namespace: NamespaceView | undefined;
  readonly checkFormula: SpecOptions['checkFormula'];
  readonly places: boolean | undefined;
}

/** What settings are read from, in one string: equal strings give equal specs. */
export const settingsFingerprint = (view: WorkloadView, state: WorkloadState | undefined, namespace: NamespaceView | undefined): string => {
  const relevant = (texts: Texts): readonly (readonly [string, string])[] =>
    Object.entries(texts)
      .filter(([key]) => (key.startsWith(prefix) && key !== annotation.status) || key.startsWith(knativePrefix))
      .sort(([a], [b]) => (a < b ? -1 : 1));
  const read = [relevant(view.annotations), relevant(view.podAnnotations), relevant(namespace?.annotations ?? {})];
  return JSON.stringify(state?.adoptedHpa === undefined ? read : [...read, view.podRequests]);
};

const boundOf = (hpa: unknown, field: 'minReplicas' | 'maxReplicas'): string | undefined => {
  if (typeof hpa !== 'object' || hpa === null || !('spec' in hpa)) return undefined;
  const { spec } = hpa;
  if (typeof spec !== 'object' || spec === null || !(field in spec)) return undefined;
  const value: unknown = (spec as Readonly<Record<string, unknown>>)[field];
  return typeof value === 'number' ? String(value) : undefined;
};

/** The bounds of an adopted HorizontalPodAutoscaler, in words that everything else on the workload overrides. */
const adoptedBounds = (state: WorkloadState | undefined): Texts => {
  const [min, max] = [boundOf(state?.adoptedHpa, 'minReplicas'), boundOf(state?.adoptedHpa, 'maxReplicas')];
  return {
    ...(min === undefined ? {} : { [`${knativePrefix}min-scale`]: min }),
    ...(max === undefined ? {} : { [`${knativePrefix}max-scale`]: max }),
  };
};

/** All that is written for a workload, read. */
export const readSettings = (view: WorkloadView, state: WorkloadState | undefined, layers: SettingLayers): Result<ParsedSpec, readonly SpecProblem[]> => {
  const adopted = adoptedMetrics(state?.adoptedHpa, view.podRequests);
  const behavior = adoptedBehavior(state?.adoptedHpa);
  const takes = !saysMetrics(view.annotations, view.podAnnotations);
  const parsed = parseSpec(
    {
      cluster: layers.config.defaults,
      namespace: layers.namespace?.annotations ?? {},
      podTemplate: { ...adoptedBounds(state), ...behavior.texts, ...(takes ? adopted.texts : {}), ...view.podAnnotations },
      workload: view.annotations,
    },
    { checkFormula: layers.checkFormula, maxScaleLimit: layers.config.maxScaleLimit, ...(layers.places === undefined ? {} : { places: layers.places }) },
  );
  const warnings = [...(takes ? leftOutWarnings(adopted.leftOut) : []), ...behaviorLeftOutWarnings(behavior.leftOut)];
  if (!parsed.ok || warnings.length === 0) return parsed;
  return ok({ ...parsed.value, warnings: [...parsed.value.warnings, ...warnings] });
};

/**
 * For an onboarded workload whose annotations cannot be read and whose last good spec this process does not know: it may wake to one pod
 * and stays at what it has, because its real bounds are unknown.
 */
export const carefulSpec = (view: WorkloadView): ScaleSpec => {
  const built = parseSpec({ workload: {} });
  if (!built.ok) throw new Error('the built-in defaults are not legal');
  const { spec } = built.value;
  return { ...spec, pause: 'down', scaling: { ...spec.scaling, max: pods(Math.max(1, view.specReplicas)) } };
};
