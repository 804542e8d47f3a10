import type { GatewayInfo } from '../core/index.ts';

/**
 * The processes of one gateway share its listening sockets, so that to everyone else they are one gateway: it serves what all of them serve, and has heard what all of them have heard.
 * A gateway of one process is what it was.
 */
export const workersAsOne = (sessions: readonly GatewayInfo[]): readonly GatewayInfo[] => {
  const result = new Map<string, GatewayInfo>();
  for (const session of sessions) {
    const id = session.worker?.gateway ?? session.id;
    const known = result.get(id);
    if (session.worker === undefined || known === undefined) result.set(id, { ...session, id });
    else result.set(id, both(known, session));
  }
  return [...result.values()];
};

const both = (one: GatewayInfo, other: GatewayInfo): GatewayInfo => ({
  ...one,
  acknowledged: Math.min(one.acknowledged, other.acknowledged),
  failedPorts: [...new Set([...(one.failedPorts ?? []), ...(other.failedPorts ?? [])])],
});
