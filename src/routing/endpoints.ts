import { annotation, resolvePodPort, zoneLabel, type PodProbe, type PodRoute } from '../core/index.ts';
import type { ContainerView, PodView } from '../kube/index.ts';
import { familyOf, type AddressType } from './address-type.ts';

/** A Service port's `targetPort`, and the key under which routes name it. */
export interface Target {
  readonly key: string;
  readonly targetPort: number | string;
}

export const targetOf = (targetPort: number | string): Target => ({ key: String(targetPort), targetPort });

const portsOf = (pod: PodView): Parameters<typeof resolvePodPort>[0] => ({ containers: pod.containers, localPorts: pod.annotations[annotation.localPorts] });

/** The container behind `target`: the one that declares the port, else the only one that could. */
const servingContainer = (pod: PodView, { targetPort }: Target): ContainerView | undefined => {
  const declaring = pod.containers.find(({ ports }) =>
    ports.some((port) => port.protocol === 'TCP' && (typeof targetPort === 'number' ? port.containerPort === targetPort : port.name === targetPort)),
  );
  if (declaring !== undefined) return declaring;
  const undeclared = pod.containers.filter(({ ports }) => ports.length === 0);
  return undeclared.length === 1 ? undeclared[0] : pod.containers.length === 1 ? pod.containers[0] : undefined;
};

/**
 * How a gateway can tell by itself that `pod` serves `target`. Only the serving container's own HTTP or TCP readiness probe is something it can repeat from
 * outside; without any probe a connection that is accepted is all that can be known. Whatever else the pod's Ready condition depends on has to be awaited.
 */
export const probeOf = (pod: PodView, target: Target): PodProbe => {
  const awaitReady: PodProbe = { kind: 'await-ready' };
  const serving = servingContainer(pod, target);
  if (serving === undefined || pod.hasReadinessGates) return awaitReady;
  if (pod.containers.some((container) => container !== serving && container.readinessProbe !== undefined)) return awaitReady;
  const probe = serving.readinessProbe;
  if (probe === undefined) {
    const port = resolvePodPort(portsOf(pod), target.targetPort);
    return port === undefined ? awaitReady : { kind: 'tcp', port, timeoutMs: 1000 };
  }
  // A named probe port is a port of the probed container.
  const port = probe.port === undefined ? undefined : resolvePodPort({ ...portsOf(pod), containers: [serving] }, probe.port);
  if (port === undefined) return awaitReady;
  const timeoutMs = probe.timeoutSeconds * 1000;
  switch (probe.kind) {
    case 'http':
      return probe.scheme === 'HTTP' ? { kind: 'http', port, path: probe.path, headers: probe.headers, timeoutMs } : awaitReady;
    case 'tcp':
      return { kind: 'tcp', port, timeoutMs };
    case 'exec':
    case 'grpc':
      return awaitReady;
  }
};

const finished = (pod: PodView): boolean => pod.phase === 'Succeeded' || pod.phase === 'Failed';

const stateOf = (pod: PodView, isLeaving: boolean): PodRoute['state'] => (pod.deleting || isLeaving ? 'terminating' : pod.ready ? 'ready' : 'starting');

/** A pod as a target of requests, by its address of `family` where it has one; undefined while it has none at all, and once it has ended. */
export const podRoute = (pod: PodView, targets: readonly Target[], family?: AddressType, isLeaving = false): PodRoute | undefined => {
  const address = pod.podIPs.find((each) => familyOf(each) === family) ?? pod.podIPs[0];
  const [primary] = targets;
  if (address === undefined || primary === undefined || finished(pod)) return undefined;
  const ports: Record<string, number> = {};
  for (const { key, targetPort } of targets) {
    const port = resolvePodPort(portsOf(pod), targetPort);
    if (port !== undefined) ports[key] = port;
  }
  const zone = pod.labels[zoneLabel];
  return {
    id: pod.uid,
    name: pod.name,
    address,
    ports,
    state: stateOf(pod, isLeaving),
    probe: probeOf(pod, primary),
    revision: pod.labels['pod-template-hash'] ?? pod.labels['controller-revision-hash'] ?? '',
    ...(zone === undefined ? {} : { zone }),
  };
};
