import type { GatewayPorts, HostRoute, ListenerRoute, PodRoute, WorkloadRoute } from '../core/index.ts';
import type { PodView, ServiceView } from '../kube/index.ts';
import { addressTypes } from './address-type.ts';
import { podRoute, targetOf, type Target } from './endpoints.ts';
import type { RoutedWorkload, WakeFailureSource } from './ports.ts';
import type { PodPermits } from './permits.ts';
import { protocolOf } from './protocol.ts';

/** A Service whose traffic belongs to the workload, with the gateway ports that stand for its ports (none before they are allotted). */
export interface RoutedService {
  readonly service: ServiceView;
  readonly gatewayPorts: GatewayPorts;
}

export interface RouteInputs {
  readonly workload: RoutedWorkload;
  /** In a fixed order, so that equal inputs give equal routes. */
  readonly services: readonly RoutedService[];
  readonly pods: Iterable<PodView>;
  /** Uids of pods that are about to be taken away: nothing new goes to them. */
  readonly leaving?: ReadonlySet<string> | undefined;
  /** How the places of its pods are divided among gateways, where there is a limit. */
  readonly permits?: (limit: number, pods: readonly PodRoute[]) => ReadonlyMap<string, PodPermits>;
  readonly wakeFailure: ReturnType<WakeFailureSource['get']>;
  readonly wakeContext?: string | undefined;
  /** Where gateways bind; undefined: all addresses. */
  readonly listenAddress: string | undefined;
}

const listeners = ({ workload, services, listenAddress }: RouteInputs): readonly ListenerRoute[] =>
  services.flatMap(({ service, gatewayPorts }) =>
    service.ports.flatMap((port) => {
      const gatewayPort = gatewayPorts.get(port.port);
      if (gatewayPort === undefined) return [];
      return [{ address: listenAddress, port: gatewayPort, protocol: protocolOf(workload.spec.traffic.protocol, port), target: targetOf(port.targetPort).key }];
    }),
  );

/** Names under which the shared port knows a Service: its first HTTP port, by the names that cluster DNS gives it, and one that browsers resolve to this machine. */
const hosts = ({ workload, services }: RouteInputs): readonly HostRoute[] =>
  services.flatMap(({ service }) => {
    const { namespace, name } = service;
    for (const port of service.ports) {
      const protocol = protocolOf(workload.spec.traffic.protocol, port);
      if (protocol === 'tcp') continue;
      const target = targetOf(port.targetPort).key;
      const base = `${name}.${namespace}`;
      return [`${base}.localhost`, base, `${base}.svc`, `${base}.svc.cluster.local`].map((host) => ({ host, protocol, target }));
    }
    return [];
  });

const targets = (services: readonly RoutedService[]): readonly Target[] => {
  const byKey = new Map(services.flatMap(({ service }) => service.ports.map(({ targetPort }) => [targetOf(targetPort).key, targetOf(targetPort)] as const)));
  return [...byKey.values()];
};

const byId = (a: PodRoute, b: PodRoute): number => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);

const withPermits = (pods: readonly PodRoute[], permits: ReadonlyMap<string, PodPermits>): readonly PodRoute[] =>
  pods.map((pod) => ({ ...pod, permits: permits.get(pod.id) ?? {} }));

/** Everything that gateways have to know of one workload. */
export const workloadRoute = (inputs: RouteInputs): WorkloadRoute => {
  const { workload, services, wakeFailure, wakeContext } = inputs;
  const { traffic, scaling } = workload.spec;
  const known = targets(services);
  const [family] = services.flatMap(({ service }) => addressTypes.filter((type) => type === service.ipFamilies[0]));
  const pods = [...inputs.pods].map((pod) => podRoute(pod, known, family, inputs.leaving?.has(pod.uid))).filter((pod) => pod !== undefined);
  const limit = scaling.containerConcurrency === 'unlimited' ? undefined : scaling.containerConcurrency;
  pods.sort(byId);
  return {
    workload: workload.key,
    listeners: listeners(inputs),
    hosts: hosts(inputs),
    pods: limit === undefined || inputs.permits === undefined ? pods : withPermits(pods, inputs.permits(limit, pods)),
    wakeFailure,
    ...(wakeContext === undefined ? {} : { wakeContext }),
    containerConcurrency: limit,
    holdQueueDepth: traffic.holdQueueDepth,
    holdTimeoutMs: traffic.holdTimeout === 'never-hold' ? 0 : traffic.holdTimeout,
    waitingPage: traffic.waitingPage,
    requestTimeoutMs: traffic.requestTimeout === 'off' ? 0 : traffic.requestTimeout,
    responseStartTimeoutMs: traffic.responseStartTimeout === 'off' ? 0 : traffic.responseStartTimeout,
    idleTimeoutMs: traffic.idleTimeout === 'off' ? 0 : traffic.idleTimeout,
    ignoreRequests: traffic.ignoreRequests,
    sessionAffinity: services.some(({ service }) => service.sessionAffinity === 'ClientIP') ? 'client-ip' : 'none',
  };
};
