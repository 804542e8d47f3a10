import { hostname } from 'node:os';
import { jsonLogger, messageOf, seconds, systemClock, systemRandom, type Logger } from '../core/index.ts';
import { createGateway, followRoutesFile, type FollowedRoutes, type Gateway } from '../gateway/index.ts';
import { controllerAddresses } from './controller-addresses.ts';
import { CommandError, exitCode, type ExitCode } from './exit-code.ts';
import { gatewayExposition } from './exposition.ts';
import { aborted, untilTold } from './lifetime.ts';
import { linkCredentials } from './link-credentials.ts';
import { startLinkedGateway } from './linked-gateway.ts';
import { portOf, urlOf } from './listen.ts';
import { serveOperations } from './operations-server.ts';
import { sharedPortProblem, sharedPorts } from './shared-ports.ts';
import type { GatewayFlags } from './flags.ts';

/** `rouse gateway`: linked to controllers, or stand-alone by a routes file. */
export const runGateway = async (flags: GatewayFlags): Promise<ExitCode> => {
  const logger = jsonLogger((line) => process.stderr.write(`${line}\n`), systemClock, flags.logLevel);
  if (flags.routes !== undefined && flags.controller !== undefined) throw new CommandError('usage', 'give --controller or --routes, not both');
  if (flags.routes !== undefined) return runStandAlone(flags, flags.routes, logger);
  if (flags.controller === undefined) throw new CommandError('usage', 'a gateway needs --controller URL (linked) or --routes FILE (stand-alone)');
  return runLinked(flags, flags.controller, logger);
};

const metricsAddress = ({ metricsPort, listen }: GatewayFlags): { readonly host: string | undefined; readonly port: number; readonly flag: string } => ({
  host: listen,
  port: metricsPort,
  flag: '--metrics-port',
});

const runLinked = async (flags: GatewayFlags, controllers: readonly string[], logger: Logger): Promise<ExitCode> => {
  const signal = untilTold(logger);
  for (const url of controllers)
    if (!URL.canParse(url) || !/^https?:/.test(url)) throw new CommandError('usage', `--controller ${url}: want a URL, e.g. https://127.0.0.1:9443`);
  const linked = await startLinkedGateway({
    clock: systemClock,
    random: systemRandom,
    logger,
    controllers: controllerAddresses(controllers),
    ...(await linkCredentials(flags)),
    address: flags.listen,
    podName: process.env.POD_NAME ?? hostname(),
    nodeName: process.env.NODE_NAME,
    shared: await sharedPorts(flags, logger, signal),
    host: flags.listen,
  }).catch((failure: unknown) => {
    throw sharedPortProblem(failure, flags);
  });
  const exposition = gatewayExposition(linked.gateway);
  const operations = await serveOperations({ notReady: () => linked.notReady(), metrics: exposition }, metricsAddress(flags)).catch(
    async (failure: unknown) => {
      await linked.stop(true);
      throw failure;
    },
  );
  print(`ready: metrics=${urlOf('http', flags.listen, portOf(operations))}/metrics`);
  await aborted(signal);
  await linked.stop(false);
  operations.close();
  return exitCode.ok;
};

const runStandAlone = async (flags: GatewayFlags, path: string, logger: Logger): Promise<ExitCode> => {
  const told = untilTold(logger);
  const failing = new AbortController();
  const signal = AbortSignal.any([told, failing.signal]);
  const gateway = createGateway({
    clock: systemClock,
    random: systemRandom,
    logger,
    ...(await sharedPorts(flags, logger, signal)),
    ...(flags.listen === undefined ? {} : { host: flags.listen }),
  });
  try {
    await serveRoutes(gateway, flags, path, logger, signal);
  } catch (failure) {
    failing.abort(failure);
    await gateway.drain({ settle: seconds(0), limit: seconds(0) });
    throw failure;
  }
  return exitCode.ok;
};

const serveRoutes = async (gateway: Gateway, flags: GatewayFlags, path: string, logger: Logger, signal: AbortSignal): Promise<void> => {
  const following = await firstRoutes(gateway, path, logger, signal);
  await gateway.open().catch((failure: unknown) => {
    throw sharedPortProblem(failure, flags);
  });
  const operations = await serveOperations({ notReady: () => undefined, metrics: gatewayExposition(gateway) }, metricsAddress(flags));
  const reports = gateway.run(signal);
  const shared = gateway.sharedPort === undefined ? '' : ` shared=${urlOf('http', flags.listen, gateway.sharedPort)}`;
  const tls = gateway.tlsPort === undefined ? '' : ` tls=${urlOf('https', flags.listen, gateway.tlsPort)}`;
  print(`ready: metrics=${urlOf('http', flags.listen, portOf(operations))}/metrics${shared}${tls}`);
  await aborted(signal);
  await gateway.drain({ settle: seconds(0), limit: seconds(60) });
  await Promise.all([reports, following.ended]);
  operations.close();
};

/** The routes that the gateway starts with have to be right, and their ports free: whoever starts it is still looking. */
const firstRoutes = async (gateway: Gateway, path: string, logger: Logger, signal: AbortSignal): Promise<FollowedRoutes> => {
  const following = await followRoutesFile({ path, gateway, clock: systemClock, logger }, signal).catch((failure: unknown) => {
    throw new CommandError('usage', messageOf(failure), failure);
  });
  const [problem] = following.problems;
  if (problem !== undefined) throw new CommandError('failure', `${path}: ${problem.workload}: ${problem.message}`);
  return following;
};

const print = (line: string): void => {
  process.stdout.write(`${line}\n`);
};
