import { serveAggregatedApi } from './aggregated-api.ts';
import type { Cluster, Scope } from './cluster.ts';

const group = 'custom.metrics.k8s.io';
const version = 'v1beta2';

/** What the metrics API says of pods, in thousandths, by name; of a pod that is left out it says nothing. */
export type PodValues = Readonly<Record<string, number>>;

/**
 * Stands in for a metrics adapter: registers `custom.metrics.k8s.io` with the API server and answers as `valuesOf` says for the pods that a label `app` selects. Each
 * HorizontalPodAutoscaler asks once in each of its syncs.
 */
export const servePodsMetrics = (t: Scope, cluster: Cluster, namespace: string, valuesOf: (app: string) => Promise<PodValues>): Promise<void> =>
  serveAggregatedApi(t, cluster, {
    group,
    version,
    address: '10.77.200.30',
    namespace,
    resources: [],
    answer: async (url) => {
      const [, metric] = /\/pods\/\*\/([^/]+)$/.exec(decodeURIComponent(url.pathname)) ?? [];
      if (metric === undefined) return undefined;
      const values = await valuesOf(/app=([^,]+)/.exec(url.searchParams.get('labelSelector') ?? '')?.[1] ?? '');
      const items = Object.entries(values).map(([name, milli]) => ({
        describedObject: { kind: 'Pod', apiVersion: '/v1', namespace, name },
        metric: { name: metric },
        timestamp: new Date().toISOString(),
        value: `${milli}m`,
      }));
      return { kind: 'MetricValueList', apiVersion: `${group}/${version}`, metadata: {}, items };
    },
  });
