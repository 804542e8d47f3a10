import { failed, ok, type Clock } from '../core/index.ts';
import type { Outcome } from './client.ts';
import type { KubeConnection } from './connection.ts';
import { unavailable } from './outcome.ts';
import { collectionPath } from './paths.ts';
import { at, items, quantity, text, time } from './reader.ts';
import { resources } from './resource.ts';
import { createTransport } from './transport.ts';

/** What the metrics API says of one pod: figures of one moment, averaged over `windowMs` before it. */
export interface PodUsageView {
  readonly name: string;
  readonly timestamp: number;
  readonly windowMs: number;
  /** Cores and bytes; undefined where it does not tell, or what it tells is no quantity. */
  readonly containers: readonly { readonly name: string; readonly cpu: number | undefined; readonly memory: number | undefined }[];
}

/** What the pods of `namespace` use now. */
export type PodUsageReader = (namespace: string, signal?: AbortSignal) => Outcome<readonly PodUsageView[]>;

/** Go's duration, as metrics-server writes it: `15.23s`, `1m0.5s`. */
const durationMs = (value: unknown): number => {
  const match = /^(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s)?(?:(\d+(?:\.\d+)?)ms)?$/.exec(text(value) ?? '');
  if (match === null) return 0;
  const [hours, minutes, seconds, millis] = match.slice(1).map((part: string | undefined) => Number(part ?? 0));
  return (((hours ?? 0) * 60 + (minutes ?? 0)) * 60 + (seconds ?? 0)) * 1000 + (millis ?? 0);
};

const amount = (value: unknown): number | undefined => {
  const parsed = quantity(value);
  return parsed !== undefined && Number.isFinite(parsed) && parsed >= 0 ? parsed : undefined;
};

/** A PodMetrics of `metrics.k8s.io`; undefined for what is none. */
export const podUsageView = (raw: unknown): PodUsageView | undefined => {
  const [name, timestamp] = [text(at(raw, 'metadata', 'name')), time(at(raw, 'timestamp'))];
  if (name === undefined || name === '' || timestamp === 0) return undefined;
  const containers = items(at(raw, 'containers')).flatMap((container) => {
    const named = text(at(container, 'name'));
    return named === undefined ? [] : [{ name: named, cpu: amount(at(container, 'usage', 'cpu')), memory: amount(at(container, 'usage', 'memory')) }];
  });
  return { name, timestamp, windowMs: durationMs(at(raw, 'window')), containers };
};

/**
 * Reads the metrics API. It is an aggregated API that may be absent, and its lists have neither pages nor a resourceVersion, so this is not `KubeClient.list`.
 */
export const createPodUsageReader = (options: { readonly connection: KubeConnection; readonly clock: Pick<Clock, 'after'> }): PodUsageReader => {
  const send = createTransport(options);
  return async (namespace, signal) => {
    const path = collectionPath(resources.podMetrics, namespace);
    const answer = await send({ method: 'GET', path, signal });
    if (!answer.ok) return answer;
    const list = at(answer.value, 'items') ?? [];
    if (!Array.isArray(list)) return failed(unavailable(`GET ${path}: the answer is no list`));
    return ok(list.flatMap((raw: unknown) => podUsageView(raw) ?? []));
  };
};
