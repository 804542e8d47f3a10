import type { KubeConnection } from './connection.ts';
import { abortable, readAll } from './transport.ts';

/** A Service of the cluster, and the name of one of its ports. */
export interface ProxiedService {
  readonly namespace: string;
  readonly name: string;
  readonly port: string;
}

export interface ProxiedAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

/** GETs `path` of a Service (HTTP) through the API server, as `kubectl get --raw` would: whoever may reach the API server need not reach the cluster's network. */
export const getThroughProxy = async (
  connection: KubeConnection,
  { namespace, name, port }: ProxiedService,
  path: string,
  accept: string,
  signal: AbortSignal,
): Promise<ProxiedAnswer> => {
  const { headers, dispatcher } = await abortable(connection.authorize(), signal);
  const base = connection.server.pathname.replace(/\/+$/, '');
  const sent = dispatcher.request({
    origin: connection.server.origin,
    method: 'GET',
    path: `${base}/api/v1/namespaces/${namespace}/services/${name}:${port}/proxy${path}`,
    headers: { ...headers, accept, 'user-agent': 'rouse' },
    signal,
  });
  const response = await abortable(sent, signal);
  return { status: response.statusCode, headers: response.headers, body: await readAll(response.body, signal) };
};
