import { failed, ok, type Result } from './result.ts';

/** Gateway ports lie below NodePorts (30000–32767) and below the ephemeral ports of Linux (32768–60999). */
export const gatewayPortRange = { first: 20000, last: 29999 } as const;

/** Which gateway port stands for which Service port. */
export type GatewayPorts = ReadonlyMap<number, number>;

/** `rouse.dev/gateway-ports`, e.g. `80=20000,443=20001`, in the order of the Service ports. */
export const printGatewayPorts = (ports: GatewayPorts): string =>
  [...ports]
    .sort(([a], [b]) => a - b)
    .map(([servicePort, gatewayPort]) => `${servicePort}=${gatewayPort}`)
    .join(',');

const isPort = (port: number): boolean => port >= 1 && port <= 65535;

/** The reverse of `printGatewayPorts`; the problem is a sentence. */
export const parseGatewayPorts = (text: string): Result<GatewayPorts, string> => {
  const ports = new Map<number, number>();
  for (const part of text.split(',')) {
    const [, servicePort, gatewayPort] = /^(\d{1,5})=(\d{1,5})$/.exec(part) ?? [];
    if (servicePort === undefined || gatewayPort === undefined || !isPort(Number(servicePort)) || !isPort(Number(gatewayPort)))
      return failed(`rouse.dev/gateway-ports: "${part.slice(0, 40)}" is not SERVICE-PORT=GATEWAY-PORT, for example 80=20000`);
    if (ports.has(Number(servicePort))) return failed(`rouse.dev/gateway-ports: port ${servicePort} is there twice`);
    ports.set(Number(servicePort), Number(gatewayPort));
  }
  if (new Set(ports.values()).size < ports.size) return failed('rouse.dev/gateway-ports: one gateway port stands for two Service ports');
  return ok(ports);
};
