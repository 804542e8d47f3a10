import { failed, ok, type Result } from './result.ts';

/** Why a Service stays as it is. A closed list: in logs, Events, admission warnings and docs. */
export const takeoverRefusals = {
  headless: 'is headless: clients connect to pods directly, so there is nothing to point at the gateways',
  'external-name': 'is of type ExternalName: it is a name of something else',
  'no-selector': 'has no selector: its endpoints are made by hand',
  'no-ports': 'has no ports',
  'unsupported-protocol': 'has a UDP or SCTP port, which the gateways cannot carry',
  'other-pods': 'also selects pods that do not belong to the workload',
  'several-workloads': 'selects the pods of more than one onboarded workload',
  'not-its-pods': 'is named in rouse.dev/services and does not select the pods of the workload',
  'no-gateway-address': 'has an IP family in which no gateway has an address',
} as const;
export type TakeoverRefusal = keyof typeof takeoverRefusals;

/** A Service as far as the question goes whether it can be taken over at all. Fits wire objects' specs and trimmed views. */
export interface TakeoverCandidate {
  readonly type?: string | undefined;
  readonly clusterIP?: string | undefined;
  readonly ports?: readonly { readonly protocol?: string | undefined }[] | undefined;
}

/** True for a Service whose name resolves to pods, not to an address of its own. */
export const isHeadless = (service: TakeoverCandidate): boolean => service.clusterIP === 'None';

/** What the Service alone says; whether it selects only the workload's pods is for the controller to see. */
export const canTakeOver = (service: TakeoverCandidate): Result<void, TakeoverRefusal> => {
  if (service.type === 'ExternalName') return failed('external-name');
  if (isHeadless(service)) return failed('headless');
  if (service.ports === undefined || service.ports.length === 0) return failed('no-ports');
  if (service.ports.some(({ protocol = 'TCP' }) => protocol !== 'TCP')) return failed('unsupported-protocol');
  return ok(undefined);
};

/** Traits that survive a takeover only in part: each a sentence for a warning. */
export const takeoverWarnings = (service: {
  readonly internalTrafficPolicy?: string | undefined;
  readonly externalTrafficPolicy?: string | undefined;
  readonly publishNotReadyAddresses?: boolean | undefined;
}): readonly string[] => [
  ...(service.internalTrafficPolicy === 'Local' ? ['internalTrafficPolicy: Local now means a gateway on the same node, not a pod'] : []),
  ...(service.externalTrafficPolicy === 'Local' ? ['externalTrafficPolicy: Local now means a gateway on the same node, not a pod'] : []),
  ...(service.publishNotReadyAddresses === true ? ['publishNotReadyAddresses has no effect: the gateways send no request to a pod that is not ready'] : []),
];
