import {
  failed,
  ok,
  parseDuration,
  parseWorkloadKey,
  protocols,
  type Protocol,
  type Result,
  type RouteSnapshot,
  type WorkloadKey,
  type WorkloadRoute,
} from '../core/index.ts';
import { FieldReader, type Fields } from './field-reader.ts';

/**
 * The file of a stand-alone gateway (`rouse gateway --routes FILE`), YAML or JSON:
 * `{workloads: [{name, listeners: [{address, port, protocol}], hosts, endpoints: [{address, port}], containerConcurrency, holdQueueDepth, holdTimeout, requestTimeout,
 * responseStartTimeout, idleTimeout}]}`. Only `name` and a listener or a host are needed. Empty `endpoints` hold. An unknown field is a mistake, never ignored.
 */

const target = 'endpoint';
const mostWorkloads = 10_000;
const dayMs = 86_400_000;

interface Endpoint {
  readonly address: string;
  readonly port: number;
}

/** An IPv4 or IPv6 address, or a host name. */
const readAddress = (fields: Fields): string =>
  fields.parsed('address', (text) => (/^(?:[\w.-]{1,253}|[0-9a-f:.]{2,45})$/i.test(text) ? text : undefined), 'an IP address or a host name, e.g. 127.0.0.1');

const readEndpoint = (fields: Fields): Endpoint => ({ address: readAddress(fields), port: fields.whole('port', 1, 65_535, undefined) });

const readListener = (fields: Fields): WorkloadRoute['listeners'][number] => ({
  address: fields.has('address') ? readAddress(fields) : undefined,
  port: fields.whole('port', 1, 65_535, undefined),
  protocol: fields.oneOf<Protocol>('protocol', protocols, 'http1'),
  target,
});

/** A declared endpoint is taken to be ready; one that refuses connections is left out until a TCP connection succeeds. */
const podOf = ({ address, port }: Endpoint): WorkloadRoute['pods'][number] => ({
  id: `${address}:${port}`,
  name: `${address}:${port}`,
  address,
  ports: { [target]: port },
  state: 'ready',
  probe: { kind: 'tcp', port, timeoutMs: 1000 },
  revision: '',
});

const readWorkload = (fields: Fields): WorkloadRoute => {
  const name = fields.parsed('name', (text) => (parseWorkloadKey(text) === undefined ? undefined : (text as WorkloadKey)), 'namespace/name, e.g. default/app');
  const duration = (field: string, byDefault: string): number =>
    fields.parsed(
      field,
      (text) => {
        const value = parseDuration(text);
        return value !== undefined && value >= 0 && value <= dayMs ? value : undefined;
      },
      'a duration from 0s to 24h, e.g. 90s',
      byDefault,
    );
  const listeners = fields.list('listeners', 1000, readListener);
  const hosts = fields.texts('hosts', 1000);
  if (listeners.length === 0 && hosts.length === 0) fields.problem('has neither listeners nor hosts, so nothing could reach it');
  return {
    workload: name,
    listeners,
    hosts: hosts.map((host) => ({ host, protocol: 'http1', target })),
    pods: fields.list('endpoints', 10_000, readEndpoint).map(podOf),
    wakeFailure: undefined,
    containerConcurrency: fields.whole('containerConcurrency', 0, 1000, 0) || undefined,
    holdQueueDepth: fields.whole('holdQueueDepth', 0, 100_000, 1000),
    holdTimeoutMs: duration('holdTimeout', '60s'),
    waitingPage: false,
    requestTimeoutMs: duration('requestTimeout', '0s'),
    responseStartTimeoutMs: duration('responseStartTimeout', '300s'),
    idleTimeoutMs: duration('idleTimeout', '0s'),
    ignoreRequests: [{ userAgent: 'kube-probe/' }],
    sessionAffinity: 'none',
  };
};

/** Two workloads of one name, and ports or hosts that are given twice, would make the outcome depend on the order. */
const findClashes = (routes: readonly WorkloadRoute[]): readonly string[] => {
  const owners = new Map<string, WorkloadKey>();
  const problems: string[] = [];
  const claim = (what: string, route: WorkloadRoute): void => {
    const owner = owners.get(what);
    if (owner === undefined) owners.set(what, route.workload);
    else problems.push(`${what} is given twice: to ${owner} and to ${route.workload}`);
  };
  for (const route of routes) {
    claim(`name ${route.workload}`, route);
    for (const { address, port } of route.listeners) claim(`listener ${address ?? '*'}:${port}`, route);
    for (const { host } of route.hosts) claim(`host ${host.toLowerCase()}`, route);
    const endpoints = new Set<string>();
    for (const { id } of route.pods) {
      if (endpoints.has(id)) problems.push(`endpoint ${id} of ${route.workload} is given twice`);
      endpoints.add(id);
    }
  }
  return problems;
};

/** The routes in `document`, or every problem of it as a sentence that names the field. */
export const readRoutes = (document: unknown, revision: number): Result<RouteSnapshot, readonly string[]> => {
  const problems: string[] = [];
  const reader = new FieldReader(problems);
  const routes = reader.object(document, 'routes', (fields) => fields.list('workloads', mostWorkloads, readWorkload, true)) ?? [];
  if (problems.length === 0) problems.push(...findClashes(routes));
  return problems.length > 0 ? failed(problems) : ok({ revision, full: true, upsert: routes, remove: [] });
};
