import { RouseError, type WorkloadRef } from '../core/index.ts';
import { resources, type KubeClient } from '../kube/index.ts';
import { targetOf } from './admission/validate-autoscaler.ts';
import type { AdmittedKind, Autoscaler } from './ports.ts';

/** `AdmissionPorts.autoscalerOf` on the API server itself: rare (only where a workload is onboarded or its settings change), so that no watch is kept for it. */
export const autoscalerLookup =
  (client: KubeClient, kinds?: () => readonly AdmittedKind[]) =>
  async (workload: WorkloadRef, signal: AbortSignal): Promise<Autoscaler | undefined> => {
    const listed = await client.list(resources.horizontalPodAutoscalers, { namespace: workload.namespace }, signal);
    if (!listed.ok) throw new RouseError('autoscalers-unknown', listed.problem.message, { retryable: true });
    for (const { metadata, spec } of listed.value.items) {
      const target = targetOf({ spec: { ...spec } }, workload.namespace, kinds?.());
      if (target?.resource === workload.resource && target.name === workload.name) return { name: metadata?.name ?? '' };
    }
    return undefined;
  };
