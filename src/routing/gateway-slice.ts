import { sliceManager, systemNamespace, type GatewayInfo, type GatewayPorts } from '../core/index.ts';
import { resources, type EndpointSliceView, type Resource, type ServiceView } from '../kube/index.ts';
import { addressTypes, familyOf, type AddressType } from './address-type.ts';

/** An EndpointSlice as on the wire. */
export type EndpointSlice = NonNullable<(typeof resources.endpointSlices)['type']>;
type Endpoint = EndpointSlice['endpoints'][number];

export const sliceResource: Resource<EndpointSlice> = resources.endpointSlices;

export const sliceName = (service: string, type: AddressType): string => `${service}-rouse-${type.toLowerCase()}`;
export const isOurs = (slice: EndpointSliceView): boolean => slice.managedBy === sliceManager;

const endpoint = (address: string, gateway: GatewayInfo): Endpoint => ({
  addresses: [address],
  conditions: { ready: true, serving: true, terminating: false },
  ...(gateway.nodeName === undefined ? {} : { nodeName: gateway.nodeName }),
  ...(gateway.zone === undefined ? {} : { zone: gateway.zone }),
  ...(gateway.podName === undefined || gateway.podUid === undefined
    ? {}
    : { targetRef: { kind: 'Pod', namespace: systemNamespace, name: gateway.podName, uid: gateway.podUid } }),
});

const slicePorts = (service: ServiceView, gatewayPorts: GatewayPorts): NonNullable<EndpointSlice['ports']> =>
  service.ports.flatMap(({ name, port, appProtocol }) => {
    const gatewayPort = gatewayPorts.get(port);
    return gatewayPort === undefined ? [] : [{ name: name ?? '', port: gatewayPort, protocol: 'TCP', ...(appProtocol === undefined ? {} : { appProtocol }) }];
  });

/** One slice as it should be: whom it names, and what to write for addresses of which nothing more is known than that they are there. */
export interface WantedSlice {
  readonly type: AddressType;
  readonly name: string;
  readonly addresses: readonly string[];
  readonly unknown: readonly string[];
  readonly object: EndpointSlice;
}

/** Our slices for a Service: one per address type in which there is a gateway, with the Service as owner so that they go with it. */
export const wantedSlices = (
  service: ServiceView,
  gatewayPorts: GatewayPorts,
  addresses: ReadonlyMap<string, GatewayInfo | undefined>,
): readonly WantedSlice[] =>
  addressTypes.flatMap((type) => {
    const own = [...addresses].filter(([address]) => familyOf(address) === type).sort(([a], [b]) => (a < b ? -1 : 1));
    if (own.length === 0) return [];
    const name = sliceName(service.name, type);
    const object: EndpointSlice = {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: {
        name,
        namespace: service.namespace,
        labels: { 'kubernetes.io/service-name': service.name, 'endpointslice.kubernetes.io/managed-by': sliceManager },
        ownerReferences: [{ apiVersion: 'v1', kind: 'Service', name: service.name, uid: service.uid, controller: true }],
      },
      addressType: type,
      endpoints: own.flatMap(([address, gateway]) => (gateway === undefined ? [] : [endpoint(address, gateway)])),
      ports: slicePorts(service, gatewayPorts),
    };
    return [
      {
        type,
        name,
        addresses: own.map(([address]) => address),
        unknown: own.filter(([, gateway]) => gateway === undefined).map(([address]) => address),
        object,
      },
    ];
  });

/** True if the cluster has `wanted` already. Compares what routing depends on; node and zone of a gateway do not change while it lives. */
export const isWritten = (wanted: WantedSlice, slice: EndpointSliceView | undefined): boolean => {
  if (slice === undefined || !isOurs(slice) || slice.addressType !== wanted.type || slice.owner === undefined) return false;
  const have = slice.endpoints.map(({ addresses, podUid }) => `${addresses.join()} ${podUid ?? ''}`);
  const want = wanted.object.endpoints.map(({ addresses, targetRef }) => `${addresses.join()} ${targetRef?.uid ?? ''}`);
  const known = have.filter((entry) => !wanted.unknown.some((address) => entry.startsWith(`${address} `)));
  const ports = (list: readonly { readonly name?: string; readonly port?: number | undefined }[]): string =>
    list
      .map(({ name = '', port }) => `${name}=${port ?? ''}`)
      .sort()
      .join();
  return have.length === wanted.addresses.length && known.sort().join() === want.sort().join() && ports(slice.ports) === ports(wanted.object.ports ?? []);
};
