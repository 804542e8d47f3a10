import type { GatewayInfo } from '../core/index.ts';
import { addressesOf } from './gateway-set.ts';
import type { GatewayPods } from './gateway-pods.ts';

/** What is known of gateways besides their links. */
export interface Traces {
  readonly sessions: readonly GatewayInfo[];
  readonly pods: Pick<GatewayPods, 'synced' | 'present' | 'stateOf'>;
  /** Addresses of gateways that Services point at. */
  readonly addresses: Iterable<string>;
}

/**
 * Whether there may be a gateway that runs and is not linked to us. `certain`: the cluster says that it serves. `likely`: there is a trace of one, which may also be that of one that has
 * ended, or that never began: its pod is there and not ready, a Service points at it, or other workers of it are linked.
 */
export const unheard = ({ sessions, pods, addresses }: Traces): 'certain' | 'likely' | 'no' => {
  const linkedPods = new Set(sessions.map(({ podUid }) => podUid));
  const states = [...pods.present()].filter((uid) => !linkedPods.has(uid)).map((uid) => pods.stateOf(uid));
  if (!pods.synced || states.includes('ready')) return 'certain';
  const linkedAddresses = new Set(sessions.flatMap(addressesOf));
  const isLinked = (address: string): boolean => linkedAddresses.has(address);
  return states.length > 0 || ![...addresses].every(isLinked) || sessions.some((session) => lacksWorkers(session, sessions)) ? 'likely' : 'no';
};

const lacksWorkers = ({ worker }: GatewayInfo, sessions: readonly GatewayInfo[]): boolean =>
  worker?.workers !== undefined && sessions.filter((other) => other.worker?.gateway === worker.gateway).length < worker.workers;
