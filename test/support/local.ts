import { Agent, fetch, type RequestInit } from 'undici';
import { annotation, parseGatewayPorts, silentLogger } from '../../src/core/index.ts';
import { startLocal, type Local } from '../../src/cli/local/start-local.ts';
import type { ScalerEvent } from '../../src/scaler/index.ts';
import { apiClient, type ApiAnswer, type ApiClient } from './api-client.ts';
import { deployment, service, type AppOptions } from './app.ts';
import { until } from './until.ts';

/** A whole `rouse local` in this process, with what tests ask of it. */
export interface TestLocal {
  readonly local: Local;
  readonly api: ApiClient;
  /** Everything that the scaler told, oldest first. */
  readonly events: readonly ScalerEvent[];
  /** The port of a Service's gateway listener, once it is taken over. */
  gatewayPort(name: string, namespace?: string): Promise<number>;
  /** Creates `deployment(name)` and `service(name)` and waits until requests to it would be held. */
  run(name: string, options?: AppOptions): Promise<TestApp>;
  /** Creates an object; fails unless the API takes it. */
  create(path: string, object: unknown): Promise<ApiAnswer>;
  pods(name: string, namespace?: string): Promise<readonly PodStatus[]>;
  close(): Promise<void>;
}

/** An onboarded Deployment with its Service. */
export interface TestApp {
  readonly name: string;
  readonly port: number;
  get(path?: string, init?: RequestInit): Promise<{ readonly status: number; readonly text: string }>;
  /** `spec.replicas` now. */
  replicas(): Promise<number>;
  /** Waits until `spec.replicas` is `count` and no more pods than that are there. */
  reach(count: number, withinMs?: number): Promise<void>;
  events(): readonly ScalerEvent[];
}

export interface PodStatus {
  readonly metadata: { readonly name: string; readonly uid: string; readonly deletionTimestamp?: string; readonly labels?: Readonly<Record<string, string>> };
  readonly status?: { readonly phase?: string; readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}

const deployments = (namespace: string): string => `/apis/apps/v1/namespaces/${namespace}/deployments`;
const services = (namespace: string): string => `/api/v1/namespaces/${namespace}/services`;

export const startTestLocal = async (): Promise<TestLocal> => {
  const local = await startLocal({
    logger: silentLogger,
    manifests: [],
    apiPort: 0,
    gatewayPort: 0,
    metricsPort: 0,
    environment: { PATH: process.env.PATH ?? '' },
    cwd: process.cwd(),
  });
  const { url, caPem, adminToken } = local.cluster.api;
  const api = apiClient({ url, caPem, token: adminToken });
  const client = new Agent({ connections: 512, headersTimeout: 60_000, bodyTimeout: 60_000 });
  const events: ScalerEvent[] = [];
  local.controller.scaler.onEvent((event) => events.push(event));

  const create = async (path: string, object: unknown): Promise<ApiAnswer> => {
    const answer = await api('POST', path, object);
    if (answer.status !== 201) throw new Error(`POST ${path} was answered ${answer.status}: ${JSON.stringify(answer.body)}`);
    return answer;
  };
  const gatewayPort = (name: string, namespace = 'default'): Promise<number> =>
    until(
      `the Service ${name} leads to the gateway`,
      async () => {
        const { body } = await api('GET', `${services(namespace)}/${name}`);
        const ports = parseGatewayPorts(body.metadata?.annotations?.[annotation.gatewayPorts] ?? '');
        return body.metadata?.annotations?.[annotation.selector] !== undefined && ports.ok ? [...ports.value.values()][0] : undefined;
      },
      60_000,
    );
  const pods = async (name: string, namespace = 'default'): Promise<readonly PodStatus[]> =>
    ((await api('GET', `/api/v1/namespaces/${namespace}/pods?labelSelector=app%3D${name}`)).body as { items?: readonly PodStatus[] }).items ?? [];

  const run = async (name: string, options: AppOptions = {}): Promise<TestApp> => {
    const namespace = options.namespace ?? 'default';
    await create(deployments(namespace), deployment(name, options));
    await create(services(namespace), service(name, namespace));
    const port = await gatewayPort(name, namespace);
    const replicas = async (): Promise<number> => {
      const { body } = await api('GET', `${deployments(namespace)}/${name}/scale`);
      return (body as { spec?: { replicas?: number } }).spec?.replicas ?? 0;
    };
    return {
      name,
      port,
      replicas,
      get: async (path = '/', init = {}) => {
        const answer = await fetch(`http://127.0.0.1:${port}${path}`, { ...init, dispatcher: client });
        return { status: answer.status, text: await answer.text() };
      },
      reach: (count, withinMs = 60_000) =>
        until(
          `${name} has ${count} pods`,
          async () => (await replicas()) === count && (await pods(name, namespace)).length === count,
          withinMs,
          async () => ({ replicas: await replicas(), pods: (await pods(name, namespace)).map(({ metadata, status }) => [metadata.name, status?.phase]) }),
        ).then(() => undefined),
      events: () => events.filter(({ workload }) => workload === `${namespace}/${name}`),
    };
  };
  return {
    local,
    api,
    events,
    gatewayPort,
    run,
    create,
    pods,
    close: async () => {
      await client.destroy();
      await api.close();
      await local.stop();
    },
  };
};
