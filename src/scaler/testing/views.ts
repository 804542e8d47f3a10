import { aContainer, aPod, aWorkload } from '../../../test/support/views.ts';
import { instant, workloadKey } from '../../core/index.ts';
import type { PodView, WorkloadView } from '../../kube/index.ts';

export const start = instant(Date.UTC(2026, 0, 5, 12));
export const hello = workloadKey({ resource: 'deployments.apps', namespace: 'default', name: 'hello' });

/** Deployment `hello`, switched on and at zero. */
export const viewOf = (over: Partial<WorkloadView> = {}): WorkloadView =>
  aWorkload('hello', {
    annotations: { 'rouse.dev/enabled': 'true' },
    createdAt: start,
    specReplicas: 0,
    readyReplicas: 0,
    selector: { matchLabels: { app: 'hello' }, matchExpressions: [] },
    podLabels: { app: 'hello' },
    ...over,
  });

/** A pod of it that runs. */
export const podOf = (over: Partial<PodView> = {}): PodView =>
  aPod('hello-1', { labels: { app: 'hello' }, createdAt: start, podIPs: ['10.0.0.1'], containers: [aContainer({ image: 'app:1', ports: [] })], ...over });
