import { isDeepStrictEqual } from 'node:util';
import {
  annotation,
  canTakeOver,
  isEnabled,
  isHeadless,
  knativePrefix,
  prefix,
  selectorOf,
  takeoverRefusals,
  takeoverWarnings,
  type Result,
  type ScaleSpec,
  type SpecProblem,
} from '../../core/index.ts';
import type { ParsedSpec } from '../../core/spec/index.ts';
import type { ServiceView } from '../../kube/index.ts';
import type { Autoscaler } from '../ports.ts';
import { allow, type Verdict } from './answer.ts';
import { effectiveLine } from './effective.ts';
import { isOn, type Labels, type WorkloadObject } from './workload-object.ts';

export interface WorkloadCheck {
  readonly object: WorkloadObject;
  readonly before: WorkloadObject | undefined;
  readonly parsed: Result<ParsedSpec, readonly SpecProblem[]>;
  readonly services: readonly ServiceView[];
  /** `unknown`: the API server could not be asked. */
  readonly autoscaler: Autoscaler | 'none' | 'unknown';
  /** Everything is being handed back, whatever the annotations say. */
  readonly leaving: boolean;
}

const settingsOf = (object: WorkloadObject): Labels =>
  Object.fromEntries(
    [...Object.entries(object.annotations), ...Object.entries(object.podAnnotations).map(([key, value]) => [`pod ${key}`, value] as const)].filter(
      ([key]) => (key.startsWith(prefix) && key !== annotation.status && key !== annotation.state) || key.includes(knativePrefix),
    ),
  );

/** True where this write says something new about us; anything else (a new image, a label) must never fail because of us. */
export const saysSomething = (object: WorkloadObject, before: WorkloadObject | undefined): boolean =>
  before === undefined || !isDeepStrictEqual(settingsOf(object), settingsOf(before));

const selects = (service: ServiceView, labels: Labels): boolean => {
  const selector = Object.entries(
    selectorOf({ metadata: { annotations: service.annotations }, spec: service.selector === undefined ? {} : { selector: service.selector } }) ?? {},
  );
  return selector.length > 0 && selector.every(([key, value]) => labels[key] === value);
};

/** What the workload's Services let expect. */
const serviceWarnings = ({ object, services }: WorkloadCheck, spec: ScaleSpec): readonly string[] => {
  if (spec.path === 'none') return [];
  const named = spec.services === 'all' ? undefined : spec.services;
  // Of a kind without a pod template nobody knows here which labels its pods will have.
  if (Object.keys(object.podLabels).length === 0 && named === undefined) return [];
  const own = services.filter((service) => (named === undefined ? selects(service, object.podLabels) : named.includes(service.name)));
  const missing = (named ?? [])
    .filter((name) => !services.some((service) => service.name === name))
    .map((name) => `Service ${name} of rouse.dev/services is not there yet`);
  const pointed = own.filter((service) => !isHeadless(service));
  const none =
    named === undefined && pointed.length === 0
      ? ['no Service with an address of its own selects the pods so far: until one does, there is no traffic to scale by']
      : [];
  const each = own.flatMap((service) => {
    const fit = canTakeOver(service);
    if (!fit.ok) return [`Service ${service.name} ${takeoverRefusals[fit.problem]}`];
    if (named !== undefined && !selects(service, object.podLabels)) return [`Service ${service.name} ${takeoverRefusals['not-its-pods']}`];
    return takeoverWarnings(service).map((warning) => `Service ${service.name}: ${warning}`);
  });
  return [...missing, ...none, ...each];
};

const replicasWarning = ({ replicasAppliers }: WorkloadObject): readonly string[] =>
  replicasAppliers.length === 0
    ? []
    : [
        `spec.replicas is owned by server-side apply (${replicasAppliers.join(', ')}): leave replicas out of that manifest, or its next apply conflicts with Rouse`,
      ];

const autoscalerProblem = ({ autoscaler }: WorkloadCheck, spec: ScaleSpec): { readonly problem?: string; readonly warning?: string } => {
  if (autoscaler === 'unknown')
    return { warning: 'could not look for a HorizontalPodAutoscaler on the same target; two that scale one workload work against each other' };
  if (autoscaler === 'none' || spec.adoptHpa) return {};
  if (spec.mode === 'observe') return { warning: `HorizontalPodAutoscaler ${autoscaler.name} scales this workload; Rouse only observes` };
  return {
    problem: `HorizontalPodAutoscaler ${autoscaler.name} has the same target; delete it, or set rouse.dev/adopt-hpa: "true" to let Rouse take it over`,
  };
};

const list = (problems: readonly string[]): string =>
  problems.length === 1 ? (problems[0] ?? '') : `${problems.length} problems:\n${problems.map((problem) => `- ${problem}`).join('\n')}`;

/** Whether a write of a workload may pass, with everything that is wrong at once, and what its writer should know. */
export const validateWorkload = (check: WorkloadCheck): Verdict => {
  const { object, before, parsed } = check;
  if (!saysSomething(object, before)) return allow;
  const enabled = isEnabled(object.annotations);
  if (!enabled.ok) return { kind: 'deny', code: 422, message: enabled.problem.message, warnings: [] };
  if (!enabled.value) return before !== undefined && isOn(before) ? { kind: 'allow', warnings: ['off: Services and replicas are handed back'] } : allow;
  if (!parsed.ok) return { kind: 'deny', code: 422, message: list(parsed.problem.map(({ message }) => message)), warnings: [] };
  if (check.leaving) return { kind: 'allow', warnings: ['not onboarded: Rouse hands everything back (rouse uninstall); rouse uninstall --cancel ends that'] };
  const { spec, warnings } = parsed.value;
  const autoscaler = autoscalerProblem(check, spec);
  if (autoscaler.problem !== undefined) return { kind: 'deny', code: 409, message: autoscaler.problem, warnings: [] };
  return {
    kind: 'allow',
    warnings: [
      effectiveLine(spec),
      ...warnings.map(({ message }) => message),
      ...serviceWarnings(check, spec),
      ...replicasWarning(object),
      ...(autoscaler.warning === undefined ? [] : [autoscaler.warning]),
    ],
  };
};
