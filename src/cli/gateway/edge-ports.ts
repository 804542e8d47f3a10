import { messageOf, RouseError, systemClock, type Logger } from '../../core/index.ts';
import { followCertificates, type EdgePortsOptions } from '../../gateway/index.ts';
import { CommandError } from '../exit-code.ts';
import type { GatewayFlags } from '../flags.ts';
import { portProblem } from '../listen.ts';

/** What the flags say of the ports that tell workloads apart by host name. Certificates are followed until `signal` aborts. Throws a `CommandError`. */
export const edgePorts = async (flags: GatewayFlags, logger: Logger, signal: AbortSignal): Promise<EdgePortsOptions> => {
  const { sharedPort, tlsPort, tlsCertDir, proxyProtocol = false, trustedProxies = [] } = flags;
  if (tlsPort !== undefined && tlsPort === sharedPort && tlsPort !== 0)
    throw new CommandError('usage', `--tls-port ${tlsPort} is --shared-port already: want another one, e.g. 8443`);
  if (proxyProtocol && sharedPort === undefined && tlsPort === undefined)
    throw new CommandError('usage', '--proxy-protocol is about --shared-port and --tls-port: give one of them, e.g. --tls-port 8443');
  if (trustedProxies.length > 0 && sharedPort === undefined && tlsPort === undefined)
    throw new CommandError('usage', '--trusted-proxies is about --shared-port and --tls-port: give one of them, e.g. --shared-port 8080');
  const plain = { proxyProtocol, ...(trustedProxies.length === 0 ? {} : { trustedProxies }), ...(sharedPort === undefined ? {} : { sharedPort }) };
  if (tlsPort === undefined && tlsCertDir === undefined) return plain;
  if (tlsPort === undefined) throw new CommandError('usage', `--tls-cert-dir ${tlsCertDir ?? ''} needs --tls-port, e.g. --tls-port 8443`);
  if (tlsCertDir === undefined)
    throw new CommandError('usage', `--tls-port ${tlsPort} needs --tls-cert-dir, a directory with tls.crt and tls.key, e.g. --tls-cert-dir /etc/rouse/tls`);
  const { certificates } = await followCertificates({ directory: tlsCertDir, clock: systemClock, logger }, signal).catch((failure: unknown) => {
    throw new CommandError('usage', `--tls-cert-dir: ${messageOf(failure)}`, failure);
  });
  return { ...plain, tls: { port: tlsPort, certificates } };
};

/** A shared port that cannot be had, in words that name its flag; every other failure as it is. */
export const edgePortProblem = (failure: unknown, { sharedPort = 0, tlsPort, listen }: GatewayFlags): unknown => {
  if (failure instanceof RouseError && failure.code === 'tls-port') return portProblem(failure.cause, { host: listen, port: tlsPort ?? 0, flag: '--tls-port' });
  return portProblem(failure, { host: listen, port: sharedPort, flag: '--shared-port' });
};
