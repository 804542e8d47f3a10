import { messageOf, millis, seconds, systemClock, systemRandom, type Logger, type RouteSnapshot } from '../../core/index.ts';
import { createGateway, followRoutesFile, type FollowedRoutes, type Gateway } from '../../gateway/index.ts';
import { CommandError } from '../exit-code.ts';
import type { GatewayFlags } from '../flags.ts';
import type { Around, WorkerPart } from './gateway-parts.ts';
import type { LinkedGateway } from './linked-gateway.ts';
import type { Observing } from './observing.ts';
import { edgePortProblem, edgePorts } from './edge-ports.ts';

/** Starts what `rouse gateway` runs, linked to controllers or by a routes file. Where it cannot, nothing of it is left. */
export const startGateway = async (
  flags: GatewayFlags,
  podName: string,
  logger: Logger,
  observed: Observing['observed'],
  part?: WorkerPart,
): Promise<LinkedGateway> => {
  const ended = new AbortController();
  try {
    const around = { logger, observed, shared: await edgePorts(flags, logger, ended.signal), part };
    const running = await (flags.routes === undefined ? linked(flags, podName, around) : startStandAlone(flags, flags.routes, around));
    return { ...running, stop: (how) => running.stop(how).finally(() => ended.abort()) };
  } catch (failure) {
    ended.abort();
    throw failure;
  }
};

/** Stand-alone nothing of the link is loaded: with TLS and compression it takes 10 MB. */
const linked = async (flags: GatewayFlags, podName: string, around: Around): Promise<LinkedGateway> =>
  (await import('./start-linked.ts')).startLinked(flags, podName, around);

/** How long clients may go on with kept connections before those are closed, where other workers are there for them. */
const settleBesideOthers = seconds(2);
const drainWithin = seconds(60);

const startStandAlone = async (flags: GatewayFlags, path: string, { logger, observed, shared, part }: Around): Promise<LinkedGateway> => {
  const ending = new AbortController();
  const gateway = createGateway({
    clock: systemClock,
    random: systemRandom,
    logger,
    ...shared,
    ...(flags.listen === undefined ? {} : { host: flags.listen }),
    ...observed,
    ...(part === undefined ? {} : { sockets: part.sockets, holdSlots: part.holdSlots }),
  });
  const stop = async (settle: typeof settleBesideOthers, limit: typeof drainWithin): Promise<void> => {
    // What is held still needs its endpoints, so the file is followed to the end.
    await gateway.drain({ settle, limit });
    ending.abort(new Error('the gateway has ended'));
  };
  try {
    const following = await firstRoutes(gateway, path, logger, part?.share ?? ((snapshot) => snapshot), ending.signal);
    await gateway.open().catch((failure: unknown) => {
      throw edgePortProblem(failure, flags);
    });
    const reports = gateway.run(ending.signal);
    return {
      id: 'stand-alone',
      gateway,
      notReady: () => undefined,
      controllersLinked: () => undefined,
      stop: async (how) => {
        await stop(how === 'replaced' ? settleBesideOthers : millis(0), drainWithin);
        await Promise.all([reports, following.ended]);
      },
    };
  } catch (failure) {
    await stop(millis(0), millis(0));
    throw failure;
  }
};

/** The routes that the gateway starts with have to be right, and their ports free: whoever starts it is still looking. */
const firstRoutes = async (gateway: Gateway, path: string, logger: Logger, share: WorkerPart['share'], signal: AbortSignal): Promise<FollowedRoutes> => {
  const sharing = { apply: (snapshot: RouteSnapshot) => gateway.apply(share(snapshot)), routesValid: (valid: boolean) => gateway.routesValid(valid) };
  const following = await followRoutesFile({ path, gateway: sharing, clock: systemClock, logger }, signal).catch((failure: unknown) => {
    throw new CommandError('usage', messageOf(failure), failure);
  });
  const [problem] = following.problems;
  if (problem !== undefined) throw new CommandError('failure', `${path}: ${problem.workload}: ${problem.message}`);
  return following;
};
