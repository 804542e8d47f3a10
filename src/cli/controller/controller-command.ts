import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { jsonLogger, messageOf, systemClock, systemNamespace, systemRandom, type Logger } from '../../core/index.ts';
import { KubeError, loadKubeConfig } from '../../kube/index.ts';
import { startController, type Controller } from './controller.ts';
import { CommandError, exitCode, type ExitCode } from '../exit-code.ts';
import { controllerExposition } from '../operations/exposition.ts';
import { aborted, untilTold } from '../lifetime.ts';
import { portOf, urlOf } from '../listen.ts';
import { serveOperations } from '../operations/operations-server.ts';
import type { ControllerFlags } from '../flags.ts';
import { startTelemetry } from '../operations/start-telemetry.ts';
import type { Telemetry } from '../operations/telemetry.ts';

/** `rouse controller`: in a cluster with the pod's service account, elsewhere with a kubeconfig. */
export const runController = async (flags: ControllerFlags): Promise<ExitCode> => {
  const logger = jsonLogger((line) => process.stderr.write(`${line}\n`), systemClock, flags.logLevel);
  const signal = untilTold(logger);
  checkPodNamespace();
  const namespaces = flags.namespaces === undefined ? undefined : namespacesFlag(flags.namespaces);
  const connection = await loadKubeConfig(flags.kubeconfig === undefined ? { kind: 'default' } : { kind: 'file', path: flags.kubeconfig }).catch(
    (failure: unknown) => {
      throw failure instanceof KubeError ? new CommandError('usage', failure.message, failure) : failure;
    },
  );
  const telemetry = await startTelemetry({ service: 'rouse-controller', tracing: flags.tracing ?? false }, logger);
  const stopping = new AbortController();
  // The clock's timers keep no process, and until there is a server nothing else does while we wait.
  const alive = setInterval(() => undefined, 60_000);
  const controller = await startController(
    {
      connection,
      clock: systemClock,
      random: systemRandom,
      logger,
      identity: `${process.env.POD_NAME ?? hostname()}-${randomBytes(4).toString('hex')}`,
      listen: { host: flags.listen, port: flags.port, flag: '--port' },
      advertise: flags.advertise,
      allowExternalGateways: flags.allowExternalGateways ?? false,
      namespaces,
      placement: flags.placement ?? false,
      tracer: telemetry.controller,
    },
    AbortSignal.any([signal, stopping.signal]),
  )
    .catch((failure: unknown) => {
      // Told to end before it had begun.
      if (signal.aborted) return undefined;
      throw failure;
    })
    .finally(() => clearInterval(alive));
  if (controller === undefined) return exitCode.ok;
  // What ends the controller from within (an API server that takes our rights away) ends the process too.
  controller.ended.catch((failure: unknown) => stopping.abort(failure));
  try {
    await serve(controller, telemetry, flags, logger, AbortSignal.any([signal, stopping.signal]));
  } finally {
    stopping.abort();
    await controller.ended.finally(() => telemetry.end());
  }
  return exitCode.ok;
};

/** Ours is a fixed name: the Lease, the CA and the Services that lead here are there. */
const checkPodNamespace = (): void => {
  const namespace = process.env.POD_NAMESPACE;
  if (namespace !== undefined && namespace !== systemNamespace)
    throw new CommandError('usage', `this pod is in the namespace ${namespace}; Rouse is installed in ${systemNamespace}, under that name only`);
};

/** `a,b` */
const namespacesFlag = (text: string): readonly string[] => {
  const names = [...new Set(text.split(',').map((name) => name.trim()))];
  for (const name of names)
    if (!/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(name))
      throw new CommandError('usage', `--namespaces ${text}: "${name}" is no name of a namespace; want e.g. --namespaces team-a,team-b`);
  const ours = names.find((name) => name === systemNamespace || name === 'kube-system');
  if (ours !== undefined) throw new CommandError('usage', `--namespaces ${text}: workloads in ${ours} are never scaled; leave it out`);
  return names;
};

/** Says where everything is, and answers until `signal` aborts. */
const serve = async (controller: Controller, telemetry: Telemetry, flags: ControllerFlags, logger: Logger, signal: AbortSignal): Promise<void> => {
  if (flags.writeCa !== undefined) await keepCaFile(flags.writeCa, controller, logger);
  const metrics = controllerExposition(controller);
  telemetry.exportMetrics(metrics);
  const operations = await serveOperations(
    { notReady: () => controller.notReady(), metrics, other: controller.api },
    { host: flags.listen, port: flags.metricsPort, flag: '--metrics-port' },
  );
  print(`ready: link=${urlOf('https', flags.listen, controller.port)} metrics=${urlOf('http', flags.listen, portOf(operations))}/metrics`);
  await aborted(signal);
  operations.close();
  operations.closeAllConnections();
};

/** Now, and whenever it changes: a file that cannot be written later is only told. */
const keepCaFile = async (path: string, controller: Controller, logger: Logger): Promise<void> => {
  await writeCa(path, controller.caPem());
  controller.onCaChange(() => {
    writeCa(path, controller.caPem()).catch((failure: unknown) => logger.error(messageOf(failure)));
  });
};

const writeCa = async (path: string, pem: string): Promise<void> => {
  try {
    await writeFile(path, pem);
  } catch (failure) {
    throw new CommandError('usage', `cannot write the CA certificate to ${path} (--write-ca): ${messageOf(failure)}`, failure);
  }
};

const print = (line: string): void => {
  process.stdout.write(`${line}\n`);
};
