import { isIP, isIPv4, isIPv6 } from 'node:net';
import { cause, type StatusCause } from '../api-error.ts';
import { at, isObject, listAt, objectAt, textAt, type JsonObject } from '../json.ts';
import { atLeast, oneOf, portNumber, portReference, protocols, unique } from './checks.ts';
import { dnsLabelCauses, labelCauses, subdomainCauses } from './names.ts';

const servicePortCauses = (ports: readonly unknown[]): StatusCause[] => [
  ...ports.flatMap((port, index) => {
    const field = `spec.ports[${String(index)}]`;
    const name = textAt(port, 'name');
    return [
      ...(ports.length > 1 && (name ?? '') === '' ? [cause.required(`${field}.name`)] : []),
      ...(name === undefined || name === '' ? [] : dnsLabelCauses(`${field}.name`, name)),
      ...portNumber(`${field}.port`, at(port, 'port')),
      ...portReference(`${field}.targetPort`, at(port, 'targetPort')),
      ...oneOf(`${field}.protocol`, at(port, 'protocol'), protocols),
    ];
  }),
  ...unique(
    (index) => `spec.ports[${String(index)}].name`,
    ports.map((port) => textAt(port, 'name')),
  ),
  ...unique(
    (index) => `spec.ports[${String(index)}]`,
    ports.map((port) => `${String(at(port, 'port'))}/${textAt(port, 'protocol') ?? 'TCP'}`),
  ),
];

export const serviceCauses = (object: JsonObject, previous: JsonObject | undefined): StatusCause[] => {
  const spec = objectAt(object, 'spec');
  if (spec === undefined) return [cause.required('spec')];
  const ports = listAt(spec, 'ports');
  const type = textAt(spec, 'type') ?? '';
  const before = textAt(previous, 'spec', 'clusterIP');
  const isHeadless = spec['clusterIP'] === 'None';
  return [
    ...oneOf('spec.type', type, ['ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort']),
    ...(ports.length === 0 && type !== 'ExternalName' && !isHeadless ? [cause.required('spec.ports')] : []),
    ...(type === 'ExternalName' ? subdomainCauses('spec.externalName', textAt(spec, 'externalName')) : []),
    ...servicePortCauses(ports),
    ...labelCauses('spec.selector', spec['selector']),
    ...oneOf('spec.sessionAffinity', spec['sessionAffinity'], ['ClientIP', 'None']),
    ...oneOf('spec.internalTrafficPolicy', spec['internalTrafficPolicy'], ['Cluster', 'Local']),
    ...oneOf('spec.externalTrafficPolicy', spec['externalTrafficPolicy'], ['Cluster', 'Local']),
    ...atLeast('spec.sessionAffinityConfig.clientIP.timeoutSeconds', at(spec, 'sessionAffinityConfig', 'clientIP', 'timeoutSeconds'), 1),
    ...(before !== undefined && type !== 'ExternalName' && textAt(previous, 'spec', 'type') !== 'ExternalName' && spec['clusterIP'] !== before
      ? [cause.invalid('spec.clusterIPs[0]', spec['clusterIP'], 'may not change once set')]
      : []),
  ];
};

const mostPerSlice = 1000;

/** The real server also refuses loopback and link-local addresses (CVE-2021-25737); here pods live on 127.0.0.1. */
const addressCauses = (field: string, address: unknown, type: unknown): StatusCause[] => {
  const text = typeof address === 'string' ? address : '';
  if (type === 'IPv4') return isIPv4(text) ? [] : [cause.invalid(field, address, 'must be a valid IPv4 address')];
  if (type === 'IPv6') return isIPv6(text) ? [] : [cause.invalid(field, address, 'must be a valid IPv6 address')];
  return type === 'FQDN' ? subdomainCauses(field, text) : [];
};

const endpointPortCauses = (field: string, ports: readonly unknown[]): StatusCause[] => [
  ...ports.flatMap((port, index) => [
    ...(at(port, 'port') === undefined ? [] : portNumber(`${field}[${String(index)}].port`, at(port, 'port'))),
    ...oneOf(`${field}[${String(index)}].protocol`, at(port, 'protocol'), protocols),
    ...(textAt(port, 'name') === undefined || textAt(port, 'name') === '' ? [] : dnsLabelCauses(`${field}[${String(index)}].name`, textAt(port, 'name'))),
  ]),
  ...unique(
    (index) => `${field}[${String(index)}].name`,
    ports.map((port) => textAt(port, 'name') ?? ''),
  ),
];

export const endpointSliceCauses = (object: JsonObject, previous: JsonObject | undefined): StatusCause[] => {
  const type = object['addressType'];
  const endpoints = listAt(object, 'endpoints');
  return [
    ...(type === undefined ? [cause.required('addressType')] : oneOf('addressType', type, ['FQDN', 'IPv4', 'IPv6'])),
    ...(previous !== undefined && previous['addressType'] !== type ? [cause.invalid('addressType', type, 'field is immutable')] : []),
    ...(endpoints.length > mostPerSlice
      ? [{ reason: 'FieldValueTooMany', message: `Too many: ${String(endpoints.length)}: must have at most 1000 items`, field: 'endpoints' }]
      : []),
    ...endpoints.flatMap((endpoint, index) => {
      const addresses = listAt(endpoint, 'addresses');
      const field = `endpoints[${String(index)}].addresses`;
      if (addresses.length === 0) return [cause.required(field, 'must contain at least 1 address')];
      return addresses.flatMap((address, position) => addressCauses(`${field}[${String(position)}]`, address, type));
    }),
    ...endpointPortCauses('ports', listAt(object, 'ports')),
  ];
};

export const endpointsCauses = (object: JsonObject): StatusCause[] =>
  listAt(object, 'subsets').flatMap((subset, index) => {
    const field = `subsets[${String(index)}]`;
    const addresses = ['addresses', 'notReadyAddresses'].flatMap((list) => listAt(subset, list));
    return [
      ...(addresses.length === 0 ? [cause.required(field, 'must specify `addresses` or `notReadyAddresses`')] : []),
      ...addresses.flatMap((address) =>
        isObject(address) && isIP(textAt(address, 'ip') ?? '') !== 0
          ? []
          : [cause.invalid(`${field}.addresses.ip`, at(address, 'ip'), 'must be a valid IP address')],
      ),
      ...endpointPortCauses(`${field}.ports`, listAt(subset, 'ports')),
    ];
  });
