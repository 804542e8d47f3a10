/** The part of a pod that decides which port of it stands for a Service's `targetPort`. Fits both wire objects and trimmed views. */
export interface PodPorts {
  readonly containers: readonly {
    readonly ports?: readonly { readonly name?: string | undefined; readonly containerPort: number; readonly protocol?: string | undefined }[] | undefined;
  }[];
  /** Value of the annotation `local.rouse.dev/ports`, where the pod has it. */
  readonly localPorts?: string | undefined;
}

/** Key of the annotation's map for the one port of a pod that declares none. */
const anyPort = '*';

const isPort = (value: unknown): value is number => typeof value === 'number' && Number.isInteger(value) && value > 0 && value < 65536;

/** `local.rouse.dev/ports` as a map from container port to the port on 127.0.0.1; undefined if it is absent or no JSON object (then it counts as absent). */
export const parseLocalPorts = (text: string | undefined): ReadonlyMap<string, number> | undefined => {
  if (text === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
    return new Map(Object.entries(value).filter((entry): entry is [string, number] => isPort(entry[1])));
  } catch {
    return undefined;
  }
};

/** The reverse of `parseLocalPorts`. */
export const printLocalPorts = (ports: ReadonlyMap<string, number>): string => JSON.stringify(Object.fromEntries(ports));

/** A named port is looked up by name *and* protocol, first container first (FindPort in kubernetes/pkg/api/v1/pod/util.go). */
const containerPort = (pod: PodPorts, targetPort: number | string, protocol: string): number | undefined => {
  if (typeof targetPort === 'number') return targetPort;
  for (const { ports } of pod.containers) {
    const found = ports?.find((port) => port.name === targetPort && (port.protocol ?? 'TCP') === protocol);
    if (found !== undefined) return found.containerPort;
  }
  return undefined;
};

/**
 * The port to connect to on `pod` for a Service port with this `targetPort`; undefined if the pod has none, as then it is no endpoint of that port.
 * A number stands for itself, declared or not. Where pods share one address (annotation `local.rouse.dev/ports`) the port allotted for it is
 * given instead, and a number that was not allotted is no port of this pod: on the shared address it would be another's.
 */
export const resolvePodPort = (pod: PodPorts, targetPort: number | string, protocol = 'TCP'): number | undefined => {
  const wanted = containerPort(pod, targetPort, protocol);
  const local = parseLocalPorts(pod.localPorts);
  if (wanted === undefined || local === undefined) return wanted;
  return local.get(String(wanted)) ?? local.get(anyPort);
};
