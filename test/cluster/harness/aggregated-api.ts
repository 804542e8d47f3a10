import { once } from 'node:events';
import { createServer } from 'node:https';
import { createAuthority } from '../../../src/certificates/index.ts';
import { systemClock } from '../../../src/core/index.ts';
import { until } from '../../support/until.ts';
import type { Cluster, Scope } from './cluster.ts';

const port = 8443;

export interface AggregatedApi {
  readonly group: string;
  readonly version: string;
  /** Where its server listens. */
  readonly address: string;
  /** Of the Service that is made for it. */
  readonly namespace: string;
  /** The resources that discovery names. */
  readonly resources: readonly object[];
  /** The answer to a GET of the rest of the path, after group and version; undefined: not found. */
  readonly answer: (url: URL) => Promise<object | undefined>;
}

/** Serves an API of its own behind the API server's aggregator, until the end of the test: a Service without pods, its EndpointSlice, an APIService. */
export const serveAggregatedApi = async (t: Scope, cluster: Cluster, api: AggregatedApi): Promise<void> => {
  const { group, version, address, namespace } = api;
  const name = `${version}.${group}`;
  const root = `/apis/${group}/${version}`;
  const authority = await createAuthority({ commonName: name, clock: systemClock, validDays: 1 });
  const { certificatePem, keyPem } = await authority.issue({ commonName: name, ipAddresses: [address], validDays: 1 });
  const discovery = { kind: 'APIResourceList', apiVersion: 'v1', groupVersion: `${group}/${version}`, resources: api.resources };
  const server = createServer({ cert: certificatePem, key: keyPem }, (request, response) => {
    const url = new URL(request.url ?? '/', 'https://aggregated');
    // Whether it lives is asked at the root of the version; what else the API server looks for (/apis, OpenAPI) is not there.
    const answer = url.pathname === root ? Promise.resolve(discovery) : url.pathname.startsWith(`${root}/`) ? api.answer(url) : Promise.resolve(undefined);
    answer.then(
      (body) => {
        if (body === undefined) response.writeHead(404).end();
        else response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
      },
      (failure: unknown) => response.writeHead(500).end(String(failure)),
    );
  });
  server.listen(port, address);
  await once(server, 'listening');
  const apiService = `/apis/apiregistration.k8s.io/v1/apiservices/${name}`;
  // Before the namespace goes: its end waits for every API that is registered.
  t.teardown(async () => {
    await cluster.api('DELETE', apiService);
    server.closeAllConnections();
    server.close();
  });
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
  await made(cluster, `/api/v1/namespaces/${namespace}/services`, service);
  await made(cluster, `/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices`, slice);
  await made(cluster, '/apis/apiregistration.k8s.io/v1/apiservices', { metadata: { name }, spec });
  const status = async (): Promise<{ readonly conditions?: readonly { readonly type: string; readonly status: string }[] }> =>
    (await cluster.api('GET', apiService)).body['status'] ?? {};
  const isAvailable = async (): Promise<boolean> => (await status()).conditions?.some((each) => each.type === 'Available' && each.status === 'True') === true;
  await until(`${name} is served`, isAvailable, 20_000, status);
};

const made = async (cluster: Cluster, path: string, object: object): Promise<void> => {
  const { status, body } = await cluster.api('POST', path, object);
  if (status !== 201) throw new Error(`${path}: ${JSON.stringify(body)}`);
};
