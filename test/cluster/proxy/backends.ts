import type { Service } from 'kubernetes-types/core/v1.d.ts';
import type { EndpointSlice } from 'kubernetes-types/discovery/v1.d.ts';

export type Family = 'IPv4' | 'IPv6';

export interface Backend {
  readonly address: string;
  readonly port: number;
}

/** One ClusterIP and port of a Service, and where its connections go now. */
export interface ServicePort {
  /** `address port`: what is listened on. */
  readonly key: string;
  readonly address: string;
  readonly port: number;
  readonly backends: readonly Backend[];
  /** How long a client stays with its backend; undefined: every connection goes anywhere. */
  readonly affinityMs: number | undefined;
}

/** A slice without endpoints has null for both on the wire. */
interface Lists {
  readonly ports?: EndpointSlice['ports'] | null;
  readonly endpoints: EndpointSlice['endpoints'] | null;
}

export const endpointsOf = ({ endpoints }: Lists): EndpointSlice['endpoints'] => endpoints ?? [];
const portsOf = ({ ports }: Lists): NonNullable<EndpointSlice['ports']> => ports ?? [];

const familyOf = (address: string): Family => (address.includes(':') ? 'IPv6' : 'IPv4');

const defaultAffinitySeconds = 10_800;

/**
 * What kube-proxy would send a port's connections to: ready endpoints, and where there is none those that are going but still serve
 * (pkg/proxy/topology.go, CategorizeEndpoints). Endpoints of all slices count once.
 */
export const backendsOf = (slices: readonly EndpointSlice[], portName: string, family: Family): readonly Backend[] => {
  const ready = new Map<string, Backend>();
  const going = new Map<string, Backend>();
  for (const slice of slices) {
    if (slice.addressType !== family) continue;
    for (const { name = '', port, protocol = 'TCP' } of portsOf(slice)) {
      if (name !== portName || port === undefined || protocol !== 'TCP') continue;
      for (const { addresses, conditions = {} } of endpointsOf(slice)) {
        const backend = { address: addresses[0] ?? '', port };
        const isServing = conditions.serving ?? conditions.ready ?? true;
        if (conditions.ready ?? true) ready.set(`${backend.address} ${port}`, backend);
        else if (isServing && conditions.terminating === true) going.set(`${backend.address} ${port}`, backend);
      }
    }
  }
  return [...(ready.size > 0 ? ready : going).values()];
};

/** Every TCP port of a Service with a ClusterIP; none of a headless one, or of one that is only a name. */
export const servicePorts = ({ spec }: Service, slices: readonly EndpointSlice[]): readonly ServicePort[] => {
  if (spec === undefined || spec.type === 'ExternalName') return [];
  const addresses = (spec.clusterIPs ?? (spec.clusterIP === undefined ? [] : [spec.clusterIP])).filter((address) => address !== 'None' && address !== '');
  const seconds = spec.sessionAffinity === 'ClientIP' ? (spec.sessionAffinityConfig?.clientIP?.timeoutSeconds ?? defaultAffinitySeconds) : undefined;
  return addresses.flatMap((address) =>
    (spec.ports ?? [])
      .filter(({ protocol = 'TCP' }) => protocol === 'TCP')
      .map(({ name = '', port }) => ({
        key: `${address} ${port}`,
        address,
        port,
        backends: backendsOf(slices, name, familyOf(address)),
        affinityMs: seconds === undefined ? undefined : seconds * 1000,
      })),
  );
};
