import type { Context } from './context.ts';
import { at, nameOf } from './json.ts';
import { paths, pod } from './objects.ts';

let last = 0;
/** A pod address nobody else uses in this run: 10.77.128.1 and up. */
export const address = (): string => {
  last += 1;
  return `10.77.${128 + (last >> 8)}.${last & 255}`;
};

/** Writes the status that a kubelet writes once a pod's containers run and are ready (or not). Returns the pod's address. */
export const report = async (c: Context, pod: string, ready: boolean, ip = address(), namespace = c.ns): Promise<string> => {
  const now = new Date().toISOString().replace(/\.\d+/, '');
  const status = ready ? 'True' : 'False';
  const body = {
    status: {
      phase: 'Running',
      podIP: ip,
      podIPs: [{ ip }],
      startTime: now,
      conditions: ['ContainersReady', 'Ready'].map((type) => ({ type, status, lastTransitionTime: now })),
    },
  };
  (await c.api.patch(paths('pods', namespace, pod, 'status'), 'strategic', body)).is(200);
  return ip;
};

/** A node without a kubelet, for the length of the case. */
export const node = async (c: Context): Promise<string> => {
  const answer = (await c.api.post('/api/v1/nodes', { metadata: { name: c.id } })).is(201, 409);
  if (answer.status === 201) c.atEnd(() => c.api.delete(`/api/v1/nodes/${c.id}`));
  return c.id;
};

/** A pod on the case's node: endpoints count only pods of nodes that exist. It goes at once when deleted. */
export const placed = async (c: Context, name: string, labels: Readonly<Record<string, string>>, more: object = {}) =>
  pod(name, labels, { ...more, nodeSelector: {}, nodeName: await node(c) });

/** The names of the pods with label app=APP that are not being deleted. */
export const podsOf = async (c: Context, app = c.id): Promise<string[]> =>
  (await c.api.get(c.path('pods'), { query: { labelSelector: `app=${app}` } }))
    .is(200)
    .list('items')
    .filter((pod) => at(pod, 'metadata.deletionTimestamp') === undefined)
    .map(nameOf);

/** Waits for exactly `count` pods with label app=APP. */
export const podCount = async (c: Context, count: number, app = c.id): Promise<string[]> => {
  const query = { labelSelector: `app=${app}` };
  const answer = await c.until(c.path('pods'), (one) => one.list('items').length === count, `${count} pods`, 25_000, query);
  return answer.list('items').map(nameOf);
};
