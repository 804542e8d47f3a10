import { systemClock, systemRandom } from '../../core/index.ts';
import { controllerAddresses } from './controller-addresses.ts';
import { edgePortProblem } from './edge-ports.ts';
import type { GatewayFlags } from '../flags.ts';
import { linkCredentials } from './link-credentials.ts';
import { startLinkedGateway, type LinkedGateway } from './linked-gateway.ts';
import type { Around } from './gateway-parts.ts';

/** Starts a gateway that is told its routes by the controllers of `--controller`. */
export const startLinked = async (flags: GatewayFlags, podName: string, { logger, observed, shared, part }: Around): Promise<LinkedGateway> =>
  startLinkedGateway({
    clock: systemClock,
    random: systemRandom,
    logger,
    controllers: controllerAddresses(flags.controller ?? []),
    ...(await linkCredentials(flags)),
    address: flags.listen,
    podName,
    nodeName: process.env.NODE_NAME,
    zone: process.env.NODE_ZONE === '' ? undefined : process.env.NODE_ZONE,
    shared,
    host: flags.listen,
    ...observed,
    ...(part === undefined ? {} : { part }),
  }).catch((failure: unknown) => {
    throw edgePortProblem(failure, flags);
  });
