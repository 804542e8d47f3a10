import { randomBytes } from 'node:crypto';
import { millis, seconds, type Clock, type Logger, type Random } from '../core/index.ts';
import { createGateway, type Gateway, type SharedPortsOptions } from '../gateway/index.ts';
import { createLinkClient, type LinkClientOptions } from '../link/index.ts';

export interface LinkedGatewayOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly controllers: LinkClientOptions['controllers'];
  readonly ca: NonNullable<LinkClientOptions['ca']>;
  readonly token: LinkClientOptions['token'];
  /** What we say of ourselves; the controller believes the address only of gateways outside a cluster. */
  readonly address: string | undefined;
  readonly podName: string | undefined;
  readonly nodeName: string | undefined;
  readonly shared: SharedPortsOptions;
  /** Where ports are bound; undefined: everywhere. */
  readonly host: string | undefined;
}

/** A gateway that is fed by controllers. */
export interface LinkedGateway {
  readonly gateway: Gateway;
  /** What the first routes still wait for. Once they are in, undefined for good: it serves on by the last routes when every controller is gone. */
  notReady(): string | undefined;
  /** Out of every slice first, then to the end of what is in flight, then goodbye. `hurry`: nobody else could take over, so nothing is waited for but what is in flight. */
  stop(hurry: boolean): Promise<void>;
}

/** How long the controllers may take to point everyone elsewhere, and how long clients may go on with what they saw before. */
const leaveWithin = seconds(25);
const settleFor = seconds(2);
const drainWithin = seconds(60);

/** Opens the shared ports, links to the controllers and starts to report. */
export const startLinkedGateway = async (options: LinkedGatewayOptions): Promise<LinkedGateway> => {
  const { clock, random, logger } = options;
  const reporting = new AbortController();
  let hasRoutes = false;
  const gateway = createGateway({
    clock,
    random,
    logger,
    uplink: {
      report: (workloads, intervalMs) => link.report(workloads, intervalMs),
      poke: (poke) => link.poke(poke),
      firstByte: (message) => link.firstByte(message),
    },
    ...options.shared,
    ...(options.host === undefined ? {} : { host: options.host }),
  });
  const link = createLinkClient({
    controllers: options.controllers,
    token: options.token,
    ca: options.ca,
    claim: {
      id: `${options.podName ?? 'gateway'}-${randomBytes(4).toString('hex')}`,
      address: options.address,
      podName: options.podName,
      nodeName: options.nodeName,
      zone: undefined,
    },
    clock,
    random,
    logger: logger.child({ part: 'link' }),
    apply: async (snapshot) => {
      const problems = await gateway.apply(snapshot);
      hasRoutes = true;
      return problems;
    },
    onUp: () => gateway.pokeAll(),
  });
  await gateway.open();
  const linking = new AbortController();
  const reports = gateway.run(reporting.signal);
  const linked = link.run(linking.signal);
  return {
    gateway,
    notReady: () => (hasRoutes ? undefined : link.connected() === 0 ? 'no link to a controller yet' : 'no routes from a leading controller yet'),
    stop: async (hurry) => {
      if (!hurry) await link.leave(leaveWithin);
      await gateway.drain({ settle: hurry ? millis(0) : settleFor, limit: drainWithin });
      reporting.abort();
      await reports;
      linking.abort();
      await linked;
    },
  };
};
