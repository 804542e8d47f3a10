import { stringify } from 'yaml';
import { ApiError } from '../api-error.ts';
import type { JsonObject } from '../json.ts';
import type { Operations } from '../operations/operations.ts';
import { selects } from '../operations/reader.ts';
import type { MeasuredUsage } from '../pod-usage-source.ts';
import { findResource } from '../registry.ts';
import { jsonLine } from '../store/serialise.ts';
import type { Stored } from '../store/stored.ts';
import { negotiate } from './accept.ts';
import type { Answer, Call } from './call.ts';

const apiVersion = 'metrics.k8s.io/v1beta1';

/** RFC 3339 in whole seconds, as metav1.Time is written. */
const timeOf = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19)}Z`;

const podMetrics = ({ metadata: { name, namespace, labels } }: Stored, { measuredAt, windowMs, containers }: MeasuredUsage): JsonObject => ({
  kind: 'PodMetrics',
  apiVersion,
  metadata: { name, namespace, creationTimestamp: timeOf(measuredAt), ...(labels === undefined ? {} : { labels }) },
  timestamp: timeOf(measuredAt),
  window: `${String(Math.round(windowMs) / 1000)}s`,
  containers: containers.map((container) => ({
    name: container.name,
    usage: { cpu: `${String(Math.round(container.cpu * 1e9))}n`, memory: `${String(Math.round(container.memory / 1024))}Ki` },
  })),
});

/** GET of `metrics.k8s.io`, in the form of metrics-server: nothing is stored, and lists have no resourceVersion. Pods that have not been measured are left out. */
export const readUsage = async ({ store, usage }: Operations, call: Call): Promise<Answer> => {
  const { path, query, method } = call;
  if ((method !== 'GET' && method !== 'HEAD') || path.isWatch || query.has('watch') || path.subresource !== '') throw ApiError.methodNotAllowed(method);
  const pods = findResource('', 'v1', 'pods');
  if (pods === undefined) throw ApiError.unknownPath();
  const form = negotiate(call.headers.accept, ['object', 'yaml']);
  const matches = selects({
    resource: pods,
    namespace: path.namespace,
    labelSelector: query.get('labelSelector') ?? '',
    fieldSelector: query.get('fieldSelector') ?? '',
  });
  const measured = new Map((await usage?.measure())?.map((each) => [each.podUid, each]));
  const items = store
    .list(pods, path.namespace)
    .filter((pod) => matches(pod) && (path.name === undefined || pod.metadata.name === path.name))
    .flatMap((pod) => {
      const found = measured.get(pod.metadata.uid);
      return found === undefined ? [] : [podMetrics(pod, found)];
    });
  const [only] = items;
  if (path.name !== undefined && only === undefined) throw ApiError.notFound(path.resource, path.name);
  const body = path.name === undefined ? { kind: 'PodMetricsList', apiVersion, metadata: {}, items } : (only ?? {});
  return form === 'yaml'
    ? { code: 200, body: stringify(body), contentType: 'application/yaml' }
    : { code: 200, body: jsonLine(body), contentType: 'application/json' };
};
