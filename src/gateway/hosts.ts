import type { HostRoute, Logger, WorkloadKey } from '../core/index.ts';
import type { RouteProblem } from '../link/index.ts';
import type { Destination } from './http-entry.ts';
import type { WorkloadGate } from './workload-gate.ts';

/** Which workload a host name on the shared port stands for. Built anew when the hosts of a workload change, and swapped by reference. */
export interface HostTable {
  readonly find: (host: string) => Destination | undefined;
  readonly problems: readonly RouteProblem[];
}

export const areSameHosts = (one: readonly HostRoute[], other: readonly HostRoute[]): boolean =>
  one.length === other.length &&
  one.every(({ host, protocol, target }, index) => {
    const same = other[index];
    return same?.host === host && same.protocol === protocol && same.target === target;
  });

export const buildHostTable = (gates: ReadonlyMap<WorkloadKey, WorkloadGate>, logger: Logger): HostTable => {
  const table = new Map<string, Destination>();
  const problems: RouteProblem[] = [];
  const refuse = (workload: WorkloadKey, message: string): void => {
    logger.error('a host cannot be served', { workload, message });
    problems.push({ workload, port: undefined, message });
  };
  for (const gate of gates.values())
    for (const { host, protocol, target } of gate.route.hosts) {
      const taken = table.get(host.toLowerCase());
      if (protocol === 'tcp') refuse(gate.key, `host ${host}: a TCP connection names no host; give it a port of its own`);
      else if (taken !== undefined) refuse(gate.key, `host ${host} is given to ${taken.gate.key} already`);
      else table.set(host.toLowerCase(), { gate, target, protocol });
    }
  return { find: (host) => table.get(host), problems };
};
