import type { Pod, Service } from 'kubernetes-types/core/v1.d.ts';
import { annotation, resolvePodPort } from '../../../../core/index.ts';
import { isTerminal } from '../pod-facts.ts';

/** A port of a Service as one pod serves it. */
export interface ResolvedPort {
  readonly name: string;
  readonly port: number;
  readonly protocol: string;
  readonly appProtocol?: string;
}

/**
 * The ports of `service` on `pod`; those that the pod does not have are left out. In an embedded cluster pods share one address, and the
 * ports allotted to the pod stand in for those it declares.
 */
export const portsOf = (service: Service, pod: Pod): readonly ResolvedPort[] =>
  (service.spec?.ports ?? []).flatMap((servicePort) => {
    const protocol = servicePort.protocol ?? 'TCP';
    const port = resolvePodPort(
      { containers: pod.spec?.containers ?? [], localPorts: pod.metadata?.annotations?.[annotation.localPorts] },
      servicePort.targetPort ?? servicePort.port,
      protocol,
    );
    if (port === undefined) return [];
    return [{ name: servicePort.name ?? '', port, protocol, ...(servicePort.appProtocol === undefined ? {} : { appProtocol: servicePort.appProtocol }) }];
  });

export const isHeadless = (service: Service): boolean => service.spec?.clusterIP === 'None';

/** True if the selector of `service` matches the labels of `pod`. */
export const selects = (service: Service, pod: Pod): boolean => {
  const selector = service.spec?.selector;
  return selector !== undefined && Object.entries(selector).every(([key, value]) => pod.metadata?.labels?.[key] === value);
};

export const hasSelector = (service: Service): boolean => service.spec?.selector !== undefined && service.spec.type !== 'ExternalName';

/** May stand in endpoints at all: has an address and has not come to its end. */
export const hasAddress = (pod: Pod): boolean => !isTerminal(pod) && (pod.status?.podIPs ?? []).length > 0;

export const isIPv6 = (address: string): boolean => address.includes(':');
