import { once } from 'node:events';
import { createServer } from 'node:https';
import { createAuthority } from '../../../src/certificates/index.ts';
import { systemClock } from '../../../src/core/index.ts';
import { until } from '../../support/until.ts';
import type { Cluster, Scope } from './cluster.ts';

const address = '10.77.200.30';
const port = 8443;
const group = 'custom.metrics.k8s.io';
const version = 'v1beta2';
const apiService = `/apis/apiregistration.k8s.io/v1/apiservices/${version}.${group}`;

/** What the metrics API says of pods, in thousandths, by name; of a pod that is left out it says nothing. */
export type PodValues = Readonly<Record<string, number>>;

/**
 * Stands in for a metrics adapter: registers `custom.metrics.k8s.io` with the API server and answers as `valuesOf` says for the pods that a label `app` selects. Each
 * HorizontalPodAutoscaler asks once in each of its syncs.
 */
export const servePodsMetrics = async (t: Scope, cluster: Cluster, namespace: string, valuesOf: (app: string) => Promise<PodValues>): Promise<void> => {
  const authority = await createAuthority({ commonName: 'metrics', clock: systemClock, validDays: 1 });
  const { certificatePem, keyPem } = await authority.issue({ commonName: 'metrics', ipAddresses: [address], validDays: 1 });
  const server = createServer({ cert: certificatePem, key: keyPem }, (request, response) => {
    const url = new URL(request.url ?? '/', 'https://metrics');
    const [, metric] = /\/pods\/\*\/([^/]+)$/.exec(decodeURIComponent(url.pathname)) ?? [];
    const answer = async (): Promise<object> => {
      if (metric === undefined) return { kind: 'APIResourceList', apiVersion: 'v1', groupVersion: `${group}/${version}`, resources: [] };
      const values = await valuesOf(/app=([^,]+)/.exec(url.searchParams.get('labelSelector') ?? '')?.[1] ?? '');
      const items = Object.entries(values).map(([name, milli]) => ({
        describedObject: { kind: 'Pod', apiVersion: '/v1', namespace, name },
        metric: { name: metric },
        timestamp: new Date().toISOString(),
        value: `${milli}m`,
      }));
      return { kind: 'MetricValueList', apiVersion: `${group}/${version}`, metadata: {}, items };
    };
    answer().then(
      (body) => response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body)),
      (failure: unknown) => response.writeHead(500).end(String(failure)),
    );
  });
  server.listen(port, address);
  await once(server, 'listening');
  const service = { metadata: { name: 'metrics' }, spec: { ports: [{ name: 'https', port: 443, targetPort: port }] } };
  const slice = {
    metadata: { name: 'metrics', labels: { 'kubernetes.io/service-name': 'metrics' } },
    addressType: 'IPv4',
    ports: [{ name: 'https', port, protocol: 'TCP' }],
    endpoints: [{ addresses: [address], conditions: { ready: true } }],
  };
  const spec = {
    group,
    version,
    groupPriorityMinimum: 100,
    versionPriority: 100,
    insecureSkipTLSVerify: true,
    service: { namespace, name: 'metrics', port: 443 },
  };
  // Before the namespace goes: its end waits for every API that is registered.
  t.teardown(async () => {
    await cluster.api('DELETE', apiService);
    server.closeAllConnections();
    server.close();
  });
  await made(cluster, `/api/v1/namespaces/${namespace}/services`, service);
  await made(cluster, `/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices`, slice);
  await made(cluster, '/apis/apiregistration.k8s.io/v1/apiservices', { metadata: { name: `${version}.${group}` }, spec });
  const status = async (): Promise<{ readonly conditions?: readonly { readonly type: string; readonly status: string }[] }> =>
    (await cluster.api('GET', apiService)).body['status'] ?? {};
  const isAvailable = async (): Promise<boolean> => (await status()).conditions?.some((each) => each.type === 'Available' && each.status === 'True') === true;
  await until('the metrics API is served', isAvailable, 20_000, status);
};

const made = async (cluster: Cluster, path: string, object: object): Promise<void> => {
  const { status, body } = await cluster.api('POST', path, object);
  if (status !== 201) throw new Error(`${path}: ${JSON.stringify(body)}`);
};
