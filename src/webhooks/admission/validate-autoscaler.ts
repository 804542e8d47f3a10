import type { WorkloadRef } from '../../core/index.ts';
import type { OnboardedWorkload } from '../ports.ts';
import { allow, type Verdict } from './answer.ts';
import { isJson, type Json } from './review.ts';

const resourceOfKind: ReadonlyMap<string, string> = new Map([
  ['Deployment', 'deployments.apps'],
  ['StatefulSet', 'statefulsets.apps'],
]);

/** What a HorizontalPodAutoscaler scales; undefined if that is of a kind that is never ours. */
export const targetOf = (autoscaler: Json, namespace: string): WorkloadRef | undefined => {
  const { spec } = autoscaler;
  const target = isJson(spec) ? spec['scaleTargetRef'] : undefined;
  if (!isJson(target) || typeof target['kind'] !== 'string' || typeof target['name'] !== 'string') return undefined;
  const resource = resourceOfKind.get(target['kind']);
  return resource === undefined ? undefined : { resource, namespace, name: target['name'] };
};

/** Refuses an autoscaler for a workload that Rouse scales. One that was there before is only warned about: it must stay possible to edit it away. */
export const validateAutoscaler = (
  object: Json,
  oldObject: Json | undefined,
  namespace: string,
  onboarded: (workload: WorkloadRef) => OnboardedWorkload | undefined,
): Verdict => {
  const target = targetOf(object, namespace);
  const workload = target === undefined ? undefined : onboarded(target);
  if (target === undefined || workload === undefined) return allow;
  if (workload.adoptHpa) return { kind: 'allow', warnings: [`Rouse takes this over for ${target.name} (rouse.dev/adopt-hpa) and removes it`] };
  if (workload.mode === 'observe') return { kind: 'allow', warnings: [] };
  const before = oldObject === undefined ? undefined : targetOf(oldObject, namespace);
  const message = `Rouse scales ${target.name} (rouse.dev/enabled); set its bounds with rouse.dev/min-scale and max-scale, or rouse.dev/adopt-hpa: "true" to have this taken over`;
  if (before?.resource === target.resource && before.name === target.name) return { kind: 'allow', warnings: [message] };
  return { kind: 'deny', code: 409, message, warnings: [] };
};
