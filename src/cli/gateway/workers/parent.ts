import { randomBytes } from 'node:crypto';
import { jsonLogger, millis, systemClock, systemRandom } from '../../../core/index.ts';
import { createWorkerFigures, Exposition } from '../../../metrics/index.ts';
import { exitCode, type ExitCode } from '../../exit-code.ts';
import type { GatewayFlags } from '../../flags.ts';
import { gatewayService } from '../observing.ts';
import { startTelemetry } from '../../operations/start-telemetry.ts';
import { untilWritten } from '../written.ts';
import { aborted, untilTold } from '../../lifetime.ts';
import { readyLine } from '../../listen.ts';
import { serveOperations } from '../../operations/operations-server.ts';
import type { Expose } from '../../operations/scrapes.ts';
import { SharedPorts } from './shared-ports.ts';
import { Supervisor } from './supervisor.ts';

/** A scrape does not wait longer for any worker. */
const answerWithin = millis(1000);

const within = async (text: Promise<string>): Promise<string | undefined> => {
  const answered = new AbortController();
  const late = systemClock.sleep(answerWithin, answered.signal).then(
    () => undefined,
    () => undefined,
  );
  const result = await Promise.race([text, late]);
  answered.abort();
  return result;
};

/** `rouse gateway --workers N`: holds the listening sockets, keeps N processes that accept from them, and speaks for all of them. It has no link and sees no request. */
export const runWorkers = async (flags: GatewayFlags, podName: string): Promise<ExitCode> => {
  const logger = jsonLogger((line) => process.stderr.write(`${line}\n`), systemClock, flags.logLevel);
  const told = untilTold(logger);
  // Who reads the access log may go before us.
  process.stdout.on('error', () => undefined);
  const figures = createWorkerFigures();
  const supervisor = new Supervisor({
    flags,
    podName,
    gateway: `${podName}-${randomBytes(4).toString('hex')}`,
    ports: new SharedPorts(),
    clock: systemClock,
    random: systemRandom,
    logger,
    ended: (worker, { inOrder, text }) => figures.ended(worker, inOrder ? 'stopped' : 'crashed', text),
  });
  process.on('exit', () => supervisor.killAll());
  process.on('SIGHUP', () => supervisor.restart());
  const ports = await supervisor.start();
  const metrics: Expose = async (format) => {
    const workers = [...supervisor.processes];
    const answers = await Promise.all(workers.map(async (worker) => [worker, await within(worker.metrics())] as const));
    // Whoever has ended meanwhile has said its last word.
    const alive = answers.filter(([worker]) => worker.isAlive);
    return Exposition.ofText(format, figures.expose(new Map(alive), { wanted: flags.workers, serving: supervisor.serving }));
  };
  const telemetry = await startTelemetry({ service: gatewayService, tracing: false }, logger);
  telemetry.exportMetrics(metrics);
  const operations = await serveOperations(
    { notReady: () => supervisor.notReady(), metrics },
    { host: flags.listen, port: flags.metricsPort, flag: '--metrics-port' },
  ).catch(async (failure: unknown) => {
    await supervisor.stop('at-once');
    throw failure;
  });
  process.stdout.write(readyLine(flags.listen, operations, ports));
  await aborted(told);
  await supervisor.stop('leave');
  operations.close();
  await untilWritten();
  await telemetry.end();
  return exitCode.ok;
};
