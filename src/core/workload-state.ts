import { failed, ok, type Result } from './result.ts';

/** What handing a workload back needs: the value of `rouse.dev/state`. Written by Rouse alone (at onboarding by the webhook, or by the controller where the webhook was down). */
export interface WorkloadState {
  readonly v: 1;
  /** `spec.replicas` before onboarding. */
  readonly replicasBefore: number;
  /** The adopted HorizontalPodAutoscaler as it was (no status, no server-set metadata), to be created again on hand-back. */
  readonly adoptedHpa?: unknown;
}

export const printWorkloadState = (state: WorkloadState): string => JSON.stringify(state);

/** Reads `rouse.dev/state`; the problem is a sentence. */
export const parseWorkloadState = (text: string): Result<WorkloadState, string> => {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return failed('rouse.dev/state is not JSON');
  }
  if (typeof value !== 'object' || value === null || !('v' in value) || value.v !== 1) return failed('rouse.dev/state has no known version (want "v":1)');
  if (!('replicasBefore' in value) || !Number.isInteger(value.replicasBefore) || (value.replicasBefore as number) < 0)
    return failed('rouse.dev/state has no whole number replicasBefore');
  return ok({ v: 1, replicasBefore: value.replicasBefore as number, ...('adoptedHpa' in value ? { adoptedHpa: value.adoptedHpa } : {}) });
};
