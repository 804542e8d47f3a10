import type { Attributes, HrTime } from '@opentelemetry/api';
import { parseWorkloadKey, type WorkloadKey } from '../../core/index.ts';

/** The same on every span that is about a workload. */
export const workloadAttributes = (workload: WorkloadKey): Attributes => ({
  'k8s.namespace.name': parseWorkloadKey(workload)?.namespace ?? '',
  'rouse.workload': workload.slice(workload.indexOf('/') + 1),
});

/** As a number, OpenTelemetry would take what lies before the start of the process for an age. */
export const timeOf = (epochMs: number): HrTime => {
  const seconds = Math.floor(epochMs / 1000);
  return [seconds, Math.round((epochMs - seconds * 1000) * 1e6)];
};
