import type { Pod } from 'kubernetes-types/core/v1.d.ts';

/** What a pod got: its address, and which real port stands for which declared one. Held until `release`. */
export interface Allotment {
  readonly podIP: string;
  /** A second address, of IPv6, where pods have both. */
  readonly podIP6?: string;
  /** Container port as text → port to bind; `*` for a pod that declares none. Undefined where a container port is used as it is. */
  readonly ports: ReadonlyMap<string, number> | undefined;
  /** Variables that tell a container where to listen: `PORT`, `PORT_NAME`, `HOST`, `POD_IP`. `index` is the container's place in the pod's spec. */
  environment(index: number): Readonly<Record<string, string>>;
  /** A second call does nothing. */
  release(): void;
}

/** How pods of this kubelet get addresses. */
export interface Addressing {
  /** Address of the node itself. */
  readonly hostIP: string;
  /** Throws `KubeletError` (`no-free-port`, `no-free-address`) where nothing is left. */
  allot(pod: Pod): Promise<Allotment>;
  close(): void;
}

interface Declared {
  readonly name: string | undefined;
  readonly containerPort: number;
  readonly protocol: string;
}

/** Ports that a container declares, in order; only what has a number. */
export const declaredPorts = (pod: Pod, index: number): readonly Declared[] =>
  (pod.spec?.containers[index]?.ports ?? []).map(({ name, containerPort, protocol }) => ({ name, containerPort, protocol: protocol ?? 'TCP' }));

/** `http-admin` → `PORT_HTTP_ADMIN`. */
const variableOf = (portName: string): string => `PORT_${portName.toUpperCase().replace(/[^A-Z0-9]/g, '_')}`;

/** `PORT` for the first port (or `otherwise`, where none is declared), `PORT_NAME` for each named one. */
export const portEnvironment = (
  declared: readonly Declared[],
  real: (containerPort: number) => number | undefined,
  otherwise: number | undefined,
): Readonly<Record<string, string>> => {
  const environment: Record<string, string> = {};
  const first = declared[0] === undefined ? otherwise : real(declared[0].containerPort);
  if (first !== undefined) environment['PORT'] = String(first);
  for (const { name, containerPort } of declared) {
    const port = real(containerPort);
    if (name !== undefined && port !== undefined) environment[variableOf(name)] = String(port);
  }
  return environment;
};
