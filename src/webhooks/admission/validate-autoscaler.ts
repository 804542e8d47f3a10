import type { WorkloadRef } from '../../core/index.ts';
import { builtInKinds, nameOfKind, type AdmittedKind, type OnboardedWorkload } from '../ports.ts';
import { allow, type Verdict } from './answer.ts';
import { isJson, type Json } from './review.ts';

/** What a HorizontalPodAutoscaler scales; undefined if that is of a kind that is never ours. */
export const targetOf = (autoscaler: Json, namespace: string, kinds: readonly AdmittedKind[] = builtInKinds): WorkloadRef | undefined => {
  const { spec } = autoscaler;
  const target = isJson(spec) ? spec['scaleTargetRef'] : undefined;
  if (!isJson(target) || typeof target['kind'] !== 'string' || typeof target['name'] !== 'string') return undefined;
  const version = typeof target['apiVersion'] === 'string' ? target['apiVersion'] : '';
  const group = version.includes('/') ? version.slice(0, version.indexOf('/')) : '';
  const found = kinds.find((each) => each.kind === target['kind'] && each.group === group);
  return found === undefined ? undefined : { resource: nameOfKind(found), namespace, name: target['name'] };
};

/** Refuses an autoscaler for a workload that Rouse scales. One that was there before is only warned about: it must stay possible to edit it away. */
export const validateAutoscaler = (
  object: Json,
  oldObject: Json | undefined,
  namespace: string,
  onboarded: (workload: WorkloadRef) => OnboardedWorkload | undefined,
  kinds?: readonly AdmittedKind[],
): Verdict => {
  const target = targetOf(object, namespace, kinds);
  const workload = target === undefined ? undefined : onboarded(target);
  if (target === undefined || workload === undefined) return allow;
  if (workload.adoptHpa) {
    const warning = `Rouse takes this over for ${target.name} (rouse.dev/adopt-hpa) and removes it, unless it has another one to give back already`;
    return { kind: 'allow', warnings: [warning] };
  }
  if (workload.mode === 'observe') return { kind: 'allow', warnings: [] };
  const before = oldObject === undefined ? undefined : targetOf(oldObject, namespace, kinds);
  const message = `Rouse scales ${target.name} (rouse.dev/enabled); set its bounds with rouse.dev/min-scale and max-scale, or rouse.dev/adopt-hpa: "true" to have this taken over`;
  if (before?.resource === target.resource && before.name === target.name) return { kind: 'allow', warnings: [message] };
  return { kind: 'deny', code: 409, message, warnings: [] };
};
