import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { annotation, jsonLogger, messageOf, parseGatewayPorts, seconds, systemClock } from '../../core/index.ts';
import { resources } from '../../kube/index.ts';
import { sayEvent } from '../../scaler/index.ts';
import { CommandError, exitCode, type ExitCode } from '../exit-code.ts';
import { aborted, untilTold } from '../lifetime.ts';
import { readManifests } from '../manifests.ts';
import type { LocalFlags } from '../flags.ts';
import { startLocal, type Local } from './start-local.ts';
import { startTelemetry } from '../operations/start-telemetry.ts';

/** `rouse local`: says where everything is, then one line for each thing that happens, until it is told to stop. */
export const runLocal = async (flags: LocalFlags): Promise<ExitCode> => {
  const logger = jsonLogger((line) => process.stderr.write(`${line}\n`), systemClock, flags.logLevel);
  const signal = untilTold(logger);
  const manifests = await readManifests(flags.filename ?? []);
  const telemetry = await startTelemetry({ service: 'rouse-local', tracing: flags.tracing ?? false }, logger);
  const local = await startLocal({
    logger,
    manifests,
    apiPort: flags.apiPort,
    gatewayPort: flags.gatewayPort,
    metricsPort: flags.metricsPort,
    environment: { PATH: process.env.PATH ?? '', HOME: process.env.HOME ?? '' },
    cwd: process.cwd(),
    telemetry,
  });
  const directory = await mkdtemp(join(tmpdir(), 'rouse-local-'));
  try {
    const kubeconfig = join(directory, 'kubeconfig');
    await writeFile(kubeconfig, local.cluster.api.kubeconfig());
    await chmod(kubeconfig, 0o600);
    local.controller.scaler.onEvent((event) => print(sayEvent(event)));
    const switchedOn = manifests.filter(({ object }) => object.metadata.annotations?.[annotation.enabled] === 'true').length;
    const [app] = await greet(local, kubeconfig, switchedOn);
    if (flags.demo === true) await (await import('./demo.ts')).playDemo(local, app?.url, print, signal);
    else await Promise.race([aborted(signal), whileControlled(local)]);
  } finally {
    await local.stop();
    await telemetry.end();
    await rm(directory, { recursive: true, force: true });
  }
  return exitCode.ok;
};

/** Resolves when the controller has been told to end; a controller that ends by itself ends the command. */
const whileControlled = async ({ controller }: Local): Promise<void> => {
  try {
    await controller.ended;
  } catch (failure) {
    throw new CommandError('failure', `the controller ended: ${messageOf(failure)}`, failure);
  }
};

const print = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

/** An address at which a workload can be called. */
interface Address {
  readonly name: string;
  /** Needs no name resolution. */
  readonly url: string;
  readonly byHost: string;
}

const greet = async (local: Local, kubeconfig: string, switchedOn: number): Promise<readonly Address[]> => {
  const addresses = await serviceAddresses(local, switchedOn);
  const shared = `http://127.0.0.1:${local.sharedPort}`;
  const metrics = `http://127.0.0.1:${local.metricsPort}/metrics`;
  const lines = [
    'Rouse runs here: an embedded Kubernetes API, your pods as processes, the controller and a gateway.',
    '',
    ...addresses.map(({ name, url, byHost }) => `  app      ${name}: ${url} (or ${byHost})`),
    `  gateway  ${shared}, by host name: <service>.<namespace>.localhost`,
    `  API      export KUBECONFIG=${kubeconfig}`,
    `  metrics  ${metrics}`,
    `  page     http://localhost:${local.metricsPort}/`,
    '',
    `ready: app=${addresses[0]?.url ?? shared} api=${local.cluster.api.url} metrics=${metrics}`,
  ];
  for (const line of lines) print(line);
  return addresses;
};

const takeoverWithin = seconds(2);

/** Waits (a moment) until the Services of all `switchedOn` workloads lead to the gateway, and says where. */
const serviceAddresses = async ({ controller, sharedPort }: Local, switchedOn: number): Promise<readonly Address[]> => {
  const until = systemClock.monotonic() + takeoverWithin;
  for (;;) {
    const services = await controller.client.list(resources.services, {});
    const addresses: Address[] = [];
    for (const { metadata } of services.ok ? services.value.items : []) {
      const ports = parseGatewayPorts(metadata?.annotations?.[annotation.gatewayPorts] ?? '');
      const [port] = ports.ok ? ports.value.values() : [];
      const { name = '', namespace = '' } = metadata ?? {};
      if (port !== undefined && metadata?.annotations?.[annotation.selector] !== undefined)
        addresses.push({ name, url: `http://127.0.0.1:${port}/`, byHost: `http://${name}.${namespace}.localhost:${sharedPort}/` });
    }
    if (addresses.length >= switchedOn || systemClock.monotonic() > until) return addresses;
    await systemClock.sleep(seconds(0.01), new AbortController().signal);
  }
};
