import { jsonLogger, systemClock } from '../../core/index.ts';
import { exitCode, type ExitCode } from '../exit-code.ts';
import { gatewayExposition } from '../operations/exposition.ts';
import type { GatewayFlags } from '../flags.ts';
import { aborted, untilTold } from '../lifetime.ts';
import { readyLine } from '../listen.ts';
import { startObserving } from './observing.ts';
import { serveOperations } from '../operations/operations-server.ts';
import { startGateway } from './running-gateway.ts';

/** A gateway that is one process. */
export const runSingleGateway = async (flags: GatewayFlags, podName: string): Promise<ExitCode> => {
  const logger = jsonLogger((line) => process.stderr.write(`${line}\n`), systemClock, flags.logLevel);
  const told = untilTold(logger);
  const observing = await startObserving(flags, logger);
  const running = await startGateway(flags, podName, logger, observing.observed);
  const metrics = gatewayExposition(running);
  observing.exportMetrics(metrics);
  const operations = await serveOperations(
    { notReady: () => running.notReady(), metrics },
    { host: flags.listen, port: flags.metricsPort, flag: '--metrics-port' },
  ).catch(async (failure: unknown) => {
    await running.stop('at-once');
    throw failure;
  });
  process.stdout.write(readyLine(flags.listen, operations, running.gateway));
  await aborted(told);
  await running.stop('leave');
  operations.close();
  await observing.end();
  return exitCode.ok;
};
