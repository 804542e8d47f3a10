import { abridged, ageColumn, column, labelText, nameColumn, none, wide, type Column } from './column.ts';
import { listAt, numberAt, objectsAt, textAt, type JsonObject } from './fields.ts';

const texts = (object: JsonObject, ...path: readonly string[]): readonly string[] => listAt(object, ...path).filter((item) => typeof item === 'string');

const externalAddress = (service: JsonObject): string => {
  const given = texts(service, 'spec', 'externalIPs');
  switch (textAt(service, 'spec', 'type')) {
    case 'ClusterIP':
    case 'NodePort':
      return given.length === 0 ? none : given.join(',');
    case 'LoadBalancer': {
      const balancer = objectsAt(service, 'status', 'loadBalancer', 'ingress').map((ingress) => textAt(ingress, 'ip') ?? textAt(ingress, 'hostname') ?? '');
      const all = [...new Set(balancer.filter((address) => address !== ''))].sort().concat(given);
      return all.length === 0 ? '<pending>' : all.join(',');
    }
    case 'ExternalName':
      return textAt(service, 'spec', 'externalName') ?? '';
    default:
      return '<unknown>';
  }
};

const portText = (port: JsonObject): string => {
  const nodePort = numberAt(port, 'nodePort') ?? 0;
  return `${String(numberAt(port, 'port') ?? 0)}${nodePort > 0 ? `:${String(nodePort)}` : ''}/${textAt(port, 'protocol') ?? ''}`;
};

export const serviceColumns: readonly Column[] = [
  nameColumn,
  column('Type', (service) => textAt(service, 'spec', 'type') ?? ''),
  column('Cluster-IP', (service) => texts(service, 'spec', 'clusterIPs')[0] ?? none),
  column('External-IP', externalAddress),
  column('Port(s)', (service) => objectsAt(service, 'spec', 'ports').map(portText).join(',') || none),
  ageColumn,
  wide('Selector', (service) => labelText(service, 'spec', 'selector')),
];

const hostPort = (ip: string, port: number): string => (ip.includes(':') ? `[${ip}]:${String(port)}` : `${ip}:${String(port)}`);

const addressesOf = (subset: JsonObject): string[] => {
  const addresses = objectsAt(subset, 'addresses').map((address) => textAt(address, 'ip') ?? '');
  const ports = objectsAt(subset, 'ports').map((port) => numberAt(port, 'port') ?? 0);
  return ports.length === 0 ? addresses : ports.flatMap((port) => addresses.map((ip) => hostPort(ip, port)));
};

export const endpointsColumns: readonly Column[] = [
  nameColumn,
  column('Endpoints', (endpoints) => {
    const subsets = objectsAt(endpoints, 'subsets');
    return subsets.length === 0 ? none : abridged(subsets.flatMap(addressesOf), 3, '');
  }),
  ageColumn,
];

export const endpointSliceColumns: readonly Column[] = [
  nameColumn,
  column('AddressType', (slice) => textAt(slice, 'addressType') ?? ''),
  column('Ports', (slice) =>
    abridged(
      objectsAt(slice, 'ports').map((port) => String(numberAt(port, 'port') ?? textAt(port, 'name') ?? '*')),
      3,
      '<unset>',
    ),
  ),
  column('Endpoints', (slice) =>
    abridged(
      objectsAt(slice, 'endpoints').flatMap((endpoint) => texts(endpoint, 'addresses')),
      3,
      '<unset>',
    ),
  ),
  ageColumn,
];
