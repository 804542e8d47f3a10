import { seconds, systemClock, systemRandom, type Logger } from '../../core/index.ts';
import { loadKubeConfig } from '../../kube/index.ts';
import { startController, type Controller } from '../controller/controller.ts';
import { linkAudience } from '../controller/gateway-identity.ts';
import { startLinkedGateway, type LinkedGateway } from '../gateway/linked-gateway.ts';
import { portOf, portProblem } from '../listen.ts';
import { known, startLocalCluster, type LocalCluster } from './local-cluster.ts';
import { freePortAllotter } from './local-ports.ts';
import type { SourcedManifest } from '../manifests.ts';
import { serveOperations } from '../operations/operations-server.ts';
import { localExposition } from '../operations/exposition.ts';
import type { Telemetry } from '../operations/telemetry.ts';

export interface LocalOptions {
  readonly logger: Logger;
  readonly manifests: readonly SourcedManifest[];
  readonly apiPort: number;
  readonly gatewayPort: number;
  readonly metricsPort: number;
  readonly environment: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** Left out: none. */
  readonly telemetry?: Telemetry;
}

/** Everything on one machine. */
export interface Local {
  readonly cluster: LocalCluster;
  readonly controller: Controller;
  readonly gateway: LinkedGateway;
  readonly sharedPort: number;
  readonly metricsPort: number;
  stop(): Promise<void>;
}

const host = '127.0.0.1';

/**
 * Embedded cluster, controller and gateway in one process, talking to each other as they would in a real cluster: over HTTPS, through
 * admission, over the link. What fails to start takes down what was started before it.
 */
export const startLocal = async (options: LocalOptions): Promise<Local> => {
  known(options.manifests);
  const stops: (() => Promise<void>)[] = [];
  const stop = async (): Promise<void> => {
    for (const end of stops.splice(0).reverse()) await end();
  };
  try {
    const parts = await start(options, stops);
    return { ...parts, stop };
  } catch (failure) {
    await stop();
    throw failure;
  }
};

const start = async (options: LocalOptions, stops: (() => Promise<void>)[]): Promise<Omit<Local, 'stop'>> => {
  const around = { clock: systemClock, random: systemRandom, logger: options.logger };
  const cluster = await startLocalCluster({ ...around, apiPort: options.apiPort, environment: options.environment, cwd: options.cwd });
  stops.push(() => cluster.close());
  const controlling = new AbortController();
  const connection = await loadKubeConfig({ kind: 'text', text: cluster.api.kubeconfig(cluster.token('rouse-controller')) });
  const controller = await startController(
    {
      ...around,
      connection,
      identity: 'local',
      listen: { host, port: 0, flag: '--port' },
      advertise: host,
      allowExternalGateways: true,
      placement: false,
      namespaces: undefined,
      usageEvery: seconds(2),
      tracer: options.telemetry?.controller,
      openPage: true,
      localPorts: { listenAddress: host, allotter: freePortAllotter(host) },
    },
    controlling.signal,
  );
  stops.push(async () => {
    controlling.abort();
    // Where it ended by itself, whoever waits for `controller.ended` knows why.
    await controller.ended.catch(() => undefined);
  });
  const gateway = await startLinkedGateway({
    ...around,
    controllers: [{ url: `https://${host}:${controller.port}` }],
    ca: () => Promise.resolve(controller.caPem()),
    token: () => Promise.resolve(cluster.token('rouse-gateway', [linkAudience])),
    address: host,
    podName: undefined,
    nodeName: undefined,
    zone: undefined,
    shared: { sharedPort: options.gatewayPort },
    host,
    ...(options.telemetry?.requests === undefined ? {} : { tracer: options.telemetry.requests }),
  }).catch((failure: unknown) => {
    throw portProblem(failure, { host, port: options.gatewayPort, flag: '--gateway-port' });
  });
  stops.push(() => gateway.stop('at-once'));
  const metrics = localExposition(controller, gateway);
  options.telemetry?.exportMetrics(metrics);
  const operations = await serveOperations(
    { notReady: () => controller.notReady(), metrics, other: controller.api },
    { host, port: options.metricsPort, flag: '--metrics-port' },
  );
  stops.push(async () => {
    operations.closeAllConnections();
    await new Promise<void>((resolve) => operations.close(() => resolve()));
  });
  const metricsPort = portOf(operations);
  await cluster.tellController(`http://${host}:${String(metricsPort)}`);
  await controller.leading;
  await cluster.apply(options.manifests);
  return { cluster, controller, gateway, sharedPort: gateway.gateway.sharedPort ?? 0, metricsPort };
};
