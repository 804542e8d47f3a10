import { serveAggregatedApi } from './aggregated-api.ts';
import type { Cluster, Scope } from './cluster.ts';

const group = 'metrics.k8s.io';
const version = 'v1beta1';
const apiVersion = `${group}/${version}`;

/** As by `--metric-resolution`: of 10 s at least upstream, which is what this takes less of. */
const resolutionMs = 2000;

/** What a container uses. */
export interface Usage {
  readonly milliCpu: number;
  readonly mebibytes: number;
}

interface Listed {
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly labels?: object };
  readonly spec: { readonly containers?: readonly { readonly name: string }[] };
  readonly status: { readonly phase?: string };
}

/** RFC 3339 in whole seconds, as metav1.Time is written. */
const timeOf = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19)}Z`;
const usageOf = ({ milliCpu, mebibytes }: Usage): object => ({ cpu: `${Math.round(milliCpu * 1e6)}n`, memory: `${Math.round(mebibytes * 1024)}Ki` });

/**
 * Stands in for metrics-server (kubernetes-sigs/metrics-server, `pkg/api`): registers `metrics.k8s.io` with the API server, and tells of running pods and of nodes what `usage`
 * says, in its form. Samples are taken every 2 s; between two of them the answer is the same. A pod is told of from its second sample on, whose window is the time since the first.
 */
export const serveMetrics = (t: Scope, cluster: Cluster, namespace: string, usage: (pod: string, pods: number) => Usage): Promise<void> => {
  let sampledAt = Number.NEGATIVE_INFINITY;
  let windowMs = 0;
  let [pods, before, nodes]: [readonly Listed[], ReadonlySet<string>, readonly Listed[]] = [[], new Set(), []];
  const nameOf = ({ metadata }: Listed): string => `${metadata.namespace ?? ''}/${metadata.name}`;
  const list = async (path: string): Promise<readonly Listed[]> => (await cluster.api('GET', path)).body['items'] as readonly Listed[];
  const take = async (): Promise<void> => {
    const all = await Promise.all([list('/api/v1/pods'), list('/api/v1/nodes')]);
    before = new Set(pods.map(nameOf));
    [pods, nodes] = [all[0].filter(({ status }) => status.phase === 'Running'), all[1]];
    windowMs = Date.now() - sampledAt;
    sampledAt = Date.now();
  };
  const timer = setInterval(() => void take().catch(() => undefined), resolutionMs);
  t.teardown(() => {
    clearInterval(timer);
  });
  /** Items of a list have no kind of their own. */
  const item = ({ metadata: { name, namespace: of, labels } }: Listed): object => ({
    metadata: { name, ...(of === undefined ? {} : { namespace: of }), creationTimestamp: timeOf(Date.now()), ...(labels === undefined ? {} : { labels }) },
    timestamp: timeOf(sampledAt),
    window: `${windowMs / 1000}s`,
  });
  const podItems = (of: string | undefined): readonly object[] => {
    const measured = pods.filter((pod) => before.has(nameOf(pod)) && (of === undefined || pod.metadata.namespace === of));
    return measured.map((pod) => ({
      ...item(pod),
      containers: (pod.spec.containers ?? []).map(({ name }) => ({ name, usage: usageOf(usage(pod.metadata.name, measured.length)) })),
    }));
  };
  const answer = (path: string): object | undefined => {
    const [, of] = /^\/apis\/metrics\.k8s\.io\/v1beta1\/(?:namespaces\/([^/]+)\/)?pods$/.exec(path) ?? [];
    if (path.endsWith('/pods')) return { kind: 'PodMetricsList', apiVersion, metadata: {}, items: podItems(of) };
    if (!path.endsWith('/nodes')) return undefined;
    const items = nodes.map((node) => ({ ...item(node), usage: usageOf({ milliCpu: 250, mebibytes: 512 }) }));
    return { kind: 'NodeMetricsList', apiVersion, metadata: {}, items };
  };
  const verbs = ['get', 'list'];
  return serveAggregatedApi(t, cluster, {
    group,
    version,
    address: '10.77.200.31',
    namespace,
    resources: [
      { name: 'nodes', singularName: '', namespaced: false, kind: 'NodeMetrics', verbs },
      { name: 'pods', singularName: '', namespaced: true, kind: 'PodMetrics', verbs },
    ],
    answer: ({ pathname }) => Promise.resolve(answer(pathname)),
  });
};
