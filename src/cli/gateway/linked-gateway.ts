import { randomBytes } from 'node:crypto';
import { millis, seconds, type Clock, type Logger, type Random, type RouteSnapshot } from '../../core/index.ts';
import { createGateway, type Gateway, type GatewayOptions, type EdgePortsOptions } from '../../gateway/index.ts';
import { createLinkClient, type GatewayClaim, type LinkClientOptions } from '../../link/index.ts';

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
  readonly zone: string | undefined;
  readonly shared: EdgePortsOptions;
  /** Where ports are bound; undefined: everywhere. */
  readonly host: string | undefined;
  readonly accessLog?: GatewayOptions['accessLog'];
  readonly tracer?: GatewayOptions['tracer'];
  /** Of one of several workers: see `WorkerPart`. */
  readonly part?: Required<Pick<GatewayOptions, 'sockets' | 'holdSlots'>> & {
    readonly claim: NonNullable<GatewayClaim['worker']>;
    readonly share: (snapshot: RouteSnapshot) => RouteSnapshot;
  };
}

export type StopGateway = 'leave' | 'replaced' | 'at-once';

/** A gateway that runs. */
export interface LinkedGateway {
  /** Its name on the link. */
  readonly id: string;
  readonly gateway: Gateway;
  /** What the first routes still wait for. Once they are in, undefined for good: it serves on by the last routes when every controller is gone. */
  notReady(): string | undefined;
  /** Links to controllers that are up; undefined where the routes come from a file. */
  controllersLinked(): number | undefined;
  /**
   * Ends in order. `leave`: out of every slice first, then to the end of what is in flight, then goodbye. `replaced`: the same, but that other workers of this gateway go on, so the
   * slices stay. `at-once`: nobody else could take over, so nothing is waited for but what is in flight.
   */
  stop(how: StopGateway): Promise<void>;
}

/** How long the controllers may take to point everyone elsewhere, and how long clients may go on with what they saw before. */
const leaveWithin = seconds(25);
const settleFor = seconds(2);
const drainWithin = seconds(60);

/** Opens the shared ports, links to the controllers and starts to report. */
export const startLinkedGateway = async (options: LinkedGatewayOptions): Promise<LinkedGateway> => {
  const { clock, random, logger, part } = options;
  const reporting = new AbortController();
  const id = `${options.podName ?? 'gateway'}-${randomBytes(4).toString('hex')}`;
  let hasRoutes = false;
  const gateway = createGateway({
    clock,
    random,
    logger,
    id,
    uplink: {
      report: (workloads, intervalMs) => link.report(workloads, intervalMs),
      poke: (poke) => link.poke(poke),
      firstByte: (message) => link.firstByte(message),
      permitsFreed: () => link.permitsFreed(),
    },
    ...options.shared,
    ...(options.host === undefined ? {} : { host: options.host }),
    ...(options.zone === undefined ? {} : { zone: options.zone }),
    ...(options.accessLog === undefined ? {} : { accessLog: options.accessLog }),
    ...(options.tracer === undefined ? {} : { tracer: options.tracer }),
    ...(part === undefined ? {} : { sockets: part.sockets, holdSlots: part.holdSlots }),
  });
  const link = createLinkClient({
    controllers: options.controllers,
    token: options.token,
    ca: options.ca,
    claim: {
      id,
      address: options.address,
      podName: options.podName,
      nodeName: options.nodeName,
      zone: options.zone,
      worker: part?.claim,
    },
    clock,
    random,
    logger: logger.child({ part: 'link' }),
    apply: async (snapshot) => {
      const problems = await gateway.apply(part?.share(snapshot) ?? snapshot);
      hasRoutes = true;
      return problems;
    },
    permitsInUse: () => gateway.permitsInUse(),
    onUp: () => gateway.pokeAll(),
  });
  await gateway.open();
  const linking = new AbortController();
  const reports = gateway.run(reporting.signal);
  const linked = link.run(linking.signal);
  return {
    id,
    gateway,
    notReady: () => (hasRoutes ? undefined : link.connected() === 0 ? 'no link to a controller yet' : 'no routes from a leading controller yet'),
    controllersLinked: () => link.connected(),
    stop: async (how) => {
      if (how === 'leave') await link.leave(leaveWithin);
      await gateway.drain({ settle: how === 'at-once' ? millis(0) : settleFor, limit: drainWithin });
      reporting.abort();
      await reports;
      linking.abort();
      await linked;
    },
  };
};
