import { failed } from '../../core/index.ts';
import { createPodUsageReader, type PodView, type Refusal } from '../../kube/index.ts';
import { createResourceMetrics, type MeasuredPod, type ResourceMetrics, type ResourceMetricsOptions, type UsageProblem } from '../../metrics/index.ts';
import type { Scaler } from '../../scaler/index.ts';
import type { ControllerOptions } from './controller-options.ts';

/** What a refusal means for whoever waits for figures. A 503 is how the API server tells that the server behind an aggregated API does not answer. */
const problemOf = ({ kind, status, message }: Refusal): UsageProblem => {
  switch (kind) {
    case 'not-found':
      return { kind, message: 'this cluster has no metrics API (metrics.k8s.io): install metrics-server' };
    case 'forbidden':
    case 'unauthorized':
      return { kind, message: `the metrics API refuses us: ${message}` };
    default:
      return { kind, message: status === 503 ? `metrics-server does not answer: ${message}` : `the metrics API cannot be read: ${message}` };
  }
};

const measured = ({ name, createdAt, deleting, phase, ready, readyChangedAt = 0, resources }: PodView): MeasuredPod => ({
  name,
  createdAt,
  deleting,
  finished: phase === 'Succeeded' || phase === 'Failed',
  ready,
  readyChangedAt,
  containers: resources?.containers ?? [],
  cpuRequest: resources?.cpuRequest,
  withoutCpuRequest: resources?.withoutCpuRequest,
});

/** What pods use, read from the metrics API of the cluster. Standbys read it too: a failover then finds whole windows, and changes no count. */
export const followPodUsage = (
  { connection, clock, usageEvery }: ControllerOptions,
  scaler: () => Pick<Scaler, 'podsOf'>,
  onProblem: NonNullable<ResourceMetricsOptions['onProblem']>,
): ResourceMetrics => {
  const read = createPodUsageReader({ connection, clock });
  return createResourceMetrics({
    clock,
    read: async (namespace, signal) => {
      const answer = await read(namespace, signal);
      return answer.ok ? answer : failed(problemOf(answer.problem));
    },
    pods: function* (key) {
      for (const pod of scaler().podsOf(key)) yield measured(pod);
    },
    onProblem,
    ...(usageEvery === undefined ? {} : { every: usageEvery }),
  });
};
